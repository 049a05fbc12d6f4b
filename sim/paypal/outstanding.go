package paypal

import (
	"slices"
	"strings"

	"github.com/trivetdev/trivet/sim"
)

// captureOutstanding takes what is outstanding, or part of it. The payer's account must
// have it; an eCheck takes three days.
func captureOutstanding(c *call) (any, error) {
	var q struct {
		Note   string
		Type   string `json:"capture_type"`
		Amount struct {
			Currency string `json:"currency_code"`
			Value    string
		}
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	sub, err := find(&c.s.subs, c.id())
	if err != nil {
		return nil, err
	}
	amount, bad := readMoney(q.Amount.Value, q.Amount.Currency)
	from := []string{"ACTIVE", "SUSPENDED", "EXPIRED"}
	switch {
	case q.Note == "" || len(q.Note) > 128:
		return nil, invalid("INVALID_STRING_LENGTH", "note")
	case q.Type != "OUTSTANDING_BALANCE":
		return nil, invalid("INVALID_PARAMETER_VALUE", "capture_type")
	case bad != nil || amount.minor == 0:
		return nil, invalid("INVALID_PARAMETER_VALUE", "amount")
	case !slices.Contains(from, sub.status):
		return nil, unprocessable("SUBSCRIPTION_STATUS_INVALID", "Invalid subscription status for capture action; subscription status should be "+strings.ToLower(strings.Join(from, " or "))+".")
	case sub.outstanding == 0:
		return nil, unprocessable("ZERO_OUTSTANDING_BALANCE", "Current outstanding balance should be greater than zero.")
	case amount.currency != sub.price().currency:
		return nil, unprocessable("CURRENCY_MISMATCH", "The currency code is different from the subscription's currency code.")
	case amount.minor > sub.outstanding:
		return nil, unprocessable("AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE", "The capture amount can not be greater than the current outstanding balance.")
	}
	t, err := c.s.collectOutstanding(sub, amount)
	if err != nil {
		return nil, err
	}
	c.s.effect(sim.OpPayInvoice, sub.id, amount)
	return c.s.saleRow(t), nil
}

func (s *Server) collectOutstanding(sub *subscription, amount money) (*txn, error) {
	how := s.pays(sub.payer)
	if how == "declined" {
		return nil, unprocessable("SUBSCRIBER_ACCOUNT_RESTRICTED", "Subscriber Account Restricted.")
	}
	s.edit(sub, func() { sub.outstanding -= amount.minor })
	if how == "pending" {
		t := s.newSale(sub, amount, "PENDING")
		s.emit("PAYMENT.SALE.PENDING", "sale", "1.0", t.sale(s))
		s.in(clears, func() { s.clearOutstanding(sub, t) })
		return t, nil
	}
	t := s.newSale(sub, amount, "COMPLETED")
	s.settled(sub, t)
	return t, nil
}

// clearOutstanding ends the wait for an eCheck.
func (s *Server) clearOutstanding(sub *subscription, t *txn) {
	if sub.payer.method == DebitFails {
		s.edit(t, func() { t.state = "DENIED" })
		s.edit(sub, func() { sub.outstanding += t.amount.minor })
		s.announce(t, "DENIED")
		return
	}
	s.edit(t, func() { t.state = "COMPLETED" })
	s.settled(sub, t)
}

// settled books what was outstanding. It lifts no suspension; for who is charged the
// cycle that runs is paid.
func (s *Server) settled(sub *subscription, t *txn) {
	s.edit(sub, func() {
		sub.failed, sub.lastFailed, sub.last = 0, nil, &paidOnce{t.amount, s.now}
		if until := sub.boundaryAfter(s.now); sub.status == "ACTIVE" && until.After(sub.paidUntil) {
			sub.paidUntil = until
		}
	})
	s.announce(t, "COMPLETED")
}
