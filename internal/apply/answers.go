package apply

import (
	"context"
	"slices"

	"github.com/trivetdev/trivet/billing"
)

// Entitlement is the answer for one feature.
type Entitlement struct {
	Feature string
	Answer
}

// Entitlements answers for every feature that the plans give, that was granted
// to the customer by hand, or that they ever had.
func (a *Applier) Entitlements(ctx context.Context, ref string) ([]Entitlement, error) {
	facts, objects, err := a.Facts(ctx, ref)
	if err != nil {
		return nil, err
	}
	stored, err := a.DB.AccessOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	features := a.Catalog.Features()
	add := func(feature string) {
		if feature != "" && !slices.Contains(features, feature) {
			features = append(features, feature)
		}
	}
	for _, grant := range facts.Grants {
		add(grant.Feature)
	}
	for _, access := range stored {
		add(access.Feature)
	}
	now := a.DB.Now()
	all := make([]Entitlement, len(features))
	for i, feature := range features {
		decision := billing.Access(a.Catalog, a.Rules, facts, feature, now)
		all[i] = Entitlement{Feature: feature, Answer: answered(decision, objects, now)}
	}
	return all, nil
}
