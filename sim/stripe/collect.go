package stripe

import "time"

// retryDays are when a failed invoice is tried again, in days after the first
// failure. Stripe's own smart retries choose similar times within two weeks.
var retryDays = [...]int64{1, 3, 5, 7}

// finalize makes a draft due: it is paid if nothing is owed, set aside while
// collection is paused, and else charged. A payment intent that already
// succeeded (a checkout's) pays it at once.
func (s *Server) finalize(inv *invoice, pi *intent) {
	now := s.now.Unix()
	if p := inv.sub.pause; p != nil && pi == nil {
		s.setAside(inv, p.behavior)
		return
	}
	if inv.total() == 0 {
		s.edit(inv, func() { inv.status, inv.finalized = "open", now }, "invoice.finalized")
		s.settle(inv)
		return
	}
	fresh := pi == nil
	if fresh {
		pi = s.newIntent(inv.total(), inv.currency(), inv.customer, nil)
	}
	pi.inv, inv.pi = inv, pi
	inv.payment = &invoicePayment{head: s.newHead("invoice_payment", "inpay", 24, inv.customer), inv: inv, pi: pi, status: "open"}
	s.edit(inv, func() { inv.status, inv.finalized = "open", now }, "invoice.finalized")
	s.add(inv.payment)
	s.index(inv.payment, "invoice", inv.id)
	s.index(inv.payment, "payment", pi.id)
	switch {
	case fresh:
		s.charge(inv, inv.reason != "subscription_create")
	case pi.status == "succeeded":
		inv.attempts++
		s.settle(inv)
	case pi.status == "processing":
		s.edit(inv, func() { inv.attempts++ }, "invoice.updated")
		s.follow(inv.sub, true)
	}
}

// setAside is what a pause of collection does with an invoice of its time.
func (s *Server) setAside(inv *invoice, behavior string) {
	switch behavior {
	case "void":
		s.edit(inv, func() { inv.status, inv.finalized = "open", s.now.Unix() }, "invoice.finalized")
		s.void(inv)
	case "mark_uncollectible":
		s.edit(inv, func() { inv.status, inv.finalized = "open", s.now.Unix() }, "invoice.finalized")
		s.edit(inv, func() { inv.status, inv.writeOff = "uncollectible", s.now.Unix() }, "invoice.marked_uncollectible")
	default:
		s.edit(inv, func() { inv.auto = false }, "invoice.updated")
	}
}

// void also cancels the payment that was under way.
func (s *Server) void(inv *invoice) {
	s.edit(inv, func() {
		inv.status, inv.voided, inv.nextTry, inv.auto = "void", s.now.Unix(), 0, false
	}, "invoice.voided")
	if inv.pi != nil && inv.pi.status != "succeeded" && inv.pi.status != "processing" {
		s.cancelIntent(inv.pi, "void_invoice")
	}
	if p := inv.payment; p != nil && p.status == "open" {
		s.edit(p, func() { p.status, p.ended = "canceled", s.now.Unix() })
	}
}

// charge tries to collect an open invoice. A renewal runs without the customer.
func (s *Server) charge(inv *invoice, renewal bool) {
	if inv.status != "open" || inv.pi == nil || inv.pi.status == "processing" || inv.pi.status == "canceled" {
		return
	}
	m := s.methodFor(inv.sub)
	inv.attempts++
	if m == nil {
		s.collectFailed(inv, nil)
		return
	}
	c, _ := s.all[inv.customer].(*customer)
	refused := s.fate(c, m, renewal)
	if refused == nil && renewal && !m.card.debit() && s.streamOf(inv.customer).Chance(s.cfg.Rates.Authenticate) {
		inv.pi.pays = m
		s.askAuthentication(inv.pi)
		return
	}
	s.confirm(inv.pi, m, refused, renewal)
}

// settle marks an invoice as paid in full.
func (s *Server) settle(inv *invoice) {
	now := s.now.Unix()
	if p := inv.payment; p != nil {
		s.edit(p, func() { p.status, p.paid, p.paidAt = "paid", inv.total(), now }, "invoice_payment.paid")
	}
	s.edit(inv, func() {
		inv.status, inv.paid, inv.paidAt, inv.nextTry = "paid", inv.total(), now, 0
	}, "invoice.updated", "invoice.paid", "invoice.payment_succeeded")
	if inv.sub.latest == inv || s.newestOpen(inv.sub) == nil {
		s.follow(inv.sub, true)
	}
}

// newestOpen is the invoice that a customer who is behind has to pay.
func (s *Server) newestOpen(sub *subscription) *invoice {
	rows := s.table("invoice").Having("subscription", sub.id)
	for i := len(rows) - 1; i >= 0; i-- {
		if inv := rows[i].(*invoice); inv.status == "open" {
			return inv
		}
	}
	return nil
}

// collectFailed plans the next attempt after a failed one, or gives up.
func (s *Server) collectFailed(inv *invoice, why *decline) {
	now := s.now.Unix()
	if inv.firstFail == 0 {
		inv.firstFail = now
		last := unix(now).AddDate(0, 0, int(retryDays[len(retryDays)-1]))
		s.at(last.Add(time.Minute), func() { s.giveUp(inv) })
	}
	next := int64(0)
	if inv.auto && inv.reason != "subscription_create" && (why == nil || !why.hard) {
		for _, d := range retryDays {
			if t := inv.firstFail + d*86400; t > now {
				next = t
				break
			}
		}
	}
	s.edit(inv, func() { inv.nextTry = next }, "invoice.updated")
	s.emit("invoice.payment_failed", inv, nil)
	if inv.sub.latest == inv {
		s.follow(inv.sub, false)
	}
	if next > 0 {
		s.at(unix(next), func() {
			if inv.nextTry == next && inv.auto {
				s.charge(inv, true)
			}
		})
	}
}

// giveUp ends the subscription of an invoice that stayed unpaid through all
// retries.
func (s *Server) giveUp(inv *invoice) {
	if inv.status != "open" {
		return
	}
	if inv.pi != nil && inv.pi.status == "processing" {
		s.in(24*time.Hour, func() { s.giveUp(inv) })
		return
	}
	s.exhausted(inv.sub)
}
