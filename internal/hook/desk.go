package hook

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/trivetdev/trivet/internal/store"
)

// Standing is how an endpoint stands.
type Standing struct {
	Name string
	// URL is without its query, which may hold a token.
	URL string
	// Events are the types that it takes.
	Events       []string
	AllowPrivate bool
	// Disabled says since when it wants nothing any more; zero: it is told.
	Disabled time.Time
	Reason   string
	// Waiting counts what is to be told, or told again; Dead what was given up.
	Waiting, Dead int64
}

// ErrUnknown says that no endpoint has the name.
var ErrUnknown = errors.New("no endpoint of this name is configured")

// Standings tells how the endpoints stand, in the order of the configuration.
func (h *Hooks) Standings(ctx context.Context) ([]Standing, error) {
	disabled, err := h.DB.DisabledEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	work, err := h.DB.WorkCounts(ctx)
	if err != nil {
		return nil, err
	}
	undelivered, err := h.DB.UndeliveredCounts(ctx)
	if err != nil {
		return nil, err
	}
	all := []Standing{}
	for _, e := range h.endpoints {
		queue := store.HookQueue(e.Name)
		s := Standing{
			Name: e.Name, URL: e.shown(), Events: e.Events, AllowPrivate: e.AllowPrivate,
			Waiting: work[[2]string{queue, "ready"}] + work[[2]string{queue, "running"}],
			Dead:    undelivered[[2]string{e.Name, store.DeliveryDead}],
		}
		if len(s.Events) == 0 {
			s.Events = Events()
		}
		if d, off := disabled[e.Name]; off && d.Address == e.address {
			s.Disabled, s.Reason = d.At, d.Reason
		}
		all = append(all, s)
	}
	return all, nil
}

// some is how many rows are raised in one transaction.
const some = 500

// Replay sends an endpoint anew what was given up, as it is by now. It returns how
// much that is.
func (h *Hooks) Replay(ctx context.Context, name string) (count int, err error) {
	e := h.named(name)
	if e == nil {
		return 0, ErrUnknown
	}
	for after := int64(0); ; {
		var keys []string
		err := h.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			var last int64
			if keys, last, err = tx.DeadDeliveries(ctx, name, after, some); err != nil || len(keys) == 0 {
				return err
			}
			after = last
			return h.raise(ctx, tx, e, keys)
		})
		count += len(keys)
		if err != nil || len(keys) < some {
			h.Wake(store.HookQueue(name))
			return count, err
		}
	}
}

// ReplayCustomer sends an endpoint the state of a customer, whether or not it has it.
// The error is [store.ErrNotFound] if nobody knows the customer.
func (h *Hooks) ReplayCustomer(ctx context.Context, name, customer string) error {
	e := h.named(name)
	if e == nil {
		return ErrUnknown
	}
	if _, err := h.DB.Customer(ctx, customer); err != nil {
		return err
	}
	err := h.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.raise(ctx, tx, e, []string{store.HookState + " " + customer})
	})
	h.Wake(store.HookQueue(name))
	return err
}

// ReplayAll sends an endpoint the state of every customer: one that is new, or has
// lost what it was told. It returns how many they are.
func (h *Hooks) ReplayAll(ctx context.Context, name string) (count int, err error) {
	e := h.named(name)
	if e == nil {
		return 0, ErrUnknown
	}
	for after := ""; ; {
		customers, err := h.DB.Customers(ctx, after, some)
		if err != nil || len(customers) == 0 {
			h.Wake(store.HookQueue(name))
			return count, err
		}
		keys := make([]string, len(customers))
		for i, c := range customers {
			keys[i] = store.HookState + " " + c.Ref
		}
		err = h.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return h.raise(ctx, tx, e, keys) })
		if err != nil {
			return count, err
		}
		count, after = count+len(keys), customers[len(customers)-1].Ref
	}
}

func (h *Hooks) raise(ctx context.Context, tx *store.Tx, e *endpoint, keys []string) error {
	wants := make([]store.Want, len(keys))
	for i, key := range keys {
		wants[i] = store.Want{Queue: store.HookQueue(e.Name), Key: key, Cause: "replay", Payload: again}
	}
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	return tx.Raise(ctx, numbers[0], wants)
}

// Enable has an endpoint told again that said it wants nothing, and sends it what it
// missed. It returns how much that is.
func (h *Hooks) Enable(ctx context.Context, name string) (count int, err error) {
	if h.named(name) == nil {
		return 0, ErrUnknown
	}
	err = h.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Enable(ctx, name); err != nil {
			return err
		}
		return tx.CloseAlert(ctx, cause(name), "service")
	})
	if err != nil {
		return 0, err
	}
	return h.Replay(ctx, name)
}

// Outcome is how a test ended.
type Outcome struct {
	WebhookID string
	// Status is the answer's; 0: there was none.
	Status int
	// Failure says what is wrong; empty: all is well.
	Failure string
}

// Test sends an endpoint a webhook of type [Test] now, once, and tells how it ended.
func (h *Hooks) Test(ctx context.Context, name string) (Outcome, error) {
	e := h.named(name)
	if e == nil {
		return Outcome{}, ErrUnknown
	}
	at := h.DB.Now()
	data, err := json.Marshal(map[string]string{"endpoint": name})
	if err != nil {
		return Outcome{}, err
	}
	w, err := seal(Test, at, data, "test", name, at.Format(time.RFC3339Nano))
	if err != nil {
		return Outcome{}, err
	}
	status, err := h.post(ctx, e, w)
	outcome := Outcome{WebhookID: w.id, Status: status}
	if err != nil {
		outcome.Failure = err.Error()
	}
	return outcome, nil
}
