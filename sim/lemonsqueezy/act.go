package lemonsqueezy

import (
	"errors"
	"fmt"
	"time"
)

// Card is how a buyer's payments go.
type Card string

// The cards. The hosted page takes their names as actions.
const (
	CardGood       Card = "good"
	CardDeclined   Card = "declined"
	CardLaterFails Card = "later_fails" // good at checkout, declined at every renewal
	Card3DS        Card = "3ds"         // the bank asks; "authenticate" or "refuse" answers
)

// These methods do what customers, and people at the dashboard, do by hand. They
// happen at the clock's present time, leave no row in the effect ledger, and
// answer an error for an id that does not exist.

// Purchase describes a purchase through the storefront.
type Purchase struct {
	Email, Variant string
	// Quantity is 1 when zero.
	Quantity int64
	Code     string
	Card     Card
	Custom   map[string]string
	// Store is 1 when zero.
	Store int
}

// Buy buys something in the storefront and returns the order's number.
func (s *Server) Buy(p Purchase) (string, error) {
	defer s.enter()()
	v, err := find[*variant](s, typeVariant, p.Variant)
	if err != nil {
		return "", err
	}
	who := s.buyer(p.Email, max(1, p.Store))
	who.card = p.Card
	return s.buy(purchase{who: who, variant: v, quantity: p.Quantity, code: p.Code, custom: p.Custom}).id, nil
}

// SubscriptionOf is the number of the subscription that an order began.
func (s *Server) SubscriptionOf(orderID string) (string, error) {
	defer s.enter()()
	o, err := find[*order](s, typeOrder, orderID)
	if err != nil {
		return "", err
	}
	if o.subscription == nil {
		return "", fmt.Errorf("sim: order %s began no subscription", orderID)
	}
	return o.subscription.id, nil
}

// InvoicesOf lists the numbers of a subscription's invoices, oldest first.
func (s *Server) InvoicesOf(subscriptionID string) (ids []string, err error) {
	err = on(s, typeSubscription, subscriptionID, func(sub *subscription) error {
		for _, i := range sub.invoices {
			ids = append(ids, i.id)
		}
		return nil
	})
	return ids, err
}

// PayCheckout pays an open checkout as a buyer would on the hosted page and returns
// the order's number.
func (s *Server) PayCheckout(checkoutID, email string) (string, error) {
	defer s.enter()()
	c, err := find[*checkout](s, typeCheckout, checkoutID)
	if err != nil {
		return "", err
	}
	if !c.open(s.now) {
		return "", errors.New("sim: this checkout has expired")
	}
	return s.sell(c, email, "", CardGood, "").id, nil
}

// FailNextCharge declines the next n renewals of a customer.
func (s *Server) FailNextCharge(customerID string, n int) error {
	return on(s, typeCustomer, customerID, func(c *customer) error {
		c.misfortunes = n
		return nil
	})
}

// NewCard gives a customer another card, by which what is owed is paid at once.
func (s *Server) NewCard(customerID string, card Card) error {
	return on(s, typeCustomer, customerID, func(c *customer) error {
		s.newCard(c, card)
		return nil
	})
}

func (s *Server) newCard(c *customer, card Card) {
	c.card, c.misfortunes = card, 0
	for _, sub := range ofCustomer[*subscription](s, typeSubscription, c.customer) {
		if i := sub.owed(); i != nil && card != CardLaterFails && (sub.status == "past_due" || sub.status == "unpaid") {
			s.recover(sub, i)
		}
	}
}

// SetEmail changes a customer's address at the dashboard.
func (s *Server) SetEmail(customerID, email string) error {
	return on(s, typeCustomer, customerID, func(c *customer) error {
		s.rename(c, email)
		return nil
	})
}

// PortalCancel cancels at the end of the period, as a customer in the portal.
func (s *Server) PortalCancel(subscriptionID string) error {
	return s.onLive(subscriptionID, func(sub *subscription) {
		if sub.status != canceled {
			s.cancel(sub)
		}
	})
}

