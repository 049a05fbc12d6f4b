package paypal

import (
	"maps"
	"strconv"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// approvalLife is how long the approval page of a subscription can be used.
const approvalLife = 72 * time.Hour

// subscription is one billing agreement.
type subscription struct {
	head
	plan     *plan
	quantity int64
	custom   string
	payer    *payer
	stream   *sim.Stream

	status, note string
	statusAt     time.Time
	// start is when charging begins; later than creation for a free time before.
	start time.Time

	trialDone, done int
	failed, tries   int
	outstanding     int64
	last            *paidOnce
	lastFailed      *failedOnce
	// next is when PayPal charges next; zero once it never does.
	next time.Time
	// paidUntil is until when money, or a free time, covers.
	paidUntil time.Time
	// byFailures: PayPal suspended it, nobody asked for that.
	byFailures bool
	// turn makes what was planned before a change void.
	turn int

	returnURL, cancelURL string
	asking               bool // the page waits for the payer's confirmation
}

type paidOnce struct {
	amount money
	at     time.Time
}

type failedOnce struct {
	amount money
	at     time.Time
	reason string
	retry  time.Time
}

func (sub *subscription) price() money {
	return money{sub.plan.regular.price.minor * sub.quantity, sub.plan.regular.price.currency}
}

// free reports whether some time is free before the first charge.
func (sub *subscription) free() bool {
	return sub.plan.trial != nil || sub.start.After(sub.created.Add(time.Hour))
}

// base is when the first cycle begins that is charged for.
func (sub *subscription) base() time.Time {
	if t := sub.plan.trial; t != nil {
		return t.after(sub.start, t.cycles)
	}
	return sub.start
}

// intros is how many cycles come at the introductory price.
func (sub *subscription) intros() int {
	if sub.plan.intro == nil {
		return 0
	}
	return sub.plan.intro.cycles
}

// full is when the first regular cycle begins.
func (sub *subscription) full() time.Time {
	if n := sub.intros(); n > 0 {
		return sub.plan.intro.after(sub.base(), n)
	}
	return sub.base()
}

// boundary is the beginning of the cycle number n that is charged for, counted from 0.
func (sub *subscription) boundary(n int) time.Time {
	if n < sub.intros() {
		return sub.plan.intro.after(sub.base(), n)
	}
	return sub.plan.regular.after(sub.full(), n-sub.intros())
}

// ends is when no more cycles come, where the regular ones are counted.
func (sub *subscription) ends() time.Time {
	return sub.boundary(sub.intros() + sub.plan.regular.cycles)
}

// priceAt is what the cycle costs that begins at a time.
func (sub *subscription) priceAt(began time.Time) money {
	if sub.intros() > 0 && began.Before(sub.full()) {
		return money{sub.plan.intro.price.minor * sub.quantity, sub.plan.intro.price.currency}
	}
	return sub.price()
}

// introLeft is how many charges at the introductory price are still to come.
func (sub *subscription) introLeft() (left int) {
	for n := range sub.intros() {
		if !sub.next.IsZero() && !sub.boundary(n).Before(sub.next) {
			left++
		}
	}
	return left
}

// ahead is the end of the introductory price as the truth has it: the first charge that
// is regular, and what that comes to. Empty: there is none.
func (sub *subscription) ahead() string {
	if sub.intros() == 0 || sub.payer == nil || sub.over() || sub.next.IsZero() || sub.next.After(sub.full()) {
		return ""
	}
	return "promotion_end " + instant(sub.full()) + " " + digits(sub.price().minor)
}

// boundaryAfter is the first beginning of a cycle after a time.
func (sub *subscription) boundaryAfter(t time.Time) time.Time {
	n := 0
	for !sub.boundary(n).After(t) {
		n++
	}
	return sub.boundary(n)
}

func (sub *subscription) over() bool { return sub.status == "CANCELLED" || sub.status == "EXPIRED" }

func (sub *subscription) render(s *Server) obj {
	o := obj{
		"id": sub.id, "plan_id": sub.plan.id, "status": sub.status, "start_time": stamp(sub.start),
		"quantity": strconv.FormatInt(sub.quantity, 10), "create_time": stamp(sub.created), "update_time": stamp(sub.updated),
		"status_update_time": stamp(sub.statusAt), "plan_overridden": false,
		"shipping_amount": money{0, sub.plan.regular.price.currency}.v2(),
		"links":           s.subscriptionLinks(sub),
	}
	o.set("custom_id", sub.custom).set("status_change_note", sub.note)
	if sub.payer != nil {
		o["subscriber"] = sub.payer.render()
	}
	if sub.payer != nil && sub.status != "APPROVED" {
		o["billing_info"] = sub.billing()
	}
	return o
}

func (s *Server) subscriptionLinks(sub *subscription) []obj {
	links := []obj{s.link("self", "/v1/billing/subscriptions/"+sub.id, "GET")}
	if sub.status == "APPROVAL_PENDING" {
		links = append([]obj{{"href": s.cfg.PublicURL + "/webapps/billing/subscriptions?ba_token=BA-" + sub.id[2:], "rel": "approve", "method": "GET"}}, links...)
	}
	return links
}

func (sub *subscription) billing() obj {
	currency := sub.plan.regular.price.currency
	var cycles []obj
	if t := sub.plan.trial; t != nil {
		cycles = append(cycles, obj{"tenure_type": "TRIAL", "sequence": 1, "cycles_completed": sub.trialDone, "cycles_remaining": t.cycles - sub.trialDone, "total_cycles": t.cycles})
	}
	if t := sub.plan.intro; t != nil {
		left := sub.introLeft()
		cycles = append(cycles, obj{"tenure_type": "TRIAL", "sequence": len(cycles) + 1, "cycles_completed": t.cycles - left, "cycles_remaining": left, "current_pricing_scheme_version": 1, "total_cycles": t.cycles})
	}
	regular := obj{"tenure_type": "REGULAR", "sequence": len(cycles) + 1, "cycles_completed": sub.done, "cycles_remaining": 0, "current_pricing_scheme_version": 1, "total_cycles": sub.plan.regular.cycles}
	if n := sub.plan.regular.cycles; n > 0 {
		regular["cycles_remaining"] = n - sub.done
	}
	o := obj{
		"outstanding_balance": money{sub.outstanding, currency}.v2(), "failed_payments_count": sub.failed,
		"cycle_executions": append(cycles, regular),
	}
	if sub.last != nil {
		o["last_payment"] = obj{"amount": sub.last.amount.v2(), "time": stamp(sub.last.at)}
	}
	if !sub.over() {
		o.set("next_billing_time", stamp(sub.next))
	}
	return o
}

// second is the subscription with all that is told only when asked for by ?fields=.
func (sub *subscription) second(s *Server) obj {
	o := sub.render(s)
	p := sub.plan.render(s)
	delete(p, "id")
	o["plan"] = p
	info, has := o["billing_info"].(obj)
	if f := sub.lastFailed; has && f != nil {
		info["last_failed_payment"] = obj{"amount": f.amount.v2(), "time": stamp(f.at), "reason_code": f.reason}.set("next_payment_retry_time", stamp(f.retry))
	}
	return o
}

// without leaves out what was not asked for.
func without(o obj, plan, failed bool) obj {
	if !plan {
		delete(o, "plan")
	}
	if info, has := o["billing_info"].(obj); has && !failed {
		info = maps.Clone(info)
		delete(info, "last_failed_payment")
		o["billing_info"] = info
	}
	return o
}

// newSubscription makes one that waits for the payer's approval.
func (s *Server) newSubscription(p *plan, quantity int64, custom string, start time.Time) *subscription {
	sub := &subscription{
		head: s.newHead("I-", 12), plan: p, quantity: quantity, custom: custom, status: "APPROVAL_PENDING", statusAt: s.now,
		start: s.now, stream: sim.NewStream(s.cfg.Seed, 1<<20+uint64(len(s.subs.all))),
	}
	if start.After(s.now) {
		sub.start = start
	}
	s.subs.add(sub)
	s.fresh(sub)
	return sub
}

// setStatus moves a subscription on, and voids what was planned for it.
func (s *Server) setStatus(sub *subscription, status, note string) {
	s.edit(sub, func() {
		sub.status, sub.note, sub.statusAt = status, note, s.now
		sub.turn++
	})
}
