package stripe

import (
	"fmt"
	"slices"
	"time"
)

// schedule moves a subscription to another price at a time. It has two phases: what
// is until then, and one interval of the new price, after which it lets go.
type schedule struct {
	head
	sub    *subscription
	phases [2]phase
	// status is active, released or canceled.
	status   string
	canceled int64
	released int64
}

// phase is what a subscription is for a while.
type phase struct {
	start, end int64
	lines      []orderLine
	coupon     *coupon
}

func (sch *schedule) render(s *Server) doc {
	var sub, left, now any = sch.sub.id, nil, nil
	if sch.status == "released" {
		sub, left = nil, sch.sub.id
	}
	if sch.status == "active" {
		current := sch.phases[sch.running()]
		now = doc{{"end_date", current.end}, {"start_date", current.start}}
	}
	phases := []any{}
	for _, p := range sch.phases {
		phases = append(phases, p.render())
	}
	return doc{
		{"id", sch.id}, {"object", "subscription_schedule"}, {"application", nil},
		{"billing_mode", doc{{"flexible", doc{{"proration_discounts", "included"}}}, {"type", "flexible"}, {"updated_at", sch.created}}},
		{"canceled_at", stamp(sch.canceled)}, {"completed_at", nil}, {"created", sch.created}, {"current_phase", now},
		{"customer", sch.customer}, {"customer_account", nil}, {"default_settings", doc{
			{"application_fee_percent", nil}, {"automatic_tax", doc{{"disabled_reason", nil}, {"enabled", false}, {"liability", nil}}},
			{"billing_cycle_anchor", "automatic"}, {"billing_thresholds", nil}, {"collection_method", "charge_automatically"},
			{"default_payment_method", nil}, {"description", nil},
			{"invoice_settings", doc{{"account_tax_ids", nil}, {"days_until_due", nil}, {"issuer", doc{{"type", "self"}}}}},
			{"on_behalf_of", nil}, {"transfer_data", nil},
		}},
		{"end_behavior", "release"}, {"livemode", s.cfg.Live}, {"metadata", map[string]string{}}, {"phases", phases},
		{"released_at", stamp(sch.released)}, {"released_subscription", left}, {"status", sch.status}, {"subscription", sub}, {"test_clock", nil},
	}
}

// running is the number of the phase that runs.
func (sch *schedule) running() int {
	if sch.sub.start >= sch.phases[1].start {
		return 1
	}
	return 0
}

func (p phase) render() doc {
	items, discounts := []any{}, []any{}
	for _, l := range p.lines {
		items = append(items, doc{
			{"billing_thresholds", nil}, {"discounts", []any{}}, {"metadata", map[string]string{}},
			{"price", l.price.id}, {"quantity", l.quantity}, {"tax_rates", []any{}},
		})
	}
	if p.coupon != nil {
		discounts = append(discounts, doc{{"coupon", p.coupon.id}, {"discount", nil}, {"promotion_code", nil}})
	}
	return doc{
		{"add_invoice_items", []any{}}, {"application_fee_percent", nil}, {"billing_cycle_anchor", nil}, {"billing_thresholds", nil},
		{"collection_method", nil}, {"currency", p.lines[0].price.currency}, {"default_payment_method", nil}, {"default_tax_rates", []any{}},
		{"description", nil}, {"discounts", discounts}, {"end_date", p.end}, {"invoice_settings", nil}, {"items", items},
		{"metadata", map[string]string{}}, {"on_behalf_of", nil}, {"proration_behavior", "none"}, {"start_date", p.start},
		{"transfer_data", nil}, {"trial_end", nil},
	}
}

