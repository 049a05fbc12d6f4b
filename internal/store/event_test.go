package store_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// event makes an event of the account "stripe" about references.
func event(id string, refs ...string) store.Event {
	return store.Event{
		Account: "stripe", EventID: id, Type: "customer.subscription.updated", Arrival: store.ArrivalWebhook,
		CreatedAt: storetest.Start().Add(-time.Second), Headers: "{}", Body: []byte(`{"id":"` + id + `"}`), Refs: refs,
	}
}

const sub1 = "stripe/subscription/sub_1"

func receive(t testing.TB, db *store.DB, events ...store.Event) []bool {
	t.Helper()
	fresh, err := db.Receive(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestReceiveOnce(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		other := event("evt_1", sub1)
		other.Account = "stripe_eu"
		if got := receive(t, db, event("evt_2", sub1), event("evt_1", sub1), event("evt_2", sub1), other); !slices.Equal(got, []bool{true, true, false, true}) {
			t.Errorf("a batch with a double: new are %v", got)
		}
		if got := receive(t, db, event("evt_3"), event("evt_2", sub1)); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("across batches: new are %v", got)
		}
		counts, err := db.EventCounts(t.Context())
		if err != nil || counts[store.EventReceived] != 3 || counts[store.EventIgnored] != 1 {
			t.Errorf("events by state: %v, %v", counts, err)
		}
		got, err := db.EventNamed(t.Context(), "evt_2")
		if err != nil {
			t.Fatal(err)
		}
		want := event("evt_2", sub1)
		want.ID, want.Seq, want.ReceivedAt, want.State = got.ID, got.Seq, storetest.Start(), store.EventReceived
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the event reads back differently (-want +got):\n%s", diff)
		}
	})
}

// Thirty-two copies of one event arrive at once: one row, one look.
func TestReceiveParallelCopies(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		var fresh atomic.Int64
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				// Batches of several events in any order, as flushers make them.
				batch := []store.Event{event("evt_1", sub1), event(fmt.Sprint("evt_x", i%4), sub1), event(fmt.Sprint("evt_y", i%3), "stripe/invoice/in_1")}
				for range i % 3 {
					batch = append(batch[1:], batch[0])
				}
				for j, is := range receive(t, db, batch...) {
					if is && batch[j].EventID == "evt_1" {
						fresh.Add(1)
					}
				}
			})
		}
		all.Wait()
		if fresh.Load() != 1 {
			t.Errorf("%d copies were taken for new", fresh.Load())
		}
		count, err := db.CountEvents(t.Context(), store.EventFilter{})
		if err != nil || count != 1+4+3 {
			t.Errorf("%d rows, %v", count, err)
		}
		claims, err := db.Claim(t.Context(), store.QueueLook, 10, time.Minute)
		if err != nil || len(claims) != 2 {
			t.Errorf("looks wanted: %+v, %v", claims, err)
		}
	})
}

// An event that its provider signed is stored, whatever is in it, and comes back
// with its bytes; the others of its batch do not suffer.
func TestReceiveStrangeTexts(t *testing.T) {
	long := strings.Repeat("x", 5000)
	strange := map[string]string{
		"NUL": "evt\x00a", "NUL elsewhere": "evt\x00b", "not UTF-8": "evt\xff\xfe", "half a rune": "evt\xe2\x82",
		"four bytes": "evt_😀𝄞", "long": "evt_" + long, "long with another end": "evt_" + long + "y", "line break": "evt\n1", "quotes": `evt'";--`, "percent": "evt%s$1",
	}
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		batch := []store.Event{event("evt_good", sub1)}
		for _, text := range strange {
			e := event(text, "stripe/subscription/"+text, "stripe/customer/"+text)
			e.Type, e.Headers, e.Body, e.Cause = text, text, []byte(text), "webhook"
			batch = append(batch, e)
		}
		for i, fresh := range receive(t, db, batch...) {
			if !fresh {
				t.Errorf("%.20q was taken for a double", batch[i].EventID)
			}
		}
		for i, fresh := range receive(t, db, batch...) {
			if fresh {
				t.Errorf("%.20q was taken for new when it came again", batch[i].EventID)
			}
		}
		stored, err := db.Events(t.Context(), store.EventFilter{Limit: 100})
		if err != nil || len(stored) != len(batch) {
			t.Fatalf("%d events are stored, %v; want %d", len(stored), err, len(batch))
		}
		bodies := map[string]bool{}
		for _, e := range stored {
			bodies[string(e.Body)] = true
			if want := 2; e.EventID != "evt_good" && len(e.Refs) != want {
				t.Errorf("%.20q came back with references %.60q", e.EventID, e.Refs)
			}
		}
		for what, text := range strange {
			if !bodies[text] {
				t.Errorf("%s: the body did not come back byte for byte", what)
			}
		}
		claims, err := db.Claim(t.Context(), store.QueueLook, 100, time.Minute)
		if err != nil || len(claims) != 2*len(strange)+1 {
			t.Errorf("%d looks are wanted, %v", len(claims), err)
		}
	})
}

