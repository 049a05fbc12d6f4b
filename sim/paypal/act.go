package paypal

import (
	"fmt"
	"strings"
	"time"
)

// These methods do what payers, and people at the dashboard, do by hand. They
// happen at the clock's present time, leave no row in the effect ledger, and
// answer an error for an id that does not exist.

// NewSubscription describes a subscription that was approved.
type NewSubscription struct {
	Plan string
	// Quantity is 1 when zero.
	Quantity int64
	// Email of the payer; a new payer for each address that is empty.
	Email  string
	Method Method
	Custom string
	// Start is when charging begins; zero: at once.
	Start time.Time
}

// CreateSubscription makes a subscription that its payer approved, and returns
// the id. The first charge comes within a minute.
func (s *Server) CreateSubscription(n NewSubscription) (string, error) {
	defer s.enter()()
	p, err := find(&s.plans, n.Plan)
	if err != nil {
		return "", err
	}
	if n.Method == "" {
		n.Method = Good
	}
	sub := s.newSubscription(p, max(1, n.Quantity), n.Custom, n.Start)
	if n.Email == "" {
		n.Email = "payer." + sub.id + "@example.com"
	}
	s.approve(sub, s.payerFor(n.Email, n.Method, false))
	return sub.id, nil
}

// ApproveSubscription lets a payer agree to a subscription that waits for it.
func (s *Server) ApproveSubscription(id string, method Method) error {
	return on(s, &s.subs, id, func(sub *subscription) error {
		if sub.status != "APPROVAL_PENDING" {
			return fmt.Errorf("sim: subscription %s is %s, not waiting for approval", id, sub.status)
		}
		s.approve(sub, s.payerFor("buyer@example.com", method, false))
		return nil
	})
}

// ApproveOrder lets a payer agree to an order that waits for it.
func (s *Server) ApproveOrder(id string, method Method) error {
	return on(s, &s.orders, id, func(o *order) error {
		if o.status != "CREATED" {
			return fmt.Errorf("sim: order %s is %s, not waiting for approval", id, o.status)
		}
		o.method = method
		s.approveOrder(o, s.payerFor("buyer@example.com", method, false))
		return nil
	})
}

// CaptureOrder takes the money of an approved order.
func (s *Server) CaptureOrder(id string) error { return on(s, &s.orders, id, s.captureOrder) }

// HideOrder lets reads no longer find an order, as one of another app of the account;
// its capture is there all the same.
func (s *Server) HideOrder(id string) error {
	return on(s, &s.orders, id, func(o *order) error {
		o.hidden = true
		return nil
	})
}

// NewOrder makes an order of one item, as the API would.
func (s *Server) NewOrder(sku, value, currency, custom string) (string, error) {
	defer s.enter()()
	var q unitRequest
	q.CustomID, q.Amount.Value, q.Amount.Currency = custom, value, currency
	q.Items = append(q.Items, struct {
		Name, SKU, Quantity string
		Unit                struct {
			Currency string `json:"currency_code"`
			Value    string
		} `json:"unit_amount"`
	}{Name: sku, SKU: sku, Quantity: "1"})
	q.Items[0].Unit.Value, q.Items[0].Unit.Currency = value, currency
	o, err := s.newOrder(q)
	if err != nil {
		return "", err
	}
	return o.id, nil
}

// FailCharges declines the next n charges of a subscription's payer, whatever
// the method.
func (s *Server) FailCharges(subscriptionID string, n int) error {
	return on(s, &s.subs, subscriptionID, func(sub *subscription) error {
		if sub.payer == nil {
			return fmt.Errorf("sim: subscription %s has no payer yet", subscriptionID)
		}
		sub.payer.failNext = n
		return nil
	})
}

// Restrict makes the merchant's own account one that takes no money, or lifts that: no
// charge goes through, whoever pays.
func (s *Server) Restrict(restricted bool) {
	defer s.enter()()
	s.restricted = restricted
}

// Cancel, Suspend and Activate are what the payer or the dashboard do.
func (s *Server) Cancel(id, note string) error {
	return s.when(id, "ACTIVE SUSPENDED", func(sub *subscription) { s.cancel(sub, note) })
}

