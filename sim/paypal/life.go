package paypal

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Life is how often things happen that nobody asked the API for: what payers do
// at paypal.com, and people at the dashboard. The zero value is a world in which
// only time passes. Rates are probabilities between 0 and 1, for each
// subscription or payment and day unless said otherwise.
type Life struct {
	// PaymentFailure is for each charge but a payer's first.
	PaymentFailure float64
	// Recover is that a payer whose charges fail has money again.
	Recover float64
	// Twice is for each sale: it is announced again under another event id.
	Twice float64
	// SharedPayer is for each approval: the account is one that somebody used
	// before.
	SharedPayer float64
	// PayerCancel cancels at paypal.com; DashboardSuspend and DashboardActivate
	// are the merchant's.
	PayerCancel       float64
	DashboardSuspend  float64
	DashboardActivate float64
	// PlanChange moves to another plan of the same rhythm and currency,
	// QuantityChange to another number.
	PlanChange     float64
	QuantityChange float64
	// DashboardRefund refunds in full or in part; RefundHangs and RefundFails are
	// for each refund: it is pending for days, and then fails.
	DashboardRefund float64
	RefundHangs     float64
	RefundFails     float64
	// Dispute and Inquiry open one; Several takes another payment of the payer's
	// along; Contest sends evidence.
	Dispute float64
	Inquiry float64
	Several float64
	Contest float64
	// Foreign is, for the account and day, a subscription that the shop's website
	// did not make.
	Foreign float64
	// Noise is, for the account and hour, an event that no receiver has a use for.
	Noise float64
}

// DefaultLife is a busy shop: in a month with a few hundred customers all of it
// happens.
func DefaultLife() Life {
	return Life{
		PaymentFailure: 0.15, Recover: 0.2, Twice: 0.1, SharedPayer: 0.1, PayerCancel: 0.008, DashboardSuspend: 0.006, DashboardActivate: 0.08,
		PlanChange: 0.006, QuantityChange: 0.006, DashboardRefund: 0.004, RefundHangs: 0.2, RefundFails: 0.4, Dispute: 0.003, Inquiry: 0.002,
		Several: 0.3, Contest: 0.2, Foreign: 0.1, Noise: 0.1,
	}
}

// startLife begins what goes on without any payer.
func (s *Server) startLife() {
	hours := 0
	s.world.Every(time.Hour, time.Hour, func() bool {
		hours++
		s.forgetEvents()
		noise, foreign := s.chance.Chance(s.cfg.Rates.Noise), s.chance.Chance(s.cfg.Rates.Foreign)
		if noise {
			s.noise()
		}
		if foreign && hours%24 == 0 && len(s.plans.all) > 0 {
			s.foreign()
		}
		return true
	})
}

// foreign is a subscription by a button that somebody put on a page of their own.
func (s *Server) foreign() {
	s.oldSale()
	p := s.plans.all[s.chance.Intn(len(s.plans.all))]
	sub := s.newSubscription(p, 1, "", time.Time{})
	s.approve(sub, s.payerFor("somebody."+sub.id+"@example.com", Good, false))
}

// liveSubscription lets a subscription's days pass until the rates are taken
// away or it is over.
func (s *Server) liveSubscription(sub *subscription) {
	if s.cfg.Rates == (Life{}) {
		return
	}
	s.world.Every(sub.stream.Between(time.Hour, 25*time.Hour), 24*time.Hour, func() bool {
		if sub.over() || s.cfg.Rates == (Life{}) {
			return false
		}
		s.dayOf(sub)
		return true
	})
}

// dayOf draws every decision of one day, in the same order each time.
func (s *Server) dayOf(sub *subscription) {
	r := s.cfg.Rates
	for _, d := range []struct {
		rate float64
		act  func(*subscription)
	}{
		{r.Recover, s.liveRecover},
		{r.PayerCancel, func(sub *subscription) { s.cancel(sub, "") }},
		{r.DashboardSuspend, s.liveSuspend},
		{r.DashboardActivate, s.liveActivate},
		{r.PlanChange, s.livePlan},
		{r.QuantityChange, s.liveQuantity},
	} {
		if sub.stream.Chance(d.rate) && !sub.over() {
			d.act(sub)
		}
	}
	for _, t := range s.txns.all {
		if t.sub == sub {
			s.dayOfPayment(t, sub.stream)
			break
		}
	}
}