// A listed event may come without its body.
func TestReceiveNoBody(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		e := event("evt_1", sub1)
		e.Body, e.Arrival, e.CreatedAt = nil, store.ArrivalPull, time.Time{}
		receive(t, db, e)
		got, err := db.EventNamed(t.Context(), "evt_1")
		if err != nil || len(got.Body) != 0 || !got.CreatedAt.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestReceiveLargeBody(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		e := event("evt_1", sub1)
		e.Body = bytes.Repeat([]byte{0, 1, 0xff, '\n'}, 1<<18)
		receive(t, db, e, event("evt_2", sub1))
		if got, err := db.EventNamed(t.Context(), "evt_1"); err != nil || !bytes.Equal(got.Body, e.Body) {
			t.Errorf("a body of 1 MiB came back with %d bytes, %v", len(got.Body), err)
		}
	})
}

func wantState(t *testing.T, db *store.DB, id, state string) {
	t.Helper()
	if got, err := db.EventNamed(t.Context(), id); err != nil || got.State != state {
		t.Errorf("event %s is %q (error %q), %v; want %q", id, got.State, got.Error, err, state)
	}
}

func settle(t testing.TB, db *store.DB, ref string, begun int64) {
	t.Helper()
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Settle(ctx, map[string]int64{ref: begun})
		return err
	})
}

func number(t testing.TB, db *store.DB) int64 {
	t.Helper()
	n, err := db.Number(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A look settles what was wanted before it began, and nothing that came later or
// is about something else.
func TestSettle(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		receive(t, db, event("before", sub1), event("other", "stripe/subscription/sub_2"))
		begun := number(t, db)
		receive(t, db, event("after", sub1))
		settle(t, db, sub1, begun)
		wantState(t, db, "before", store.EventDone)
		wantState(t, db, "after", store.EventReceived)
		wantState(t, db, "other", store.EventReceived)
		if got, err := db.EventNamed(t.Context(), "before"); err != nil || !got.DoneAt.Equal(storetest.Start()) {
			t.Errorf("done at %v, %v", got.DoneAt, err)
		}
		settle(t, db, sub1, number(t, db))
		wantState(t, db, "after", store.EventDone)
	})
}

// What was settled is told, with the times of it; the bodies are read by themselves.
func TestSettled(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		created := storetest.Start().Add(-time.Hour)
		first, second := event("first", sub1), event("second", sub1)
		first.CreatedAt, first.Body = created, []byte("\x00\xff one")
		second.CreatedAt, second.Body = time.Time{}, []byte("two")
		receive(t, db, first, second, event("other", "stripe/subscription/sub_2"))
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			numbers, err := tx.Numbers(ctx, 1)
			if err != nil {
				return err
			}
			settled, err := tx.Settle(ctx, map[string]int64{sub1: numbers[0]})
			if err != nil || len(settled) != 2 {
				t.Errorf("settled %+v, %v", settled, err)
			}
			var ids []string
			for _, e := range settled {
				if ids = append(ids, e.ID); e.Ref != sub1 || !e.ReceivedAt.Equal(storetest.Start()) || !e.CreatedAt.IsZero() && !e.CreatedAt.Equal(created) {
					t.Errorf("%+v", e)
				}
			}
			bodies, err := tx.EventBodies(ctx, append(ids, "ev_none"))
			got := map[string]bool{}
			for _, id := range ids {
				got[string(bodies[id])] = true
			}
			if err != nil || len(bodies) != 2 || !got["\x00\xff one"] || !got["two"] {
				t.Errorf("bodies %q, %v", bodies, err)
			}
			if none, err := tx.EventBodies(ctx, nil); err != nil || len(none) != 0 {
				t.Errorf("bodies of none: %q, %v", none, err)
			}
			return nil
		})
	})
}

// Trouble is counted; the last makes an event dead, and a good look revives it.
func TestTrouble(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		receive(t, db, event("evt_1", sub1))
		claim := claimOne(t, db)
		fail := func(c store.Claim, dead bool) {
			t.Helper()
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				retry := tx.Now
				if dead {
					retry = time.Time{}
				}
				if err := tx.Fail(ctx, c, "no \x00 good", retry); err != nil {
					return err
				}
				return tx.Trouble(ctx, sub1, "no \x00 good", dead)
			})
		}
		fail(claim, false)
		wantState(t, db, "evt_1", store.EventReceived)
		claim = claimOne(t, db)
		receive(t, db, event("meanwhile", sub1))
		fail(claim, true)
		wantState(t, db, "evt_1", store.EventReceived)
		wantState(t, db, "meanwhile", store.EventReceived)
		claim = claimOne(t, db)
		if claim.Attempts != 1 {
			t.Errorf("what was wanted during the last attempt is tried as number %d", claim.Attempts)
		}
		fail(claim, true)
		wantState(t, db, "evt_1", store.EventDead)
		got, err := db.EventNamed(t.Context(), "evt_1")
		if err != nil || got.Attempts != 3 || !strings.Contains(got.Error, "no") {
			t.Errorf("%d attempts, error %q, %v", got.Attempts, got.Error, err)
		}
		dead, err := db.Dead(t.Context(), 0, 10)
		if err != nil || len(dead) != 1 || dead[0].Key != sub1 {
			t.Errorf("dead work: %+v, %v", dead, err)
		}
		settle(t, db, sub1, number(t, db))
		wantState(t, db, "evt_1", store.EventDone)
	})
}

