package paypal

import "time"

const (
	// PayPal tries a failed charge again every five days, at most twice in a
	// cycle.
	retryGap = 5 * 24 * time.Hour
	retries  = 2
	// clears is how long an eCheck takes.
	clears = 3 * 24 * time.Hour
)

// approve lets a payer agree to a subscription. PayPal announces it as activated
// and only then as created.
func (s *Server) approve(sub *subscription, by *payer) {
	s.edit(sub, func() {
		sub.payer, sub.status, sub.statusAt, sub.asking = by, "ACTIVE", s.now, false
		sub.next = sub.base()
		if sub.free() {
			sub.paidUntil = sub.base()
		}
	})
	s.emit("BILLING.SUBSCRIPTION.ACTIVATED", "subscription", "2.0", sub.render(s))
	s.emit("BILLING.SUBSCRIPTION.CREATED", "subscription", "2.0", sub.render(s))
	s.plan(sub)
	s.liveSubscription(sub)
}

// plan schedules the next charge, which comes some minutes after its time.
func (s *Server) plan(sub *subscription) {
	turn := sub.turn
	if sub.next.IsZero() {
		s.at(sub.ends(), func() {
			if sub.turn == turn && sub.status == "ACTIVE" {
				s.setStatus(sub, "EXPIRED", "")
				s.emit("BILLING.SUBSCRIPTION.EXPIRED", "subscription", "2.0", sub.render(s))
			}
		})
		return
	}
	late := sub.stream.Between(10*time.Second, 40*time.Minute)
	if !sub.next.After(s.now) {
		late = sub.stream.Between(2*time.Second, 40*time.Second) // the first charge, right after the approval
	}
	s.at(sub.next.Add(late), func() {
		if sub.turn == turn && sub.status == "ACTIVE" {
			s.bill(sub)
		}
	})
}

// bill begins a cycle with its charge.
func (s *Server) bill(sub *subscription) {
	began := sub.next
	s.edit(sub, func() {
		if sub.plan.trial != nil && sub.trialDone < sub.plan.trial.cycles {
			sub.trialDone = sub.plan.trial.cycles
		}
		sub.tries = 0
		sub.next = sub.boundaryAfter(began)
		if n := sub.plan.regular.cycles; n > 0 && !sub.ends().After(sub.next) {
			sub.next = time.Time{}
		}
	})
	s.charge(sub, began)
	s.plan(sub)
}

// charge tries to collect for the cycle that began at a time.
func (s *Server) charge(sub *subscription, began time.Time) {
	amount, arrears := sub.priceAt(began), int64(0)
	if sub.plan.autoBill {
		arrears = sub.outstanding
		amount.minor += arrears
	}
	switch s.pays(sub.payer) {
	case "paid":
		t := s.newSale(sub, amount, "COMPLETED")
		t.arrears = arrears
		s.collected(sub, t, began)
	case "pending":
		t := s.newSale(sub, amount, "PENDING")
		t.arrears = arrears
		s.emit("PAYMENT.SALE.PENDING", "sale", "1.0", t.sale(s))
		s.in(clears, func() { s.clear(sub, t, began) })
	default:
		s.chargeFailed(sub, amount, began)
	}
}

// clear ends the wait for an eCheck.
func (s *Server) clear(sub *subscription, t *txn, began time.Time) {
	if sub.payer.method == DebitFails {
		s.edit(t, func() { t.state = "DENIED" })
		s.emit("PAYMENT.SALE.DENIED", "sale", "1.0", t.sale(s))
		if sub.status == "ACTIVE" {
			s.chargeFailed(sub, t.amount, began)
		}
		return
	}
	s.edit(t, func() { t.state = "COMPLETED" })
	s.collected(sub, t, began)
}