// Suspend pauses a subscription.
func (s *Server) Suspend(id, note string) error {
	return s.when(id, "ACTIVE", func(sub *subscription) { s.suspend(sub, note) })
}

// Activate takes up a subscription again.
func (s *Server) Activate(id, note string) error {
	return s.when(id, "SUSPENDED", func(sub *subscription) { s.activate(sub, note) })
}

// Change moves a subscription to a plan and quantity.
func (s *Server) Change(id, planID string, quantity int64) error {
	return on(s, &s.subs, id, func(sub *subscription) error {
		p, err := find(&s.plans, planID)
		if err == nil {
			s.revise(sub, p, quantity)
		}
		return err
	})
}

// Refund gives back part of a payment at the dashboard, or with zero all that
// is left, and returns the refund's id. With hangs it is pending for three days,
// and then fails if fails is set.
func (s *Server) Refund(paymentID string, minor int64, hangs, fails bool) (string, error) {
	defer s.enter()()
	t, err := find(&s.txns, paymentID)
	if err != nil {
		return "", err
	}
	left := t.amount.minor - t.back()
	if minor == 0 {
		minor = left
	}
	if minor > left || minor <= 0 || t.state != "COMPLETED" {
		return "", fmt.Errorf("sim: %d of payment %s can be refunded, not %d", left, paymentID, minor)
	}
	return s.give(t, money{minor, t.amount.currency}, refund{note: "by hand"}, hangs, fails).id, nil
}

// OpenDispute contests payments, as an inquiry or at once as a claim, and
// returns the dispute's id.
func (s *Server) OpenDispute(reason string, inquiry bool, paymentIDs ...string) (string, error) {
	defer s.enter()()
	var txns []*txn
	for _, id := range paymentIDs {
		t, err := find(&s.txns, id)
		if err != nil {
			return "", err
		}
		txns = append(txns, t)
	}
	if len(txns) == 0 {
		return "", fmt.Errorf("sim: a dispute is about at least one payment")
	}
	return s.open(txns, reason, inquiry).id, nil
}

// ContestDispute sends evidence, EscalateDispute makes a claim of an inquiry,
// RuleDispute ends a dispute with an outcome such as RESOLVED_SELLER_FAVOUR.
func (s *Server) ContestDispute(id string) error {
	return on(s, &s.disputes, id, func(d *dispute) error { s.contest(d); return nil })
}

// EscalateDispute makes a claim of an inquiry.
func (s *Server) EscalateDispute(id string) error {
	return on(s, &s.disputes, id, func(d *dispute) error { s.escalate(d); return nil })
}

// RuleDispute ends a dispute.
func (s *Server) RuleDispute(id, outcome string) error {
	return on(s, &s.disputes, id, func(d *dispute) error { s.rule(d, outcome); return nil })
}

// Noise sends two events that a billing service has no use for.
func (s *Server) Noise() {
	defer s.enter()()
	s.noise()
	s.emit("BILLING.FUTURE-THING.HAPPENED", "future-thing", "1.0", obj{"id": s.newID("FT-", 12)})
}

// PaymentsOf lists the ids of what was charged for a subscription or order,
// oldest first.
func (s *Server) PaymentsOf(id string) (ids []string) {
	defer s.enter()()
	for _, t := range s.txns.all {
		if t.sub != nil && t.sub.id == id || t.order != nil && t.order.id == id {
			ids = append(ids, t.id)
		}
	}
	return ids
}

// when moves a subscription that is in one of some statuses.
func (s *Server) when(id, statuses string, act func(*subscription)) error {
	return on(s, &s.subs, id, func(sub *subscription) error {
		for from := range strings.FieldsSeq(statuses) {
			if sub.status == from {
				act(sub)
				return nil
			}
		}
		return fmt.Errorf("sim: subscription %s is %s, not %s", id, sub.status, statuses)
	})
}

// on finds an object and does something to it.
func on[T resource](s *Server, in *rows[T], id string, act func(T) error) error {
	defer s.enter()()
	r, err := find(in, id)
	if err != nil {
		return err
	}
	return act(r)
}
