package stripe

import (
	"slices"
	"time"
)

// subscription holds all its times in Unix seconds.
type subscription struct {
	head
	items []*item
	// status is Stripe's own.
	status   string
	metadata map[string]string
	// anchor fixes the day of the month on which periods begin.
	anchor int64
	// start and end are the current period's; all items share it.
	start, end int64
	// cancelEnd is cancel_at_period_end; cancelAt a date of its own.
	cancelEnd  bool
	cancelAt   int64
	canceledAt int64
	endedAt    int64
	endReason  string
	trialStart int64
	trialEnd   int64
	// warned is whether trial_will_end was sent for this end.
	warned bool
	// missing is what happens when a trial ends without a payment method.
	missing string
	pause   *pause
	// pays is the subscription's own method; nil leaves it to the customer's.
	pays   *method
	latest *invoice
	coupon *coupon
	// couponN counts the invoices that had the discount.
	couponN int
	// discountID and promotion belong to coupon.
	discountID string
	promotion  string
	// schedule moves it to another price; nil: none does.
	schedule *schedule
	// prorated is charged or credited with the next invoice.
	prorated int64
}

// item is one price and quantity of a subscription.
type item struct {
	id       string
	price    *price
	quantity int64
	created  int64
	metadata map[string]string
}

// pause is a pause of collection, which leaves the status as it is.
type pause struct {
	behavior string
	resumes  int64
}

// over is whether the subscription has ended for good.
func (sub *subscription) over() bool {
	return sub.status == "canceled" || sub.status == "incomplete_expired"
}

func (sub *subscription) currency() string { return sub.items[0].price.currency }

// amount is the price of one period in minor units.
func (sub *subscription) amount() int64 {
	var sum int64
	for _, it := range sub.items {
		sum += it.price.amount * it.quantity
	}
	return sum
}

func (sub *subscription) render(s *Server) doc {
	self := doc{{"type", "self"}}
	return doc{
		{"id", sub.id}, {"object", "subscription"}, {"application", nil}, {"application_fee_percent", nil},
		{"automatic_tax", doc{{"disabled_reason", nil}, {"enabled", false}, {"liability", nil}}},
		{"billing_cycle_anchor", sub.anchor}, {"billing_cycle_anchor_config", nil},
		{"billing_mode", doc{{"flexible", doc{{"proration_discounts", "included"}}}, {"type", "flexible"}}},
		{"billing_schedules", []any{}}, {"billing_thresholds", nil},
		{"cancel_at", stamp(sub.cancelStamp())}, {"cancel_at_period_end", sub.cancelEnd}, {"canceled_at", stamp(sub.canceledAt)},
		{"cancellation_details", doc{{"comment", nil}, {"feedback", nil}, {"reason", orNull(sub.endReason)}}},
		{"collection_method", "charge_automatically"}, {"created", sub.created}, {"currency", sub.currency()},
		{"customer", sub.customer}, {"customer_account", nil}, {"days_until_due", nil},
		{"default_payment_method", idOf(sub.pays)}, {"default_source", nil},
		{"default_tax_rates", []any{}}, {"description", nil}, {"discounts", sub.discounts()}, {"ended_at", stamp(sub.endedAt)},
		{"invoice_settings", doc{{"account_tax_ids", nil}, {"issuer", self}}},
		{"items", listDoc("/v1/subscription_items?subscription="+sub.id, sub.itemDocs(s), false)},
		{"latest_invoice", idOf(sub.latest)}, {"livemode", s.cfg.Live}, {"managed_payments", nil}, {"metadata", sub.metadata},
		{"next_pending_invoice_item_invoice", nil}, {"on_behalf_of", nil}, {"pause_collection", sub.pause.render()},
		{"payment_settings", doc{{"payment_method_options", nil}, {"payment_method_types", nil}, {"save_default_payment_method", "off"}}},
		{"pending_invoice_item_interval", nil}, {"pending_setup_intent", nil}, {"pending_update", nil}, {"schedule", idOf(sub.schedule)},
		{"start_date", sub.created}, {"status", sub.status}, {"test_clock", nil}, {"transfer_data", nil},
		{"trial_end", stamp(sub.trialEnd)},
		{"trial_settings", doc{{"end_behavior", doc{{"missing_payment_method", sub.missing}}}}},
		{"trial_start", stamp(sub.trialStart)},
	}
}

// cancelStamp is cancel_at, which Stripe also fills for cancel_at_period_end.
func (sub *subscription) cancelStamp() int64 {
	if sub.cancelEnd {
		return sub.end
	}
	return sub.cancelAt
}

func (p *pause) render() any {
	if p == nil {
		return nil
	}
	return doc{{"behavior", p.behavior}, {"resumes_at", stamp(p.resumes)}}
}

// discounts are ids unless expanded.
func (sub *subscription) discounts() []any {
	if sub.coupon == nil {
		return []any{}
	}
	return []any{sub.discountID}
}

// itemDocs carry the period (Stripe, since 2025-03-31).
func (sub *subscription) itemDocs(s *Server) []any {
	out := make([]any, len(sub.items))
	for i, it := range sub.items {
		out[i] = doc{
			{"id", it.id}, {"object", "subscription_item"}, {"billing_thresholds", nil}, {"created", it.created},
			{"current_period_end", sub.end}, {"current_period_start", sub.start}, {"discounts", []any{}},
			{"metadata", it.metadata}, {"price", it.price.render(s)}, {"quantity", it.quantity},
			{"subscription", sub.id}, {"tax_rates", []any{}},
		}
	}
	return out
}

