package paypal

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// subject says which objects an event makes us look at.
type subject int

const (
	nothing       subject = iota
	aSubscription         // and the checkout that it is
	aSale                 // with the invoice beside it, and its subscription
	aCapture              // and its order
	aRefund               // and the payment that it is of
	anOrder
	aDispute // every transaction of it
)

// eventType is one row of the table of events.
type eventType struct {
	name    string
	subject subject
}

// eventTable lists the events that name an object of the ledger, by PayPal's
// exact names (developer.paypal.com, webhook event names).
var eventTable = []eventType{
	{"BILLING.SUBSCRIPTION.ACTIVATED", aSubscription},
	{"BILLING.SUBSCRIPTION.CANCELLED", aSubscription},
	{"BILLING.SUBSCRIPTION.CREATED", aSubscription},
	{"BILLING.SUBSCRIPTION.EXPIRED", aSubscription},
	{"BILLING.SUBSCRIPTION.PAYMENT.FAILED", aSubscription},
	{"BILLING.SUBSCRIPTION.RE-ACTIVATED", aSubscription},
	{"BILLING.SUBSCRIPTION.SUSPENDED", aSubscription},
	{"BILLING.SUBSCRIPTION.UPDATED", aSubscription},

	{"PAYMENT.SALE.COMPLETED", aSale},
	{"PAYMENT.SALE.DENIED", aSale},
	{"PAYMENT.SALE.PENDING", aSale},
	{"PAYMENT.SALE.REFUNDED", aRefund},
	{"PAYMENT.SALE.REVERSED", aSale},

	{"PAYMENT.CAPTURE.COMPLETED", aCapture},
	{"PAYMENT.CAPTURE.DECLINED", aCapture},
	{"PAYMENT.CAPTURE.DENIED", aCapture},
	{"PAYMENT.CAPTURE.PENDING", aCapture},
	{"PAYMENT.CAPTURE.REFUNDED", aRefund},
	{"PAYMENT.CAPTURE.REVERSED", aCapture},

	{"CHECKOUT.ORDER.APPROVED", anOrder},
	{"CHECKOUT.ORDER.COMPLETED", anOrder},
	{"CHECKOUT.PAYMENT-APPROVAL.REVERSED", anOrder},

	{"CUSTOMER.DISPUTE.CREATED", aDispute},
	{"CUSTOMER.DISPUTE.RESOLVED", aDispute},
	{"CUSTOMER.DISPUTE.UPDATED", aDispute},
}

// Verify implements [provider.Driver]. It does I/O only to fetch a certificate
// that it does not have, from PayPal's own address; if that fails, the error is
// not a rejection, so that PayPal tries again.
func (d *Driver) Verify(ctx context.Context, header http.Header, body []byte, now time.Time) (provider.Delivery, error) {
	if err := d.authenticate(ctx, header, body, now); err != nil {
		return provider.Delivery{}, err
	}
	return d.readEvent(body)
}

// resource is as much of an event's object as names anything.
type resource struct {
	ID        string
	Agreement string `json:"billing_agreement_id"`
	SaleID    string `json:"sale_id"`
	DisputeID string `json:"dispute_id"`
	OrderID   string `json:"order_id"` // of CHECKOUT.PAYMENT-APPROVAL.REVERSED
	Related   struct {
		IDs struct {
			Order string `json:"order_id"`
		} `json:"related_ids"`
	} `json:"supplementary_data"`
	Transactions []disputedTransaction `json:"disputed_transactions"`
	Links        []link
}

// link is one entry of PayPal's list of links.
type link struct{ Href, Rel, Method string }

// readEvent reads the names in an authentic event.
func (d *Driver) readEvent(body []byte) (provider.Delivery, error) {
	var event struct {
		ID         string
		EventType  string          `json:"event_type"`
		CreateTime string          `json:"create_time"`
		Resource   json.RawMessage `json:"resource"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the body is not an event")
	}
	if !isName(event.ID) || !isType(event.EventType) {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the event has no id or no type that can be read")
	}
	delivery := provider.Delivery{ID: event.ID, Type: event.EventType}
	if at, err := time.Parse(time.RFC3339, event.CreateTime); err == nil {
		delivery.CreatedAt = at.UTC()
	}
	about := subjectOf(event.EventType)
	if about == nothing {
		return delivery, nil
	}
	var r resource
	if err := json.Unmarshal(event.Resource, &r); err != nil {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the event's resource cannot be read")
	}
	delivery.Refs = slices.DeleteFunc(d.refsOf(about, r), func(ref provider.Ref) bool { return !isName(ref.ID) })
	return delivery, nil
}

func subjectOf(name string) subject {
	for _, e := range eventTable {
		if e.name == name {
			return e.subject
		}
	}
	return nothing
}

// isType reports whether a text can be the name of an event.
func isType(text string) bool { return isName(text) }

// mostTransactions bounds what one dispute makes us look at.
const mostTransactions = 50

func (d *Driver) refsOf(about subject, r resource) []provider.Ref {
	switch about {
	case aSubscription:
		return []provider.Ref{d.ref(billing.KindSubscription, r.ID), d.ref(billing.KindCheckout, r.ID)}
	case aSale:
		if id := linked(r.Links, "self", refundPath); id != "" { // so is a sale's, which does not even say of which
			return []provider.Ref{d.ref(billing.KindRefund, id)}
		}
		refs := []provider.Ref{d.ref(billing.KindPayment, r.ID)}
		if r.Agreement != "" {
			refs = append(refs, d.ref(billing.KindSubscription, r.Agreement))
		}
		return refs
	case aCapture:
		if id := linked(r.Links, "up", capturePath); id != "" { // a reversal is told with the refund that it is
			return []provider.Ref{d.ref(billing.KindPayment, id)}
		}
		return []provider.Ref{d.ref(billing.KindPayment, r.ID), d.ref(billing.KindCheckout, cmp.Or(r.Related.IDs.Order, upward(r.Links)))}
	case aRefund:
		return []provider.Ref{d.ref(billing.KindRefund, r.ID), d.ref(billing.KindPayment, cmp.Or(r.SaleID, upward(r.Links)))}
	case anOrder:
		return []provider.Ref{d.ref(billing.KindCheckout, cmp.Or(r.OrderID, r.ID))}
	case aDispute:
		var refs []provider.Ref
		for _, id := range disputeIDs(r.DisputeID, r.Transactions[:min(len(r.Transactions), mostTransactions)]) {
			refs = append(refs, d.ref(billing.KindDispute, id.id))
		}
		return refs
	case nothing:
	}
	return nil
}

// capturePath and refundPath are in the addresses of captures, and of refunds in the
// older API.
const (
	capturePath = "/captures/"
	refundPath  = "/refund/"
)

// upward is the id of what the link "up" leads to.
func upward(links []link) string { return linked(links, "up", "") }

// linked is the id of what a link leads to whose path has a part: the last part of
// that, on whichever of PayPal's hosts.
func linked(links []link, rel, part string) string {
	for _, l := range links {
		if l.Rel != rel {
			continue
		}
		if u, err := url.Parse(l.Href); err == nil && strings.Contains(u.Path, part) {
			return u.Path[strings.LastIndexByte(u.Path, '/')+1:]
		}
	}
	return ""
}
