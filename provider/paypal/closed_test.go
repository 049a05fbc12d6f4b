package paypal_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// Not every account may list its subscriptions. Without the list they are found in
// the events of the last month and in the books of three years.
func TestListOfSubscriptionsIsClosed(t *testing.T) {
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next }, true)
	w.Crowd(t, 60)
	for range 12 { // paid for, and then out of the events
		w.Advance(6 * 24 * time.Hour)
	}
	w.Crowd(t, 10)
	listed := map[string]provider.Snapshot{}
	query := provider.Query{Kind: billing.KindSubscription}
	for {
		page, err := w.Driver.List(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Snapshots {
			listed[s.Ref.ID] = s
		}
		if query.After = page.Next; query.After == "" {
			break
		}
	}
	paid := map[string]bool{}
	for _, o := range w.Truth() {
		if o.Kind == sim.KindInvoice && o.Fields["status"] == "paid" {
			paid[o.Fields["subscription"]] = true
		}
	}
	for id := range paid {
		fresh, err := w.Driver.Fetch(t.Context(), provider.Ref{Account: "paypal", Kind: billing.KindSubscription, ID: id})
		if err != nil || !reflect.DeepEqual(listed[id], fresh) {
			t.Errorf("%s is listed as %+v, fetched as %+v, %v", id, listed[id], fresh, err)
		}
	}
	if len(paid) < 50 || len(listed) < 70 {
		t.Errorf("%d paid, %d listed", len(paid), len(listed))
	}
}

// counting counts the reads of single subscriptions.
type counting struct {
	next  http.RoundTripper
	reads map[string]int
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if id, single := strings.CutPrefix(r.URL.Path, "/v1/billing/subscriptions/"); single {
		c.reads[id]++
	}
	return c.next.RoundTrip(r)
}

// Who is paid for every month is in every window of the books. Whoever keeps what was
// read, as the sweep does, has each subscription read once.
func TestClosedListReadsEachOnce(t *testing.T) {
	counter := counting{reads: map[string]int{}}
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper {
		counter.next = next
		return counter
	}, true)
	w.Crowd(t, 40)
	for range 12 {
		w.Advance(8 * 24 * time.Hour)
	}
	clear(counter.reads)
	seen := map[provider.Ref]bool{}
	query := provider.Query{Kind: billing.KindSubscription, Recall: func(_ context.Context, refs []provider.Ref) (map[provider.Ref]provider.Memory, error) {
		known := map[provider.Ref]provider.Memory{}
		for _, ref := range refs {
			known[ref] = provider.Memory{Seen: seen[ref]}
		}
		return known, nil
	}}
	for {
		page, err := w.Driver.List(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Snapshots {
			seen[s.Ref] = true
		}
		if query.After = page.Next; query.After == "" {
			break
		}
	}
	if len(seen) < 30 || len(counter.reads) < 30 {
		t.Errorf("%d listed, %d read", len(seen), len(counter.reads))
	}
	for id, n := range counter.reads {
		if n != 1 {
			t.Errorf("%s is read %d times", id, n)
		}
	}
}
