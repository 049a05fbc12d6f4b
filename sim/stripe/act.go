package stripe

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// These methods do what customers, and people at the dashboard, do by hand.
// They happen at the clock's present time, leave no row in the effect ledger,
// and answer an error for an id that does not exist.

// CreateCustomer makes a customer at the dashboard and returns the id.
func (s *Server) CreateCustomer(email string) string {
	defer s.enter()()
	return s.newCustomer(email, "", nil).id
}

// NewSubscription describes a subscription made at the dashboard.
type NewSubscription struct {
	Customer string
	Price    string
	// Quantity is 1 when zero.
	Quantity int64
	// Card pays; "" leaves the customer's present one, if any.
	Card Card
	// TrialEnd is zero for none.
	TrialEnd time.Time
	// Missing is what to do when the trial ends without a card: cancel, pause
	// or create_invoice (also when empty).
	Missing  string
	Metadata map[string]string
	// Coupon is the id of a coupon; "" for none.
	Coupon string
}

// CreateSubscription makes a subscription at the dashboard, charges its first
// invoice and returns the id.
func (s *Server) CreateSubscription(n NewSubscription) (string, error) {
	defer s.enter()()
	c, err := find[*customer](s, "customer", n.Customer)
	if err != nil {
		return "", err
	}
	p, err := find[*price](s, "price", n.Price)
	if err != nil {
		return "", err
	}
	pays := c.pays
	if n.Card != "" {
		pays = s.newCard(c, n.Card)
	}
	trial := int64(0)
	if !n.TrialEnd.IsZero() {
		trial = n.TrialEnd.Unix()
	}
	var off *coupon
	if n.Coupon != "" {
		if off, err = find[*coupon](s, "coupon", n.Coupon); err != nil {
			return "", err
		}
	}
	sub := s.newSubscription(order{
		coupon: off, customer: c, lines: []orderLine{{price: p, quantity: max(1, n.Quantity)}}, metadata: n.Metadata,
		pays: pays, trialEnd: trial, missing: n.Missing,
	})
	s.begin(sub, nil)
	return sub.id, nil
}

// PayCheckout pays an open checkout as a buyer would on the hosted page, giving
// buyer@example.com where the page asks for an address. It reports whether the
// session is now complete: a declined card or one that asks for authentication
// leaves it open.
func (s *Server) PayCheckout(sessionID string, card Card) (bool, error) {
	return s.PayCheckoutAs(sessionID, card, "buyer@example.com")
}

// PayCheckoutAs is PayCheckout with the buyer's address.
func (s *Server) PayCheckoutAs(sessionID string, card Card, email string) (bool, error) {
	defer s.enter()()
	se, err := find[*session](s, "checkout.session", sessionID)
	if err != nil {
		return false, err
	}
	if se.status == "expired" {
		return false, errors.New("sim: this checkout has expired")
	}
	return s.pay(se, card, email), nil
}

// Authenticate ends the 3-D Secure that a checkout waits for. It reports
// whether the session is now complete.
func (s *Server) Authenticate(sessionID string, ok bool) (bool, error) {
	defer s.enter()()
	se, err := find[*session](s, "checkout.session", sessionID)
	if err != nil {
		return false, err
	}
	return s.authenticate(se, ok), nil
}

// UsePromotionCode types a code into an open checkout that allows it.
func (s *Server) UsePromotionCode(sessionID, code string) error {
	defer s.enter()()
	se, err := find[*session](s, "checkout.session", sessionID)
	if err != nil {
		return err
	}
	return s.promote(se, code)
}

// promote applies a code; the hosted page and UsePromotionCode share it.
func (s *Server) promote(se *session, code string) error {
	if !se.promoCodes || se.status != "open" {
		return errors.New("sim: this checkout takes no promotion codes")
	}
	for _, p := range rowsOf[*promotion](s, "promotion_code") {
		if p.code == code {
			se.promotion, se.coupon = p, p.coupon
			return nil
		}
	}
	return fmt.Errorf("sim: no promotion code %q; make one with AddCoupon", code)
}

// ExpireCheckout closes an open checkout before its time.
func (s *Server) ExpireCheckout(sessionID string) error {
	return on(s, "checkout.session", sessionID, s.expire)
}

// FailNextCharge declines the customer's next charge, whatever the card, with a
// decline code such as insufficient_funds, lost_card or do_not_honor.
func (s *Server) FailNextCharge(customerID, declineCode string) error {
	return on(s, "customer", customerID, func(c *customer) {
		c.misfortunes = append(c.misfortunes, declineNamed(declineCode))
	})
}

// NewCard gives the customer another card, which all their subscriptions use
// from now on. An open invoice waits for its next attempt.
func (s *Server) NewCard(customerID string, card Card) error {
	return on(s, "customer", customerID, func(c *customer) { s.newCard(c, card) })
}

// ShareCard makes the customer's card the same as another customer's: two people
// at one household, or one with two accounts.
func (s *Server) ShareCard(customerID, otherID string) error {
	defer s.enter()()
	other, err := find[*customer](s, "customer", otherID)
	if err != nil {
		return err
	}
	c, err := find[*customer](s, "customer", customerID)
	if err != nil {
		return err
	}
	if c.pays == nil || other.pays == nil {
		return errors.New("sim: both customers need a card first")
	}
	c.pays.print, c.pays.last4, c.pays.brand = other.pays.print, other.pays.last4, other.pays.brand
	return nil
}

// PayInvoice pays an open invoice on its hosted page, where the customer can
// authenticate if the bank wants that.
func (s *Server) PayInvoice(invoiceID string) error {
	return on(s, "invoice", invoiceID, func(inv *invoice) {
		if pi := inv.pi; pi != nil && pi.status == "requires_action" {
			s.succeed(pi, s.newCharge(pi, pi.pays, "succeeded", nil))
			return
		}
		s.charge(inv, false)
	})
}

