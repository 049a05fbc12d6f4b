package stripe

import (
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
)

// subject says which object an event makes us look at.
type subject int

const (
	aSubscription subject = iota
	aSchedule             // its subscription, also after it has let go of it
	aDiscount             // its subscription
	anInvoice
	anUpcomingInvoice // has no id yet: its subscription
	anInvoicePayment  // its invoice
	aPayment
	aCharge // its payment intent, or itself if it has none
	aRefund
	aDispute
	aWarning
	aCheckout
	aCustomer
)

// eventType is one row of the table of events.
type eventType struct {
	name    string
	subject subject
	// unasked: understood when it comes, but not asked for when the endpoint is
	// registered.
	unasked bool
}

// eventTable lists the events that name an object of the ledger. Names and
// objects as in Stripe's API 2026-03-25.dahlia.
//
// invoice.created is not asked for: Stripe delays the finalization of an
// invoice while an endpoint that takes this event does not answer, and our
// being down must not stop anybody's billing.
var eventTable = []eventType{
	{"checkout.session.async_payment_failed", aCheckout, false},
	{"checkout.session.async_payment_succeeded", aCheckout, false},
	{"checkout.session.completed", aCheckout, false},
	{"checkout.session.expired", aCheckout, false},

	{"customer.created", aCustomer, false},
	{"customer.deleted", aCustomer, false},
	{"customer.updated", aCustomer, false},

	{"customer.subscription.created", aSubscription, false},
	{"customer.subscription.deleted", aSubscription, false},
	{"customer.subscription.paused", aSubscription, false},
	{"customer.subscription.pending_update_applied", aSubscription, false},
	{"customer.subscription.pending_update_expired", aSubscription, false},
	{"customer.subscription.resumed", aSubscription, false},
	{"customer.subscription.trial_will_end", aSubscription, false},
	{"customer.subscription.updated", aSubscription, false},

	{"customer.discount.created", aDiscount, false},
	{"customer.discount.deleted", aDiscount, false},
	{"customer.discount.updated", aDiscount, false},
	{"subscription_schedule.aborted", aSchedule, false},
	{"subscription_schedule.canceled", aSchedule, false},
	{"subscription_schedule.completed", aSchedule, false},
	{"subscription_schedule.created", aSchedule, false},
	{"subscription_schedule.expiring", aSchedule, true},
	{"subscription_schedule.released", aSchedule, false},
	{"subscription_schedule.updated", aSchedule, false},

	{"invoice.created", anInvoice, true},
	{"invoice.deleted", anInvoice, false},
	{"invoice.finalization_failed", anInvoice, false},
	{"invoice.finalized", anInvoice, false},
	{"invoice.marked_uncollectible", anInvoice, false},
	{"invoice.overdue", anInvoice, false},
	{"invoice.overpaid", anInvoice, false},
	{"invoice.paid", anInvoice, false},
	{"invoice.payment_action_required", anInvoice, false},
	{"invoice.payment_attempt_required", anInvoice, true},
	{"invoice.payment_failed", anInvoice, false},
	{"invoice.payment_succeeded", anInvoice, false},
	{"invoice.sent", anInvoice, true},
	{"invoice.upcoming", anUpcomingInvoice, true},
	{"invoice.updated", anInvoice, false},
	{"invoice.voided", anInvoice, false},
	{"invoice.will_be_due", anInvoice, true},
	{"invoice_payment.paid", anInvoicePayment, false},

	{"payment_intent.amount_capturable_updated", aPayment, true},
	{"payment_intent.canceled", aPayment, false},
	{"payment_intent.created", aPayment, true},
	{"payment_intent.partially_funded", aPayment, true},
	{"payment_intent.payment_failed", aPayment, false},
	{"payment_intent.processing", aPayment, false},
	{"payment_intent.requires_action", aPayment, false},
	{"payment_intent.succeeded", aPayment, false},

	{"charge.captured", aCharge, false},
	{"charge.expired", aCharge, false},
	{"charge.failed", aCharge, false},
	{"charge.pending", aCharge, false},
	{"charge.refunded", aCharge, false},
	{"charge.succeeded", aCharge, false},
	{"charge.updated", aCharge, false},

	{"charge.refund.updated", aRefund, true},
	{"refund.created", aRefund, false},
	{"refund.failed", aRefund, false},
	{"refund.updated", aRefund, false},

	{"charge.dispute.closed", aDispute, false},
	{"charge.dispute.created", aDispute, false},
	{"charge.dispute.funds_reinstated", aDispute, false},
	{"charge.dispute.funds_withdrawn", aDispute, false},
	{"charge.dispute.updated", aDispute, false},

	{"radar.early_fraud_warning.created", aWarning, false},
	{"radar.early_fraud_warning.updated", aWarning, false},
}

// refOf names the object that an event is about. Not found: the service has no
// use for the event, or it names nothing.
func (d *Driver) refOf(name string, object strict.Object) (ref provider.Ref, found bool) {
	for _, event := range eventTable {
		if event.name == name {
			ref = d.subjectRef(event.subject, object)
			return ref, ref.ID != ""
		}
	}
	return provider.Ref{}, false
}

func (d *Driver) subjectRef(s subject, object strict.Object) provider.Ref {
	switch s {
	case aSubscription:
		return d.ref(billing.KindSubscription, idIn(object, "id"))
	case aSchedule:
		if held := idIn(object, "subscription"); held != "" {
			return d.ref(billing.KindSubscription, held)
		}
		return d.ref(billing.KindSubscription, idIn(object, "released_subscription"))
	case aDiscount:
		return d.ref(billing.KindSubscription, idIn(object, "subscription"))
	case anInvoice:
		return d.ref(billing.KindInvoice, idIn(object, "id"))
	case anUpcomingInvoice:
		return d.ref(billing.KindSubscription, upcomingSubscription(object))
	case anInvoicePayment:
		return d.ref(billing.KindInvoice, idIn(object, "invoice"))
	case aPayment:
		return d.ref(billing.KindPayment, idIn(object, "id"))
	case aCharge:
		if intent := idIn(object, "payment_intent"); intent != "" {
			return d.ref(billing.KindPayment, intent)
		}
		return d.ref(billing.KindPayment, idIn(object, "id"))
	case aRefund:
		return d.ref(billing.KindRefund, idIn(object, "id"))
	case aDispute:
		return d.ref(billing.KindDispute, idIn(object, "id"))
	case aWarning:
		return d.ref(billing.KindWarning, idIn(object, "id"))
	case aCheckout:
		return d.ref(billing.KindCheckout, idIn(object, "id"))
	case aCustomer:
		return d.ref(billing.KindCustomer, idIn(object, "id"))
	}
	return provider.Ref{}
}

// upcomingSubscription finds the subscription of an invoice that does not exist
// yet: below "parent" since 2025-03-31, at the top in older versions.
func upcomingSubscription(invoice strict.Object) string {
	parent, err := strict.Members(invoice["parent"])
	if err != nil {
		return idIn(invoice, "subscription")
	}
	details, err := strict.Members(parent["subscription_details"])
	if err != nil {
		return ""
	}
	return idIn(details, "subscription")
}
