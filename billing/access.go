package billing

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Rules are the switches of [Access]: section [access] of the configuration.
type Rules struct {
	// Grace is how long a past-due subscription keeps access, counted from when
	// the charge was due.
	Grace time.Duration
	// Paused keeps access during a pause of any mode.
	Paused bool
	// Refunded keeps access after a full refund.
	Refunded bool
	// Disputed keeps access while a dispute is open; one that was lost never does.
	Disputed bool
}

// DefaultRules are the rules unless configured otherwise: seven days of grace,
// no access while paused or after a full refund, access during a dispute.
func DefaultRules() Rules {
	return Rules{Grace: 7 * 24 * time.Hour, Disputed: true}
}

// Source names the object that a decision rests on.
type Source struct {
	// Account is the provider account; empty for what is ours.
	Account string `json:"account,omitempty"`
	// Kind is the kind of provider object, or "grant", or "credits": those that were
	// given by hand.
	Kind Kind `json:"kind,omitempty"`
	// ID is the provider's id, or the grant's, or the plan's whose credits they are.
	ID string `json:"id,omitempty"`
}

// compare orders sources: by account, kind and id.
func (s Source) compare(other Source) int {
	return cmp.Or(
		strings.Compare(s.Account, other.Account),
		strings.Compare(string(s.Kind), string(other.Kind)),
		strings.Compare(s.ID, other.ID),
	)
}

// Held is an object of the ledger with the name it goes by.
type Held[T Object] struct {
	// Account is the name of the provider account, ID the provider's own id.
	Account string
	ID      string
	Object  T
	// Ours: it carries the token of a checkout that this service made for the application.
	Ours bool
}

// Find finds an object by the name it goes by.
func Find[T Object](all []Held[T], account, id string) (object T, found bool) {
	for _, held := range all {
		if held.Account == account && held.ID == id {
			return held.Object, true
		}
	}
	return object, false
}

// Facts are everything that [Access] looks at: what the ledger holds about one
// customer.
type Facts struct {
	Ban           *Ban
	Subscriptions []Held[Subscription]
	Invoices      []Held[Invoice]
	Payments      []Held[Payment]
	Disputes      []Held[Dispute]
	Checkouts     []Held[Checkout]
	// Grants are all that were ever given, lapsed and revoked ones included.
	Grants []Grant
	// Consumed counts the credits used so far less those given by hand, by plan id.
	Consumed map[string]int64
}

// Add files an object under its kind; kinds that access does not depend on are
// left out.
func (f *Facts) Add(account, id string, object Object) {
	switch o := object.(type) {
	case Subscription:
		f.Subscriptions = append(f.Subscriptions, Held[Subscription]{Account: account, ID: id, Object: o})
	case Invoice:
		f.Invoices = append(f.Invoices, Held[Invoice]{Account: account, ID: id, Object: o})
	case Payment:
		f.Payments = append(f.Payments, Held[Payment]{Account: account, ID: id, Object: o})
	case Dispute:
		f.Disputes = append(f.Disputes, Held[Dispute]{Account: account, ID: id, Object: o})
	case Checkout:
		f.Checkouts = append(f.Checkouts, Held[Checkout]{Account: account, ID: id, Object: o})
	}
}

// AccessKinds lists the kinds of objects that [Facts] holds.
func AccessKinds() []Kind {
	return []Kind{KindSubscription, KindInvoice, KindPayment, KindDispute, KindCheckout}
}

// Decision is the answer to "may this customer use this feature?".
type Decision struct {
	Allowed bool   `json:"allowed"`
	Reason  Reason `json:"reason"`
	// Until is when the answer was last known to change by itself: the end of
	// the paid period, of grace, of a pass. Zero: no such date. An active
	// subscription stays allowed past it until the provider says otherwise: that
	// we have not heard of a renewal is no reason to lock anybody out.
	Until time.Time `json:"until,omitzero"`
	// Source is the purchase or grant that decided; none for a ban, or if there
	// is no purchase.
	Source Source `json:"source,omitzero"`
	// Turns is when Allowed or Reason changes if nothing else is heard, and not a
	// moment earlier: unlike Until it is binding. Zero: they stay.
	Turns time.Time `json:"turns,omitzero"`
}

