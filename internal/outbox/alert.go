package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// onAlert opens an alert, or closes one that is over, along with the note of the
// effect's end. Telling the team is another matter: see [Outbox.TellTeam].
func onAlert(e store.Effect) (act, error) {
	var w policy.Warning
	if err := json.Unmarshal([]byte(e.Doc), &w); err != nil {
		return act{}, fmt.Errorf("warning of effect %s: %w", e.Key, err)
	}
	kept := surely(already("kept"))
	kept.record = func(ctx context.Context, tx *store.Tx, _ string) error { return warn(ctx, tx, w, e) }
	return kept, nil
}

// warn opens the alert of a warning, or closes it if the warning says that it is
// over. The effect, which may be none, says whom and what it is about.
func warn(ctx context.Context, tx *store.Tx, w policy.Warning, e store.Effect) error {
	if w.Over {
		return tx.CloseAlert(ctx, w.Cause, e.Actor)
	}
	return tx.RaiseAlert(ctx, store.Alert{
		Cause: w.Cause, Kind: w.Kind, Title: w.Title, Details: w.Details, DueBy: w.DueBy, Customer: e.Customer, Object: e.Object,
	})
}

// Raise opens or closes alerts about the service itself, such as a sweep that is
// late: what no policy sees.
func (o *Outbox) Raise(ctx context.Context, warnings []policy.Warning) error {
	if len(warnings) == 0 {
		return nil
	}
	err := o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, w := range warnings {
			if err := warn(ctx, tx, w, store.Effect{Actor: "service"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		o.Wake(store.QueueTask)
	}
	return err
}

// TellTeam tells the team of the open alerts that it does not know of. One that
// cannot be told keeps none from being told, and is told the next time; the error
// says why. A crash right after the telling has it told again.
func (o *Outbox) TellTeam(ctx context.Context) error {
	if o.Tell == nil && len(o.Endpoints) == 0 {
		return nil
	}
	const most = 100
	alerts, err := o.DB.UntoldAlerts(ctx, most)
	if err != nil {
		return err
	}
	if err := o.tellEndpoints(ctx, alerts); err != nil {
		return err
	}
	var failures []error
	for _, a := range alerts {
		w := policy.Warning{Cause: a.Cause, Kind: a.Kind, Title: a.Title, Details: a.Details, DueBy: a.DueBy}
		var err error
		if o.Tell != nil {
			err = o.Tell(ctx, w, a.Customer)
		}
		if err == nil {
			err = o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.MarkTold(ctx, a.Seq) })
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("tell of alert %s: %w", a.Cause, err))
		}
	}
	return errors.Join(failures...)
}

// tellEndpoints raises the work to tell the application's endpoints of alerts. What an
// endpoint was told before, it is not told again.
func (o *Outbox) tellEndpoints(ctx context.Context, alerts []store.Alert) error {
	var wants []store.Want
	for _, endpoint := range o.Endpoints {
		for _, a := range alerts {
			wants = append(wants, store.Want{Queue: store.HookQueue(endpoint), Key: store.HookAlert + " " + strconv.FormatInt(a.Seq, 10)})
		}
	}
	if len(wants) == 0 {
		return nil
	}
	err := o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		return tx.Raise(ctx, numbers[0], wants)
	})
	for _, endpoint := range o.Endpoints {
		o.Wake(store.HookQueue(endpoint))
	}
	return err
}
