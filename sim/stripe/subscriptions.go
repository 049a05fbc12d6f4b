package stripe

import (
	"strconv"

	"github.com/trivetdev/trivet/sim"
)

// subscriptionRoutes are the calls about subscriptions.
func subscriptionRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/subscriptions":               listSubscriptions,
		"GET /v1/subscriptions/{id}":          showByID[*subscription]("subscription"),
		"POST /v1/subscriptions/{id}":         updateSubscription,
		"DELETE /v1/subscriptions/{id}":       cancelSubscription,
		"POST /v1/subscriptions/{id}/resume":  resumeSubscription,
		"GET /v1/subscription_schedules/{id}": showByID[*schedule]("subscription_schedule"),
	}
}

// listSubscriptions hides canceled ones unless asked for status=all.
func listSubscriptions(c *call) (doc, error) {
	status := c.form.str("status")
	return c.list(query{
		kind: "subscription", url: "/v1/subscriptions", indexed: []string{"customer", "price"},
		keep: func(r resource) bool {
			sub := r.(*subscription)
			switch status {
			case "all":
				return true
			case "":
				return sub.status != "canceled"
			case "ended":
				return sub.over()
			}
			return sub.status == status
		},
	})
}

// cancelSubscription answers 404 for one that has ended, as Stripe does: a retry
// after a lost answer sees that.
func cancelSubscription(c *call) (doc, error) {
	sub, err := find[*subscription](c.s, "subscription", c.id())
	if err != nil {
		return nil, err
	}
	if sub.over() {
		return nil, noSuch("subscription", sub.id)
	}
	c.s.effect(sim.OpCancel, sub.id, 0, "", c.form.str("metadata", "trivet_effect"))
	c.s.end(sub, "cancellation_requested")
	return c.show(sub)
}

func resumeSubscription(c *call) (doc, error) {
	s := c.s
	sub, err := find[*subscription](s, "subscription", c.id())
	if err != nil {
		return nil, err
	}
	if sub.status != "paused" {
		return nil, badRequest("", "Only subscriptions with a status of paused can be resumed; this one is "+sub.status+".")
	}
	s.effect(sim.OpResume, sub.id, 0, "", c.form.str("metadata", "trivet_effect"))
	s.resume(sub)
	return c.show(sub)
}

// resume starts a new period for a subscription that paused when its trial
// ended without a card.
func (s *Server) resume(sub *subscription) {
	now := s.now.Unix()
	s.edit(sub, func() {
		sub.status, sub.anchor, sub.start, sub.end = "active", now, now, now
		sub.end = sub.periodAfter(now)
	}, "customer.subscription.resumed", updated)
	inv := s.newInvoice(sub, "subscription_cycle")
	s.edit(sub, func() { sub.latest = inv }, updated)
	s.plan(sub)
	s.finalize(inv, nil)
}