// liveRecover gives the payer money again; PayPal notices at its next try.
func (s *Server) liveRecover(sub *subscription) {
	if sub.failed > 0 && sub.payer.method != Good {
		sub.payer.method = Good
	}
}

func (s *Server) liveSuspend(sub *subscription) {
	if sub.status == "ACTIVE" {
		s.suspend(sub, "Customer asked for a break")
	}
}

func (s *Server) liveActivate(sub *subscription) {
	if sub.status == "SUSPENDED" {
		s.activate(sub, "Welcome back")
	}
}

func (s *Server) livePlan(sub *subscription) {
	for _, p := range s.plans.all {
		same := p.regular.unit == sub.plan.regular.unit && p.regular.price.currency == sub.plan.regular.price.currency && p.regular.cycles == 0
		if same && p != sub.plan && p.trial == nil && p.intro == nil && sub.plan.trial == nil && sub.plan.intro == nil && sub.status == "ACTIVE" && sub.plan.regular.cycles == 0 {
			s.revise(sub, p, sub.quantity)
			return
		}
	}
}

func (s *Server) liveQuantity(sub *subscription) {
	n := 1 + int64(sub.stream.Intn(4))
	if sub.status == "ACTIVE" && n != sub.quantity {
		s.revise(sub, sub.plan, n)
	}
}

// livePayment lets the days of a captured order pass.
func (s *Server) livePayment(t *txn) {
	if s.cfg.Rates == (Life{}) {
		return
	}
	days := 0
	s.world.Every(t.order.chance.Between(time.Hour, 25*time.Hour), 24*time.Hour, func() bool {
		if days++; days > 120 || s.cfg.Rates == (Life{}) {
			return false
		}
		s.dayOfPayment(t, t.order.chance)
		return true
	})
}

// dayOfPayment is what may come to a payment, or to the newest of its
// subscription.
func (s *Server) dayOfPayment(t *txn, chance *sim.Stream) {
	r := s.cfg.Rates
	back, part := chance.Chance(r.DashboardRefund), chance.Chance(0.5)
	hangs, fails := chance.Chance(r.RefundHangs), chance.Chance(r.RefundFails)
	disputed, inquiry, several := chance.Chance(r.Dispute), chance.Chance(r.Inquiry), chance.Chance(r.Several)
	contest := chance.Chance(r.Contest)
	if t = s.recent(t); t == nil {
		return
	}
	if d := t.dispute; d != nil {
		if contest && d.status == "WAITING_FOR_SELLER_RESPONSE" {
			s.contest(d)
		}
		return
	}
	left := money{t.amount.minor - t.back(), t.amount.currency}
	switch {
	case t.state != "COMPLETED" || left.minor <= 0:
	case back:
		if part && left.share(1, 3).minor > 0 {
			left = left.share(1, 3)
		}
		s.give(t, left, refund{note: "Sorry"}, hangs, fails)
	case disputed || inquiry:
		txns := []*txn{t}
		if other := s.other(t); several && other != nil {
			txns = append(txns, other)
		}
		s.open(txns, sim.Pick(chance, []string{"UNAUTHORISED", "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "CANCELED_RECURRING_BILLING"}), inquiry)
	}
}

// recent is the newest payment of the subscription that a payment belongs to.
func (s *Server) recent(t *txn) *txn {
	if t.sub == nil {
		return t
	}
	newest := t
	for _, x := range s.txns.all {
		if x.sub == t.sub {
			newest = x
		}
	}
	return newest
}

// other is another good payment of the same payer in the same currency.
func (s *Server) other(t *txn) *txn {
	for _, x := range s.txns.all {
		if x != t && x.payer == t.payer && x.amount.currency == t.amount.currency && x.state == "COMPLETED" && x.dispute == nil && x.back() == 0 {
			return x
		}
	}
	return nil
}