// SetEmail changes a customer's address at the dashboard.
func (s *Server) SetEmail(customerID, email string) error {
	return on(s, "customer", customerID, func(c *customer) { s.setEmail(c, email) })
}

// DeleteCustomer deletes a customer and ends all their subscriptions.
func (s *Server) DeleteCustomer(customerID string) error {
	return on(s, "customer", customerID, s.removeCustomer)
}

// PortalCancel cancels at the end of the period, as a customer in the portal.
func (s *Server) PortalCancel(subscriptionID string) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) { s.setCancel(sub, true) })
}

// PortalUncancel takes PortalCancel back.
func (s *Server) PortalUncancel(subscriptionID string) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) { s.setCancel(sub, false) })
}

// CancelNow ends a subscription at once.
func (s *Server) CancelNow(subscriptionID string) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) { s.end(sub, "cancellation_requested") })
}

// Pause pauses collection (behavior void, keep_as_draft or mark_uncollectible)
// until a time; a zero time means until Resume.
func (s *Server) Pause(subscriptionID, behavior string, until time.Time) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) {
		p := &pause{behavior: behavior}
		if !until.IsZero() {
			p.resumes = until.Unix()
		}
		s.setPause(sub, p)
	})
}

// Resume ends a pause of either kind.
func (s *Server) Resume(subscriptionID string) error {
	return s.onSubscription(subscriptionID, func(sub *subscription) {
		if sub.status == "paused" {
			s.resume(sub)
			return
		}
		s.setPause(sub, nil)
	})
}

// Change moves a subscription to a price and quantity; "" and zero leave what
// is.
func (s *Server) Change(subscriptionID, priceID string, quantity int64) error {
	defer s.enter()()
	sub, err := find[*subscription](s, "subscription", subscriptionID)
	if err != nil {
		return err
	}
	if sub.over() {
		return ended(sub)
	}
	it := sub.items[0]
	to := it.price
	if priceID != "" {
		if to, err = find[*price](s, "price", priceID); err != nil {
			return err
		}
	}
	s.setItems(sub, true, func() {
		it.price = to
		if quantity > 0 {
			it.quantity = quantity
		}
	})
	return nil
}

// Refund gives back part of a payment at the dashboard, or with zero all that
// is left, and returns the refund's id.
func (s *Server) Refund(paymentID string, amount int64) (string, error) {
	defer s.enter()()
	ch, err := s.paid(paymentID)
	if err != nil {
		return "", err
	}
	left := ch.pi.amount - ch.refunded()
	if amount == 0 {
		amount = left
	}
	if amount > left || amount <= 0 {
		return "", fmt.Errorf("sim: %d of payment %s can be refunded, not %d", left, paymentID, amount)
	}
	return s.refund(ch, amount, "requested_by_customer", map[string]string{}).id, nil
}

// FailRefund lets a refund fail that seemed done.
func (s *Server) FailRefund(refundID string) error {
	return on(s, "refund", refundID, s.failRefund)
}

// OpenDispute contests a payment, as an inquiry or at once as a chargeback, and
// returns the dispute's id.
func (s *Server) OpenDispute(paymentID, reason string, inquiry bool) (string, error) {
	defer s.enter()()
	ch, err := s.paid(paymentID)
	if err != nil {
		return "", err
	}
	return s.open(ch, reason, inquiry).id, nil
}

// ContestDispute submits evidence.
func (s *Server) ContestDispute(disputeID string) error {
	return on(s, "dispute", disputeID, s.contest)
}

// RuleDispute ends a dispute as won, lost, warning_closed or prevented.
func (s *Server) RuleDispute(disputeID, status string) error {
	return on(s, "dispute", disputeID, func(d *dispute) { s.rule(d, status) })
}

// EscalateDispute turns an open inquiry into a chargeback.
func (s *Server) EscalateDispute(disputeID string) error {
	defer s.enter()()
	d, err := find[*dispute](s, "dispute", disputeID)
	if err != nil {
		return err
	}
	if d.over() || !strings.HasPrefix(d.status, "warning_") {
		return fmt.Errorf("sim: dispute %s is %s, not an open inquiry", disputeID, d.status)
	}
	s.escalate(d)
	return nil
}

// Warn issues an early fraud warning about a payment and returns its id.
func (s *Server) Warn(paymentID string) (string, error) {
	defer s.enter()()
	ch, err := s.paid(paymentID)
	if err != nil {
		return "", err
	}
	return s.warn(ch).id, nil
}

// paid is the successful charge of a payment intent.
func (s *Server) paid(paymentID string) (*charge, error) {
	pi, err := find[*intent](s, "payment_intent", paymentID)
	if err != nil {
		return nil, err
	}
	if pi.status != "succeeded" {
		return nil, fmt.Errorf("sim: payment %s has not succeeded, it is %s", paymentID, pi.status)
	}
	return pi.latest(), nil
}

// onSubscription is on for a subscription that must not have ended.
func (s *Server) onSubscription(id string, act func(*subscription)) error {
	defer s.enter()()
	sub, err := find[*subscription](s, "subscription", id)
	if err != nil {
		return err
	}
	if sub.over() {
		return ended(sub)
	}
	act(sub)
	return nil
}

func ended(sub *subscription) error {
	return fmt.Errorf("sim: subscription %s has ended and cannot change any more", sub.id)
}

// on finds an object and does something to it.
func on[T resource](s *Server, what, id string, act func(T)) error {
	defer s.enter()()
	r, err := find[T](s, what, id)
	if err != nil {
		return err
	}
	act(r)
	return nil
}
