package paypal_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

// listedPayments reads a list of payments to its end.
func listedPayments(t *testing.T, w *providertest.World, kind billing.Kind) (listed map[string]provider.Snapshot, unread map[string]bool) {
	t.Helper()
	listed, unread = map[string]provider.Snapshot{}, map[string]bool{}
	query := provider.Query{Kind: kind}
	for {
		page, err := w.Driver.List(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Snapshots {
			if s.Ref.Kind == kind {
				listed[s.Ref.ID] = s
			}
		}
		for _, ref := range page.Unread {
			unread[ref.ID] = true
		}
		if query.After = page.Next; query.After == "" {
			return listed, unread
		}
	}
}

// An app that may not look into the books lists what was paid for subscriptions all the
// same, and of what was paid once and of refunds those that events of a month tell of.
func TestPaymentsWithoutBooks(t *testing.T) {
	for name, closed := range map[string]bool{"no books": false, "no list of subscriptions either": true} {
		w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next }, closed, func(c *simpaypal.Config) { c.NoBooks = true })
		w.Crowd(t, 40)
		w.Month(t) // out of the events
		old := map[string]bool{}
		for _, o := range w.Truth() {
			old[o.ID] = true
		}
		w.Crowd(t, 40)
		back := provider.Ref{Account: "paypal", Kind: billing.KindPayment, ID: w.Make.Payment(t)}
		if _, err := w.Driver.(provider.Refunder).Refund(t.Context(), provider.RefundRequest{Payment: back, Key: "k"}); err != nil {
			t.Fatal(err)
		}
		listed, unread := listedPayments(t, w, billing.KindPayment)
		sales := map[string]bool{}
		for _, o := range w.Truth() {
			sales[o.ID] = sales[o.ID] || o.Kind == sim.KindInvoice
		}
		found, once := 0, 0
		for _, o := range w.Truth() {
			if o.Kind != sim.KindPayment || unread[o.ID] {
				continue
			}
			s, there := listed[o.ID]
			if !there {
				if sales[o.ID] && !closed || !old[o.ID] && !sales[o.ID] && o.Fields["status"] != "pending" {
					t.Errorf("%s: %s is not listed; for a subscription: %v; %v", name, o.ID, sales[o.ID], o.Fields)
				}
				continue
			}
			found++
			if !sales[o.ID] {
				once++
			}
			fresh, err := w.Driver.Fetch(t.Context(), s.Ref)
			if err != nil {
				t.Fatal(err)
			}
			fresh.Version, s.Version = provider.Version{}, provider.Version{}
			for i := range fresh.Attempts { // who paid only lists tell of a sale
				fresh.Attempts[i].Payer = s.Attempts[i].Payer
			}
			if diff := cmp.Diff(fresh, s); diff != "" {
				t.Errorf("%s: %s is listed otherwise than it is:\n%s", name, o.ID, diff)
			}
		}
		if found < 40 || once < 3 || len(unread) == 0 {
			t.Errorf("%s: %d are listed, %d of them for no subscription, and %d are for somebody to look at", name, found, once, len(unread))
		}
		for id := range unread { // refunded in part: how much only the books say
			if _, err := w.Driver.Fetch(t.Context(), provider.Ref{Account: "paypal", Kind: billing.KindPayment, ID: id}); provider.KindOf(err) != provider.Denied {
				t.Errorf("%s: %s is left unread, and a look says %v", name, id, err)
			}
		}
		invoices, _ := listedPayments(t, w, billing.KindInvoice)
		refunds, _ := listedPayments(t, w, billing.KindRefund)
		unlister, ok := w.Driver.(provider.Unlister)
		if len(invoices) < 30 || len(refunds) == 0 || !ok || !unlister.Unlisted(provider.Ref{Kind: billing.KindRefund}) || unlister.Unlisted(provider.Ref{Kind: billing.KindInvoice}) {
			t.Errorf("%s: %d invoices, %d refunds", name, len(invoices), len(refunds))
		}
	}
}

// With the books nothing is unlisted.
func TestPaymentsWithBooks(t *testing.T) {
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next }, false)
	w.Crowd(t, 5)
	if listed, unread := listedPayments(t, w, billing.KindPayment); len(listed) < 5 || len(unread) > 0 {
		t.Errorf("%d listed, %d unread", len(listed), len(unread))
	}
	if w.Driver.(provider.Unlister).Unlisted(provider.Ref{Kind: billing.KindPayment}) {
		t.Error("payments are said to be unlisted")
	}
}
