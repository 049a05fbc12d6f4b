package paypal_test

import (
	"cmp"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

// searches keeps what was asked of the books.
type searches struct {
	next  http.RoundTripper
	asked []url.Values
}

func (s *searches) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/reporting/transactions" {
		s.asked = append(s.asked, r.URL.Query())
	}
	return s.next.RoundTrip(r)
}

// busy is an account in which more happens in a month than a search may find, and
// what is asked of its books.
func busy(t *testing.T, closed bool) (*providertest.World, *simpaypal.Server, *searches) {
	t.Helper()
	asked := &searches{}
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper {
		asked.next = next
		return asked
	}, closed, func(c *simpaypal.Config) { c.MostRows = 7 })
	world := w.Account.(*simpaypal.Server)
	for range 40 {
		world.Populate(3)
		w.Advance(25 * time.Hour)
	}
	return w, world, asked
}

// listed reads a list to its end, and bounds it.
func listed(t *testing.T, d provider.Driver, kind billing.Kind) map[provider.Ref]provider.Snapshot {
	t.Helper()
	all := map[provider.Ref]provider.Snapshot{}
	query := provider.Query{Kind: kind}
	for range 2000 {
		page, err := d.List(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Snapshots {
			all[s.Ref] = s
		}
		for _, ref := range page.Unread {
			all[ref] = provider.Snapshot{}
		}
		if query.After = page.Next; query.After == "" {
			return all
		}
	}
	t.Fatal("the list does not end")
	return nil
}

// PayPal tells nothing of a window in which too much happened. Such windows are
// halved, and grow again where less happens.
func TestBooksOfABusyAccount(t *testing.T) {
	w, _, asked := busy(t, false)
	all := listed(t, w.Driver, billing.KindPayment)
	payments := 0
	for _, o := range w.Truth() {
		if o.Kind != sim.KindPayment {
			continue
		}
		payments++
		ref := provider.Ref{Account: "paypal", Kind: billing.KindPayment, ID: o.ID}
		if _, found := all[ref]; !found {
			s, err := w.Driver.Fetch(t.Context(), ref)
			if err != nil || w.Clock.Now().Sub(s.Object.(billing.Payment).CreatedAt) > 3*time.Hour {
				t.Errorf("%s is not listed: %+v, %v", o.ID, s, err)
			}
		}
	}
	if payments < 100 {
		t.Errorf("%d payments", payments)
	}
	windows := map[string]bool{}
	for _, q := range asked.asked {
		from, err1 := time.Parse(time.RFC3339, q.Get("start_date"))
		to, err2 := time.Parse(time.RFC3339, q.Get("end_date"))
		if err1 != nil || err2 != nil || windows[q.Encode()] {
			t.Errorf("asked twice, or %v, %v: %v", err1, err2, q)
		}
		windows[q.Encode()] = true
		if now := w.Clock.Now(); now.Sub(from) > 200*24*time.Hour && now.Sub(from) < 900*24*time.Hour && to.Sub(from) < 30*24*time.Hour {
			t.Errorf("a window of %v long before anything happened", to.Sub(from))
		}
	}
	if len(asked.asked) > 250 {
		t.Errorf("%d searches", len(asked.asked))
	}
}

// Where subscriptions are found in the books, these are read in halves, too.
func TestSubscriptionsOfABusyAccount(t *testing.T) {
	w, _, _ := busy(t, true)
	for range 3 { // until the events no longer tell of them
		w.Advance(20 * 24 * time.Hour)
	}
	all := listed(t, w.Driver, billing.KindSubscription)
	if len(all) < 100 {
		t.Errorf("%d subscriptions", len(all))
	}
}

// The refunds of a sale are looked for among all others.
func TestRefundsInABusyAccount(t *testing.T) {
	w, world, _ := busy(t, false)
	var one string
	for _, o := range w.Truth() {
		if o.Kind != sim.KindInvoice || o.Fields["status"] != "paid" { // an invoice has its sale's id
			continue
		}
		one = cmp.Or(one, o.ID)
		if _, err := world.Refund(o.ID, 100, false, false); err != nil {
			t.Fatal(err)
		}
		w.Advance(40 * time.Minute)
	}
	w.Advance(5 * time.Hour)
	s, err := w.Driver.Fetch(t.Context(), provider.Ref{Account: "paypal", Kind: billing.KindPayment, ID: one})
	if err != nil || s.Object.(billing.Payment).Refunded != 100 {
		t.Errorf("%+v, %v", s, err)
	}
}