// updateSubscription refuses to bring an ended subscription back.
func updateSubscription(c *call) (doc, error) {
	s, f := c.s, c.form
	sub, err := find[*subscription](s, "subscription", c.id())
	if err != nil {
		return nil, err
	}
	if sub.over() {
		return nil, badRequest("", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	change, err := s.readChange(f, sub)
	if err != nil {
		return nil, err
	}
	if f.given("metadata") {
		s.edit(sub, func() { sub.metadata = f.merge(sub.metadata, "metadata") }, updated)
	}
	change()
	return c.show(sub)
}

// readChange checks all parameters of an update before any of them acts.
func (s *Server) readChange(f *form, sub *subscription) (change func(), err error) {
	var steps []func()
	for _, read := range []func(*form, *subscription, string) (func(), error){
		s.readItems, s.readTrialEnd, s.readCancelAt, s.readPause, s.readCancel, s.readPays,
	} {
		step, err := read(f, sub, f.str("metadata", "trivet_effect"))
		if err != nil {
			return nil, err
		}
		if step != nil {
			steps = append(steps, step)
		}
	}
	return func() {
		for _, step := range steps {
			step()
		}
	}, nil
}

func (s *Server) readCancel(f *form, sub *subscription, key string) (func(), error) {
	if !f.given("cancel_at_period_end") {
		return nil, nil
	}
	want := f.flag("cancel_at_period_end")
	return func() {
		if want == sub.cancelEnd {
			return
		}
		op := sim.OpUncancel
		if want {
			op = sim.OpCancelAtPeriodEnd
		}
		s.effect(op, sub.id, 0, "", key)
		s.setCancel(sub, want)
	}, nil
}

// setCancel sets or takes back the cancellation at the end of the period.
func (s *Server) setCancel(sub *subscription, want bool) {
	s.edit(sub, func() {
		sub.cancelEnd, sub.cancelAt, sub.canceledAt, sub.endReason = want, 0, 0, ""
		if want {
			sub.canceledAt, sub.endReason = s.now.Unix(), "cancellation_requested"
		}
	}, updated)
}

// readCancelAt takes the empty value for none.
func (s *Server) readCancelAt(f *form, sub *subscription, key string) (func(), error) {
	if !f.given("cancel_at") {
		return nil, nil
	}
	at, err := f.num("cancel_at")
	if err != nil {
		return nil, err
	}
	return func() {
		if at == sub.cancelAt {
			return
		}
		op := sim.OpCancelAtPeriodEnd
		if at == 0 {
			op = sim.OpUncancel
		}
		s.effect(op, sub.id, 0, "", key)
		s.setCancelAt(sub, at)
	}, nil
}

// setCancelAt sets a date of cancellation; zero takes it back.
func (s *Server) setCancelAt(sub *subscription, at int64) {
	s.edit(sub, func() {
		sub.cancelAt, sub.canceledAt = at, 0
		if at > 0 {
			sub.canceledAt = s.now.Unix()
		}
	}, updated)
	if at == 0 {
		return
	}
	s.at(unix(at), func() {
		if sub.cancelAt == at {
			s.end(sub, "cancellation_requested")
		}
	})
}

// readPause takes the empty value for an end of the pause.
func (s *Server) readPause(f *form, sub *subscription, key string) (func(), error) {
	if !f.given("pause_collection") {
		return nil, nil
	}
	behavior := f.str("pause_collection", "behavior")
	if behavior == "" {
		return func() {
			if sub.pause == nil {
				return
			}
			s.effect(sim.OpResume, sub.id, 0, "", key)
			s.setPause(sub, nil)
		}, nil
	}
	switch behavior {
	case "void", "keep_as_draft", "mark_uncollectible":
	default:
		return nil, badRequest("pause_collection[behavior]", "Invalid pause_collection[behavior]: must be one of keep_as_draft, mark_uncollectible, or void")
	}
	resumes, err := f.num("pause_collection", "resumes_at")
	if err != nil {
		return nil, err
	}
	return func() {
		if p := sub.pause; p != nil && p.behavior == behavior && p.resumes == resumes {
			return
		}
		s.effect(sim.OpPause, sub.id, 0, "", key)
		s.setPause(sub, &pause{behavior: behavior, resumes: resumes})
	}, nil
}

// readTrialEnd takes now or a time within 730 days.
func (s *Server) readTrialEnd(f *form, sub *subscription, key string) (func(), error) {
	if !f.given("trial_end") {
		return nil, nil
	}
	end := s.now.Unix()
	if v := f.str("trial_end"); v != "now" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, invalid("parameter_invalid_integer", "trial_end", "Invalid timestamp: must be an integer Unix timestamp or now")
		}
		if n <= end || n > s.now.AddDate(0, 0, 730).Unix() {
			return nil, badRequest("trial_end", "trial_end must be a time in the future, at most 730 days from now")
		}
		end = n
	}
	return func() {
		if end == sub.trialEnd {
			return
		}
		s.effect(sim.OpTrialEnd, sub.id, 0, "", key)
		s.setTrialEnd(sub, end)
	}, nil
}

// readItems changes prices and quantities of items that exist.
func (s *Server) readItems(f *form, sub *subscription, _ string) (func(), error) {
	rows := f.rows("items")
	if len(rows) == 0 {
		return nil, nil
	}
	var changes []func()
	for i, row := range rows {
		it := sub.itemByID(row.str("id"))
		if it == nil {
			return nil, noSuchParam("subscription_item", "items["+itoa(i)+"][id]", row.str("id"))
		}
		if id := row.str("price"); id != "" {
			p, err := find[*price](s, "price", id)
			if err != nil {
				return nil, noSuchParam("price", "items["+itoa(i)+"][price]", id)
			}
			changes = append(changes, func() { it.price = p })
		}
		n, err := row.num("quantity")
		if err != nil {
			return nil, err
		}
		if n > 0 {
			changes = append(changes, func() { it.quantity = n })
		}
	}
	return func() {
		s.setItems(sub, f.str("proration_behavior") != "none", func() {
			for _, c := range changes {
				c()
			}
		})
	}, nil
}

// readPays changes the card of this subscription alone.
func (s *Server) readPays(f *form, sub *subscription, _ string) (func(), error) {
	id := f.str("default_payment_method")
	if id == "" {
		return nil, nil
	}
	m, err := find[*method](s, "PaymentMethod", id)
	if err != nil {
		return nil, noSuchParam("PaymentMethod", "default_payment_method", id)
	}
	return func() { s.edit(sub, func() { sub.pays = m }, updated) }, nil
}