// SchedulePrice has a subscription move to another price, of the same interval, when
// its period ends, and returns the schedule's id. A price of today's keeps what it
// costs and ends the discount.
func (s *Server) SchedulePrice(subscriptionID, priceID string) (string, error) {
	defer s.enter()()
	sub, err := find[*subscription](s, "subscription", subscriptionID)
	if err != nil {
		return "", err
	}
	p, err := find[*price](s, "price", priceID)
	if err != nil {
		return "", err
	}
	if sub.over() || sub.schedule != nil || p.currency != sub.currency() || p.interval != sub.items[0].price.interval || p.count != sub.items[0].price.count {
		return "", fmt.Errorf("sim: %s cannot be scheduled to move to %s", subscriptionID, priceID)
	}
	sch := &schedule{head: s.newHead("subscription_schedule", "sub_sched", 24, sub.customer), sub: sub, status: "active"}
	sch.phases[0] = phase{start: sub.start, end: sub.end, coupon: sub.coupon}
	for _, it := range sub.items {
		sch.phases[0].lines = append(sch.phases[0].lines, orderLine{it.price, it.quantity})
	}
	after := slices.Clone(sch.phases[0].lines)
	after[0].price = p
	sch.phases[1] = phase{start: sub.end, end: sub.periodAfter(sub.end), lines: after}
	s.add(sch, "subscription_schedule.created")
	s.edit(sub, func() { sub.schedule = sch }, updated)
	return sch.id, nil
}

// SetTax puts a tax, in percent, on top of every invoice that is made from now on.
func (s *Server) SetTax(percent float64) {
	defer s.enter()()
	s.tax = percent
}

// turnPhase makes a subscription what its schedule says of the period that begins at
// a time.
func (s *Server) turnPhase(sub *subscription, from int64) {
	sch := sub.schedule
	switch {
	case sch == nil || from < sch.phases[1].start:
	case from >= sch.phases[1].end:
		s.edit(sch, func() { sch.status, sch.released = "released", s.now.Unix() }, "subscription_schedule.released")
		s.edit(sub, func() { sub.schedule = nil }, updated)
	default:
		s.edit(sub, func() {
			for i, l := range sch.phases[1].lines {
				sub.items[i].price, sub.items[i].quantity = l.price, l.quantity
			}
			sub.coupon = nil
		}, updated)
		s.edit(sch, func() {}, "subscription_schedule.updated")
		for _, it := range sub.items {
			s.index(sub, "price", it.price.id)
		}
	}
}

// dropSchedule ends the schedule of a subscription that ends.
func (s *Server) dropSchedule(sub *subscription) {
	if sch := sub.schedule; sch != nil && sch.status == "active" {
		s.edit(sch, func() { sch.status, sch.canceled = "canceled", s.now.Unix() }, "subscription_schedule.canceled")
	}
}

// ahead is the next change of what is charged, as the truth has it: what it is, the
// first charge that has it, and what one period costs from then on. Empty: none.
func (sub *subscription) ahead() string {
	if sub.over() || sub.status == "incomplete" {
		return ""
	}
	kind, at, cost := "", int64(0), int64(0)
	if c := sub.coupon; c != nil && c.duration == "repeating" {
		kind, cost = "promotion_end", sub.amount()
		for at = sub.end; at < addMonths(unix(sub.created), c.months).Unix(); {
			at = sub.periodAfter(at)
		}
	}
	if sch := sub.schedule; sch != nil && sub.start < sch.phases[1].start {
		turn := sub.end
		for turn < sch.phases[1].start {
			turn = sub.periodAfter(turn)
		}
		if kind == "" || turn <= at {
			next := int64(0)
			for _, l := range sch.phases[1].lines {
				next += l.price.amount * l.quantity
			}
			switch {
			case next != sub.amount():
				kind, at, cost = "price_change", turn, next
			case sch.phases[0].coupon != nil && sub.coupon != nil:
				kind, at, cost = "promotion_end", turn, next
			}
		}
	}
	if kind == "" || sub.cancelStamp() != 0 && sub.cancelStamp() <= at {
		return ""
	}
	return fmt.Sprintf("%s %s %d", kind, unix(at).Format(time.RFC3339), cost)
}
