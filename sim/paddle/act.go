package paddle

import (
	"errors"
	"fmt"
	"time"
)

// These methods do what customers, and people at the dashboard, do by hand. They
// happen at the clock's present time, leave no row in the effect ledger, and
// answer an error for an id that does not exist.

// CreateCustomer makes a customer at the dashboard and returns the id.
func (s *Server) CreateCustomer(email string) string {
	defer s.enter()()
	return s.newCustomer(email, "", nil).id
}

// NewSubscription describes a subscription that is bought at once.
type NewSubscription struct {
	Customer string
	Price    string
	// Quantity is 1 when zero.
	Quantity int64
	// Card pays; CardGood when "".
	Card Card
	// Custom is custom_data.
	Custom map[string]any
	// Discount is the id of a discount; "" for none.
	Discount string
}

// CreateSubscription lets a customer buy a subscription at the merchant's own
// checkout, and returns the id. It is an error if the card does not pay.
func (s *Server) CreateSubscription(n NewSubscription) (string, error) {
	defer s.enter()()
	who, err := find[*customer](s, n.Customer)
	if err != nil {
		return "", err
	}
	p, err := find[*price](s, n.Price)
	if err != nil {
		return "", err
	}
	var off *discount
	if n.Discount != "" {
		if off, err = find[*discount](s, n.Discount); err != nil {
			return "", err
		}
	}
	sub := s.buyFor(off, who, p, max(1, n.Quantity), n.Card, n.Custom)
	if sub == nil {
		return "", errors.New("sim: the card did not pay, so there is no subscription")
	}
	return sub.id, nil
}

// buy is a purchase at a checkout that Paddle.js opened by itself (origin web).
func (s *Server) buy(who *customer, p *price, quantity int64, card Card, custom map[string]any) {
	s.buyFor(nil, who, p, quantity, card, custom)
}

// buyFor is buy with a discount; nil for none.
func (s *Server) buyFor(off *discount, who *customer, p *price, quantity int64, card Card, custom map[string]any) *subscription {
	if card == "" {
		card = CardGood
	}
	t := s.newTransaction(order{
		customer: who.id, discount: off, origin: "web", custom: custom, lines: []*line{s.newLine(p, quantity, p.trialDays > 0)},
	})
	s.pay(t, card, who.email)
	return t.sub
}

// PayCheckout pays an open checkout as buyer@example.com would. It reports whether
// it is now paid: a declined card or one that asks for authentication leaves it
// open.
func (s *Server) PayCheckout(transactionID string, card Card) (bool, error) {
	return s.PayCheckoutAs(transactionID, card, "buyer@example.com")
}

// PayCheckoutAs is PayCheckout with the buyer's address.
func (s *Server) PayCheckoutAs(transactionID string, card Card, email string) (bool, error) {
	defer s.enter()()
	t, err := find[*transaction](s, transactionID)
	if err != nil {
		return false, err
	}
	if t.stage == dropped {
		return false, errors.New("sim: this transaction is canceled")
	}
	s.pay(t, card, email)
	return t.paid(), nil
}

// Authenticate ends the 3-D Secure that a checkout waits for. It reports whether
// the transaction is now paid.
func (s *Server) Authenticate(transactionID string, ok bool) (bool, error) {
	defer s.enter()()
	t, err := find[*transaction](s, transactionID)
	if err != nil {
		return false, err
	}
	return s.authenticate(t, ok), nil
}

// UseDiscount types a code into an open checkout.
func (s *Server) UseDiscount(transactionID, code string) error {
	defer s.enter()()
	t, err := find[*transaction](s, transactionID)
	if err != nil {
		return err
	}
	return s.promote(t, code)
}

// CancelTransaction gives up a transaction that nobody has paid.
func (s *Server) CancelTransaction(transactionID string) error {
	return on(s, transactionID, s.drop)
}

// FailNextCharge declines the customer's next charge, whatever the card, with an
// error code such as declined, not_enough_balance or blocked_card.
func (s *Server) FailNextCharge(customerID, code string) error {
	return on(s, customerID, func(c *customer) { c.misfortunes = append(c.misfortunes, code) })
}

// NewCard gives a subscription another card by way of the customer portal; what is
// owed is charged to it.
func (s *Server) NewCard(subscriptionID string, card Card) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) {
		who, _ := s.all[sub.customer].(*customer)
		s.newCard(who, sub, card)
	})
}

func (s *Server) newCard(who *customer, sub *subscription, card Card) {
	if sub.ended {
		return
	}
	who.cards++
	sub.card, who.card = card, card
	if rows := s.owedBy(sub); len(rows) > 0 {
		s.collect(rows[0], card, false)
	}
}

// SetEmail changes a customer's address at the dashboard.
func (s *Server) SetEmail(customerID, email string) error {
	return on(s, customerID, func(c *customer) { s.setEmail(c, email) })
}

// PortalCancel cancels at the end of the period, as a customer in the portal.
func (s *Server) PortalCancel(subscriptionID string) error {
	return s.onSubscription(subscriptionID, s.portalCancel)
}

func (s *Server) portalCancel(sub *subscription) {
	switch {
	case sub.ended || sub.planned != nil:
	case sub.paused:
		s.end(sub)
	default:
		s.schedule(sub, &change{action: "cancel", at: s.boundary(sub)})
	}
}

