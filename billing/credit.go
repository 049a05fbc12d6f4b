package billing

import (
	"fmt"
	"time"
)

// CreditUse is what a customer has used of the credits of a plan.
type CreditUse struct {
	// Used is what was used less what was given by hand; negative: more was given.
	Used int64 `json:"used"`
	// Last is what the latest use took; negative: what was then given.
	Last int64 `json:"last"`
	// Reason is what the application said about it.
	Reason string `json:"reason,omitempty"`
}

// Balance is how a customer stands with the credits of a plan.
type Balance struct {
	// Plan is the plan's id.
	Plan string
	// Bought is what good purchases gave: paid, not refunded in full, not lost to a
	// dispute.
	Bought int64
	// Used is what was used less what was given by hand.
	Used int64
}

// Left is what can be used. It is not below zero: credits that were used of a
// purchase which was then refunded are taken from the next.
func (b Balance) Left() int64 { return max(0, b.Bought-b.Used) }

// Balances lists how a customer stands with each plan of credits that they ever
// bought, used or were given, in the order of the catalog.
func Balances(catalog Catalog, rules Rules, facts Facts, now time.Time) []Balance {
	return decider{catalog: catalog, rules: rules, facts: facts, now: now}.balances(func(Plan) bool { return true })
}

// balances lists those of some plans.
func (d decider) balances(of func(Plan) bool) (all []Balance) {
	bought := map[string]int64{}
	for _, p := range d.bought(of) {
		if p.against == "" && p.plan.Kind == GrantCredits {
			bought[p.plan.ID] += p.quantity * p.plan.Credits
		}
	}
	for _, plan := range d.catalog.Plans() {
		b := Balance{Plan: plan.ID, Bought: bought[plan.ID], Used: d.facts.Consumed[plan.ID]}
		if plan.Kind == GrantCredits && of(plan) && (b.Bought != 0 || b.Used != 0) {
			all = append(all, b)
		}
	}
	return all
}

// Take is what a use takes from the credits of a plan.
type Take struct {
	// Plan is the plan's id.
	Plan string
	// Amount is what is taken, Left what is left of the plan's credits afterwards.
	Amount, Left int64
}

// CreditsError says that credits cannot be used.
type CreditsError struct {
	// Why is the reason against: [ReasonNoCredits], [ReasonBanned], or what stands
	// against the purchases.
	Why Reason
	// Left is how many there are.
	Left int64
}

// Error implements error.
func (e *CreditsError) Error() string {
	if e.Why == ReasonNoCredits {
		return fmt.Sprintf("%d credits are left", e.Left)
	}
	return "no credits can be used: " + string(e.Why)
}

// Spend decides where credits for a feature come from: from the plans that give it,
// in the order of the catalog. Whoever has the feature by other means, by a
// subscription say, uses none: by is then why. Either all of the amount is there,
// or nothing is taken and the error is a [*CreditsError].
func Spend(catalog Catalog, rules Rules, facts Facts, feature string, amount int64, now time.Time) (takes []Take, by Reason, err error) {
	if facts.Ban != nil {
		return nil, "", &CreditsError{Why: ReasonBanned}
	}
	d := decider{catalog: catalog, rules: rules, facts: facts, feature: feature, now: now}
	var free Decision
	for _, decision := range d.candidates() {
		if decision.Allowed && decision.Reason != ReasonCredits && decision.better(free) {
			free = decision
		}
	}
	if free.Allowed {
		return nil, free.Reason, nil
	}
	left := amount
	balances := d.balances(d.included)
	for _, b := range balances {
		if taken := min(left, b.Left()); taken > 0 {
			takes, left = append(takes, Take{Plan: b.Plan, Amount: taken, Left: b.Left() - taken}), left-taken
		}
	}
	if left > 0 {
		return nil, "", d.short(balances)
	}
	return takes, ReasonCredits, nil
}

// short says why there are not enough credits.
func (d decider) short(balances []Balance) error {
	e := &CreditsError{Why: ReasonNoCredits}
	for _, b := range balances {
		e.Left += b.Left()
	}
	if best := d.best(); e.Left == 0 && !best.Allowed {
		e.Why = best.Reason
	}
	return e
}
