package apply

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// skew is how much a provider's clock may differ from ours, as it may for the signed
// time of a webhook.
const skew = 5 * time.Minute

// happened is the latest time at which an event can have happened. It came after
// that, be it by days; and where the provider says when it was, it was then, give or
// take how much the clocks differ.
func happened(e store.Settled) time.Time {
	if told := e.CreatedAt.Add(skew); !e.CreatedAt.IsZero() && told.Before(e.ReceivedAt) {
		return told
	}
	return e.ReceivedAt
}

// doubt has those looks taken once more, a little later, that began so soon after an
// event that the answer may be from before it. That it showed something new is no
// proof: of two changes it may have shown the first, or have rolled back what the
// ledger knew already. What proves it is the record itself; see [provider.Version].
func (w *writing) doubt(ctx context.Context, settled []store.Settled) error {
	if w.Doubt == 0 || len(settled) == 0 {
		return nil
	}
	looks := map[string]*sight{}
	w.sights(func(s *sight) {
		if key := s.ref.String(); s.patient && !s.missing && looks[key] == nil {
			looks[key] = s
		}
	})
	settled = slices.DeleteFunc(settled, func(e store.Settled) bool {
		s := looks[e.Ref]
		return s == nil || !happened(e).After(s.started.Add(-w.Doubt))
	})
	settled, err := w.unproven(ctx, settled, looks)
	if err != nil || len(settled) == 0 {
		return err
	}
	due := map[string]time.Time{}
	for _, e := range settled {
		if at := happened(e).Add(w.Doubt); at.After(due[e.Ref]) {
			due[e.Ref] = at
		}
	}
	wants := make([]store.Want, 0, len(due))
	for _, key := range slices.Sorted(maps.Keys(due)) {
		wants = append(wants, store.Want{
			Queue: store.QueueLook, Key: key, DueAt: due[key], Cause: Cause{Trigger: Follow, Event: key}.text(),
		})
	}
	numbers, err := w.tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	return w.tx.Raise(ctx, numbers[0], wants)
}

// unproven leaves out the events of which the look at their object provably saw what
// they show, or something later. Each event must be covered, not the newest alone:
// they come in any order.
func (w *writing) unproven(ctx context.Context, settled []store.Settled, looks map[string]*sight) ([]store.Settled, error) {
	var ids []string
	for _, e := range settled {
		if looks[e.Ref].snapshot.Version != (provider.Version{}) {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return settled, nil
	}
	bodies, err := w.tx.EventBodies(ctx, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(settled, func(e store.Settled) bool {
		s := looks[e.Ref]
		shower, shows := w.Drivers[s.ref.Account].(provider.Shower)
		if !shows || len(bodies[e.ID]) == 0 {
			return false
		}
		ref, shown := shower.Shown(bodies[e.ID])
		return ref == s.ref && s.snapshot.Version.Covers(shown)
	}), nil
}
