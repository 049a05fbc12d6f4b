package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Check answers whether a customer may use a feature now, from the ledger. An
// unknown customer may not.
//
// What was decided when something last changed, by the plans and rules that this
// process knows, holds until its binding date, so that two rows are all that is
// read. Else the decision is made anew from all the facts: while a new
// configuration is rolled out, processes with the old one still decide.
func (a *Applier) Check(ctx context.Context, ref, feature string) (Answer, error) {
	now := a.DB.Now()
	if answer, holds, err := a.decided(ctx, ref, feature, now); err != nil || holds {
		return answer, err
	}
	facts, objects, err := a.Facts(ctx, ref)
	if err != nil {
		return Answer{}, err
	}
	return answered(billing.Access(a.Catalog, a.Rules, facts, feature, now), objects, now), nil
}

// decided reads the stored answer; holds is false if there is none that counts.
func (a *Applier) decided(ctx context.Context, ref, feature string, now time.Time) (answer Answer, holds bool, err error) {
	answer = Answer{Decision: billing.Decision{Reason: billing.ReasonNone}, AsOf: now}
	row, err := a.DB.Decided(ctx, ref, feature)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return answer, false, nil
	case err != nil:
		return answer, false, err
	case row.Digest != a.digest, !row.TurnsAt.IsZero() && !row.TurnsAt.After(now):
		return answer, false, nil
	}
	if err := json.Unmarshal([]byte(row.Doc), &answer.Decision); err != nil {
		return answer, false, fmt.Errorf("read the access of %s: %w", ref, err)
	}
	source := answer.Source
	if source.Account == "" { // a grant, or nothing
		return answer, true, nil
	}
	key := provider.Ref{Account: source.Account, Kind: source.Kind, ID: source.ID}.String()
	checked, revisit, err := a.DB.Freshness(ctx, key)
	if err != nil {
		return answer, false, err
	}
	answer.fresh(checked, revisit, now)
	return answer, true, nil
}

// fresh notes how fresh the object is that the answer rests on.
func (a *Answer) fresh(checked, revisit, now time.Time) {
	if checked.Before(a.AsOf) {
		a.AsOf = checked
		a.Stale = !revisit.IsZero() && revisit.Add(slack).Before(now)
	}
}
