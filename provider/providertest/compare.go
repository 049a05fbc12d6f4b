package providertest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// kinds maps the simulator's names of kinds to ours.
var kinds = map[string]billing.Kind{
	sim.KindCustomer: billing.KindCustomer, sim.KindSubscription: billing.KindSubscription, sim.KindInvoice: billing.KindInvoice,
	sim.KindPayment: billing.KindPayment, sim.KindRefund: billing.KindRefund, sim.KindDispute: billing.KindDispute,
	sim.KindCheckout: billing.KindCheckout, sim.KindWarning: billing.KindWarning,
}

// same reports how a snapshot differs from the simulator's truth.
func (w *World) same(t *testing.T, truth sim.Object, s provider.Snapshot) {
	t.Helper()
	if want := w.ref(kinds[truth.Kind], truth.ID); s.Ref != want {
		t.Errorf("%s %s is named %v", truth.Kind, truth.ID, s.Ref)
	}
	if s.Owner != truth.Customer {
		t.Errorf("%v belongs to %q, in truth to %q", s.Ref, s.Owner, truth.Customer)
	}
	told := fieldsOf(s)
	for name, want := range truth.Fields {
		if truth.Kind == sim.KindPayment && name == "disputed" {
			continue // told by the dispute
		}
		if got, known := told[name]; !known || got != want {
			t.Errorf("%v: %s is %q, in truth %q", s.Ref, name, got, want)
		}
	}
}

// fieldsOf writes a snapshot in the words of the simulator's truth.
func fieldsOf(s provider.Snapshot) map[string]string {
	switch o := s.Object.(type) {
	case nil:
		return map[string]string{"deleted": strconv.FormatBool(s.Gone)}
	case billing.ProviderCustomer:
		return map[string]string{"deleted": strconv.FormatBool(s.Gone), "email": o.Email}
	case billing.Subscription:
		return with(o.Amount, map[string]string{
			"status": string(o.Status), "provider_status": o.ProviderStatus, "price": o.Price, "quantity": count(o.Quantity),
			"current_period_start": instant(o.PeriodStart), "current_period_end": instant(o.PeriodEnd),
			"trial_end": instant(o.TrialEnd), "cancel_at": instant(o.CancelAt),
			"ahead": ahead(o.Ahead), "failure": failure(o.Failure),
		})
	case billing.Invoice:
		return with(o.Due, map[string]string{
			"status": string(o.Status), "amount_due": count(o.Due.Amount), "amount_paid": count(o.Paid), "subscription": o.Subscription,
		})
	case billing.Payment:
		return with(o.Amount, map[string]string{"status": string(o.Status), "refunded": count(o.Refunded)})
	case billing.Refund:
		return with(o.Amount, map[string]string{"status": string(o.Status), "payment": o.Payment})
	case billing.Dispute:
		return with(o.Amount, map[string]string{"status": string(o.Status), "provider_status": o.ProviderStatus, "payment": o.Payment})
	case billing.Checkout:
		return map[string]string{"status": string(o.Status), "payment_status": o.PaymentStatus}
	case billing.Warning:
		return map[string]string{"actionable": strconv.FormatBool(o.Actionable), "payment": o.Payment}
	}
	return map[string]string{"kind": fmt.Sprintf("%T", s.Object)}
}

func with(amount billing.Money, fields map[string]string) map[string]string {
	fields["amount"], fields["currency"] = count(amount.Amount), strings.ToLower(amount.Currency)
	return fields
}

// ahead writes a change that lies ahead as the simulators do.
func ahead(a *billing.Ahead) string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%s %s %d", a.Kind, instant(a.At), a.Amount.Amount)
}

// failure writes why a charge failed, when, when it is tried again, and how much can be
// collected, as the simulators do.
func failure(f *billing.Failure) string {
	if f == nil {
		return ""
	}
	return strings.Join([]string{f.Decline.Code, instant(f.At), instant(f.NextAttempt), count(f.Owed.Amount)}, " ")
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func instant(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}

// truthOf returns the simulator's rows of a kind, of one customer or of all.
func (w *World) truthOf(kind billing.Kind, owner string) []sim.Object {
	return slices.DeleteFunc(w.Truth(), func(o sim.Object) bool {
		return kinds[o.Kind] != kind || owner != "" && o.Customer != owner
	})
}

// effects counts the simulator's rows of an operation on an object; an empty
// object is any.
func (w *World) effects(op, object string) int {
	n := 0
	for _, e := range w.Effects() {
		if e.Op == op && (object == "" || e.Object == object) {
			n++
		}
	}
	return n
}
