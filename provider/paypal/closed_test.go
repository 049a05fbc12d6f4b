package paypal_test

import (
	"net/http"
	"reflect"
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
