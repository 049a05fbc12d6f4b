package lemonsqueezy

import "time"

// retryAfter are the waits between the attempts to collect a renewal: four in two
// weeks, as documented.
var retryAfter = [...]time.Duration{3 * 24 * time.Hour, 3 * 24 * time.Hour, 4 * 24 * time.Hour, 4 * 24 * time.Hour}

// subscribe makes the subscription of an order, paid for or on trial. Nothing is
// announced yet.
func (s *Server) subscribe(o *order, percent int64) *subscription {
	sub := &subscription{
		head: s.newHead(typeSubscription, o.customer), order: o, variant: o.item.variant, price: o.item.price, quantity: o.item.quantity,
		percent: percent, custom: o.custom, status: "active", start: s.now, anchor: s.now.Day(),
	}
	sub.store = o.store
	if trial := o.item.variant.trial; trial > 0 {
		sub.status, sub.trialEnd = "on_trial", s.now.AddDate(0, 0, trial)
		sub.end, sub.anchor = sub.trialEnd, sub.trialEnd.Day()
	} else {
		sub.end = sub.variant.after(sub.start, sub.anchor)
		s.invoice(sub, "initial", o.money, "paid")
	}
	s.add(sub)
	s.plan(sub)
	return sub
}

// announce sends what comes with a new subscription, beside the order's event.
func (s *Server) announce(sub *subscription) {
	s.emit("subscription_created", sub, sub.custom)
	for _, i := range sub.invoices {
		s.emit("subscription_payment_success", i, sub.custom)
	}
}

// plan makes sure that something happens at the end of the present period, trial
// or grace; whatever was planned before does not.
func (s *Server) plan(sub *subscription) {
	sub.due++
	mine := sub.due
	at := sub.end
	switch sub.status {
	case "past_due":
		at = sub.next
	case canceled:
		at = sub.ends
	case "expired":
		return
	}
	s.at(at, func() {
		if sub.due == mine {
			s.turn(sub)
		}
	})
}

// turn carries out what is due.
func (s *Server) turn(sub *subscription) {
	switch sub.status {
	case "on_trial", "active":
		s.renew(sub)
	case "paused":
		s.skip(sub)
	case "past_due":
		s.retry(sub)
	case "unpaid", canceled:
		s.expire(sub)
	}
}

