package paypal_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

// That PayPal does not show an order does not mean that its payment does not exist, nor
// that nothing was bought with it: the books tell that, when they have come to it.
func TestCaptureWithoutItsOrder(t *testing.T) {
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next }, false)
	world := w.Account.(*simpaypal.Server)
	order, err := world.NewOrder("pass:5.00USD", "5.00", "USD", "trivet:tok")
	if err != nil {
		t.Fatal(err)
	}
	(&maker{world: world, clock: w.Clock}).pay(t, order)
	ref := provider.Ref{Account: "paypal", Kind: billing.KindPayment, ID: world.PaymentsOf(order)[0]}
	if _, err := world.Refund(ref.ID, 200, false, false); err != nil {
		t.Fatal(err)
	}
	want, err := w.Driver.Fetch(t.Context(), ref)
	if p := want.Object.(billing.Payment); err != nil || len(p.Items) != 1 || p.Refunded != 200 || len(want.Attempts) != 1 || want.Attempts[0].Payer == "" {
		t.Fatalf("%+v, %v", want, err)
	}
	if err := world.HideOrder(order); err != nil {
		t.Fatal(err)
	}
	got, err := w.Driver.Fetch(t.Context(), ref)
	if provider.KindOf(err) != provider.Malformed || !provider.KindOf(err).Temporary() || !strings.Contains(err.Error(), order) {
		t.Errorf("before the books tell: %+v, %v", got, err)
	}
	w.Advance(4 * time.Hour)
	for _, age := range []time.Duration{0, 40 * 24 * time.Hour} {
		w.Advance(age)
		if got, err = w.Driver.Fetch(t.Context(), ref); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("from the books:\n%+v, %v, want\n%+v", got, err, want)
		}
	}
	request := provider.RefundRequest{Payment: ref, Key: "k"}
	if _, found, err := w.Driver.(provider.Refunder).FoundRefund(t.Context(), request); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}
