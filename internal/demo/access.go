package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// features are what access is asked for.
func features() []string { return []string{"app", "reports"} }

// graceFor is how long a subscription that is behind keeps access.
const graceFor = 7 * 24 * time.Hour

// rule decides who may use what, from the truth alone: a few lines that share
// nothing with the rules of the service.
type rule struct {
	now      time.Time
	account  *account
	books    books
	payments map[string]sim.Object
	// subs are subscriptions by the provider's customer, single by their own id.
	subs     map[string][]sim.Object
	single   map[string]sim.Object
	disputes map[string]string // by payment
}

func newRule(ctx context.Context, a *account, now time.Time) (*rule, error) {
	b, err := a.bought(ctx)
	if err != nil {
		return nil, err
	}
	r := &rule{
		now: now, account: a, books: b, payments: map[string]sim.Object{}, subs: map[string][]sim.Object{}, single: map[string]sim.Object{},
		disputes: map[string]string{},
	}
	for _, o := range a.truth.Truth() {
		switch o.Kind {
		case sim.KindPayment:
			r.payments[o.ID] = o
		case sim.KindSubscription:
			r.single[o.ID] = o
			r.subs[o.Customer] = append(r.subs[o.Customer], o)
		case sim.KindDispute:
			r.disputes[o.Fields["payment"]] = o.Fields["status"]
		}
	}
	return r, nil
}

// allow decides for one person and feature: passes stack wherever they were bought.
func allow(rules []*rule, p *person, feature string) bool {
	var passes []time.Time
	for _, r := range rules {
		lasting, bought := r.allows(p, feature)
		if lasting {
			return true
		}
		passes = append(passes, bought...)
	}
	return len(rules) > 0 && stacked(passes).After(rules[0].now)
}

// allows tells whether something that one person has bought at the account, other
// than passes, gives a feature, and when passes that do were bought.
func (r *rule) allows(p *person, feature string) (lasting bool, passes []time.Time) {
	owned := map[string]bool{}
	for _, v := range p.visits {
		if v.account != r.account {
			continue
		}
		s := r.books.sessions[v.page.ProviderID]
		if s.customer != "" {
			owned[s.customer] = true
		}
		if sub, made := r.single[s.subscription]; made && r.runs(sub, feature) {
			return true, nil
		}
		if at, good := r.good(s); good && v.offer.gives(feature) {
			if v.offer.plan == "lifetime" {
				return true, nil
			}
			if v.offer.plan == "pass" {
				passes = append(passes, at)
			}
		}
	}
	for customer := range owned {
		if slices.ContainsFunc(r.subs[customer], func(sub sim.Object) bool { return r.runs(sub, feature) }) {
			return true, nil
		}
	}
	return false, passes
}

// good tells whether the money for a one-time purchase is here to stay, and
// since when.
func (r *rule) good(s sale) (time.Time, bool) {
	if s.free {
		return s.created, true
	}
	p, found := r.payments[s.payment]
	if !found || p.Fields["status"] != "succeeded" || r.returned(s.payment) || r.disputes[s.payment] == "lost" {
		return time.Time{}, false
	}
	return r.books.paid[s.payment], true
}

// returned tells whether a payment was refunded in full.
func (r *rule) returned(payment string) bool {
	f := r.payments[payment].Fields
	return f["status"] == "succeeded" && f["refunded"] == f["amount"]
}

// stacked is when passes end that were bought at these times.
func stacked(bought []time.Time) (end time.Time) {
	slices.SortFunc(bought, time.Time.Compare)
	for _, at := range bought {
		if at.After(end) {
			end = at
		}
		end = end.Add(passDays * 24 * time.Hour)
	}
	return end
}

// runs tells whether a subscription gives a feature now.
func (r *rule) runs(sub sim.Object, feature string) bool {
	f := sub.Fields
	if !r.offer(f["price"]).gives(feature) {
		return false
	}
	if end, err := time.Parse(time.RFC3339, f["cancel_at"]); err == nil && !end.After(r.now) {
		return false
	}
	switch f["status"] {
	case "active", "trialing":
	case "paused":
		if !r.books.serving[sub.ID] {
			return false
		}
	case "past_due":
		if !r.owedSince(sub).Add(graceFor).After(r.now) {
			return false
		}
	default:
		return false
	}
	return !r.spoiled(sub)
}

// owedSince is when the oldest charge was made that failed since the last good
// one.
func (r *rule) owedSince(sub sim.Object) (since time.Time) {
	for _, b := range slices.Backward(r.books.invoices[sub.ID]) {
		if b.good() {
			break
		}
		if b.tried && (b.status == "open" || b.status == "uncollectible") {
			since = b.created
		}
	}
	return since
}

// good tells whether money came in for a bill.
func (b bill) good() bool { return b.status == "paid" && b.paid > 0 }

// spoiled tells whether the money for the newest paid period went back: what was
// paid last, and what a change in mid-period cost besides.
func (r *rule) spoiled(sub sim.Object) bool {
	start, _ := time.Parse(time.RFC3339, sub.Fields["current_period_start"])
	kept, back, newest := 0, 0, true
	for _, b := range slices.Backward(r.books.invoices[sub.ID]) {
		if !b.good() || !newest && !b.created.After(start.Add(-time.Hour)) {
			continue
		}
		newest = false
		for _, payment := range b.payments {
			switch {
			case r.disputes[payment] == "lost":
				return true
			case r.payments[payment].Fields["status"] != "succeeded":
			case r.returned(payment):
				back++
			default:
				kept++
			}
		}
	}
	return back > 0 && kept == 0
}

func (r *rule) offer(price string) offer {
	for _, o := range r.account.offers {
		if o.price == price {
			return o
		}
	}
	return offer{}
}

func (o offer) gives(feature string) bool {
	switch feature {
	case "app":
		return o.plan != ""
	case "reports":
		return o.plan == "pro" || o.plan == "lifetime"
	}
	return false
}

// judgeAccess asks the service about everybody, and holds its answers, and those
// that it keeps, against the rule.
func (w *world) judgeAccess(ctx context.Context) (wrong []Mismatch, err error) {
	var rules []*rule
	for _, a := range w.accounts {
		r, err := newRule(ctx, a, w.clock.Now())
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	for _, p := range w.people {
		kept, err := w.keptAccess(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, feature := range features() {
			want := allow(rules, p, feature)
			got, reason, err := w.desk.check(ctx, p.ref, feature)
			if err != nil {
				return nil, fmt.Errorf("check %s %s: %w", p.ref, feature, err)
			}
			if got != want {
				wrong = append(wrong, Mismatch{Kind: "access", ID: feature, Customer: p.ref, Ledger: fmt.Sprintf("%t, %s", got, reason), Truth: strconv.FormatBool(want)})
			} else if kept[feature] != want {
				wrong = append(wrong, Mismatch{Kind: "kept access", ID: feature, Customer: p.ref, Ledger: strconv.FormatBool(kept[feature]), Truth: strconv.FormatBool(want)})
			}
		}
	}
	return wrong, nil
}

// keptAccess reads the answers that the service has stored.
func (w *world) keptAccess(ctx context.Context, p *person) (map[string]bool, error) {
	rows, err := w.db.AccessOf(ctx, p.ref)
	kept := map[string]bool{}
	for _, row := range rows {
		var decision struct{ Allowed bool }
		if err := json.Unmarshal([]byte(row.Doc), &decision); err != nil {
			return nil, fmt.Errorf("read the access of %s: %w", p.ref, err)
		}
		kept[row.Feature] = decision.Allowed
	}
	return kept, err
}