// PortalResume takes PortalCancel back.
func (s *Server) PortalResume(subscriptionID string) error {
	return s.onLive(subscriptionID, func(sub *subscription) {
		if sub.status == canceled {
			s.resume(sub)
		}
	})
}

// Pause pauses a subscription in mode void or free, until a time or, if that is
// zero, until Unpause.
func (s *Server) Pause(subscriptionID, mode string, until time.Time) error {
	return s.onLive(subscriptionID, func(sub *subscription) { s.pause(sub, mode, until) })
}

// Unpause ends a pause.
func (s *Server) Unpause(subscriptionID string) error {
	return s.onLive(subscriptionID, func(sub *subscription) {
		if sub.status == "paused" {
			s.unpause(sub)
		}
	})
}

// Expire ends a subscription at once, which only the provider itself can do.
func (s *Server) Expire(subscriptionID string) error { return s.onLive(subscriptionID, s.expire) }

// Change moves a subscription to a variant and quantity; "" and zero leave what is.
func (s *Server) Change(subscriptionID, variantID string, quantity int64) error {
	defer s.enter()()
	sub, err := find[*subscription](s, typeSubscription, subscriptionID)
	if err != nil {
		return err
	}
	v := sub.variant
	if variantID != "" {
		if v, err = find[*variant](s, typeVariant, variantID); err != nil {
			return err
		}
	}
	if quantity == 0 {
		quantity = sub.quantity
	}
	s.change(sub, v, quantity)
	return nil
}

// Refund gives back part of an order at the dashboard, or with zero all that is
// left.
func (s *Server) Refund(orderID string, amount int64) error {
	return on(s, typeOrder, orderID, func(o *order) error {
		return s.refund(o.money, amount, o.state, o, o.firstInvoice())
	})
}

// RefundInvoice gives back part of a subscription invoice, or with zero all that is
// left.
func (s *Server) RefundInvoice(invoiceID string, amount int64) error {
	return on(s, typeInvoice, invoiceID, func(i *invoice) error {
		return s.refund(i.money, amount, i.state, i.firstOrder(), i)
	})
}

func (s *Server) refund(m *money, amount int64, state string, o *order, i *invoice) error {
	left := m.total - m.refunded
	if amount == 0 {
		amount = left
	}
	if amount <= 0 || amount > left || state != "paid" {
		return fmt.Errorf("sim: %d can be refunded of what is %s, not %d", left, state, amount)
	}
	s.giveBack(m, amount, o, i)
	return nil
}

// Fraud marks an order as fraudulent: its money is gone. No event tells of it. With
// ends, the subscription that came of it ends too.
func (s *Server) Fraud(orderID string, ends bool) error {
	return on(s, typeOrder, orderID, func(o *order) error {
		s.fraud(o, ends)
		return nil
	})
}

func (s *Server) fraud(o *order, ends bool) {
	s.edit(o, func() { o.fraud = true })
	if sub := o.subscription; sub != nil && ends && !sub.over() {
		s.expire(sub)
	}
}

// Settle lets the money of a pending order arrive, or fail.
func (s *Server) Settle(orderID string, arrives bool) error {
	return on(s, typeOrder, orderID, func(o *order) error {
		s.edit(o, func() {
			o.state = "failed"
			if arrives {
				o.state = "paid"
			}
		})
		return nil
	})
}

// onLive is on for a subscription that must not have ended.
func (s *Server) onLive(id string, act func(*subscription)) error {
	return on(s, typeSubscription, id, func(sub *subscription) error {
		if sub.over() {
			return fmt.Errorf("sim: subscription %s has ended and cannot change any more", sub.id)
		}
		act(sub)
		return nil
	})
}

// on finds a resource and does something to it.
func on[T resource](s *Server, typ, id string, act func(T) error) error {
	defer s.enter()()
	r, err := find[T](s, typ, id)
	if err != nil {
		return err
	}
	return act(r)
}
