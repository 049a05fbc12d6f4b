package paypal_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

// A search must not begin where the books have not come to. However old a sale is
// that is refunded in part, it can be read at once, and its refunds be found.
func TestPartialRefundsAtOnce(t *testing.T) {
	const day = 24 * time.Hour
	for name, age := range map[string]time.Duration{
		"at once": time.Minute, "within the lag": 2 * time.Hour, "just out of it": 3*time.Hour + time.Minute, "a day": day,
		"where windows meet": 31*day - time.Minute, "a little older": 31*day + 2*time.Hour, "two windows": 62*day + time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next }, false)
			m := &maker{world: w.Account.(*simpaypal.Server), clock: w.Clock}
			ref := provider.Ref{Account: "paypal", Kind: billing.KindPayment, ID: m.sale(t)}
			w.Advance(age - time.Minute)
			if _, err := m.world.Refund(ref.ID, 700, false, false); err != nil {
				t.Fatal(err)
			}
			for range 6 {
				s, err := w.Driver.Fetch(t.Context(), ref)
				if err != nil || s.Object.(billing.Payment).Refunded != 700 {
					t.Fatalf("%+v, %v", s.Object, err)
				}
				request := provider.RefundRequest{Payment: ref, Key: "k"}
				if _, found, err := w.Driver.(provider.Refunder).FoundRefund(t.Context(), request); found || err != nil {
					t.Fatalf("%v, %v", found, err)
				}
				w.Advance(time.Hour)
			}
		})
	}
}

// Short windows may begin where the books have not come to, and have nothing in them.
func TestShortWindowsWithinTheLag(t *testing.T) {
	w, _, _ := busy(t, false)
	now := w.Clock.Now().Unix()
	page, err := w.Driver.List(t.Context(), provider.Query{Kind: billing.KindPayment, After: fmt.Sprintf("%d:%d:1:3600", now, now)})
	if err != nil || page.Next == "" || len(page.Snapshots) == 0 {
		t.Errorf("%+v, %v", page, err)
	}
}
