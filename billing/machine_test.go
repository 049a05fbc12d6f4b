package billing_test

import (
	"slices"
	"testing"

	"github.com/trivetdev/trivet/billing"
)

func TestMachinesAreWhole(t *testing.T) {
	var kinds []billing.Kind
	for _, machine := range billing.Machines() {
		kinds = append(kinds, machine.Kind)
		var names []string
		for _, state := range machine.States {
			if slices.Contains(names, state.Name) {
				t.Errorf("%s: state %q is there twice", machine.Kind, state.Name)
			}
			names = append(names, state.Name)
			if state.Meaning == "" {
				t.Errorf("%s: state %q has no meaning", machine.Kind, state.Name)
			}
			if (state.Leaves == "") != (len(state.To) == 0) {
				t.Errorf("%s: state %q is left %q, but for %q", machine.Kind, state.Name, state.Leaves, state.To)
			}
			for _, next := range state.To {
				if !machine.Knows(next) || next == state.Name {
					t.Errorf("%s: state %q is left for %q", machine.Kind, state.Name, next)
				}
			}
		}
	}
	for _, kind := range kinds {
		if machine, found := billing.MachineOf(kind); !found || machine.Kind != kind {
			t.Errorf("the machine of %s: got that of %q, found %v", kind, machine.Kind, found)
		}
	}
	if _, found := billing.MachineOf(billing.KindCustomer); found {
		t.Error("customers have no states, but a machine")
	}
}

// Every status that the package names has its row, and no row is without one.
func TestMachinesKnowEveryStatus(t *testing.T) {
	statuses := map[billing.Kind][]string{
		billing.KindSubscription: text(billing.SubscriptionPending, billing.SubscriptionTrialing, billing.SubscriptionActive,
			billing.SubscriptionPastDue, billing.SubscriptionUnpaid, billing.SubscriptionPaused, billing.SubscriptionEnded),
		billing.KindInvoice:  text(billing.InvoiceDraft, billing.InvoiceOpen, billing.InvoicePaid, billing.InvoiceVoid, billing.InvoiceUncollectible),
		billing.KindPayment:  text(billing.PaymentPending, billing.PaymentRequiresAction, billing.PaymentSucceeded, billing.PaymentFailed, billing.PaymentCanceled),
		billing.KindRefund:   text(billing.RefundPending, billing.RefundRequiresAction, billing.RefundSucceeded, billing.RefundFailed, billing.RefundCanceled),
		billing.KindDispute:  text(billing.DisputeInquiry, billing.DisputeOpen, billing.DisputeWon, billing.DisputeLost),
		billing.KindCheckout: text(billing.CheckoutOpen, billing.CheckoutApproved, billing.CheckoutComplete, billing.CheckoutExpired),
	}
	for _, machine := range billing.Machines() {
		var rows []string
		for _, state := range machine.States {
			rows = append(rows, state.Name)
		}
		slices.Sort(rows)
		named := statuses[machine.Kind]
		slices.Sort(named)
		if !slices.Equal(rows, named) {
			t.Errorf("%s: the table has %q, the package names %q", machine.Kind, rows, named)
		}
	}
}

func text[S ~string](values ...S) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

func TestExpectsChainsOfMoves(t *testing.T) {
	machine := billing.Machine{States: []billing.State{
		{Name: "a", To: []string{"b"}}, {Name: "b", To: []string{"c", "a"}}, {Name: "c", To: []string{"b"}}, {Name: "d"},
	}}
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"a", "a", true}, {"a", "b", true}, {"a", "c", true}, {"c", "a", true},
		{"a", "d", false}, {"d", "a", false}, {"d", "d", true}, {"a", "x", false}, {"x", "a", false}, {"x", "x", true},
	} {
		if got := machine.Expects(test.from, test.to); got != test.want {
			t.Errorf("%s to %s: got %v, want %v", test.from, test.to, got, test.want)
		}
	}
	if machine.Knows("x") || !machine.Knows("a") || machine.Knows("") {
		t.Error("the machine knows a state it has not, or not one it has")
	}
}