func claimOne(t testing.TB, db *store.DB) store.Claim {
	t.Helper()
	claims, err := db.Claim(t.Context(), store.QueueLook, 1, time.Minute)
	if err != nil || len(claims) != 1 {
		t.Fatalf("claimed %+v, %v; want one", claims, err)
	}
	return claims[0]
}

func TestReplay(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		receive(t, db, event("evt_1", sub1, "stripe/customer/cus_1"), event("ignored"))
		for _, c := range []store.Claim{claimOne(t, db), claimOne(t, db)} {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Finish(ctx, []store.Claim{c}, time.Time{}) })
		}
		settle(t, db, sub1, number(t, db))
		first, err := db.EventNamed(t.Context(), "evt_1")
		if err != nil {
			t.Fatal(err)
		}
		none, err := db.EventNamed(t.Context(), "ignored")
		if err != nil {
			t.Fatal(err)
		}
		for ids, want := range map[string]int{"": 0, none.ID: 0, "ev_none": 0, first.ID + " " + none.ID: 1} {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				n, err := tx.Replay(ctx, strings.Fields(ids), "replay")
				if n != want {
					t.Errorf("replay of %q: %d to look at, want %d", ids, n, want)
				}
				return err
			})
		}
		wantState(t, db, "evt_1", store.EventReceived)
		wantState(t, db, "ignored", store.EventIgnored)
		for range 2 {
			if c := claimOne(t, db); c.Cause != "replay" {
				t.Errorf("the look is put down to %q", c.Cause)
			}
		}
	})
}

func TestEventFilters(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		receive(t, db, event("a", sub1), event("b", "stripe/invoice/in_1"), event("c"))
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Trouble(ctx, sub1, "50% $1 off_\\", false) })
		all, err := db.Events(t.Context(), store.EventFilter{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			filter store.EventFilter
			want   string
		}{
			"all":           {store.EventFilter{}, "cba"},
			"state":         {store.EventFilter{State: store.EventIgnored}, "c"},
			"ref":           {store.EventFilter{Ref: sub1}, "a"},
			"cause":         {store.EventFilter{Cause: "50% $1 off_\\"}, "a"},
			"another cause": {store.EventFilter{Cause: "50_"}, ""},
			"type":          {store.EventFilter{Type: "x"}, ""},
			"account":       {store.EventFilter{Account: "stripe"}, "cba"},
			"before":        {store.EventFilter{Before: all[0].Seq}, "ba"},
		} {
			count, err := db.CountEvents(t.Context(), test.filter)
			if err != nil || int(count) != len(test.want) {
				t.Errorf("%s: counted %d, %v", name, count, err)
			}
			test.filter.Limit = 10
			events, err := db.Events(t.Context(), test.filter)
			heads, err2 := db.EventHeads(t.Context(), test.filter)
			got, gotHeads := "", ""
			for i := range events {
				got, gotHeads = got+events[i].EventID, gotHeads+heads[i].EventID
			}
			if err != nil || err2 != nil || got != test.want || gotHeads != test.want {
				t.Errorf("%s: %q and heads %q, %v, %v; want %q", name, got, gotHeads, err, err2, test.want)
			}
		}
	})
}

// A webhook that waits to be looked into is known, whatever first asked for the
// look.
func TestPending(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.Raise(ctx, 1, []store.Want{{Queue: store.QueueLook, Key: sub1, Cause: "sweep"}, {Queue: "task", Key: "x", Cause: "webhook"}})
		})
		pending := func(key string) (cause string) {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				causes, err := tx.Pending(ctx, []string{key})
				cause = causes[key]
				return err
			})
			return cause
		}
		if got := pending(sub1); got != "sweep" {
			t.Errorf("pending because of %q", got)
		}
		receive(t, db, event("evt_1", sub1))
		if got := pending(sub1); !strings.HasPrefix(got, "webhook") {
			t.Errorf("a webhook came and the look is pending because of %q", got)
		}
		if got := pending("x"); got != "" {
			t.Errorf("a task is taken for a look because of %q", got)
		}
	})
}
