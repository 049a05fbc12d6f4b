package billing_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
)

// A line is "held -> seen: changes", where "nothing" held means first seen. The
// test demands a line for every pair of states.
var moves = map[billing.Kind]string{
	billing.KindSubscription: `
		nothing  -> pending:  started
		nothing  -> trialing: started
		nothing  -> active:   started activated
		nothing  -> past_due: started fell_behind
		nothing  -> unpaid:   started went_unpaid
		nothing  -> paused:   started paused
		nothing  -> ended:    ended

		pending  -> pending:  updated
		pending  -> trialing: updated
		pending  -> active:   activated
		pending  -> past_due: fell_behind
		pending  -> unpaid:   went_unpaid
		pending  -> paused:   paused
		pending  -> ended:    ended

		trialing -> pending:  updated surprised
		trialing -> trialing: updated
		trialing -> active:   activated
		trialing -> past_due: fell_behind
		trialing -> unpaid:   went_unpaid
		trialing -> paused:   paused
		trialing -> ended:    ended

		active   -> pending:  updated surprised
		active   -> trialing: updated
		active   -> active:   updated
		active   -> past_due: fell_behind
		active   -> unpaid:   went_unpaid
		active   -> paused:   paused
		active   -> ended:    ended

		past_due -> pending:  updated surprised
		past_due -> trialing: recovered
		past_due -> active:   recovered
		past_due -> past_due: updated
		past_due -> unpaid:   went_unpaid
		past_due -> paused:   paused
		past_due -> ended:    ended

		unpaid   -> pending:  updated surprised
		unpaid   -> trialing: recovered
		unpaid   -> active:   recovered
		unpaid   -> past_due: fell_behind
		unpaid   -> unpaid:   updated
		unpaid   -> paused:   paused
		unpaid   -> ended:    ended

		paused   -> pending:  resumed surprised
		paused   -> trialing: resumed
		paused   -> active:   resumed
		paused   -> past_due: resumed fell_behind
		paused   -> unpaid:   resumed went_unpaid
		paused   -> paused:   updated
		paused   -> ended:    ended

		ended    -> pending:  updated surprised
		ended    -> trialing: updated surprised
		ended    -> active:   activated surprised
		ended    -> past_due: fell_behind surprised
		ended    -> unpaid:   went_unpaid surprised
		ended    -> paused:   paused surprised
		ended    -> ended:    updated`,

	billing.KindInvoice: `
		nothing       -> draft:         recorded
		nothing       -> open:          recorded
		nothing       -> uncollectible: invoice_written_off
		nothing       -> paid:          invoice_settled
		nothing       -> void:          invoice_voided

		draft         -> draft:         updated
		draft         -> open:          updated
		draft         -> uncollectible: invoice_written_off
		draft         -> paid:          invoice_settled
		draft         -> void:          invoice_voided

		open          -> draft:         updated surprised
		open          -> open:          updated
		open          -> uncollectible: invoice_written_off
		open          -> paid:          invoice_settled
		open          -> void:          invoice_voided

		uncollectible -> draft:         updated surprised
		uncollectible -> open:          updated
		uncollectible -> uncollectible: updated
		uncollectible -> paid:          invoice_settled
		uncollectible -> void:          invoice_voided

		paid          -> draft:         updated surprised
		paid          -> open:          updated surprised
		paid          -> uncollectible: invoice_written_off surprised
		paid          -> paid:          updated
		paid          -> void:          invoice_voided surprised

		void          -> draft:         updated surprised
		void          -> open:          updated surprised
		void          -> uncollectible: invoice_written_off surprised
		void          -> paid:          invoice_settled surprised
		void          -> void:          updated`,

	billing.KindPayment: `
		nothing         -> pending:         recorded
		nothing         -> requires_action: action_required
		nothing         -> failed:          payment_declined
		nothing         -> succeeded:       paid
		nothing         -> canceled:        payment_withdrawn

		pending         -> pending:         updated
		pending         -> requires_action: action_required
		pending         -> failed:          payment_declined
		pending         -> succeeded:       paid
		pending         -> canceled:        payment_withdrawn

		requires_action -> pending:         updated
		requires_action -> requires_action: updated
		requires_action -> failed:          payment_declined
		requires_action -> succeeded:       paid
		requires_action -> canceled:        payment_withdrawn

		failed          -> pending:         updated
		failed          -> requires_action: action_required
		failed          -> failed:          updated
		failed          -> succeeded:       paid
		failed          -> canceled:        payment_withdrawn

		succeeded       -> pending:         updated surprised
		succeeded       -> requires_action: action_required surprised
		succeeded       -> failed:          payment_declined surprised
		succeeded       -> succeeded:       updated
		succeeded       -> canceled:        payment_withdrawn surprised

		canceled        -> pending:         updated surprised
		canceled        -> requires_action: action_required surprised
		canceled        -> failed:          payment_declined surprised
		canceled        -> succeeded:       paid surprised
		canceled        -> canceled:        updated`,

	billing.KindRefund: `
		nothing         -> pending:         recorded
		nothing         -> requires_action: recorded
		nothing         -> succeeded:       recorded
		nothing         -> failed:          refund_failed
		nothing         -> canceled:        recorded

		pending         -> pending:         updated
		pending         -> requires_action: updated
		pending         -> succeeded:       updated
		pending         -> failed:          refund_failed
		pending         -> canceled:        updated

		requires_action -> pending:         updated
		requires_action -> requires_action: updated
		requires_action -> succeeded:       updated
		requires_action -> failed:          refund_failed
		requires_action -> canceled:        updated

		succeeded       -> pending:         updated surprised
		succeeded       -> requires_action: updated surprised
		succeeded       -> succeeded:       updated
		succeeded       -> failed:          refund_failed
		succeeded       -> canceled:        updated surprised

		failed          -> pending:         updated surprised
		failed          -> requires_action: updated surprised
		failed          -> succeeded:       updated surprised
		failed          -> failed:          updated
		failed          -> canceled:        updated surprised

		canceled        -> pending:         updated surprised
		canceled        -> requires_action: updated surprised
		canceled        -> succeeded:       updated surprised
		canceled        -> failed:          refund_failed surprised
		canceled        -> canceled:        updated`,

	billing.KindDispute: `
		nothing -> inquiry: inquired
		nothing -> open:    disputed
		nothing -> won:     dispute_won
		nothing -> lost:    dispute_lost

		inquiry -> inquiry: updated
		inquiry -> open:    disputed
		inquiry -> won:     dispute_won
		inquiry -> lost:    dispute_lost

		open    -> inquiry: inquired surprised
		open    -> open:    updated
		open    -> won:     dispute_won
		open    -> lost:    dispute_lost

		won     -> inquiry: inquired surprised
		won     -> open:    disputed
		won     -> won:     updated
		won     -> lost:    dispute_lost

		lost    -> inquiry: inquired surprised
		lost    -> open:    disputed
		lost    -> won:     dispute_won
		lost    -> lost:    updated`,

	billing.KindCheckout: `
		nothing  -> open:     recorded
		nothing  -> approved: checkout_agreed
		nothing  -> complete: checkout_completed
		nothing  -> expired:  checkout_lapsed

		open     -> open:     updated
		open     -> approved: checkout_agreed
		open     -> complete: checkout_completed
		open     -> expired:  checkout_lapsed

		approved -> open:     updated
		approved -> approved: updated
		approved -> complete: checkout_completed
		approved -> expired:  checkout_lapsed

		complete -> open:     updated surprised
		complete -> approved: checkout_agreed surprised
		complete -> complete: updated
		complete -> expired:  checkout_lapsed surprised

		expired  -> open:     updated surprised
		expired  -> approved: checkout_agreed surprised
		expired  -> complete: checkout_completed surprised
		expired  -> expired:  updated`,
}

