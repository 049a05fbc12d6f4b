package paypal_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

// captures counts the reads of captures.
type captures struct {
	next  http.RoundTripper
	reads []string
}

func (c *captures) RoundTrip(r *http.Request) (*http.Response, error) {
	if id, single := strings.CutPrefix(r.URL.Path, "/v2/payments/captures/"); single {
		c.reads = append(c.reads, id)
	}
	return c.next.RoundTrip(r)
}

// Not every row of an order says that it is one. Those of our own checkouts are told by
// their token, others are read once, until the caller has them; and what no API of ours
// knows, or the account paid itself, is no payment.
func TestBooksOfPayingOnce(t *testing.T) {
	counter := &captures{}
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper {
		counter.next = next
		return counter
	}, false)
	world := w.Account.(*simpaypal.Server)
	m := &maker{world: world, clock: w.Clock}
	ours := map[string]bool{}
	for n := range 24 {
		custom := ""
		if n%2 == 0 {
			custom = "trivet:tok"
		}
		id, err := world.NewOrder("pass:5.00USD", "5.00", "USD", custom)
		if err != nil {
			t.Fatal(err)
		}
		m.pay(t, id)
		ours[world.PaymentsOf(id)[0]] = n%2 == 0
		world.OldSale()
	}
	w.Advance(4 * time.Hour)
	all := listed(t, w.Driver, billing.KindPayment)
	ids := map[string]bool{}
	for ref, s := range all {
		ids[ref.ID] = ours[ref.ID]
		fresh, err := w.Driver.Fetch(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		fresh.Version, s.Version, fresh.Claims, s.Claims = provider.Version{}, provider.Version{}, nil, nil
		if diff := cmp.Diff(fresh, s); diff != "" {
			t.Errorf("%s is listed otherwise than it is: %s", ref, diff)
		}
	}
	if diff := cmp.Diff(ours, ids); diff != "" {
		t.Error(diff)
	}

	counter.reads = nil
	listed(t, w.Driver, billing.KindPayment)
	tried := map[string]bool{}
	for _, id := range counter.reads {
		if tried[id] = true; ours[id] {
			t.Errorf("%s, which bears our token, is read by itself", id)
		}
	}
	if len(tried) < 24+3 || len(tried) >= 24+12 { // the old sales, and some of the others
		t.Errorf("%d are read", len(tried))
	}

	counter.reads = nil
	at := w.Clock.Now().Add(-24 * time.Hour)
	query := provider.Query{Kind: billing.KindPayment, Recall: func(_ context.Context, refs []provider.Ref) (map[provider.Ref]provider.Memory, error) {
		known := map[provider.Ref]provider.Memory{}
		for _, ref := range refs {
			if _, kept := ours[ref.ID]; kept {
				known[ref] = provider.Memory{FirstAt: at, ChangedAt: at}
			}
		}
		return known, nil
	}}
	found := map[string]bool{}
	for {
		page, err := w.Driver.List(t.Context(), query)
		if err != nil || len(page.Unread) > 0 {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, s := range page.Snapshots {
			found[s.Ref.ID] = ours[s.Ref.ID]
		}
		if query.After = page.Next; query.After == "" {
			break
		}
	}
	if diff := cmp.Diff(ours, found); diff != "" || len(counter.reads) != 24 {
		t.Errorf("%s, reads %v", diff, slices.Sorted(maps.Keys(tried)))
	}
}
