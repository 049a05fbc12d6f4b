package stripe

import "strconv"

// Card is a way to pay that behaves in a known manner, like the cards that
// Stripe publishes for tests.
type Card string

// The cards.
const (
	// CardGood always works, unless Life or FailNextCharge says otherwise.
	CardGood Card = "good"
	// CardDeclined is always declined for insufficient funds.
	CardDeclined Card = "declined"
	// CardLost is always declined for good: lost_card, do_not_try_again.
	CardLost Card = "lost"
	// CardExpiring works until the next renewal and is then expired.
	CardExpiring Card = "expiring"
	// CardLaterFails works at checkout and is declined at every renewal.
	CardLaterFails Card = "later_fails"
	// CardAuthenticate asks for 3-D Secure at checkout and works afterwards.
	CardAuthenticate Card = "3ds"
	// CardAlwaysAuthenticate asks for 3-D Secure at every charge.
	CardAlwaysAuthenticate Card = "always_3ds"
	// CardDebit is a SEPA debit that settles after some days.
	CardDebit Card = "debit"
	// CardDebitFails is a SEPA debit that fails after some days.
	CardDebitFails Card = "debit_fails"
)

// debit is whether the money takes days: such a payment is processing first.
func (c Card) debit() bool { return c == CardDebit || c == CardDebitFails }

// decline is why a charge failed.
type decline struct {
	code    string // error code: card_declined, expired_card, ...
	reason  string // decline_code
	advice  string
	network string
	message string
	// hard means that no retry can help.
	hard bool
}

// declines are what Life draws from; four of six may work when tried again.
func declines() []decline {
	return []decline{
		{"card_declined", "insufficient_funds", "try_again_later", "51", "Your card has insufficient funds.", false},
		{"card_declined", "generic_decline", "try_again_later", "05", "Your card was declined.", false},
		{"card_declined", "do_not_honor", "try_again_later", "05", "Your card was declined.", false},
		{"expired_card", "expired_card", "confirm_card_data", "54", "Your card has expired.", false},
		{"card_declined", "lost_card", "do_not_try_again", "41", "Your card was declined.", true},
		{"card_declined", "fraudulent", "do_not_try_again", "59", "Your card was declined.", true},
	}
}

// declineNamed gives a code that is not in the list the shape of a soft decline:
// receivers must cope with codes they have never seen.
func declineNamed(reason string) *decline {
	for _, d := range declines() {
		if d.reason == reason {
			return &d
		}
	}
	return &decline{code: "card_declined", reason: reason, advice: "try_again_later", network: "05", message: "Your card was declined."}
}

// fails is why the card itself refuses, nil when it does not.
func (c Card) fails(renewal bool) *decline {
	switch {
	case c == CardDeclined, c == CardLaterFails && renewal:
		return declineNamed("insufficient_funds")
	case c == CardLost:
		return declineNamed("lost_card")
	case c == CardExpiring && renewal:
		return declineNamed("expired_card")
	}
	return nil
}

// authenticates is whether the bank wants 3-D Secure for this charge.
func (c Card) authenticates(renewal bool) bool {
	return c == CardAlwaysAuthenticate || c == CardAuthenticate && !renewal
}

// method is a payment method: a card or a SEPA debit of a customer.
type method struct {
	head
	// card is how it behaves; the rest is what it looks like.
	card    Card
	brand   string
	last4   string
	country string
	// print is the fingerprint, the same for no two methods but by ShareCard.
	print string
	month int
	year  int
	email string
}

// newMethod makes a method with digits of its own, so that receivers that show
// or compare cards have something to tell apart. A nil customer is a guest.
func (s *Server) newMethod(card Card, customer *customer) *method {
	m := &method{card: card, brand: "visa", last4: "4242", country: "US", month: 12, year: s.now.Year() + 3}
	m.head = s.newHead("payment_method", "pm", 24, "")
	if customer != nil {
		m.customer, m.email = customer.id, customer.email
		n := customer.stream.Intn(9000) + 1000
		m.last4 = strconv.Itoa(n)
		if n%3 == 0 {
			m.brand, m.country = "mastercard", "DE"
		}
	}
	if card == CardExpiring {
		m.month, m.year = int(s.now.Month()), s.now.Year()
	}
	m.print = s.newID("fp", 16)[3:]
	if customer == nil {
		s.add(m)
	} else {
		s.add(m, "payment_method.attached")
	}
	return m
}

// billing is billing_details; only the country is ever known.
func (m *method) billing() doc {
	return doc{
		{"address", doc{{"city", nil}, {"country", m.country}, {"line1", nil}, {"line2", nil}, {"postal_code", nil}, {"state", nil}}},
		{"email", orNull(m.email)}, {"name", nil}, {"phone", nil}, {"tax_id", nil},
	}
}

func (m *method) render(s *Server) doc {
	d := doc{
		{"id", m.id}, {"object", "payment_method"}, {"allow_redisplay", "unspecified"}, {"billing_details", m.billing()},
		{"created", m.created}, {"customer", orNull(m.customer)}, {"customer_account", nil}, {"livemode", s.cfg.Live}, {"metadata", map[string]string{}},
	}
	if m.card.debit() {
		return append(d, field{"type", "sepa_debit"}, field{"sepa_debit", m.sepa()})
	}
	return append(d, field{"type", "card"}, field{"card", doc{
		{"brand", m.brand}, {"checks", doc{{"address_line1_check", nil}, {"address_postal_code_check", nil}, {"cvc_check", "pass"}}},
		{"country", m.country}, {"display_brand", m.brand}, {"exp_month", m.month}, {"exp_year", m.year},
		{"fingerprint", m.print}, {"funding", "credit"}, {"generated_from", nil}, {"last4", m.last4},
		{"networks", doc{{"available", []string{m.brand}}, {"preferred", nil}}}, {"regulated_status", "unregulated"},
		{"three_d_secure_usage", doc{{"supported", true}}}, {"wallet", nil},
	}})
}

// sepa is what methods and charges both say about a debit.
func (m *method) sepa() doc {
	return doc{
		{"bank_code", "37040044"}, {"branch_code", ""}, {"country", "DE"}, {"fingerprint", m.print}, {"last4", m.last4},
	}
}

// details is the payment_method_details of a charge.
func (m *method) details() doc {
	if m.card.debit() {
		return doc{{"type", "sepa_debit"}, {"sepa_debit", append(m.sepa(), field{"mandate", nil})}}
	}
	return doc{{"type", "card"}, {"card", doc{
		{"brand", m.brand}, {"checks", doc{{"address_line1_check", nil}, {"address_postal_code_check", nil}, {"cvc_check", "pass"}}},
		{"country", m.country}, {"exp_month", m.month}, {"exp_year", m.year}, {"fingerprint", m.print},
		{"funding", "credit"}, {"installments", nil}, {"last4", m.last4}, {"mandate", nil}, {"network", m.brand},
		{"three_d_secure", nil}, {"wallet", nil},
	}}}
}