// inState makes an object of a kind in a state. The mark is a detail that no
// named change is about.
func inState(t *testing.T, kind billing.Kind, state, mark string) billing.Object {
	t.Helper()
	switch kind {
	case billing.KindSubscription:
		return billing.Subscription{Status: billing.SubscriptionStatus(state), ProviderStatus: mark}
	case billing.KindInvoice:
		return billing.Invoice{Status: billing.InvoiceStatus(state), Number: mark}
	case billing.KindPayment:
		return billing.Payment{Status: billing.PaymentStatus(state), ProviderStatus: mark}
	case billing.KindRefund:
		return billing.Refund{Status: billing.RefundStatus(state), Reason: mark}
	case billing.KindDispute:
		return billing.Dispute{Status: billing.DisputeStatus(state), ProviderStatus: mark}
	case billing.KindCheckout:
		return billing.Checkout{Status: billing.CheckoutStatus(state), Mode: mark}
	case billing.KindCustomer:
		return billing.ProviderCustomer{Name: mark}
	case billing.KindWarning:
		return billing.Warning{FraudType: mark}
	}
	t.Fatalf("no object of kind %q", kind)
	return nil
}

func words(changes []billing.ChangeKind) string {
	var all []string
	for _, change := range changes {
		all = append(all, string(change))
	}
	return strings.Join(all, " ")
}

