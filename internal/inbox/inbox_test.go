package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/provider"
)

var quiet = triggertest.Options{Quiet: true}

func delivery(id string) provider.Delivery {
	return provider.Delivery{
		ID: id, Type: "customer.updated", CreatedAt: triggertest.Start, Body: []byte(`{"id":"` + id + `"}`),
		Refs: []provider.Ref{{Account: "stripe", Kind: billing.KindCustomer, ID: "cus_1"}},
	}
}

// TestManyAtOnce: 32 copies each of a few events from many goroutines; one row
// each, and exactly one of each is told that it was new.
func TestManyAtOnce(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		var mu sync.Mutex
		fresh := map[string]int{}
		var all sync.WaitGroup
		for i := range 4 * 32 {
			all.Go(func() {
				id := fmt.Sprintf("evt_%d", i%4)
				isFresh, err := h.Inbox.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivery(id), http.Header{})
				if err != nil {
					t.Error(err)
				}
				if isFresh {
					mu.Lock()
					fresh[id]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if diff := cmp.Diff(map[string]int{"evt_0": 1, "evt_1": 1, "evt_2": 1, "evt_3": 1}, fresh); diff != "" {
			t.Error(diff)
		}
		if counts := h.Count(t); counts["events"] != 4 || counts["work"] != 1 {
			t.Errorf("rows: %v", counts)
		}
	})
}

// TestOneNameTwoAccounts: the same id at two accounts is two events.
func TestOneNameTwoAccounts(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		for _, account := range []string{"stripe", "stripe_eu"} {
			if fresh, err := h.Inbox.Add(t.Context(), account, store.ArrivalWebhook, "", delivery("evt_1"), nil); err != nil || !fresh {
				t.Errorf("%s: %t %v", account, fresh, err)
			}
		}
	})
}

// TestGoneSender: whoever no longer waits does not undo what is stored, nor spoil
// it for others. That it is stored may be known in the same moment, and is said then.
func TestGoneSender(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, gone := h.Inbox.Add(ctx, "stripe", store.ArrivalWebhook, "", delivery("evt_gone"), nil)
		if gone != nil && !errors.Is(gone, context.Canceled) {
			t.Error(gone)
		}
		if _, err := h.Inbox.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivery("evt_here"), nil); err != nil {
			t.Error(err)
		}
		if _, err := h.DB.EventNamed(t.Context(), "evt_here"); err != nil {
			t.Error(err)
		}
		if _, err := h.DB.EventNamed(t.Context(), "evt_gone"); gone == nil && err != nil {
			t.Error(err)
		}
	})
}

// TestAddAll: a page of events in one go, some known, one without a body, more
// than fit into a commit.
func TestAddAll(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		var page []provider.Delivery
		for i := range 300 {
			page = append(page, delivery(fmt.Sprintf("evt_%d", i)))
		}
		page[5].Body = nil
		page = append(page, page[7])
		if _, err := h.Inbox.Add(t.Context(), "stripe", store.ArrivalWebhook, "", page[3], nil); err != nil {
			t.Fatal(err)
		}
		fresh, err := h.Inbox.AddAll(t.Context(), "stripe", "pull", page)
		if err != nil || fresh != 299 {
			t.Errorf("%d new, %v", fresh, err)
		}
		if again, err := h.Inbox.AddAll(t.Context(), "stripe", "pull", page); err != nil || again != 0 {
			t.Errorf("again: %d new, %v", again, err)
		}
		if none, err := h.Inbox.AddAll(t.Context(), "stripe", "pull", nil); err != nil || none != 0 {
			t.Errorf("nothing: %d new, %v", none, err)
		}
		stored, err := h.DB.EventNamed(t.Context(), "evt_4")
		if err != nil || stored.Arrival != store.ArrivalPull || string(stored.Body) != string(page[4].Body) {
			t.Errorf("%+v %v", stored, err)
		}
		mend := h.Break(t, "events")
		_, err = h.Inbox.AddAll(t.Context(), "stripe", "pull", []provider.Delivery{delivery("evt_new")})
		mend()
		if err == nil || !strings.Contains(err.Error(), "evt_new") {
			t.Errorf("without a table: %v", err)
		}
	})
}

// TestKeptHeaders: what explains a delivery, nothing secret, and not more than a
// few kilobytes, the same ones every time.
func TestKeptHeaders(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	header := http.Header{
		"Authorization": {"Bearer secret"}, "Cookie": {"secret"}, "Content-Type": {"application/json"}, "User-Agent": {"Stripe/1.0\xff"},
		"Stripe-Signature": {"t=1", "v1=2"}, "Paypal-Transmission-Id": {"abc"}, "X-Event-Name": {"order"},
		"A-Signature": {strings.Repeat("a", 5000)}, "Z-Signature-" + strings.Repeat("z", 5000): {"1"},
	}
	seen := map[string]bool{}
	for i := range 20 {
		id := fmt.Sprintf("evt_%d", i)
		if _, err := h.Inbox.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivery(id), header); err != nil {
			t.Fatal(err)
		}
		stored, err := h.DB.EventNamed(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		seen[stored.Headers] = true
	}
	want := `{"content-type":"application/json","paypal-transmission-id":"abc","stripe-signature":"t=1, v1=2","user-agent":"Stripe/1.0","x-event-name":"order"}`
	if len(seen) != 1 || !seen[want] {
		t.Errorf("kept %v\nwant %s", seen, want)
	}
}

// TestClosed: who comes late is told; who was waiting is answered.
func TestClosed(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			_, err := h.Inbox.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivery(fmt.Sprintf("evt_%d", i)), nil)
			_, lookup := h.DB.EventNamed(t.Context(), fmt.Sprintf("evt_%d", i))
			if (err == nil) != (lookup == nil) {
				t.Errorf("event %d: answered %v, stored %v", i, err, lookup)
			}
		})
	}
	time.Sleep(time.Millisecond)
	h.Inbox.Close()
	all.Wait()
	if _, err := h.Inbox.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivery("evt_late"), nil); err == nil {
		t.Error("taken after the end")
	}
}