// renew begins the next period and collects for it. The first payment after a
// trial is the initial one.
func (s *Server) renew(sub *subscription) {
	reason := "renewal"
	if sub.status == "on_trial" {
		reason = "initial"
	}
	who := s.customerOf(sub)
	s.edit(sub, func() {
		sub.start = sub.end
		sub.end = sub.variant.after(sub.start, sub.anchor)
		sub.status = "active"
	})
	i := s.invoice(sub, reason, s.charge(sub.price, sub.quantity, sub.percent, who), "pending")
	if i.money.total == 0 || !s.declined(who) {
		s.collected(sub, i)
		return
	}
	s.edit(sub, func() { sub.status, sub.tries, sub.next = "past_due", 0, s.now.Add(retryAfter[0]) })
	s.emit("subscription_payment_failed", i, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// collected notes that an invoice was paid at its first try.
func (s *Server) collected(sub *subscription, i *invoice) {
	s.edit(i, func() { i.state = "paid" })
	s.emit("subscription_payment_success", i, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// retry tries to collect again what is owed; after the last try it gives up.
func (s *Server) retry(sub *subscription) {
	i := sub.owed()
	if i == nil {
		return
	}
	if !s.declined(s.customerOf(sub)) {
		s.recover(sub, i)
		return
	}
	s.edit(sub, func() {
		sub.tries++
		if sub.tries < len(retryAfter) {
			sub.next = s.now.Add(retryAfter[sub.tries])
		} else {
			sub.status, sub.end = "unpaid", s.now.Add(s.cfg.ExpireUnpaid)
		}
	})
	s.emit("subscription_payment_failed", i, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// recover pays what is owed. Where the period has gone by meanwhile, a new one
// begins now.
func (s *Server) recover(sub *subscription, i *invoice) {
	s.edit(i, func() { i.state = "paid" })
	s.edit(sub, func() {
		sub.status, sub.next = "active", time.Time{}
		sub.end = sub.variant.after(sub.start, sub.anchor)
		if !sub.end.After(s.now) {
			sub.start, sub.anchor = s.now, s.now.Day()
			sub.end = sub.variant.after(sub.start, sub.anchor)
		}
	})
	s.emit("subscription_payment_success", i, sub.custom)
	s.emit("subscription_payment_recovered", i, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// skip lets a period of a pause go by. In mode void its invoice is made and
// annulled; in mode free there is none.
func (s *Server) skip(sub *subscription) {
	s.edit(sub, func() {
		sub.start = sub.end
		sub.end = sub.variant.after(sub.start, sub.anchor)
	})
	if sub.pauseMode == "void" {
		s.invoice(sub, "renewal", s.charge(sub.price, sub.quantity, sub.percent, s.customerOf(sub)), "void")
	}
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// cancel lets a subscription end with what was paid for. What is owed is no
// longer asked for, and one that owes ends at once.
func (s *Server) cancel(sub *subscription) {
	ends := sub.end
	if owed := sub.owed(); owed != nil {
		s.edit(owed, func() { owed.state = "void" })
		ends = s.now
	}
	s.edit(sub, func() {
		sub.status, sub.ends, sub.pauseMode, sub.resumes, sub.next = canceled, ends, "", time.Time{}, time.Time{}
	})
	s.emit("subscription_cancelled", sub, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// resume takes a cancellation back.
func (s *Server) resume(sub *subscription) {
	s.edit(sub, func() {
		sub.status, sub.ends = "active", time.Time{}
		if sub.trialEnd.After(s.now) {
			sub.status = "on_trial"
		}
	})
	s.emit("subscription_resumed", sub, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// pause suspends charging until a time; zero: until unpaused.
func (s *Server) pause(sub *subscription, mode string, until time.Time) {
	s.edit(sub, func() { sub.status, sub.pauseMode, sub.resumes = "paused", mode, until })
	s.emit("subscription_paused", sub, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
	if until.IsZero() {
		return
	}
	s.at(until, func() {
		if sub.status == "paused" && sub.resumes.Equal(until) {
			s.unpause(sub)
		}
	})
}

// unpause takes charging up again.
func (s *Server) unpause(sub *subscription) {
	s.edit(sub, func() {
		sub.status, sub.pauseMode, sub.resumes = "active", "", time.Time{}
		if sub.trialEnd.After(s.now) {
			sub.status = "on_trial"
		}
	})
	s.emit("subscription_unpaused", sub, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// expire ends a subscription for good.
func (s *Server) expire(sub *subscription) {
	if owed := sub.owed(); owed != nil {
		s.edit(owed, func() { owed.state = "void" })
	}
	s.edit(sub, func() {
		sub.status, sub.pauseMode, sub.resumes, sub.next = "expired", "", time.Time{}, time.Time{}
		if sub.ends.IsZero() || sub.ends.After(s.now) {
			sub.ends = s.now
		}
	})
	s.emit("subscription_expired", sub, sub.custom)
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
}

// change moves a subscription to another variant or quantity. What that costs for
// the rest of the period is billed at once.
func (s *Server) change(sub *subscription, v *variant, quantity int64) {
	before := sub.price.amount * sub.quantity
	s.edit(sub, func() { sub.variant, sub.price, sub.quantity = v, v.price, quantity })
	if length := sub.end.Sub(sub.start); sub.status == "active" && length > 0 {
		left := max(0, sub.end.Sub(s.now))
		more := (sub.price.amount*sub.quantity - before) * int64(left/time.Hour) / max(1, int64(length/time.Hour))
		if more > 0 {
			i := s.invoice(sub, "updated", &money{subtotal: more, total: more}, "paid")
			s.emit("subscription_payment_success", i, sub.custom)
		}
	}
	s.emit("subscription_updated", sub, sub.custom)
}

// owed is the invoice that is still to be paid; nil for none.
func (sub *subscription) owed() *invoice {
	for n := len(sub.invoices) - 1; n >= 0; n-- {
		if sub.invoices[n].state == "pending" {
			return sub.invoices[n]
		}
	}
	return nil
}

// declined decides whether a customer's card is declined, without the customer.
func (s *Server) declined(who *customer) bool {
	bad := who.stream.Chance(s.cfg.Rates.CardFailure)
	if who.misfortunes > 0 {
		who.misfortunes--
		return true
	}
	return bad || who.card == CardLaterFails
}
