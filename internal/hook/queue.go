package hook

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/work"
)

// workers is how many webhooks one endpoint is sent at once.
const workers = 4

// again, as a row's payload, has it sent although the endpoint has it.
const again = "again"

// Queues are the queues of work, one for each endpoint.
func (h *Hooks) Queues() []work.Queue {
	var queues []work.Queue
	for _, e := range h.endpoints {
		queues = append(queues, work.Queue{
			Name: store.HookQueue(e.Name), Workers: workers, Lease: time.Minute,
			Run:    func(ctx context.Context, claim store.Claim) error { return h.run(ctx, e, claim) },
			Retry:  retry,
			Failed: h.failed(e),
		})
	}
	return queues
}

// run tells an endpoint what one row is about, as it is now.
func (h *Hooks) run(ctx context.Context, e *endpoint, claim store.Claim) error {
	before, err := h.DB.DeliveryOf(ctx, e.Name, claim.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	w, err := h.compose(ctx, claim.Key)
	if errors.Is(err, errNothing) {
		return h.note(ctx, claim, nil, before)
	}
	if err != nil {
		return err
	}
	has := before.State == store.DeliveryDone && before.Sequence >= w.sequence
	if !e.takes(w.event) || has && claim.Payload != again {
		return h.note(ctx, claim, nil, before) // what raised the row was seen by the last delivery
	}
	d := store.Delivery{
		Endpoint: e.Name, Key: claim.Key, Event: w.event, Customer: w.customer, WebhookID: w.id, Sequence: w.sequence, State: store.DeliveryDone,
	}
	off, err := h.disabled(ctx, e)
	if err != nil {
		return err
	}
	if off {
		d.State, d.Error = store.DeliveryDead, errDisabled.Error()
		h.Observe(e.Name, w.event, "disabled")
		return h.note(ctx, claim, &d, before)
	}
	if _, err := h.post(ctx, e, w); err != nil {
		if r, ok := errors.AsType[*refusal](err); ok && r.status == http.StatusGone {
			return h.gone(ctx, e, claim, d)
		}
		h.Observe(e.Name, w.event, "failed")
		return &unsent{error: err, w: w}
	}
	fail.Point("hook.delivered")
	h.Observe(e.Name, w.event, "delivered")
	return h.note(ctx, claim, &d, before)
}

// unsent is a failure with what was to be sent.
type unsent struct {
	error
	w hook
}

// Unwrap returns the cause.
func (u *unsent) Unwrap() error { return u.error }

// note completes a claim, with what came of it if anything did. With the last of
// what an endpoint was not told, the alert about that is over.
func (h *Hooks) note(ctx context.Context, claim store.Claim, d *store.Delivery, before store.Delivery) error {
	return h.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Finish(ctx, []store.Claim{claim}, time.Time{}); err != nil || d == nil {
			return err
		}
		if err := tx.PutDelivery(ctx, *d); err != nil {
			return err
		}
		if d.State != store.DeliveryDone || before.State != store.DeliveryDead {
			return nil
		}
		dead, _, err := tx.DeadDeliveries(ctx, d.Endpoint, 0, 1)
		if err != nil || len(dead) > 0 {
			return err
		}
		return tx.CloseAlert(ctx, cause(d.Endpoint), "service")
	})
}

// failed notes a failure, and raises an alert if it was the last.
func (h *Hooks) failed(e *endpoint) func(context.Context, *store.Tx, store.Claim, error, bool) error {
	return func(ctx context.Context, tx *store.Tx, claim store.Claim, failure error, dead bool) error {
		u, ok := errors.AsType[*unsent](failure)
		if !ok { // ours, such as a database that is away: nothing was sent
			return nil
		}
		d := store.Delivery{
			Endpoint: e.Name, Key: claim.Key, Event: u.w.event, Customer: u.w.customer, WebhookID: u.w.id, Sequence: u.w.sequence,
			State: store.DeliveryFailing, Attempts: claim.Failures + 1, Error: failure.Error(),
		}
		if dead {
			d.State = store.DeliveryDead
		}
		if err := tx.PutDelivery(ctx, d); err != nil || !dead {
			return err
		}
		return tx.RaiseAlert(ctx, store.Alert{
			Cause: cause(e.Name), Kind: "hook", Title: "Your endpoint " + e.Name + " does not take what it is told",
			Details: "For three days it could not be told how things stand with one customer or more; the last try: " + failure.Error() +
				". Mend it, then send what it missed with: trivet hooks replay " + e.Name,
		})
	}
}

// gone disables an endpoint that says so.
func (h *Hooks) gone(ctx context.Context, e *endpoint, claim store.Claim, d store.Delivery) error {
	h.Observe(e.Name, d.Event, "disabled")
	d.State, d.Attempts, d.Error = store.DeliveryDead, claim.Failures+1, errDisabled.Error()
	err := h.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Finish(ctx, []store.Claim{claim}, time.Time{}); err != nil {
			return err
		}
		if err := tx.PutDelivery(ctx, d); err != nil {
			return err
		}
		return disable(ctx, tx, e)
	})
	if err == nil {
		h.Wake(store.QueueTask)
	}
	return err
}

// disable notes that an endpoint wants nothing any more, and tells the team.
func disable(ctx context.Context, tx *store.Tx, e *endpoint) error {
	if err := tx.Disable(ctx, store.Disabled{Name: e.Name, Address: e.address, Reason: "it answered 410 Gone"}); err != nil {
		return err
	}
	return tx.RaiseAlert(ctx, store.Alert{
		Cause: cause(e.Name), Kind: "hook", Title: "Your endpoint " + e.Name + " is disabled",
		Details: "It answered 410 Gone, which says that it wants nothing any more. If that was not meant, run: trivet hooks enable " + e.Name +
			", which also sends what it missed. Else remove its [[endpoint]].",
	})
}

// cause is that of the alert about an endpoint.
func cause(endpoint string) string { return "hook:" + endpoint }
