// Package dispute answers chargebacks: it concedes those that are not worth the
// trouble, and gets a person everything that speaks for us about the others, in time.
//
// An inquiry is a question of the customer's bank, not a chargeback: it is always
// put before a person and never conceded by itself, for most end there. What somebody
// has answered already is left alone.
//
// What a dispute means for access is not decided here: it follows from the facts by
// the switch access.disputed. By default an open dispute leaves access as it is, one
// that was lost ends it, and one that was won leaves no trace.
package dispute

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// Name implements [policy.Policy].
func (*Policy) Name() string { return "dispute" }

// React tells the customer how a dispute stands, if that is configured.
func (p *Policy) React(change policy.Change, known policy.Known) []policy.Action {
	d, ok := change.After.(billing.Dispute)
	if !ok || known.Customer.Ref == "" || known.Customer.Ban != nil || tooOld(known, change.Account, d, change.At) {
		return nil
	}
	was, _ := change.Before.(billing.Dispute)
	ended, _ := unused(known, change.Account, d)
	template := ""
	switch {
	case change.Has(billing.Disputed):
		template = "dispute_opened"
	case change.Has(billing.DisputeWasWon) && (was.Status == billing.DisputeOpen || was.Status == billing.DisputeLost) && ended == "":
		template = "dispute_won"
	case change.Has(billing.DisputeWasLost):
		template = "dispute_lost"
	}
	if !slices.Contains(p.settings.Tell, template) {
		return nil
	}
	amount := d.Amount
	return []policy.Action{policy.On(change.Account, billing.KindDispute, change.ID, policy.Say, template, notify.Notice{
		Template: template, Channel: notify.Email, Thread: "dispute:" + change.Account + "/" + change.ID, Amount: &amount, Date: d.CreatedAt,
		Plan: planOf(known, change.Account, d.Payment), Reference: d.Payment,
	})}
}

// longest is how long a dispute can go on, with all its rounds. What is older was
// over before.
const longest = 240 * day

// tooOld reports whether a dispute was somebody else's to deal with: it began before
// the service looked after the account, or so long ago that it is but history.
func tooOld(known policy.Known, account string, d billing.Dispute, now time.Time) bool {
	return !d.CreatedAt.IsZero() && (d.CreatedAt.Before(known.Accounts[account].Since) || now.Sub(d.CreatedAt) > longest)
}

// Review implements [policy.Reviewer].
func (p *Policy) Review(known policy.Known, now time.Time) (actions []policy.Action, next time.Time) {
	if known.Customer.Ref == "" {
		return nil, time.Time{}
	}
	r := &review{Policy: p, known: known, now: now}
	for _, d := range known.Facts.Disputes {
		r.dispute(d)
	}
	return r.actions, r.next
}

type review struct {
	*Policy
	known   policy.Known
	now     time.Time
	actions []policy.Action
	next    time.Time
	done    map[string]bool
}

func (r *review) add(a policy.Action) {
	if r.done == nil {
		r.done = map[string]bool{}
	}
	if !r.done[a.Key] {
		r.done[a.Key] = true
		r.actions = append(r.actions, a)
	}
}

func (r *review) dispute(d billing.Held[billing.Dispute]) {
	old := tooOld(r.known, d.Account, d.Object, r.now)
	switch d.Object.Status {
	case billing.DisputeInquiry:
		if answered(d.Object) {
			r.over(d)
			return
		}
		r.alert(d, Evidence, "the bank asks about a payment (no chargeback yet)")
	case billing.DisputeOpen:
		if answered(d.Object) {
			r.over(d)
			return
		}
		r.open(d)
	case billing.DisputeLost:
		if !old {
			r.over(d)
			r.cancel(d)
		}
	case billing.DisputeWon:
		if !old {
			r.over(d)
			r.unused(d)
		}
	}
}

// answered reports whether it is the other side's turn: somebody has sent evidence.
func answered(d billing.Dispute) bool {
	status := strings.ToLower(d.ProviderStatus)
	return strings.Contains(status, "under_review") || status == "waiting_for_buyer_response"
}