// collected books a charge that went well, which lifts no suspension. That the
// subscription is paid for is not announced in any other way than by its sale, now
// and then by two events.
func (s *Server) collected(sub *subscription, t *txn, began time.Time) {
	sub.payer.paid++
	s.edit(sub, func() {
		sub.last = &paidOnce{t.amount, s.now}
		sub.failed, sub.lastFailed = 0, nil
		sub.outstanding = max(0, sub.outstanding-t.arrears)
		if !began.Before(sub.full()) {
			sub.done++
		}
		if until := sub.boundaryAfter(began); until.After(sub.paidUntil) {
			sub.paidUntil = until
		}
	})
	s.emit("PAYMENT.SALE.COMPLETED", "sale", "1.0", t.sale(s))
	if sub.stream.Chance(s.cfg.Rates.Twice) {
		s.in(sub.stream.Between(time.Minute, 5*24*time.Hour), func() {
			again := t.sale(s)
			again["payment_hold_status"] = "RELEASED"
			s.emit("PAYMENT.SALE.COMPLETED", "sale", "1.0", again)
		})
	}
}

// reasons of failed charges, as PayPal names them.
var reasons = []string{"PAYER_CANNOT_PAY", "PAYMENT_DENIED", "SENDING_LIMIT_EXCEEDED", "PAYER_ACCOUNT_RESTRICTED", "INTERNAL_SERVER_ERROR"}

// chargeFailed plans the next try; after the last the amount is outstanding. At
// the plan's threshold the subscription is suspended.
func (s *Server) chargeFailed(sub *subscription, amount money, began time.Time) {
	retry := s.now.Add(retryGap)
	tries := sub.tries < retries && (sub.next.IsZero() || retry.Before(sub.next))
	reason := reasons[sub.stream.Intn(len(reasons))]
	if s.restricted {
		reason = "PAYEE_ACCOUNT_RESTRICTED"
	}
	suspend := false
	s.edit(sub, func() {
		sub.failed++
		sub.tries++
		sub.lastFailed = &failedOnce{amount: amount, at: s.now, reason: reason}
		suspend = sub.plan.threshold > 0 && sub.failed >= sub.plan.threshold
		if tries && !suspend {
			sub.lastFailed.retry = retry
		} else {
			sub.outstanding += sub.priceAt(began).minor
		}
	})
	s.emit("BILLING.SUBSCRIPTION.PAYMENT.FAILED", "subscription", "2.0", without(sub.second(s), false, true))
	if suspend {
		s.edit(sub, func() { sub.byFailures = true })
		s.setStatus(sub, "SUSPENDED", "")
		s.emit("BILLING.SUBSCRIPTION.SUSPENDED", "subscription", "2.0", sub.render(s))
		return
	}
	if !tries {
		return
	}
	turn := sub.turn
	s.at(retry, func() {
		if sub.turn == turn && sub.status == "ACTIVE" && sub.failed > 0 {
			s.charge(sub, began)
		}
	})
}

// cancel ends charging at once and for good; the next billing time is forgotten.
func (s *Server) cancel(sub *subscription, note string) {
	s.setStatus(sub, "CANCELLED", note)
	s.edit(sub, func() { sub.next = time.Time{} })
	s.emit("BILLING.SUBSCRIPTION.CANCELLED", "subscription", "2.0", sub.render(s))
}

func (s *Server) suspend(sub *subscription, note string) {
	s.setStatus(sub, "SUSPENDED", note)
	s.edit(sub, func() { sub.byFailures = false })
	s.emit("BILLING.SUBSCRIPTION.SUSPENDED", "subscription", "2.0", sub.render(s))
}

// activate takes charging up again at the next regular date; cycles that passed
// meanwhile are not charged for.
func (s *Server) activate(sub *subscription, note string) {
	s.setStatus(sub, "ACTIVE", note)
	s.edit(sub, func() {
		sub.byFailures, sub.failed, sub.lastFailed, sub.tries = false, 0, nil, 0
		if !sub.next.IsZero() && !sub.next.After(s.now) {
			sub.next = sub.boundaryAfter(s.now)
		}
	})
	s.emit("BILLING.SUBSCRIPTION.RE-ACTIVATED", "subscription", "2.0", sub.render(s))
	s.plan(sub)
}

// revise moves a subscription to another plan of the same rhythm, or another
// quantity.
func (s *Server) revise(sub *subscription, to *plan, quantity int64) {
	s.edit(sub, func() { sub.plan, sub.quantity = to, quantity })
	s.emit("BILLING.SUBSCRIPTION.UPDATED", "subscription", "2.0", sub.render(s))
}
