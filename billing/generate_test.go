package billing_test

import (
	"reflect"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

// The generators here make objects of every kind from few values, so that
// collisions, ties and references between objects are likely.

var kinds = rapid.SampledFrom(billing.Kinds())

// objects makes any object of any kind.
var objects = rapid.Custom(func(t *rapid.T) billing.Object { return objectOf(t, kinds.Draw(t, "kind")) })

func objectOf(t *rapid.T, kind billing.Kind) billing.Object {
	switch kind {
	case billing.KindSubscription:
		return made[billing.Subscription](t)
	case billing.KindInvoice:
		return made[billing.Invoice](t)
	case billing.KindPayment:
		return made[billing.Payment](t)
	case billing.KindRefund:
		return made[billing.Refund](t)
	case billing.KindDispute:
		return made[billing.Dispute](t)
	case billing.KindCheckout:
		return made[billing.Checkout](t)
	case billing.KindWarning:
		return made[billing.Warning](t)
	case billing.KindCustomer:
		return made[billing.ProviderCustomer](t)
	}
	t.Fatalf("no generator for kind %q", kind)
	return nil
}

// made fills every field of an object: one that is added to the type later is
// covered without a word here.
func made[T billing.Object](t *rapid.T) T {
	return rapid.MakeCustom[T](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[time.Time](): rapid.OneOf(rapid.Just(time.Time{}), instants, nanoseconds).AsAny(),
		reflect.TypeFor[[]billing.Item](): rapid.Custom(func(t *rapid.T) []billing.Item {
			return orNone(rapid.SliceOfN(rapid.Make[billing.Item](), 0, 3).Draw(t, "items"))
		}).AsAny(),
		reflect.TypeFor[[]string](): rapid.Custom(func(t *rapid.T) []string {
			return orNone(rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "ids"))
		}).AsAny(),
		reflect.TypeFor[billing.SubscriptionStatus](): stateOf(billing.SubscriptionMachine()),
		reflect.TypeFor[billing.InvoiceStatus]():      stateOf(billing.InvoiceMachine()),
		reflect.TypeFor[billing.PaymentStatus]():      stateOf(billing.PaymentMachine()),
		reflect.TypeFor[billing.RefundStatus]():       stateOf(billing.RefundMachine()),
		reflect.TypeFor[billing.DisputeStatus]():      stateOf(billing.DisputeMachine()),
		reflect.TypeFor[billing.CheckoutStatus]():     stateOf(billing.CheckoutMachine()),
	}}).Draw(t, "object")
}

// orNone makes an empty list none, as reading JSON back does.
func orNone[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// stateOf makes a state of a machine, or now and then one that it does not know.
func stateOf(machine billing.Machine) *rapid.Generator[any] {
	names := []string{"", "teleported"}
	for _, state := range machine.States {
		names = append(names, state.Name)
	}
	return rapid.SampledFrom(names).AsAny()
}

var nanoseconds = rapid.Custom(func(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(-1e9, 1e10).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanoseconds")).UTC()
})

// near makes moments around day 10, on which the properties ask, and often none.
var near = rapid.Custom(func(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "none") {
		return time.Time{}
	}
	return day(10).Add(time.Duration(rapid.IntRange(-20, 20).Draw(t, "half days")) * 12 * time.Hour)
})

var prices = rapid.SampledFrom([]string{
	"price_pro", "price_pro", "price_team", "price_month", "price_month", "price_year", "price_life", "price_pack", "price_other",
})

var (
	accounts      = rapid.SampledFrom([]string{"stripe", "stripe", "stripe", "stripe", "stripe_eu"})
	subscriptions = rapid.SampledFrom([]string{"1", "2"}) // ids that are no others' only by kind, as at Lemon Squeezy
	payments      = rapid.SampledFrom([]string{"1", "2", "3"})
)

// statusOf makes a state of a machine, more often the usual one: histories in
// which nothing is good tell little.
func statusOf[S ~string](t *rapid.T, machine billing.Machine, usual S) S {
	if rapid.IntRange(0, 2).Draw(t, "unusual") > 0 {
		return usual
	}
	return S(rapid.SampledFrom(machine.States).Draw(t, "status").Name)
}

func someSubscription(t *rapid.T) billing.Subscription {
	s := billing.Subscription{
		Status: statusOf(t, billing.SubscriptionMachine(), billing.SubscriptionActive),
		Price:  prices.Draw(t, "price"), CancelAt: near.Draw(t, "cancel at"), PastDueSince: near.Draw(t, "past due since"),
		PeriodStart: near.Draw(t, "period start"), PeriodEnd: near.Draw(t, "period end"), TrialEnd: near.Draw(t, "trial end"),
		StartedAt: near.Draw(t, "started"), EndedAt: near.Draw(t, "ended"),
	}
	if rapid.Bool().Draw(t, "pause") {
		s.Pause = &billing.Pause{Mode: rapid.SampledFrom([]string{"void", "free"}).Draw(t, "mode")}
	}
	return s
}

