package paddle

import "fmt"

// Card is a way to pay that behaves in a known manner, like the cards that Paddle
// publishes for its sandbox.
type Card string

// The ways to pay.
const (
	// CardGood always works, unless Life or FailNextCharge says otherwise.
	CardGood Card = "good"
	// CardDeclined is always declined.
	CardDeclined Card = "declined"
	// CardBlocked is always declined for good.
	CardBlocked Card = "blocked"
	// CardLaterFails works at checkout and is declined at every renewal (Paddle's
	// card 4000 0027 6000 3184).
	CardLaterFails Card = "later_fails"
	// CardExpiring works at checkout and is expired at every renewal.
	CardExpiring Card = "expiring"
	// CardAuthenticate asks for 3-D Secure at checkout and works afterwards.
	CardAuthenticate Card = "3ds"
	// CardDebit is a bank's method whose money takes days.
	CardDebit Card = "debit"
	// CardDebitFails is one whose money does not come, which takes days to tell.
	CardDebitFails Card = "debit_fails"
)

// slow is whether the money takes days.
func (c Card) slow() bool { return c == CardDebit || c == CardDebitFails }

// fails is the error code with which the card itself is refused, "" if it works.
func (c Card) fails(renewal bool) string {
	switch {
	case c == CardDeclined, c == CardLaterFails && renewal, c == "":
		return "declined"
	case c == CardBlocked:
		return "blocked_card"
	case c == CardExpiring && renewal:
		return "expired_card"
	}
	return ""
}

// declines are the error codes that Life draws from.
func declines() []string {
	return []string{"declined", "not_enough_balance", "issuer_unavailable", "expired_card", "declined_not_retryable", "fraud", "psp_error", "system_error"}
}

// hopeless is whether Paddle does not try again after an error code.
func hopeless(code string) bool {
	switch code {
	case "blocked_card", "declined_not_retryable", "fraud", "redacted_payment_method", "transaction_not_permitted":
		return true
	}
	return false
}

// fate is what becomes of a charge: an error code, "" if it goes well.
func (s *Server) fate(c *customer, card Card, renewal bool) string {
	if c != nil && len(c.misfortunes) > 0 {
		code := c.misfortunes[0]
		c.misfortunes = c.misfortunes[1:]
		return code
	}
	unlucky, code := false, ""
	if c != nil && renewal {
		unlucky = c.stream.Chance(s.cfg.Rates.CardFailure)
		code = declines()[c.stream.Intn(len(declines()))]
	}
	if own := card.fails(renewal); own != "" {
		return own
	}
	if unlucky {
		return code
	}
	return ""
}

// uuid makes an id of the kind that payment attempts have.
func (s *Server) uuid() string {
	count, _ := s.ids.Next("uuid")
	x := s.cfg.Seed*0x9e3779b97f4a7c15 + count
	x ^= x >> 31
	x *= 0xbf58476d1ce4e5b9
	y := x ^ x>>29
	y *= 0x94d049bb133111eb
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", x>>32, x>>16&0xffff, x&0xfff, y>>52, y&0xffffffffffff)
}