func TestObserveNamesEveryMove(t *testing.T) {
	for _, machine := range billing.Machines() {
		t.Run(string(machine.Kind), func(t *testing.T) {
			untold := pairs(machine)
			for line := range strings.Lines(moves[machine.Kind]) {
				move, want, found := strings.Cut(strings.TrimSpace(line), ":")
				if !found {
					continue
				}
				from, to, _ := strings.Cut(move, "->")
				from, to, want = strings.TrimSpace(from), strings.TrimSpace(to), strings.TrimSpace(want)
				pair := from + " -> " + to
				if !slices.Contains(untold, pair) {
					t.Errorf("the line %q tells of no pair, or of one a second time", line)
				}
				untold = slices.DeleteFunc(untold, func(other string) bool { return other == pair })

				var held billing.Object
				if from != "nothing" {
					held = inState(t, machine.Kind, from, "before")
				}
				if got := words(billing.Observe(held, inState(t, machine.Kind, to, "after"))); got != want {
					t.Errorf("%s: named %q, want %q", pair, got, want)
				}
			}
			if len(untold) > 0 {
				t.Errorf("no line tells of %q", untold)
			}
		})
	}
}

func pairs(machine billing.Machine) []string {
	var all []string
	for _, to := range machine.States {
		all = append(all, "nothing -> "+to.Name)
		for _, from := range machine.States {
			all = append(all, from.Name+" -> "+to.Name)
		}
	}
	return all
}

func TestObserveIsSilentWhenNothingChanged(t *testing.T) {
	for _, kind := range billing.Kinds() {
		states := []string{""}
		if machine, found := billing.MachineOf(kind); found {
			states = nil
			for _, state := range machine.States {
				states = append(states, state.Name)
			}
		}
		for _, state := range states {
			object := inState(t, kind, state, "same")
			if named := billing.Observe(object, object); len(named) > 0 {
				t.Errorf("%s %q seen again: named %q, want nothing", kind, state, named)
			}
		}
	}
}

func TestObserveOfKindsWithoutStates(t *testing.T) {
	tests := map[string]struct {
		held, seen billing.Object
		want       string
	}{
		"a customer first seen":        {nil, billing.ProviderCustomer{Email: "a@example.com"}, "recorded"},
		"a customer with a new e-mail": {billing.ProviderCustomer{Email: "a@example.com"}, billing.ProviderCustomer{Email: "b@example.com"}, "updated"},
		"a warning first seen":         {nil, billing.Warning{Actionable: true}, "warned"},
		"a warning dealt with":         {billing.Warning{Actionable: true}, billing.Warning{}, "updated"},
	}
	for name, test := range tests {
		if got := words(billing.Observe(test.held, test.seen)); got != test.want {
			t.Errorf("%s: named %q, want %q", name, got, test.want)
		}
	}
}