func someInvoice(t *rapid.T) billing.Invoice {
	return billing.Invoice{
		Status: statusOf(t, billing.InvoiceMachine(), billing.InvoicePaid), Subscription: subscriptions.Draw(t, "subscription"),
		Payments: rapid.SliceOfN(payments, 0, 2).Draw(t, "payments"), Paid: rapid.SampledFrom([]int64{1000, 1000, 0}).Draw(t, "paid"), CreatedAt: near.Draw(t, "created"),
	}
}

func somePayment(t *rapid.T) billing.Payment {
	p := billing.Payment{
		Status: statusOf(t, billing.PaymentMachine(), billing.PaymentSucceeded), Amount: billing.Money{Amount: 1000, Currency: "EUR"},
		Refunded: rapid.SampledFrom([]int64{0, 400, 1000, 1000}).Draw(t, "refunded"), PaidAt: near.Draw(t, "paid"), CreatedAt: near.Draw(t, "created"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "items") {
		p.Items = append(p.Items, billing.Item{Price: prices.Draw(t, "price"), Quantity: rapid.Int64Range(0, 3).Draw(t, "quantity")})
	}
	return p
}

func someCheckout(t *rapid.T, payment string) billing.Checkout {
	return billing.Checkout{
		Status: statusOf(t, billing.CheckoutMachine(), billing.CheckoutComplete), Mode: rapid.SampledFrom([]string{"payment", "subscription"}).Draw(t, "mode"),
		PaymentStatus: rapid.SampledFrom([]string{billing.CheckoutPaid, billing.CheckoutUnpaid, billing.CheckoutNoPayment}).Draw(t, "payment status"),
		Payment:       payment, CreatedAt: near.Draw(t, "created"),
		Items: []billing.Item{{Price: prices.Draw(t, "price"), Quantity: 1}},
	}
}

// history is what a ledger may hold about one customer: each object once, each
// payment of one checkout at most, as providers have it.
var history = rapid.Custom(func(t *rapid.T) billing.Facts {
	facts := billing.Facts{Consumed: map[string]int64{"pack": rapid.Int64Range(0, 400).Draw(t, "consumed")}}
	named := map[string]bool{}
	add := func(id string, object billing.Object) {
		account := accounts.Draw(t, "account")
		if key := account + " " + string(object.Kind()) + " " + id; !named[key] {
			named[key] = true
			facts.Add(account, id, object)
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "subscriptions") {
		add(subscriptions.Draw(t, "id"), someSubscription(t))
	}
	for range rapid.IntRange(0, 3).Draw(t, "invoices") {
		add(rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "id"), someInvoice(t))
	}
	for range rapid.IntRange(0, 4).Draw(t, "payments") {
		add(payments.Draw(t, "id"), somePayment(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "checkouts") {
		id := payments.Draw(t, "id")
		add(id, someCheckout(t, rapid.SampledFrom([]string{"", id}).Draw(t, "payment")))
	}
	for range rapid.IntRange(0, 2).Draw(t, "disputes") {
		add(rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(t, "id"), billing.Dispute{
			Status: statusOf(t, billing.DisputeMachine(), billing.DisputeOpen), Payment: payments.Draw(t, "payment"),
		})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "grants") {
		facts.Grants = append(facts.Grants, billing.Grant{
			ID: string(rune('1' + i)), Feature: rapid.SampledFrom([]string{"", "api"}).Draw(t, "feature"),
			Plan: rapid.SampledFrom([]string{"", "pro"}).Draw(t, "plan"), Until: near.Draw(t, "until"), RevokedAt: near.Draw(t, "revoked"),
			From: rapid.SampledFrom([]string{"", "", "stripe", "stripe_eu"}).Draw(t, "from"), At: near.Draw(t, "given"),
		})
	}
	return facts
})

var allRules = rapid.Custom(func(t *rapid.T) billing.Rules {
	return billing.Rules{
		Grace:  time.Duration(rapid.IntRange(0, 30).Draw(t, "grace in half days")) * 12 * time.Hour,
		Paused: rapid.Bool().Draw(t, "paused"), Refunded: rapid.Bool().Draw(t, "refunded"), Disputed: rapid.Bool().Draw(t, "disputed"),
	}
})

var features = rapid.SampledFrom([]string{"api", "api", "api", "pro", "render", "month", "unsold"})
