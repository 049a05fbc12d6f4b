package provider

import "slices"

// Ability is one thing that a provider can be asked to do.
type Ability string

// The abilities. Each belongs to a capability interface of this package; a
// provider may have one half of an interface and lack the other, such as
// cancellation at the period's end without cancellation at once.
const (
	// CheckoutSubscription and CheckoutPayment: [Checkouter], by mode.
	CheckoutSubscription Ability = "checkout_subscription"
	CheckoutPayment      Ability = "checkout_payment"
	// CheckoutTrial: [CheckoutRequest.TrialEnd].
	CheckoutTrial Ability = "checkout_trial"
	// CancelNow, CancelAtPeriodEnd and Uncancel: [Canceler].
	CancelNow         Ability = "cancel_now"
	CancelAtPeriodEnd Ability = "cancel_at_period_end"
	Uncancel          Ability = "uncancel"
	// Pause, PauseUntil and Resume: [Pauser].
	Pause      Ability = "pause"
	PauseUntil Ability = "pause_until"
	Resume     Ability = "resume"
	// Refund and PartialRefund: [Refunder].
	Refund        Ability = "refund"
	PartialRefund Ability = "partial_refund"
	// Capture: [Capturer].
	Capture Ability = "capture"
	// AcceptDispute: [DisputeAccepter].
	AcceptDispute Ability = "accept_dispute"
	// PushEmail: [EmailPusher].
	PushEmail Ability = "push_email"
	// ExtendTrial: [TrialExtender].
	ExtendTrial Ability = "extend_trial"
	// PaymentUpdate: [PaymentUpdater].
	PaymentUpdate Ability = "payment_update_link"
	// Portal: [Portaler]. PortalCancel: [PortalRequest.Cancel].
	Portal       Ability = "portal_link"
	PortalCancel Ability = "portal_cancel_link"
	// PreviewCharge: [Previewer].
	PreviewCharge Ability = "preview_charge"
	// PromotionEnd and PriceChange: that a subscription's [billing.Subscription.Ahead]
	// tells of such a change, which takes no method of its own.
	PromotionEnd Ability = "promotion_end_ahead"
	PriceChange  Ability = "price_change_ahead"
	// Collect: [Collector].
	Collect Ability = "collect"
	// RegisterEndpoint: [EndpointRegistrar].
	RegisterEndpoint Ability = "register_endpoint"
	// ListEvents: [EventLister].
	ListEvents Ability = "list_events"
)

// AllAbilities lists every ability, in the order in which people read of them.
func AllAbilities() []Ability {
	return []Ability{
		CheckoutSubscription, CheckoutPayment, CheckoutTrial, PaymentUpdate,
		Portal, PortalCancel, PromotionEnd, PriceChange, PreviewCharge,
		CancelAtPeriodEnd, CancelNow, Uncancel, Pause, PauseUntil, Resume, ExtendTrial,
		Capture, Collect, Refund, PartialRefund, AcceptDispute, PushEmail,
		RegisterEndpoint, ListEvents,
	}
}

// Level says how a provider does something.
type Level string

// The levels of support.
const (
	// Absent: it cannot be done. The zero value means the same.
	Absent Level = "absent"
	// Native: the provider does it itself.
	Native Level = "native"
	// Emulated: the service does what the provider does not, as far as that is
	// honest; [Support.Note] says how.
	Emulated Level = "emulated"
)

// Support is how an account's provider does something.
type Support struct {
	Level Level
	// Note tells people what to know about it, in a sentence or two: how it is
	// emulated, or why it is absent and what to do instead.
	Note string
}

// Can reports whether a driver can do something, and if not, what its provider
// says about it (empty: nothing).
func Can(d Driver, a Ability) (able bool, why string) {
	s := d.Abilities()[a]
	if s.Level != Native && s.Level != Emulated {
		return false, s.Note
	}
	return implements(d, a), s.Note
}

// implements reports whether a driver has the interface that an ability needs.
func implements(d Driver, a Ability) bool {
	var ok bool
	switch a {
	case CheckoutSubscription, CheckoutPayment, CheckoutTrial:
		_, ok = d.(Checkouter)
	case CancelNow, CancelAtPeriodEnd, Uncancel:
		_, ok = d.(Canceler)
	case Pause, PauseUntil, Resume:
		_, ok = d.(Pauser)
	case Refund, PartialRefund:
		_, ok = d.(Refunder)
	case Capture:
		_, ok = d.(Capturer)
	case AcceptDispute:
		_, ok = d.(DisputeAccepter)
	case PushEmail:
		_, ok = d.(EmailPusher)
	case ExtendTrial:
		_, ok = d.(TrialExtender)
	case PaymentUpdate:
		_, ok = d.(PaymentUpdater)
	case Portal, PortalCancel:
		_, ok = d.(Portaler)
	case PreviewCharge:
		_, ok = d.(Previewer)
	case PromotionEnd, PriceChange:
		ok = true // in the snapshots of every driver there is room for it
	case Collect:
		_, ok = d.(Collector)
	case RegisterEndpoint:
		_, ok = d.(EndpointRegistrar)
	case ListEvents:
		_, ok = d.(EventLister)
	}
	return ok
}

// Natively lists abilities as native, without notes: the start of a driver's
// table.
func Natively(abilities ...Ability) map[Ability]Support {
	all := make(map[Ability]Support, len(abilities))
	for _, a := range abilities {
		all[a] = Support{Level: Native}
	}
	return all
}

// Known reports whether there is such an ability.
func Known(a Ability) bool { return slices.Contains(AllAbilities(), a) }
