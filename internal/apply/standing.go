package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// verdicts are what a writing knows of wrongs that looking cannot heal, by the
// object's key and the kind of drift: a finding, or nil where all is well. Of what
// is not in it the writing knows nothing.
type verdicts map[[2]string]*store.Drift

// judge notes a verdict about a row.
func (v verdicts) judge(r *row, kind string, wrong bool, diff ...billing.FieldDiff) {
	name := [2]string{r.next.Key, kind}
	if !wrong {
		v[name] = nil
		return
	}
	v[name] = &store.Drift{
		Account: r.next.Account, Kind: kind, Subject: r.next.Kind, Object: r.next.ID, Customer: r.next.Customer,
		Diff: jsonText(diff), FoundBy: string(Time), State: "open",
	}
	if r.sight != nil {
		v[name].FoundBy = string(r.sight.cause.Trigger)
	}
}

// impact notes what a finding about a row means for whoever bought it: whether they
// pay for what gives them nothing.
func (v verdicts) impact(r *row, kind string, blocked bool) {
	if d := v[[2]string{r.next.Key, kind}]; d != nil && blocked {
		d.Impact = PaidButBlocked
	}
}

// standing lists what is wrong with the objects just seen that looking cannot heal,
// and closes what is no longer wrong.
func (w *writing) standing(ctx context.Context) ([]store.Drift, error) {
	// Also those that are as they were: the plans may be others.
	seen := slices.DeleteFunc(slices.Concat(w.order, w.same), func(r *row) bool { return r.sight != nil && r.sight.outcome.Overtaken })
	found := verdicts{}
	for _, r := range seen {
		w.assess(found, r)
	}
	w.duplicates(found)
	if err := w.strangers(ctx, found, seen); err != nil {
		return nil, err
	}
	open, err := w.openDrift(ctx, found, seen)
	if err != nil {
		return nil, err
	}
	if err := w.emails(ctx, found, seen, open); err != nil {
		return nil, err
	}
	healed := map[string][]string{} // by who heals
	for _, d := range open {
		name := [2]string{d.Account + "/" + d.Subject + "/" + d.Object, d.Kind}
		switch finding, judged := found[name]; {
		case judged && finding == nil:
			by := w.healer(d)
			healed[by] = append(healed[by], d.ID)
		case judged && (finding.Customer != d.Customer || finding.Impact != d.Impact || finding.Diff != d.Diff):
			d.Customer, d.Impact, d.Diff = finding.Customer, finding.Impact, finding.Diff
			if err := w.tx.RenewDrift(ctx, d); err != nil {
				return nil, err
			}
		}
		delete(found, name)
	}
	for _, by := range sortedKeys(healed) {
		if err := w.tx.HealDrift(ctx, healed[by], by); err != nil {
			return nil, err
		}
	}
	findings := w.orphans
	for _, d := range found {
		if d != nil {
			findings = append(findings, *d)
		}
	}
	slices.SortFunc(findings, func(a, b store.Drift) int { return strings.Compare(a.Object+a.Kind, b.Object+b.Kind) })
	return findings, nil
}

// openDrift lists the open findings about what was judged or seen.
func (w *writing) openDrift(ctx context.Context, found verdicts, seen []*row) ([]store.Drift, error) {
	keys := map[string]bool{}
	for name := range found {
		keys[name[0]] = true
	}
	for _, r := range seen {
		keys[r.next.Key] = true
	}
	return w.tx.OpenDrift(ctx, sortedKeys(keys))
}

// assess looks at a row by itself.
func (w *writing) assess(found verdicts, r *row) {
	if r.sight != nil {
		found.judge(r, DriftOrphan, false) // it is there, or was buried
	}
	s, isSubscription := r.is.(billing.Subscription)
	if !isSubscription {
		return
	}
	live := s.Live() && !r.next.Gone
	good := s.Status == billing.SubscriptionActive || s.Status == billing.SubscriptionTrialing
	found.judge(r, DriftUnlinked, live && r.next.Customer == "")
	found.impact(r, DriftUnlinked, good)
	unmapped := w.unmapped(r.next.Account, s)
	found.judge(r, DriftUnmapped, live && len(unmapped) > 0, unmapped...)
	found.impact(r, DriftUnmapped, good && len(w.Catalog.PlansOf(r.next.Account, s)) == 0)
	if len(r.kinds) > 0 {
		found.judge(r, DriftDuplicate, false) // unless its customer has more of them
	}
}

// unmapped names the prices of a subscription that are in no plan.
func (w *writing) unmapped(account string, s billing.Subscription) (prices []billing.FieldDiff) {
	for _, item := range s.Items {
		if _, mapped := w.Catalog.ByPrice(account, item.Price); !mapped {
			prices = append(prices, billing.FieldDiff{Field: UnmappedPrice, After: json.RawMessage(jsonText(item.Price))})
		}
	}
	return prices
}

// healer says how we came to see that something is no longer wrong.
func (w *writing) healer(d store.Drift) string {
	key := d.Account + "/" + d.Subject + "/" + d.Object
	if r := w.rows[key]; r != nil && r.sight != nil {
		return string(r.sight.cause.Trigger)
	}
	for _, r := range w.same {
		if r.next.Key == key {
			return string(r.sight.cause.Trigger)
		}
	}
	if c := w.customers[d.Customer]; c != nil && c.cause.Trigger != "" {
		return string(c.cause.Trigger)
	}
	return string(Follow)
}

