package paddle

import (
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

func subscriptionRoutes() map[string]endpointOf {
	const list = "address_id after collection_mode customer_id id order_by per_page price_id scheduled_change_action status"
	const fields = "customer_id address_id business_id currency_code next_billed_at discount collection_mode billing_details scheduled_change items custom_data proration_billing_mode on_payment_failure"
	return map[string]endpointOf{
		"GET /subscriptions":                                        {run: listSubscriptions, query: list},
		"GET /subscriptions/{id}":                                   {run: showSubscription, query: "include"},
		"PATCH /subscriptions/{id}":                                 {run: updateSubscription, fields: fields},
		"POST /subscriptions/{id}/cancel":                           {run: cancelSubscription, fields: "effective_from"},
		"POST /subscriptions/{id}/pause":                            {run: pauseSubscription, fields: "effective_from resume_at on_resume"},
		"POST /subscriptions/{id}/resume":                           {run: resumeSubscription, fields: "effective_from on_resume"},
		"GET /subscriptions/{id}/update-payment-method-transaction": {run: paymentMethodTransaction},
	}
}

func listSubscriptions(c *call) (answered, error) {
	values := c.r.URL.Query()
	return c.list(query{kind: "subscription", most: 200, indexed: []string{"customer_id"}, keep: func(r resource) bool {
		sub := r.(*subscription)
		action := ""
		if sub.planned != nil {
			action = sub.planned.action
		}
		return oneOf(values.Get("status"), sub.word()) && oneOf(values.Get("scheduled_change_action"), action) &&
			oneOf(values.Get("price_id"), sub.items[0].price.id)
	}})
}

// showSubscription is the only call that shows the links of management_urls.
func showSubscription(c *call) (answered, error) {
	sub, err := find[*subscription](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	out, err := c.show(sub)
	if err == nil && strings.Contains(c.r.URL.Query().Get("include"), "next_transaction") {
		out.data = append(out.data.(doc), field{"next_transaction", c.s.upcoming(sub)})
	}
	if err == nil {
		link := "https://customer-portal.paddle.test/subscriptions/" + sub.id
		out.data = append(out.data.(doc), field{"management_urls", doc{
			{"update_payment_method", link + "/update-payment-method?token=" + c.s.req.id}, {"cancel", link + "/cancel?token=" + c.s.req.id},
		}})
	}
	return out, err
}

// living finds a subscription that can still change.
func (c *call) living() (*subscription, error) {
	sub, err := find[*subscription](c.s, c.id())
	if err == nil && sub.ended {
		err = refuse("subscription_is_canceled_action_invalid", "The subscription is canceled")
	}
	return sub, err
}

// locked refuses changes while another is scheduled.
func locked(sub *subscription) error {
	if sub.planned != nil {
		return refuse("subscription_locked_pending_changes", "The subscription has a scheduled change: "+sub.planned.action)
	}
	return nil
}

func updateSubscription(c *call) (answered, error) {
	sub, err := find[*subscription](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	if sub.ended {
		return answered{}, refuse("subscription_update_when_canceled", "The subscription is canceled")
	}
	if c.body.given("scheduled_change") {
		if c.body["scheduled_change"] != nil {
			return answered{}, refuse("subscription_scheduled_change_invalid_update", "Only null can be set")
		}
		c.unschedule(sub)
	}
	if c.body.given("next_billed_at") {
		if err := c.moveBilling(sub); err != nil {
			return answered{}, err
		}
	}
	if c.body.given("custom_data") {
		c.s.edit(sub, func() { sub.custom = c.body.custom() }, updated)
	}
	return answered{data: sub.render(c.s)}, nil
}

func (c *call) unschedule(sub *subscription) {
	if p := sub.planned; p != nil {
		c.s.edit(sub, func() { sub.planned = nil }, updated)
		switch p.action {
		case "cancel":
			c.s.effect(sim.OpUncancel, sub.id, 0, "")
		case "resume": // paused for good now
			c.s.effect(sim.OpPause, sub.id, 0, "")
		}
	}
}

// moveBilling sets the next date on which a subscription is billed; in a trial
// that is its end.
func (c *call) moveBilling(sub *subscription) error {
	at, err := c.body.when("next_billed_at")
	if err != nil {
		return err
	}
	mode := c.body.str("proration_billing_mode")
	switch {
	case sub.planned != nil:
		return locked(sub)
	case sub.paused || sub.late:
		return refuse("subscription_update_when_past_due", "The subscription is "+sub.word())
	case mode == "":
		return refuse("subscription_items_update_missing_proration_billing_mode", "proration_billing_mode is required")
	case sub.trialing && mode != "do_not_bill":
		return refuse("subscription_update_when_trialing", "A trialing subscription takes do_not_bill only")
	case at.Before(c.s.now.Add(30 * time.Minute)):
		return refuse("subscription_next_billed_at_too_soon", "next_billed_at must be at least 30 minutes ahead")
	}
	if at.Equal(sub.next) {
		return nil
	}
	c.s.edit(sub, func() {
		sub.next, sub.to = at, at
		if sub.trialing {
			for _, it := range sub.items {
				it.trialTo = at
			}
		}
	}, updated)
	c.s.plan(sub)
	if sub.trialing {
		c.s.effect(sim.OpTrialEnd, sub.id, 0, "")
	}
	return nil
}

// effective reads effective_from: whether a change is for now.
func (c *call) effective(sub *subscription) (now bool, err error) {
	switch c.body.str("effective_from") {
	case "immediately":
		return true, nil
	case "next_billing_period", "":
		return sub.paused, nil // the default for a paused one is at once
	}
	return false, badField("effective_from", "Must be next_billing_period or immediately")
}

func cancelSubscription(c *call) (answered, error) {
	sub, err := c.living()
	if err != nil {
		return answered{}, err
	}
	now, err := c.effective(sub)
	switch {
	case err != nil:
		return answered{}, err
	case now:
		c.s.end(sub)
		c.s.effect(sim.OpCancel, sub.id, 0, "")
	case sub.planned != nil && sub.planned.action == "cancel":
		// what is asked for is so already
	case sub.planned != nil:
		return answered{}, locked(sub)
	default:
		c.s.schedule(sub, &change{action: "cancel", at: c.s.boundary(sub)})
		c.s.effect(sim.OpCancelAtPeriodEnd, sub.id, 0, "")
	}
	return answered{data: sub.render(c.s)}, nil
}

// boundary is when the period ends; one that is owed for may be over.
func (s *Server) boundary(sub *subscription) time.Time {
	if sub.next.After(s.now) {
		return sub.next
	}
	return s.now.Add(time.Minute)
}

func pauseSubscription(c *call) (answered, error) {
	sub, err := c.living()
	if err != nil {
		return answered{}, err
	}
	resume, err := c.body.when("resume_at")
	if err != nil {
		return answered{}, err
	}
	now, err := c.effective(sub)
	how := c.body.str("on_resume")
	switch {
	case err != nil:
		return answered{}, err
	case sub.paused:
		return answered{}, refuse("subscription_cannot_be_paused", "The subscription is paused")
	case sub.planned != nil:
		return answered{}, locked(sub)
	case !resume.IsZero() && !resume.After(c.s.now):
		return answered{}, badField("resume_at", "Must be in the future")
	case now:
		c.s.pause(sub, resume, how)
		c.s.effect(sim.OpPause, sub.id, 0, "")
	default:
		sub.onResume = how
		c.s.schedule(sub, &change{action: "pause", at: c.s.boundary(sub), resume: resume})
		c.s.effect(sim.OpPause, sub.id, 0, "")
	}
	return answered{data: sub.render(c.s)}, nil
}

func resumeSubscription(c *call) (answered, error) {
	sub, err := c.living()
	if err != nil {
		return answered{}, err
	}
	how := c.body.str("on_resume")
	from := c.body.str("effective_from")
	switch {
	case !sub.paused:
		return answered{}, refuse("subscription_must_be_paused", "The subscription is "+sub.word())
	case how == continuing && !sub.restTo.After(c.s.now) && from == "immediately":
		return answered{}, refuse("subscription_continuing_existing_billing_period_not_allowed", "The billing period is over")
	case from == "immediately":
		c.s.resume(sub, how)
		c.s.effect(sim.OpResume, sub.id, 0, "")
	default:
		at, err := c.body.when("effective_from")
		if err != nil || !at.After(c.s.now) {
			return answered{}, badField("effective_from", "Must be immediately or a time in the future")
		}
		if sub.planned == nil || !sub.planned.at.Equal(at) {
			sub.onResume = how
			c.s.schedule(sub, &change{action: "resume", at: at})
			c.s.effect(sim.OpPause, sub.id, 0, "") // it says how long the pause lasts
		}
	}
	return answered{data: sub.render(c.s)}, nil
}

// paymentMethodTransaction answers what is owed, or makes a transaction over
// nothing: a GET that writes.
func paymentMethodTransaction(c *call) (answered, error) {
	sub, err := c.living()
	if err != nil {
		return answered{}, err
	}
	c.s.effect(sim.OpPortalLink, sub.id, 0, "")
	if rows := c.s.owedBy(sub); len(rows) > 0 {
		return answered{data: rows[0].render(c.s)}, nil
	}
	if sub.paused {
		return answered{}, refuse("subscription_not_active", "The subscription is paused")
	}
	var lines []*line
	for _, it := range sub.items {
		l := c.s.newLine(it.price, it.quantity, true)
		lines = append(lines, l)
	}
	t := c.s.newTransaction(order{customer: sub.customer, origin: "subscription_payment_method_change", sub: sub, lines: lines, custom: sub.custom})
	t.swaps = sub
	return answered{data: t.render(c.s)}, nil
}