// PortalUncancel takes PortalCancel back.
func (s *Server) PortalUncancel(subscriptionID string) error {
	return s.onSubscription(subscriptionID, s.portalKeep)
}

func (s *Server) portalKeep(sub *subscription) {
	if !sub.ended && sub.planned != nil && sub.planned.action == "cancel" {
		s.edit(sub, func() { sub.planned = nil }, updated)
	}
}

// CancelNow ends a subscription at once.
func (s *Server) CancelNow(subscriptionID string) error {
	return s.onSubscription(subscriptionID, s.end)
}

// Pause suspends at once until a time; a zero time means until Resume.
func (s *Server) Pause(subscriptionID string, until time.Time) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) { s.pause(sub, until, continuing) })
}

// SchedulePause suspends at the end of the period, until a time or for good.
func (s *Server) SchedulePause(subscriptionID string, until time.Time) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) {
		if sub.planned == nil && !sub.paused {
			s.schedule(sub, &change{action: "pause", at: s.boundary(sub), resume: until})
		}
	})
}

// Resume ends a pause.
func (s *Server) Resume(subscriptionID string) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) { s.resume(sub, continuing) })
}

// Change moves a subscription to a price and quantity; "" and zero leave what is.
// More is charged at once for the rest of the period, less is credited.
func (s *Server) Change(subscriptionID, priceID string, quantity int64) error {
	defer s.enter()()
	sub, err := find[*subscription](s, subscriptionID)
	if err != nil {
		return err
	}
	if sub.ended || sub.paused || sub.late {
		return fmt.Errorf("sim: subscription %s is %s and cannot change", sub.id, sub.word())
	}
	to := sub.items[0].price
	if priceID != "" {
		if to, err = find[*price](s, priceID); err != nil {
			return err
		}
	}
	if quantity == 0 {
		quantity = sub.items[0].quantity
	}
	s.change(sub, to, quantity)
	return nil
}

// Refund gives back part of a payment at the dashboard, or with zero all that is
// left, and returns the adjustment's id.
func (s *Server) Refund(transactionID string, amount int64) (string, error) {
	defer s.enter()()
	t, err := s.completed(transactionID)
	if err != nil {
		return "", err
	}
	a := s.giveBack(t, amount, "Requested by the customer")
	if a == nil {
		return "", fmt.Errorf("sim: transaction %s has not as much left, or a refund that waits", transactionID)
	}
	return a.id, nil
}

// giveBack refunds an amount, zero for the rest; nil if that cannot be.
func (s *Server) giveBack(t *transaction, amount int64, reason string) *adjustment {
	parts := s.rest(t)
	var left int64
	for _, p := range parts {
		left += p.amount
	}
	for _, a := range s.adjustments(t) {
		if a.action == "refund" && a.verdict == waiting {
			return nil
		}
	}
	switch {
	case left == 0 || amount > left:
		return nil
	case amount == 0 || amount == left:
		return s.refund(t, parts, left == t.total(), reason)
	}
	var some []part
	for _, p := range parts {
		if p.amount = min(p.amount, amount); p.amount > 0 {
			some = append(some, p)
			amount -= p.amount
		}
	}
	return s.refund(t, some, false, reason)
}

// JudgeRefund lets Paddle approve or reject a refund that waits.
func (s *Server) JudgeRefund(adjustmentID string, approve bool) error {
	v := rejected
	if approve {
		v = approved
	}
	return on(s, adjustmentID, func(a *adjustment) { s.judge(a, v) })
}

// RefundPending is Refund with a refund that waits for JudgeRefund.
func (s *Server) RefundPending(transactionID string) (string, error) {
	defer s.enter()()
	t, err := s.completed(transactionID)
	if err != nil {
		return "", err
	}
	return s.newAdjustment("refund", t, "Requested by the customer", s.rest(t), true, waiting).id, nil
}

// ChargeBack contests a payment, or with warning only announces that, and returns
// the adjustment's id.
func (s *Server) ChargeBack(transactionID string, warning bool) (string, error) {
	defer s.enter()()
	t, err := s.completed(transactionID)
	if err != nil {
		return "", err
	}
	return s.chargeBack(t, warning).id, nil
}

// ReverseChargeBack wins a chargeback, or ends a warning.
func (s *Server) ReverseChargeBack(adjustmentID string) error { return on(s, adjustmentID, s.reverse) }

func (s *Server) completed(id string) (*transaction, error) {
	t, err := find[*transaction](s, id)
	if err == nil && t.stage != finished {
		err = fmt.Errorf("sim: transaction %s is not completed, it is %s", id, t.word())
	}
	return t, err
}

// onSubscription is on for a subscription that must not have ended.
func (s *Server) onSubscription(id string, act func(*subscription)) error {
	defer s.enter()()
	sub, err := find[*subscription](s, id)
	if err != nil {
		return err
	}
	if sub.ended {
		return fmt.Errorf("sim: subscription %s has ended and cannot change any more", sub.id)
	}
	act(sub)
	return nil
}

// on finds an object and does something to it.
func on[T resource](s *Server, id string, act func(T)) error {
	defer s.enter()()
	r, err := find[T](s, id)
	if err != nil {
		return err
	}
	act(r)
	return nil
}