// duplicates finds, among the customers whose subscriptions changed, those who
// have more than one that will go on: all but the newest are one too many.
func (w *writing) duplicates(found verdicts) {
	for _, ref := range w.subscribers() {
		var live []billing.Held[billing.Subscription]
		for _, s := range w.customers[ref].facts.Subscriptions {
			found[[2]string{subscriptionKey(s), DriftDuplicate}] = nil
			if s.Object.Live() && s.Object.CancelAt.IsZero() {
				live = append(live, s)
			}
		}
		if len(live) < 2 {
			continue
		}
		slices.SortFunc(live, func(a, b billing.Held[billing.Subscription]) int {
			return cmp.Or(a.Object.StartedAt.Compare(b.Object.StartedAt), strings.Compare(a.Account+a.ID, b.Account+b.ID))
		})
		newest := live[len(live)-1]
		besides := []billing.FieldDiff{{Field: "newer", After: json.RawMessage(jsonText(subscriptionKey(newest)))}}
		for _, s := range live[:len(live)-1] {
			found[[2]string{subscriptionKey(s), DriftDuplicate}] = &store.Drift{
				Account: s.Account, Kind: DriftDuplicate, Subject: string(billing.KindSubscription), Object: s.ID, Customer: ref,
				Diff: jsonText(besides), FoundBy: string(w.customers[ref].cause.Trigger), State: "open",
			}
		}
	}
}

func subscriptionKey(s billing.Held[billing.Subscription]) string {
	return provider.Ref{Account: s.Account, Kind: billing.KindSubscription, ID: s.ID}.String()
}

// subscribers lists the customers whose subscriptions this writing changes, and
// those who had them before.
func (w *writing) subscribers() []string {
	refs := map[string]bool{}
	for _, r := range w.order {
		if len(r.kinds) == 0 || r.next.Kind != string(billing.KindSubscription) {
			continue
		}
		if w.customers[r.next.Customer] != nil {
			refs[r.next.Customer] = true
		}
		if r.before != nil && w.customers[r.before.Customer] != nil {
			refs[r.before.Customer] = true
		}
	}
	return sortedKeys(refs)
}

// strangers finds the rows that say by now that they belong to somebody else: by what
// they claim, or because the provider has given them to another of its customers. A
// row that is linked stays so; that it should be another's is for a person to judge.
func (w *writing) strangers(ctx context.Context, found verdicts, seen []*row) error {
	var changed []*row
	for _, r := range seen {
		switch billing.Kind(r.next.Kind) {
		case billing.KindSubscription, billing.KindPayment, billing.KindCustomer:
		default:
			continue
		}
		if b := r.before; b != nil && b.Customer != "" && (b.Claims != r.next.Claims || b.Owner != r.next.Owner || b.Customer != r.next.Customer || r.next.Gone) {
			changed = append(changed, r)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	clues, err := w.clues(ctx, changed)
	if err != nil {
		return err
	}
	for _, r := range changed {
		says := w.claimed(r, clues)
		if says == "" && r.before.Owner != "" && r.before.Owner != r.next.Owner && !provider.OwnersShared(w.Drivers[r.next.Account]) {
			says = clues.objects[ownerKey(r.next)].Customer
		}
		found.judge(r, DriftWrongCustomer, !r.next.Gone && says != "" && says != r.next.Customer,
			billing.FieldDiff{Field: "customer", Before: json.RawMessage(jsonText(r.next.Customer)), After: json.RawMessage(jsonText(says))})
	}
	return nil
}

// emails finds the providers' customers who are known there under another address
// than the application's. Only reconciliation finds them: until then the new address
// may be on its way.
func (w *writing) emails(ctx context.Context, found verdicts, seen []*row, open []store.Drift) error {
	var rows []*row
	refs := map[string]bool{}
	for _, r := range seen {
		if r.sight == nil || r.next.Kind != string(billing.KindCustomer) {
			continue
		}
		standing := slices.ContainsFunc(open, func(d store.Drift) bool {
			return d.Kind == DriftEmail && d.Account == r.next.Account && d.Object == r.next.ID && d.Subject == r.next.Kind
		})
		if standing || r.sight.cause.Trigger.reconciling() && r.next.Customer != "" && w.tellsAddresses(r.next.Account) {
			rows, refs[r.next.Customer] = append(rows, r), true
		}
	}
	addresses, err := w.tx.EmailsOf(ctx, sortedKeys(refs))
	if err != nil {
		return err
	}
	for _, r := range rows {
		theirs, _ := r.is.(billing.ProviderCustomer)
		ours := addresses[r.next.Customer]
		found.judge(r, DriftEmail, !r.next.Gone && ours != "" && !strings.EqualFold(ours, theirs.Email),
			billing.FieldDiff{Field: "email", Before: json.RawMessage(jsonText(ours)), After: json.RawMessage(jsonText(theirs.Email))})
	}
	return nil
}

// tellsAddresses reports whether an account's provider takes a customer's address
// from us, and has one for each of them.
func (w *writing) tellsAddresses(account string) bool {
	driver := w.Drivers[account]
	if driver == nil || provider.OwnersShared(driver) {
		return false
	}
	able, _ := provider.Can(driver, provider.PushEmail)
	return able
}