// idOf is the id of a resource that may be missing.
func idOf[T interface {
	comparable
	resource
}](r T) any {
	var none T
	if r == none {
		return nil
	}
	return r.about().id
}

// order is what a new subscription is made of.
type order struct {
	customer *customer
	lines    []orderLine
	metadata map[string]string
	pays     *method
	trialEnd int64
	missing  string
	coupon   *coupon
	promo    string
}

// orderLine is a price and how many of it.
type orderLine struct {
	price    *price
	quantity int64
}

// newSubscription makes a subscription that is trialing or incomplete; its
// first invoice decides what follows.
func (s *Server) newSubscription(o order) *subscription {
	now := s.now.Unix()
	sub := &subscription{
		head: s.newHead("subscription", "sub", 24, o.customer.id), status: "incomplete", metadata: o.metadata,
		anchor: now, start: now, pays: o.pays, missing: o.missing, coupon: o.coupon, promotion: o.promo,
	}
	if sub.metadata == nil {
		sub.metadata = map[string]string{}
	}
	if sub.missing == "" {
		sub.missing = "create_invoice"
	}
	for _, l := range o.lines {
		sub.items = append(sub.items, &item{
			id: s.newID("si", 14), price: l.price, quantity: l.quantity, created: now, metadata: map[string]string{},
		})
	}
	if o.coupon != nil {
		sub.discountID = s.newDiscount(sub)
	}
	if o.customer.currency == "" {
		o.customer.currency = sub.currency()
	}
	sub.end = sub.periodAfter(now)
	if o.trialEnd > now {
		sub.status, sub.trialStart, sub.trialEnd = "trialing", now, o.trialEnd
		sub.end, sub.anchor = o.trialEnd, o.trialEnd
	}
	s.add(sub, "customer.subscription.created")
	for _, it := range sub.items {
		s.index(sub, "price", it.price.id)
	}
	s.plan(sub)
	return sub
}

// upcomingDays is how long before a renewal invoice.upcoming is sent; Stripe
// lets the account choose.
const upcomingDays = 3

// plan schedules what the subscription's dates say.
func (s *Server) plan(sub *subscription) {
	end := sub.end
	s.at(unix(end), func() {
		if sub.end == end && !sub.over() && sub.status != "paused" {
			s.periodEnd(sub)
		}
	})
	s.at(unix(end-upcomingDays*86400), func() {
		if sub.end == end && running(sub) && !sub.cancelEnd && sub.pause == nil {
			s.announce(sub)
		}
	})
	trial := sub.trialEnd
	if sub.status == "trialing" && !sub.warned {
		s.at(unix(trial-3*86400), func() {
			if sub.status == "trialing" && sub.trialEnd == trial && !sub.warned {
				sub.warned = true
				s.emit("customer.subscription.trial_will_end", sub, nil)
			}
		})
	}
}

// periodAfter is the end of the period that begins at from. Months are counted
// from the anchor, so that the 31st comes back after February.
func (sub *subscription) periodAfter(from int64) int64 {
	p := sub.items[0].price
	t := unix(from)
	switch p.interval {
	case "day":
		return t.AddDate(0, 0, p.count).Unix()
	case "week":
		return t.AddDate(0, 0, 7*p.count).Unix()
	}
	months := p.count
	if p.interval == "year" {
		months *= 12
	}
	anchor := unix(sub.anchor)
	for n := months; ; n += months {
		if next := addMonths(anchor, n); next.After(t) {
			return next.Unix()
		}
	}
}

// addMonths adds months and stays within the month.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC).AddDate(0, n, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

// discount is a coupon applied to a subscription.
type discount struct {
	head
	sub    *subscription
	coupon *coupon
}

// newDiscount makes the discount that the subscription names.
func (s *Server) newDiscount(sub *subscription) string {
	d := &discount{head: s.newHead("discount", "di", 24, sub.customer), sub: sub, coupon: sub.coupon}
	s.add(d)
	sub.coupon.redeemed++
	return d.id
}

func (d *discount) render(*Server) doc {
	var end any
	if d.coupon.duration == "repeating" {
		end = addMonths(unix(d.created), d.coupon.months).Unix()
	}
	return doc{
		{"id", d.id}, {"object", "discount"}, {"checkout_session", nil}, {"customer", d.customer},
		{"customer_account", nil}, {"end", end}, {"invoice", nil}, {"invoice_item", nil},
		{"promotion_code", orNull(d.sub.promotion)},
		{"source", doc{{"coupon", d.coupon.id}, {"type", "coupon"}}}, {"start", d.created},
		{"subscription", d.sub.id}, {"subscription_item", nil},
	}
}

// methodFor is what an invoice of the subscription is charged to.
func (s *Server) methodFor(sub *subscription) *method {
	if sub.pays != nil {
		return sub.pays
	}
	if c, ok := s.all[sub.customer].(*customer); ok {
		return c.pays
	}
	return nil
}

func (sub *subscription) itemByID(id string) *item {
	i := slices.IndexFunc(sub.items, func(it *item) bool { return it.id == id })
	if i < 0 {
		return nil
	}
	return sub.items[i]
}
