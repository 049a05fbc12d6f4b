// Package inbox stores events, once each, together with the wish to look at what
// they name.
//
// It owns the group commit; it does not own verification (the driver does) nor
// the looking (package apply). When [Inbox.Add] returns without an error, the
// event is on disk and the work it leads to cannot be lost.
package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/internal/batch"
	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Inbox takes in events. It is safe for concurrent use.
type Inbox struct {
	db      *store.DB
	wake    func(queue string)
	batcher *batch.Batcher[*entry]
}

type entry struct {
	event store.Event
	fresh bool
}

// most is how many events share a commit.
const most = 128

// New starts an inbox; wake is told that there is something to look at.
func New(db *store.DB, flushers int, wake func(queue string)) *Inbox {
	in := &Inbox{db: db, wake: wake}
	in.batcher = batch.New(most, max(1, flushers), batch.Alone(in.commit))
	return in
}

// Close waits for what is being stored.
func (in *Inbox) Close() { in.batcher.Close() }

func (in *Inbox) commit(ctx context.Context, entries []*entry) error {
	events := make([]store.Event, len(entries))
	for i, e := range entries {
		events[i] = e.event
	}
	fail.Point("inbox.gathered")
	fresh, err := in.db.Receive(ctx, events)
	if err != nil {
		return err
	}
	fail.Point("inbox.committed")
	for i, e := range entries {
		e.fresh = fresh[i]
	}
	in.wake(store.QueueLook)
	return nil
}

// Add stores an event unless it is stored already, and reports whether it was
// new. Header is what came with it; nil for a listed event. Cause is what looks
// are put down to; empty: the arrival.
func (in *Inbox) Add(ctx context.Context, account, arrival, cause string, d provider.Delivery, header http.Header) (fresh bool, err error) {
	e := newEntry(account, arrival, cause, d, header)
	if err := in.batcher.Do(ctx, e); err != nil {
		return false, err // the entry may still be in use
	}
	return e.fresh, nil
}

// AddAll is Add for a page of listed events, in few commits. An event that cannot
// be stored keeps no other from being stored.
func (in *Inbox) AddAll(ctx context.Context, account, cause string, deliveries []provider.Delivery) (fresh int, err error) {
	entries := make([]*entry, len(deliveries))
	for i, d := range deliveries {
		entries[i] = newEntry(account, store.ArrivalPull, cause, d, nil)
	}
	var failures []error
	for some := range slices.Chunk(entries, most) {
		for i, err := range batch.Alone(in.commit)(ctx, some) {
			if err != nil {
				failures = append(failures, fmt.Errorf("store event %s: %w", some[i].event.EventID, err))
			}
		}
	}
	for _, e := range entries {
		if e.fresh {
			fresh++
		}
	}
	return fresh, errors.Join(failures...)
}

func newEntry(account, arrival, cause string, d provider.Delivery, header http.Header) *entry {
	e := &entry{event: store.Event{
		Account: account, EventID: d.ID, Type: d.Type, Arrival: arrival, CreatedAt: d.CreatedAt,
		Headers: kept(header), Body: d.Body, Cause: cause,
	}}
	if e.event.Body == nil {
		e.event.Body = []byte{} // the column takes no null
	}
	for _, ref := range d.Refs {
		e.event.Refs = append(e.event.Refs, ref.String())
	}
	for ref, claims := range d.Claims {
		for name, value := range claims {
			e.event.Told = append(e.event.Told, store.Told{Key: ref.String(), Name: name, Value: value, Event: d.ID})
		}
	}
	return e
}

// kept picks the headers that help to understand a delivery later.
func kept(header http.Header) string {
	const most = 4096
	picked := map[string]string{}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(header)) {
		lower := strings.ToLower(name)
		if lower != "content-type" && lower != "user-agent" && !strings.Contains(lower, "signature") &&
			!strings.HasPrefix(lower, "paypal-") && !strings.HasPrefix(lower, "x-event-") {
			continue
		}
		value := strings.ToValidUTF8(strings.Join(header[name], ", "), "")
		if more := len(lower) + len(value); size+more <= most {
			picked[lower] = value
			size += more
		}
	}
	doc, err := json.Marshal(picked)
	if err != nil {
		return "{}"
	}
	return string(doc)
}
