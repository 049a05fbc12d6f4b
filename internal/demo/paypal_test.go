package demo

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// TestPayPalAlone lets a shop live on PayPal only, with all faults on.
func TestPayPalAlone(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9,
		10, // an eCheck cleared after PayPal had suspended for later failures: taken for a pause
		17, // a subscription was revised before its buyer was back: taken for another's
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w, r := simulate(t, Options{Seed: seed, Days: 30, Customers: 60, Providers: []string{"paypal"}})
			proven(t, w, r)
			if r.Naive > 99.5 {
				t.Errorf("the naive handler is right in %.2f %% of the cases: nothing went wrong", r.Naive)
			}
		})
	}
}

// TestPayPalTakesTheMoney: PayPal moves no money by itself; the service captures
// every order that a customer agreed to, once.
func TestPayPalTakesTheMoney(t *testing.T) {
	w, r := simulate(t, Options{Seed: 4, Days: 20, Customers: 60, Providers: []string{"paypal"}})
	proven(t, w, r)
	captured := map[string]int{}
	for _, e := range w.accounts[0].truth.Effects() {
		if e.Op == sim.OpCapture {
			captured[e.Object]++
			if !strings.HasPrefix(e.Key, "capture:paypal/checkout/"+e.Object) {
				t.Errorf("%s was captured under %q", e.Object, e.Key)
			}
		}
	}
	for _, o := range w.accounts[0].truth.Truth() {
		if o.Kind != sim.KindCheckout || strings.HasPrefix(o.ID, "I-") {
			continue
		}
		if n := captured[o.ID]; o.Fields["status"] == "approved" || n > 1 || (n == 1) != (o.Fields["status"] == "complete") {
			t.Errorf("order %s is %s, captured %d times", o.ID, o.Fields["status"], n)
		}
	}
	if len(captured) < 5 {
		t.Errorf("only %d orders were captured", len(captured))
	}
}

// TestPayPalIsSilentAbout: on a perfect network only that drifts which PayPal
// announces to nobody: how a refund ends, that a page closes, that a pause of ours
// is over, what somebody else sold.
func TestPayPalIsSilentAbout(t *testing.T) {
	w, err := newWorld(t.Context(), Options{Seed: 1, Days: 20, Customers: 40, Calm: true, Providers: []string{"paypal"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := w.run(t.Context(), func(context.Context, day) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	proven(t, w, r)
	if r.Naive < 85 {
		t.Errorf("the naive handler is right about %.2f%%: it is not given a fair chance", r.Naive)
	}
	rows, err := w.db.Drift(t.Context(), store.DriftFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range rows {
		switch {
		case d.Kind == "unlinked" && d.Subject == "subscription", d.Kind == "duplicate":
		case d.Subject == "refund" && strings.Contains(d.Diff, `"before":"pending"`):
		case d.Subject == "payment" && strings.Contains(d.Diff, "object.refunded"):
		case d.Subject == "checkout" && strings.Contains(d.Diff, `"after":"expired"`):
		case d.Subject == "subscription" && (strings.Contains(d.Diff, "pause.mode") || strings.Contains(d.Diff, `"after":"ended"`)):
		default:
			t.Errorf("drift that an event should have told of: %+v", d)
		}
	}
}