func TestObserveSubscriptionDetails(t *testing.T) {
	tests := map[string]struct {
		held, seen subscription
		want       string
	}{
		"first seen when canceled for later":          {nil, active(cancelAt(day(9))), "started activated cancel_scheduled"},
		"first seen in a later period":                {nil, active(period(day(0), day(30))), "started activated"},
		"first seen when over":                        {nil, ended(cancelAt(day(0))), "ended"},
		"a new period":                                {active(period(day(0), day(30))), active(period(day(30), day(60))), "renewed"},
		"a trial that turns into the first period":    {trialing(period(day(0), day(7))), active(period(day(7), day(37))), "activated renewed"},
		"a new period whose charge failed":            {active(period(day(0), day(30))), pastDue(period(day(30), day(60))), "fell_behind renewed"},
		"a period that was only made longer":          {active(period(day(0), day(30))), active(period(day(0), day(40))), "updated"},
		"a period seen while ending":                  {active(period(day(0), day(30))), ended(period(day(30), day(60))), "ended"},
		"the first period of all":                     {pending(), active(period(day(0), day(30))), "activated"},
		"a period that was not known before":          {active(), active(period(day(0), day(30))), "updated"},
		"an item added to the first":                  {active(items("p1")), active(items("p1", "p2")), "replanned"},
		"the only item told as a list":                {active(price("p1")), active(price("p1"), items("p1")), "updated"},
		"another price":                               {active(price("p1")), active(price("p2")), "replanned"},
		"more seats":                                  {active(seats(1)), active(seats(5)), "replanned"},
		"a cancellation for later":                    {active(), active(cancelAt(day(9))), "cancel_scheduled"},
		"a cancellation moved":                        {active(cancelAt(day(9))), active(cancelAt(day(8))), "cancel_scheduled"},
		"a cancellation withdrawn":                    {active(cancelAt(day(9))), active(), "cancel_withdrawn"},
		"a cancellation that came to pass":            {active(cancelAt(day(9))), ended(cancelAt(day(9))), "ended"},
		"an end that forgets its date":                {active(cancelAt(day(9))), ended(), "ended"},
		"recovered and canceled for later in one":     {pastDue(), active(cancelAt(day(9))), "recovered cancel_scheduled"},
		"a pause whose end was moved":                 {paused(until(day(3))), paused(until(day(4))), "updated"},
		"the provider's own word for an equal status": {active(), active(word("ACTIVE")), "updated"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var held billing.Object
			if test.held != nil {
				held = test.held()
			}
			if got := words(billing.Observe(held, test.seen())); got != test.want {
				t.Errorf("named %q, want %q", got, test.want)
			}
		})
	}
}

func TestObserveFlagsStatesNobodyKnows(t *testing.T) {
	for _, machine := range billing.Machines() {
		known, strange := machine.States[0].Name, "teleported"
		tests := map[string]struct {
			held, seen billing.Object
			surprised  bool
		}{
			"first seen":       {nil, inState(t, machine.Kind, strange, ""), true},
			"without a state":  {nil, inState(t, machine.Kind, "", "a"), true},
			"moved to":         {inState(t, machine.Kind, known, ""), inState(t, machine.Kind, strange, ""), true},
			"moved from":       {inState(t, machine.Kind, strange, ""), inState(t, machine.Kind, known, ""), true},
			"stayed in":        {inState(t, machine.Kind, strange, "a"), inState(t, machine.Kind, strange, "b"), false},
			"known throughout": {inState(t, machine.Kind, known, "a"), inState(t, machine.Kind, known, "b"), false},
		}
		for name, test := range tests {
			got := billing.Observe(test.held, test.seen)
			if slices.Contains(got, billing.Surprised) != test.surprised {
				t.Errorf("%s %s: named %q, want surprised: %v", machine.Kind, name, got, test.surprised)
			}
			if slices.Contains(got, "") || len(got) == 0 {
				t.Errorf("%s %s: named %q, want every change to have a name", machine.Kind, name, got)
			}
		}
	}
}