// Access decides whether the holder of the facts may use a feature at a moment.
// It is a pure function: equal facts, equal answer. Of several purchases that
// give the feature the best counts; if none allows, the strongest reason
// against is told.
func Access(catalog Catalog, rules Rules, facts Facts, feature string, now time.Time) Decision {
	if facts.Ban != nil {
		return Decision{Reason: ReasonBanned}
	}
	d := decider{catalog: catalog, rules: rules, facts: facts, feature: feature, now: now}
	best := d.best()
	if !best.Allowed {
		best.Turns = d.turns(best.Reason)
	}
	return best
}

// decider carries the arguments of one call of Access.
type decider struct {
	catalog Catalog
	rules   Rules
	facts   Facts
	feature string
	now     time.Time
}

// best picks the decision that counts of all that the facts lead to. Of those
// that allow it picks the one that turns last; hence nothing else can turn the
// answer before.
func (d decider) best() Decision {
	best := Decision{Reason: ReasonNone}
	for _, candidate := range d.candidates() {
		if candidate.better(best) {
			best = candidate
		}
	}
	return best
}

// candidates are all decisions that the facts lead to.
func (d decider) candidates() []Decision {
	return slices.Concat(d.subscriptions(), d.purchases(), d.grants())
}

// turns finds when the reason against changes by itself, which happens only at
// the date on which a subscription is to end, and where grace ends that a dispute
// or a refund outweighs until then.
func (d decider) turns(reason Reason) time.Time {
	var ends []time.Time
	for _, held := range d.facts.Subscriptions {
		if d.gives(held.Account, held.Object) {
			ends = append(ends, held.Object.CancelAt, d.subscription(held).Turns)
		}
	}
	ends = slices.DeleteFunc(ends, func(end time.Time) bool { return !end.After(d.now) })
	slices.SortFunc(ends, time.Time.Compare)
	for _, end := range ends {
		d.now = end
		if d.best().Reason != reason {
			return end
		}
	}
	return time.Time{}
}

// better orders decisions: allowed before denied, then the later binding end,
// then the later known end; then the stronger reason. Ties go to the smaller
// source and, where one payment bought two plans, to the later end, so that the
// order of the facts does not matter.
func (d Decision) better(than Decision) bool {
	if d.Allowed != than.Allowed {
		return d.Allowed
	}
	if d.Allowed {
		if !d.Turns.Equal(than.Turns) {
			return later(d.Turns, than.Turns)
		}
		if !d.Until.Equal(than.Until) {
			return later(d.Until, than.Until)
		}
	}
	mine, other := rank[d.Reason], rank[than.Reason]
	if mine != other {
		return d.Allowed == (mine < other)
	}
	if c := d.Source.compare(than.Source); c != 0 {
		return c < 0
	}
	return later(d.Until, than.Until)
}

// later compares ends, where zero means "never".
func later(a, b time.Time) bool {
	return !b.IsZero() && (a.IsZero() || a.After(b))
}

func (d decider) grants() []Decision {
	var decisions []Decision
	for _, grant := range d.facts.Grants {
		plan, known := d.catalog.ByID(grant.Plan)
		toFeature := grant.Feature != "" && grant.Feature == d.feature
		if !toFeature && (!known || !plan.Gives(d.feature)) || d.facts.Moved(d.catalog, grant) {
			continue // what they have bought elsewhere speaks for itself
		}
		end := grant.end()
		decision := Decision{Allowed: true, Reason: ReasonGranted, Until: end, Turns: end}
		if grant.From != "" {
			decision.Reason = ReasonMigration
		}
		if !end.IsZero() && !end.After(d.now) {
			decision = Decision{Reason: ReasonGrantExpired, Until: end}
		}
		decision.Source = Source{Kind: "grant", ID: grant.ID}
		decisions = append(decisions, decision)
	}
	return decisions
}
