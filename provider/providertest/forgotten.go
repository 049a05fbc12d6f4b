package providertest

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// forgot reports whether an object was not found because the provider forgets what
// came to nothing. What its driver says has become of it must be true, and nothing that
// came to something may be taken for forgotten.
func (w *World) forgot(t *testing.T, truth sim.Object, err error) bool {
	t.Helper()
	forgetter, forgets := w.Driver.(provider.Forgetter)
	if err == nil || provider.KindOf(err) != provider.NotFound || !forgets || truth.Kind != sim.KindCheckout {
		return false
	}
	ref := w.ref(billing.KindCheckout, truth.ID)
	last := billing.Checkout{Status: billing.CheckoutOpen, Mode: "payment", CreatedAt: w.Now().Add(-31 * 24 * time.Hour)}
	now, forgotten := forgetter.Forgotten(ref, last)
	if !forgotten || now.State() != truth.Fields["status"] {
		t.Errorf("%v is not found and said to be %v, %v; it is %v", ref, now, forgotten, truth)
	}
	last.CreatedAt = w.Now()
	if now, forgotten := forgetter.Forgotten(ref, last); forgotten {
		t.Errorf("%v, made just now, is taken for forgotten: %v", ref, now)
	}
	last = billing.Checkout{Status: billing.CheckoutComplete, Payment: "pay_1", CreatedAt: w.Now().Add(-31 * 24 * time.Hour)}
	if now, forgotten := forgetter.Forgotten(ref, last); forgotten {
		t.Errorf("%v is taken for forgotten although it was paid for: %v", ref, now)
	}
	return true
}
