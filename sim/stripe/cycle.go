package stripe

import "time"

const updated = "customer.subscription.updated"

// finalizeAfter is how long a renewal's invoice stays a draft.
const finalizeAfter = time.Hour

// begin bills a new subscription. offSession is false while the customer is
// there to authenticate.
func (s *Server) begin(sub *subscription, pi *intent) *invoice {
	inv := s.newInvoice(sub, "subscription_create")
	s.edit(sub, func() { sub.latest = inv })
	s.finalize(inv, pi)
	if sub.status == "incomplete" {
		s.in(23*time.Hour, func() { s.expireIncomplete(sub) })
	}
	return inv
}

// expireIncomplete gives up on a first payment after 23 hours.
func (s *Server) expireIncomplete(sub *subscription) {
	if sub.status != "incomplete" {
		return
	}
	s.edit(sub, func() {
		sub.status, sub.endedAt = "incomplete_expired", s.now.Unix()
	}, updated)
	if inv := sub.latest; inv != nil && inv.status == "open" {
		s.void(inv)
	}
}

// periodEnd carries out what is due at the end of the current period.
func (s *Server) periodEnd(sub *subscription) {
	switch {
	case sub.cancelEnd, sub.cancelAt > 0 && sub.cancelAt <= sub.end:
		s.end(sub, "cancellation_requested")
	case sub.status == "incomplete":
	case sub.status == "trialing" && s.methodFor(sub) == nil && sub.missing == "cancel":
		s.end(sub, "payment_failed")
	case sub.status == "trialing" && s.methodFor(sub) == nil && sub.missing == "pause":
		s.edit(sub, func() { sub.status = "paused" }, "customer.subscription.paused", updated)
	default:
		s.renew(sub, sub.end)
	}
}

// renew starts the period at from and makes its invoice.
func (s *Server) renew(sub *subscription, from int64) {
	s.turnPhase(sub, from)
	s.edit(sub, func() {
		sub.start = from
		sub.end = sub.periodAfter(from)
		if sub.status == "trialing" {
			sub.status = "active"
		}
	}, updated)
	inv := s.newInvoice(sub, "subscription_cycle")
	s.edit(sub, func() { sub.latest = inv }, updated)
	s.plan(sub)
	if sub.status == "unpaid" {
		s.edit(inv, func() { inv.auto = false }, "invoice.updated")
		return
	}
	s.in(finalizeAfter, func() {
		if inv.status == "draft" && inv.auto && !sub.over() {
			s.finalize(inv, nil)
		}
	})
}

// end cancels a subscription at once.
func (s *Server) end(sub *subscription, reason string) {
	if sub.over() {
		return
	}
	s.edit(sub, func() {
		now := s.now.Unix()
		if sub.canceledAt == 0 {
			sub.canceledAt = now
		}
		sub.status, sub.endedAt, sub.endReason, sub.pause = "canceled", now, reason, nil
	}, "customer.subscription.deleted")
	s.dropSchedule(sub)
	if inv := sub.latest; inv != nil && (inv.status == "open" || inv.status == "draft") {
		s.edit(inv, func() { inv.auto, inv.nextTry = false, 0 }, "invoice.updated")
	}
}

// follow moves the subscription after its newest invoice was paid or failed.
func (s *Server) follow(sub *subscription, paid bool) {
	if sub == nil || sub.over() {
		return
	}
	to := sub.status
	switch {
	case paid && (to == "incomplete" || to == "past_due" || to == "unpaid"):
		to = "active"
	case !paid && to == "active":
		to = "past_due"
	}
	if to != sub.status {
		s.edit(sub, func() { sub.status = to }, updated)
	}
}

// exhausted ends the retries as the account's setting says.
func (s *Server) exhausted(sub *subscription) {
	if sub.status != "past_due" {
		return
	}
	switch s.cfg.AfterRetries {
	case "unpaid":
		s.edit(sub, func() { sub.status = "unpaid" }, updated)
	case "past_due":
	default:
		s.end(sub, "payment_failed")
	}
}

// announce sends invoice.upcoming, whose invoice is a preview and has no id.
func (s *Server) announce(sub *subscription) {
	d := s.preview(sub).render(s)
	s.emitDoc("invoice.upcoming", "", without(d, "id"), nil)
}

// setPause starts, changes or (with nil) ends a pause of collection.
func (s *Server) setPause(sub *subscription, p *pause) {
	s.edit(sub, func() { sub.pause = p }, updated)
	if p == nil || p.resumes == 0 {
		return
	}
	s.at(unix(p.resumes), func() {
		if sub.pause == p && !sub.over() {
			s.setPause(sub, nil)
		}
	})
}

// setTrialEnd moves the end of the trial, which is also that of the period.
func (s *Server) setTrialEnd(sub *subscription, end int64) {
	if end <= s.now.Unix() {
		s.edit(sub, func() { sub.trialEnd, sub.end, sub.anchor = s.now.Unix(), s.now.Unix(), s.now.Unix() }, updated)
		s.periodEnd(sub)
		return
	}
	s.edit(sub, func() {
		if sub.status != "trialing" {
			sub.status, sub.trialStart, sub.start = "trialing", s.now.Unix(), s.now.Unix()
		}
		sub.trialEnd, sub.end, sub.anchor, sub.warned = end, end, end, false
	}, updated)
	s.plan(sub)
}

// setItems changes prices or quantities, and puts the difference for the rest
// of the period on the next invoice.
func (s *Server) setItems(sub *subscription, prorate bool, change func()) {
	before := sub.amount()
	s.edit(sub, change, updated)
	for _, it := range sub.items {
		s.index(sub, "price", it.price.id)
	}
	if length := sub.end - sub.start; prorate && sub.status == "active" && length > 0 {
		left := max(0, sub.end-s.now.Unix())
		sub.prorated += (sub.amount() - before) * left / length
	}
}