// open deals with a chargeback that waits for an answer.
func (r *review) open(d billing.Held[billing.Dispute]) {
	r.close("inquiry", d, "the inquiry "+d.ID+" of "+d.Account+" became a chargeback")
	do, err := r.decide(d)
	switch {
	case err != nil:
		r.alert(d, Evidence, "a rule about it cannot be evaluated: "+err.Error())
	case do != Accept:
		r.alert(d, do, "a payment is charged back")
	case !r.can(d.Account, policy.AcceptDispute):
		r.alert(d, Alert, "a chargeback is to be accepted by hand")
		r.cancel(d)
	default:
		r.add(policy.On(d.Account, billing.KindDispute, d.ID, policy.AcceptDispute, "", nil))
		r.cancel(d)
	}
}

// decide finds the rule that applies.
func (r *review) decide(d billing.Held[billing.Dispute]) (string, error) {
	facts := r.facts(d)
	for _, rule := range r.rules {
		yes, err := rule.when.Holds(facts)
		if err != nil {
			return "", fmt.Errorf("%s: %w", rule.when, err)
		}
		if yes {
			return rule.do, nil
		}
	}
	return r.settings.Do, nil
}

func (r *review) facts(d billing.Held[billing.Dispute]) Facts {
	f := Facts{
		Amount: d.Object.Amount.Amount, Currency: d.Object.Amount.Currency, Reason: d.Object.Reason, Account: d.Account,
		Provider: r.known.Accounts[d.Account].Kind, Plan: planOf(r.known, d.Account, d.Object.Payment), Attributes: r.known.Customer.Attributes,
	}
	if f.Attributes == nil {
		f.Attributes = map[string]any{}
	}
	contested := map[string]bool{}
	for _, other := range r.known.Facts.Disputes {
		if other.Object.Status == billing.DisputeOpen || other.Object.Status == billing.DisputeLost {
			f.Disputes++
			contested[other.Account+"/"+other.Object.Payment] = true
		}
	}
	for _, p := range r.known.Facts.Payments {
		if p.Object.Status == billing.PaymentSucceeded && p.Object.Amount.Amount > 0 && !contested[p.Account+"/"+p.ID] {
			f.Payments++
		}
		if p.Account == d.Account && p.ID == d.Object.Payment {
			f.Refunded = p.Object.FullyRefunded()
		}
	}
	return f
}

func (r *review) can(account, kind string) bool {
	a, known := r.known.Accounts[account]
	return !known || a.Can == nil || a.Can[kind]
}

// cause is the same for all that one person settles in one go. An inquiry that
// becomes a chargeback is another thing to settle.
func cause(kind string, d billing.Held[billing.Dispute]) string {
	return kind + ":" + d.Account + "/" + d.ID
}

// alert puts a dispute before a person, and again shortly before it is too late.
func (r *review) alert(d billing.Held[billing.Dispute], do, title string) {
	kind, due := "dispute", d.Object.DueBy.UTC().Format("20060102")
	if d.Object.Status == billing.DisputeInquiry {
		kind = "inquiry"
	}
	w := policy.Warning{
		Cause: cause(kind, d), Kind: "dispute", DueBy: d.Object.DueBy,
		Title: fmt.Sprintf("%s: %s: %s, %s", r.known.Customer.Ref, title, d.Object.Amount, reason(d.Object)),
	}
	if do == Evidence {
		w.Details = r.bundle(d)
	}
	// Each round of a dispute has a date of its own.
	r.add(policy.On(d.Account, billing.KindDispute, d.ID, policy.Alert, kind+"."+due, w))
	remind := d.Object.DueBy.Add(-r.settings.Remind)
	switch {
	case r.settings.Remind == 0 || d.Object.DueBy.IsZero() || !r.now.Before(d.Object.DueBy):
	case r.now.Before(remind):
		r.again(remind)
	case d.Object.CreatedAt.Before(remind):
		w.Cause = cause("due", d)
		w.Title = "soon too late: " + w.Title
		r.add(policy.On(d.Account, billing.KindDispute, d.ID, policy.Alert, "due."+due, w))
	}
}

func reason(d billing.Dispute) string {
	if d.Reason == "" {
		return "no reason given"
	}
	return "reason: " + d.Reason
}

// bundle is the evidence as JSON.
func (r *review) bundle(d billing.Held[billing.Dispute]) string {
	b, _ := Build(r.known, d.Account, d.ID, Records{})
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil { // plain fields always encode
		panic(err)
	}
	return string(text)
}

