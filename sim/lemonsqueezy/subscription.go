package lemonsqueezy

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// canceled is the word for a subscription that runs to its end and no longer.
const canceled = "cancelled"

// subscription renews until it is canceled or nobody pays.
type subscription struct {
	head
	order    *order
	variant  *variant
	price    *price
	quantity int64
	percent  int64
	custom   map[string]string
	// status is the provider's own: on_trial, active, paused, past_due, unpaid,
	// canceled, expired.
	status string
	// anchor is the day of the month on which periods begin; start and end bound
	// the present one.
	anchor     int
	start, end time.Time
	trialEnd   time.Time
	// ends is when it ends, or has ended; zero while it goes on.
	ends time.Time
	// pauseMode is void or free while it is paused, resumes when that ends by
	// itself.
	pauseMode string
	resumes   time.Time
	invoices  []*invoice
	// next is when a failed renewal is tried again, tries how often it was.
	next  time.Time
	tries int
	// due numbers what is planned: a plan that is not the latest does nothing.
	due int
}

// renewsAt is the end of the period or, while a renewal is owed, the next attempt.
func (sub *subscription) renewsAt() time.Time {
	if sub.status == "past_due" {
		return sub.next
	}
	return sub.end
}

func (sub *subscription) attributes(s *Server) doc {
	who := s.customerOf(sub)
	var pause, trial, first any
	if sub.pauseMode != "" {
		pause = doc{{"mode", sub.pauseMode}, {"resumes_at", stamp(sub.resumes)}}
	}
	if sub.status == "on_trial" {
		trial = stamp(sub.trialEnd)
	} else {
		first = doc{
			{"id", sub.number()}, {"subscription_id", sub.number()}, {"price_id", sub.price.number()}, {"quantity", sub.quantity},
			{"is_usage_based", false}, {"created_at", stamp(sub.created)}, {"updated_at", stamp(sub.updated)},
		}
	}
	return doc{
		{"store_id", sub.store}, {"customer_id", sub.customer}, {"order_id", sub.order.number()}, {"order_item_id", sub.order.item.number()},
		{"product_id", sub.variant.number()}, {"variant_id", sub.variant.number()}, {"product_name", sub.variant.product}, {"variant_name", sub.variant.name},
		{"user_name", who.name}, {"user_email", who.email}, {"status", sub.status}, {"status_formatted", sub.status},
		{"card_brand", "visa"}, {"card_last_four", "4242"}, {"payment_processor", "stripe"}, {"pause", pause}, {canceled, sub.status == canceled},
		{"trial_ends_at", trial}, {"billing_anchor", sub.anchor}, {"first_subscription_item", first},
		{"urls", doc{
			{"update_payment_method", s.signed("/billing/subscription/" + sub.id + "/payment-details")},
			{"customer_portal", s.signed("/billing/customer/" + itoa(sub.customer))},
			{"customer_portal_update_subscription", s.signed("/billing/subscription/" + sub.id + "/update")},
		}},
		{"renews_at", stamp(sub.renewsAt())}, {"ends_at", stamp(sub.ends)},
		{"created_at", stamp(sub.created)}, {"updated_at", stamp(sub.updated)}, {"test_mode", !s.cfg.Live},
	}
}

func subscriptionRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/subscriptions": listOf(typeSubscription,
			"store_id", "order_id", "order_item_id", "product_id", "variant_id", "user_email", "status"),
		"GET /v1/subscriptions/{id}":    show[*subscription](typeSubscription),
		"PATCH /v1/subscriptions/{id}":  updateSubscription,
		"DELETE /v1/subscriptions/{id}": cancelSubscription,
	}
}

func cancelSubscription(c *call) (doc, error) {
	sub, err := find[*subscription](c.s, typeSubscription, c.id())
	if err != nil {
		return nil, err
	}
	if sub.status == "expired" {
		return nil, refused("The subscription has expired.")
	}
	if sub.status != canceled {
		c.s.effect(sim.OpCancelAtPeriodEnd, sub.id, 0, "")
		c.s.cancel(sub)
	}
	return c.single(sub)
}

// updateSubscription changes one thing at a time, as callers do.
func updateSubscription(c *call) (doc, error) {
	s, a := c.s, c.attributes()
	sub, err := find[*subscription](s, typeSubscription, c.id())
	if err != nil {
		return nil, err
	}
	if sub.status == "expired" {
		return nil, refused("The subscription has expired.")
	}
	switch {
	case a.has(canceled):
		s.setCanceled(sub, a.flag(canceled))
	case a.has("pause"):
		err = s.setPause(sub, a)
	case a.has("trial_ends_at"):
		err = s.setTrial(sub, a.text("trial_ends_at"))
	case a.has("variant_id"):
		var v *variant
		if v, err = find[*variant](s, typeVariant, digits(a.number("variant_id"))); err == nil {
			s.change(sub, v, sub.quantity)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.single(sub)
}

func (s *Server) setCanceled(sub *subscription, wanted bool) {
	switch {
	case wanted && sub.status != canceled:
		s.effect(sim.OpCancelAtPeriodEnd, sub.id, 0, "")
		s.cancel(sub)
	case !wanted && sub.status == canceled:
		s.effect(sim.OpUncancel, sub.id, 0, "")
		s.resume(sub)
	}
}

func (s *Server) setPause(sub *subscription, a members) error {
	if a.null("pause") {
		if sub.status == "paused" {
			s.effect(sim.OpResume, sub.id, 0, "")
			s.unpause(sub)
		}
		return nil
	}
	pause := a.inner("pause")
	mode := pause.text("mode")
	if mode != "void" && mode != "free" {
		return invalid("/data/attributes/pause/mode", "The selected pause.mode is invalid.")
	}
	if sub.status != "active" && sub.status != "on_trial" && sub.status != "paused" {
		return refused("The subscription cannot be paused.")
	}
	var until time.Time
	if text := pause.text("resumes_at"); text != "" {
		var err error
		if until, err = time.Parse(time.RFC3339, text); err != nil || !until.After(s.now) {
			return invalid("/data/attributes/pause/resumes_at", "The resumes_at must be a date in the future.")
		}
	}
	if sub.status != "paused" || sub.pauseMode != mode || !sub.resumes.Equal(until) {
		s.effect(sim.OpPause, sub.id, 0, "")
		s.pause(sub, mode, until.UTC())
	}
	return nil
}

// setTrial moves the end of the trial, and with it the day on which the periods
// that follow begin, as the end of a trial that nobody moved sets it.
func (s *Server) setTrial(sub *subscription, text string) error {
	end, err := time.Parse(time.RFC3339, text)
	if err != nil || !end.After(s.now) {
		return invalid("/data/attributes/trial_ends_at", "The trial_ends_at must be a date in the future.")
	}
	if sub.status != "on_trial" && sub.status != "active" {
		return refused("The trial of this subscription cannot be changed.")
	}
	if sub.trialEnd.Equal(end) {
		return nil
	}
	s.effect(sim.OpTrialEnd, sub.id, 0, "")
	end = end.UTC()
	s.edit(sub, func() { sub.status, sub.trialEnd, sub.end, sub.anchor = "on_trial", end, end, end.Day() })
	s.emit("subscription_updated", sub, sub.custom)
	s.plan(sub)
	return nil
}

// over is whether it has ended for good.
func (sub *subscription) over() bool { return sub.status == "expired" }
