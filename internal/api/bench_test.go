package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
)

// BenchmarkCheck asks for customers at random, of whom there are many, each with
// a subscription, two invoices and two payments. It prints the 99th percentile
// beside the mean.
func BenchmarkCheck(b *testing.B) {
	const customers = 100_000
	for _, database := range []string{"sqlite", "postgres"} {
		b.Run(database, func(b *testing.B) {
			url := "sqlite:" + filepath.Join(b.TempDir(), "trivet.db")
			if database == "postgres" {
				url = pgtest.URL(b)
			}
			w := newWorld(b, url)
			if _, err := w.Step(b.Context()); err != nil {
				b.Fatal(err)
			}
			fill(b, w, customers)
			h := w.Handler()
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/v1/check?customer=user_%d&feature=pro", i*7919%customers), nil)
				r.Header.Set("Authorization", "Bearer "+apiKey)
				recorder := httptest.NewRecorder()
				began := time.Now()
				h.ServeHTTP(recorder, r)
				took = append(took, time.Since(began))
				if recorder.Code != 200 || !strings.Contains(recorder.Body.String(), `"allowed":true`) {
					b.Fatalf("%d %s", recorder.Code, recorder.Body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// fill writes customers into the ledger as the path would have.
func fill(b *testing.B, w *world, n int) {
	b.Helper()
	now := w.clock.Now()
	doc := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	object := func(customer, kind, id, parent string, o billing.Object) store.Object {
		return store.Object{
			Key: "stripe/" + kind + "/" + id, Account: "stripe", Kind: kind, ID: id, Customer: customer, Owner: "cus_" + customer, Parent: parent,
			Status: o.State(), Doc: doc(o), Claims: "{}", Begun: 1, Applied: 1, FirstAt: now, ChangedAt: now, RevisitAt: o.Revisit(),
		}
	}
	const batch = 1000
	for from := 0; from < n; from += batch {
		var customers []store.Customer
		var objects []store.Object
		var answers []store.Access
		for i := from; i < min(from+batch, n); i++ {
			ref := fmt.Sprintf("user_%d", i)
			customers = append(customers, store.Customer{Ref: ref, Doc: doc(billing.Customer{Ref: ref})})
			sub := "sub_" + ref
			objects = append(objects, object(ref, "subscription", sub, "", billing.Subscription{
				Status: billing.SubscriptionActive, ProviderStatus: "active", Price: w.names["pro_price"], Quantity: 1,
				Amount: billing.Money{Amount: 2900, Currency: "EUR"}, PeriodStart: now, PeriodEnd: now.AddDate(0, 1, 0),
			}))
			answers = append(answers, store.Access{Customer: ref, Feature: "pro", Doc: doc(billing.Decision{
				Allowed: true, Reason: billing.ReasonActive, Until: now.AddDate(0, 1, 0), Source: billing.Source{Account: "stripe", Kind: "subscription", ID: sub},
			})})
			for month := range 2 {
				pay := fmt.Sprintf("pi_%s_%d", ref, month)
				at := now.AddDate(0, -month, 0)
				money := billing.Money{Amount: 2900, Currency: "EUR"}
				objects = append(objects,
					object(ref, "invoice", fmt.Sprintf("in_%s_%d", ref, month), "subscription/"+sub, billing.Invoice{Status: billing.InvoicePaid, Subscription: sub, Payments: []string{pay}, Due: money, Paid: 2900, CreatedAt: at}),
					object(ref, "payment", pay, "", billing.Payment{Status: billing.PaymentSucceeded, Amount: money, CreatedAt: at, PaidAt: at}))
			}
		}
		err := w.ledger.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutCustomers(ctx, customers); err != nil {
				return err
			}
			if err := tx.PutAccess(ctx, answers); err != nil {
				return err
			}
			_, err := tx.PutObjects(ctx, objects)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