// over closes the alerts of a dispute that needs nobody any more.
func (r *review) over(d billing.Held[billing.Dispute]) {
	kinds := []string{"inquiry", "dispute"}
	if r.settings.Remind > 0 {
		kinds = append(kinds, "due")
	}
	for _, kind := range kinds {
		r.close(kind, d, "the dispute "+d.ID+" of "+d.Account+" is answered or over")
	}
}

func (r *review) close(kind string, d billing.Held[billing.Dispute], title string) {
	occasion := "over." + kind + "." + string(d.Object.Status)
	w := policy.Warning{Cause: cause(kind, d), Kind: "dispute", Title: title, Over: true}
	r.add(policy.On(d.Account, billing.KindDispute, d.ID, policy.Alert, occasion, w))
}

// cancel ends the subscription that the contested payment paid for: whoever takes the
// money back does not want it, and would take back the next.
func (r *review) cancel(d billing.Held[billing.Dispute]) {
	if !r.settings.Cancel {
		return
	}
	for _, s := range paidFor(r.known, d.Account, d.Object.Payment) {
		switch {
		case !s.Object.Live():
		case r.can(s.Account, policy.CancelNow):
			r.add(policy.On(s.Account, billing.KindSubscription, s.ID, policy.CancelNow, "dispute."+d.ID, nil))
		case r.can(s.Account, policy.CancelAtPeriodEnd):
			r.add(policy.On(s.Account, billing.KindSubscription, s.ID, policy.CancelAtPeriodEnd, "dispute."+d.ID, nil))
		}
	}
}

// unused puts before a person that a dispute was won of which the subscription has
// ended since: no provider brings one back, and its customer has paid for more.
func (r *review) unused(d billing.Held[billing.Dispute]) {
	id, until := unused(r.known, d.Account, d.Object)
	switch {
	case id == "":
	case !r.now.Before(until):
		r.close("won", d, "what the dispute "+d.ID+" of "+d.Account+" was about is over")
	default:
		r.again(until)
		r.add(policy.On(d.Account, billing.KindDispute, d.ID, policy.Alert, "won", policy.Warning{
			Cause: cause("won", d), Kind: "dispute", DueBy: until,
			Title: fmt.Sprintf("%s: the dispute about %s is won, but the subscription %s has ended: grant access until %s, or refund",
				r.known.Customer.Ref, d.Object.Amount, id, until.UTC().Format(time.DateOnly)),
		}))
	}
}

// unused finds a subscription that ended after a dispute was raised, and when what
// the contested payment paid for is over.
func unused(known policy.Known, account string, d billing.Dispute) (id string, until time.Time) {
	for _, s := range paidFor(known, account, d.Payment) {
		if s.Object.Live() || s.Object.EndedAt.Before(d.CreatedAt) {
			continue
		}
		for _, i := range known.Facts.Invoices {
			if i.Account == account && i.Object.Subscription == s.ID && slices.Contains(i.Object.Payments, d.Payment) && s.Object.EndedAt.Before(i.Object.PeriodEnd) {
				return s.ID, i.Object.PeriodEnd
			}
		}
	}
	return "", time.Time{}
}

// again asks for another review, at the latest at a moment.
func (r *review) again(at time.Time) {
	if r.next.IsZero() || at.Before(r.next) {
		r.next = at
	}
}

// paidFor are the subscriptions that a payment paid for.
func paidFor(known policy.Known, account, payment string) (all []billing.Held[billing.Subscription]) {
	for _, s := range known.Facts.Subscriptions {
		if slices.ContainsFunc(known.Facts.Invoices, func(i billing.Held[billing.Invoice]) bool {
			return i.Account == account && s.Account == account && i.Object.Subscription == s.ID && s.ID != "" && slices.Contains(i.Object.Payments, payment)
		}) {
			all = append(all, s)
		}
	}
	return all
}

// planOf is the plan that a payment paid for.
func planOf(known policy.Known, account, payment string) string {
	for _, s := range paidFor(known, account, payment) {
		if plan, found := known.Catalog.ByPrice(account, s.Object.Price); found {
			return plan.ID
		}
	}
	for _, p := range known.Facts.Payments {
		if p.Account != account || p.ID != payment {
			continue
		}
		for _, item := range p.Object.Items {
			if plan, found := known.Catalog.ByPrice(account, item.Price); found {
				return plan.ID
			}
		}
	}
	return ""
}
