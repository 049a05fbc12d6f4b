package providertest

import (
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// hardMoney are currencies of no, of three and of two decimals of which the last is
// never seen: what providers disagree about.
var hardMoney = []string{"JPY", "KWD", "HUF"}

// money lets a payment of each declared amount be made, reads everything that it left
// behind, and gives a third of it back: to the last minor unit.
func (h Harness) money(t *testing.T) {
	taken := map[string]bool{}
	for _, amount := range h.Amounts {
		taken[amount.Currency] = true
		t.Run(amount.Currency, func(t *testing.T) {
			w, id := h.Charge(t, amount)
			payment := w.ref(billing.KindPayment, id)
			if n := w.charged(t, amount); n == 0 {
				t.Error("nothing has an amount")
			}
			for listed, s := range w.everything(t, provider.Query{Kind: billing.KindPayment}, nil) {
				if got := s.Object.(billing.Payment).Amount; got != amount { //nolint:forcetypeassert // by its kind
					t.Errorf("%s is listed with %v, want %v", listed, got, amount)
				}
			}
			w.thirdBack(t, payment, amount)
		})
	}
	for _, currency := range hardMoney {
		if taken[currency] == (h.Untaken[currency] != "") {
			t.Errorf("%s: taken %t; why not: %q", currency, taken[currency], h.Untaken[currency])
		}
	}
}

// charged compares everything in an account that has an amount with the only one that
// was ever charged.
func (w *World) charged(t *testing.T, amount billing.Money) (n int) {
	t.Helper()
	for _, truth := range w.Truth() {
		s, err := w.Driver.Fetch(t.Context(), w.ref(kinds[truth.Kind], truth.ID))
		if err != nil {
			t.Fatal(err)
		}
		got, has := amountOf(s.Object)
		if !has {
			continue
		}
		if n++; got != amount {
			t.Errorf("%v has %v, want %v", s.Ref, got, amount)
		}
	}
	return n
}

func amountOf(o billing.Object) (amount billing.Money, has bool) {
	switch o := o.(type) {
	case billing.Subscription:
		return o.Amount, true
	case billing.Invoice:
		return o.Due, true
	case billing.Payment:
		return o.Amount, true
	case billing.Checkout:
		return o.Total, o.Total != billing.Money{}
	}
	return billing.Money{}, false
}

// thirdBack refunds a third of a payment and looks at what comes of it.
func (w *World) thirdBack(t *testing.T, payment provider.Ref, amount billing.Money) {
	t.Helper()
	refunder, can := offered[provider.Refunder](t, w, "the provider gives nothing back")
	if !can {
		return
	}
	third := amount
	third.Amount /= 3
	ref, err := refunder.Refund(t.Context(), provider.RefundRequest{Payment: payment, Amount: third, Key: "a third of " + amount.String()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Driver.Fetch(t.Context(), payment)
	if err != nil {
		t.Fatal(err)
	}
	if p, is := s.Object.(billing.Payment); !is || p.Refunded != third.Amount || p.Amount != amount {
		t.Errorf("with %v given back, the payment is %+v", third, s.Object)
	}
	if ref.IsZero() {
		return // the provider has no objects for refunds
	}
	if s, err = w.Driver.Fetch(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if r, is := s.Object.(billing.Refund); !is || r.Amount != third {
		t.Errorf("%v given back is %+v", third, s.Object)
	}
}
