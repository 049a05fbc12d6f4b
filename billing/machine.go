package billing

import "slices"

// State is one state of a [Machine], with what it means and how it is left.
type State struct {
	Name string
	// Meaning is a sentence for people.
	Meaning string
	// Leaves says in words how an object leaves the state; empty for a final one.
	Leaves string
	// To lists the states that are expected next.
	To []string
}

// Machine is the table of a kind's states. It classifies moves as expected or
// surprising; it never refuses one, because the provider has already acted.
type Machine struct {
	Kind   Kind
	States []State
}

// Expects reports whether an object may be seen in state to after having been
// seen in state from. Staying is always expected. Since we look now and then, a
// chain of expected moves counts as one.
func (m Machine) Expects(from, to string) bool {
	if from == to {
		return true
	}
	reached := []string{from}
	for i := 0; i < len(reached); i++ {
		for _, next := range m.state(reached[i]).To {
			if next == to {
				return true
			}
			if !slices.Contains(reached, next) {
				reached = append(reached, next)
			}
		}
	}
	return false
}

// Knows reports whether the machine has such a state.
func (m Machine) Knows(name string) bool { return m.state(name).Name != "" }

func (m Machine) state(name string) State {
	for _, s := range m.States {
		if s.Name == name {
			return s
		}
	}
	return State{}
}

// MachineOf returns the machine of a kind; found is false for a kind without states.
func MachineOf(kind Kind) (machine Machine, found bool) {
	for _, m := range Machines() {
		if m.Kind == kind {
			return m, true
		}
	}
	return Machine{}, false
}

// Machines lists the machines of all kinds that have states.
func Machines() []Machine {
	return []Machine{
		SubscriptionMachine(), InvoiceMachine(), PaymentMachine(),
		RefundMachine(), DisputeMachine(), CheckoutMachine(),
	}
}

// SubscriptionMachine is the table of [Subscription.Status].
func SubscriptionMachine() Machine {
	return Machine{Kind: KindSubscription, States: []State{
		{"pending", "Made, but its first payment has not arrived.",
			"The first payment arrives, or the provider gives up waiting (Stripe after 23 hours).",
			[]string{"trialing", "active", "past_due", "paused", "ended"}},
		{"trialing", "In use before its first charge.",
			"The trial ends and the first charge succeeds or fails, or somebody cancels or pauses.",
			[]string{"active", "past_due", "unpaid", "paused", "ended"}},
		{"active", "Paid for the current period.",
			"A renewal fails, somebody pauses or cancels, or a new trial is given.",
			[]string{"trialing", "past_due", "unpaid", "paused", "ended"}},
		{"past_due", "A charge failed and the provider keeps trying.",
			"A retry succeeds, or the provider gives up: unpaid or ended, as the account is set.",
			[]string{"active", "trialing", "unpaid", "paused", "ended"}},
		{"unpaid", "The provider has given up collecting, but keeps the subscription.",
			"The customer pays what is open, or somebody cancels.",
			[]string{"active", "trialing", "past_due", "paused", "ended"}},
		{"paused", "Charging is suspended.",
			"The pause ends by date or by hand, or somebody cancels.",
			[]string{"active", "trialing", "past_due", "unpaid", "ended"}},
		{"ended", "Over. A customer who returns starts a new subscription.", "", nil},
	}}
}

// InvoiceMachine is the table of [Invoice.Status].
func InvoiceMachine() Machine {
	return Machine{Kind: KindInvoice, States: []State{
		{"draft", "Being drawn up; may still change.",
			"The provider finalizes it, or it is discarded.", []string{"open", "paid", "void"}},
		{"open", "Due.",
			"It is paid, annulled, or given up.", []string{"paid", "void", "uncollectible"}},
		{"uncollectible", "Given up; may still be paid late.",
			"It is paid late, or annulled.", []string{"paid", "void", "open"}},
		{"paid", "Settled.", "", nil},
		{"void", "Annulled.", "", nil},
	}}
}

// PaymentMachine is the table of [Payment.Status].
func PaymentMachine() Machine {
	return Machine{Kind: KindPayment, States: []State{
		{"pending", "Begun, or under way at a slow method such as a bank debit.",
			"The provider or the bank decides.", []string{"requires_action", "succeeded", "failed", "canceled"}},
		{"requires_action", "The payer must confirm with their bank (3-D Secure).",
			"They confirm, fail to, or give up.", []string{"pending", "succeeded", "failed", "canceled"}},
		{"failed", "The latest attempt was declined.",
			"Another attempt is made, or the payment is canceled.",
			[]string{"pending", "requires_action", "succeeded", "canceled"}},
		{"succeeded", "The money was taken. Refunds and disputes are facts beside this state.", "", nil},
		{"canceled", "Given up before money moved.", "", nil},
	}}
}

// RefundMachine is the table of [Refund.Status].
func RefundMachine() Machine {
	return Machine{Kind: KindRefund, States: []State{
		{"pending", "On its way.", "The bank takes it or sends it back.",
			[]string{"requires_action", "succeeded", "failed", "canceled"}},
		{"requires_action", "The customer must say where to send the money.",
			"They do, or it fails.", []string{"pending", "succeeded", "failed", "canceled"}},
		{"succeeded", "The money was sent.", "The customer's bank sends it back, even weeks later.",
			[]string{"failed"}},
		{"failed", "The money came back to the merchant.", "", nil},
		{"canceled", "Called off before money moved.", "", nil},
	}}
}

// DisputeMachine is the table of [Dispute.Status].
func DisputeMachine() Machine {
	return Machine{Kind: KindDispute, States: []State{
		{"inquiry", "The bank asks; no money has moved.",
			"It is closed (won) or becomes a chargeback.", []string{"open", "won", "lost"}},
		{"open", "A chargeback: the money is withheld until it is decided.",
			"The bank decides, or we accept.", []string{"won", "lost"}},
		{"won", "Decided for the merchant, or never pursued.", "A second round is opened, which is rare.",
			[]string{"open", "lost"}},
		{"lost", "The money went back to the customer: decided for them, accepted, or taken before anybody decides (Paddle).",
			"A reversal, which is rare.", []string{"won"}},
	}}
}

// CheckoutMachine is the table of [Checkout.Status].
func CheckoutMachine() Machine {
	return Machine{Kind: KindCheckout, States: []State{
		{"open", "The customer has the page.", "They finish, or it expires (Stripe after 24 hours).",
			[]string{"approved", "complete", "expired"}},
		{"approved", "The customer agreed to pay; the money has still to be taken (PayPal).",
			"We capture it, or the approval lapses.", []string{"complete", "open", "expired"}},
		{"complete", "The customer went through it; whether money arrived is for the payment to say.", "", nil},
		{"expired", "Nobody finished it in time.", "", nil},
	}}
}
