package paddle

import (
	"errors"
	"fmt"
	"time"

	"github.com/PaddleHQ/paddle-go-sdk/v4/pkg/paddleerr"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
	"github.com/trivetdev/trivet/provider/transport"
)

var (
	_ provider.Driver      = (*Driver)(nil)
	_ provider.EventLister = (*Driver)(nil)
	_ provider.Bundler     = (*Driver)(nil)
	_ provider.Shower      = (*Driver)(nil)
)

// Account implements [provider.Driver].
func (d *Driver) Account() string { return d.account }

// Provider implements [provider.Named].
func (d *Driver) Provider() string { return "paddle" }

// SellsItself implements [provider.MerchantOfRecord].
func (d *Driver) SellsItself() bool { return true }

// Kinds implements [provider.Driver]. Paddle has no early fraud warnings of their
// own; its chargeback warnings are disputes in state inquiry.
func (d *Driver) Kinds() []billing.Kind {
	return []billing.Kind{
		billing.KindCustomer, billing.KindCheckout, billing.KindSubscription, billing.KindInvoice,
		billing.KindPayment, billing.KindRefund, billing.KindDispute,
	}
}

// Bundled implements [provider.Bundler]: a transaction is a payment, a demand for
// money and, if somebody was sent to it, a checkout.
func (d *Driver) Bundled() []billing.Kind {
	return []billing.Kind{billing.KindCheckout, billing.KindInvoice}
}

// Abilities implements [provider.Driver].
func (d *Driver) Abilities() map[provider.Ability]provider.Support {
	all := provider.Natively(
		provider.CheckoutSubscription, provider.CheckoutPayment, provider.PaymentUpdate,
		provider.Portal, provider.PortalCancel, provider.PromotionEnd, provider.PreviewCharge,
		provider.CancelAtPeriodEnd, provider.CancelNow, provider.Uncancel, provider.Pause, provider.PauseUntil, provider.Resume,
		provider.ExtendTrial, provider.Refund, provider.PartialRefund, provider.PushEmail, provider.RegisterEndpoint, provider.ListEvents,
	)
	for ability, note := range map[provider.Ability]string{
		provider.CheckoutSubscription: "The customer pays on the page of your default payment link, where Paddle.js runs; a trial comes with the price.",
		provider.CheckoutPayment:      "The customer pays on the page of your default payment link, where Paddle.js runs.",
		provider.Pause:                "At once; not while a cancellation is scheduled.",
		provider.Resume:               "What is left of the paid period goes on; if nothing is, Paddle charges for a new one at once.",
		provider.ExtendTrial:          "Only while the trial runs, and not while a change is scheduled.",
		provider.Refund:               "Paddle has to approve most refunds, and may reject one; it then counts as failed.",
		provider.PartialRefund:        "Spread over the items of the transaction. Paddle takes no second refund while one waits for approval.",
	} {
		all[ability] = provider.Support{Level: provider.Native, Note: note}
	}
	all[provider.PromotionEnd] = provider.Support{Level: provider.Native, Note: "From the end of the subscription's discount."}
	all[provider.PriceChange] = provider.Support{
		Level: provider.Absent,
		Note:  "A change of the items is made at once and shows in them; nothing tells of one before. The preview of the next charge has it.",
	}
	all[provider.CheckoutTrial] = provider.Support{Level: provider.Absent, Note: "A trial is part of a price at Paddle: make a price with a trial period and sell that."}
	all[provider.Capture] = provider.Support{Level: provider.Absent, Note: "Paddle takes the money at once; there is nothing to capture."}
	all[provider.Collect] = provider.Support{Level: provider.Absent, Note: "Paddle alone decides when it tries again: up to 7 times in 30 days. Send the payment-update link instead."}
	all[provider.AcceptDispute] = provider.Support{Level: provider.Absent, Note: "Paddle is the merchant of record and answers disputes itself."}
	return all
}

func (d *Driver) ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: d.account, Kind: kind, ID: id}
}

// failure describes a failed call. Paddle's own text is left out, for it quotes
// what was sent; the request id finds it at Paddle's support.
func (d *Driver) failure(op string, outcome *transport.Outcome, kept *answer, err error) *provider.Error {
	told, ok := errors.AsType[*paddleerr.Error](err)
	if !ok || !isName(told.Code) {
		return transport.Missing(outcome.Error(d.account, op, ""), false, "Paddle")
	}
	e := outcome.Error(d.account, op, clip(told.Code, 64))
	if e.Kind == provider.Refused && passing(e.Code) {
		e.Kind = provider.Unavailable
	}
	if id := requestID(kept.body); id != "" {
		e.Err = fmt.Errorf("%w, Paddle's request %s", e.Err, id)
	}
	return transport.Missing(e, e.Code == codeNotFound, "Paddle")
}

// passing reports whether an error's code means that the call was too early: at
// another time Paddle takes it as it is.
func passing(code string) bool {
	switch code {
	case "concurrent_modification", "subscription_locked_processing", "subscription_locked_renewal", "subscription_outstanding_transaction",
		"subscription_outstanding_pending_refund", "transaction_immutable_while_processing_payment", "temporarily_unavailable",
		"subscription_credit_creation_against_processing_transaction", codePendingRefund:
		return true
	}
	return false
}

// requestID reads meta.request_id of an answer.
func requestID(body []byte) string {
	envelope, err := strict.Parse(body)
	if err != nil {
		return ""
	}
	meta, err := strict.Members(envelope["meta"])
	if err != nil {
		return ""
	}
	if id := meta.Text("request_id"); strict.Word(id, 64, "_-") {
		return id
	}
	return ""
}

// codeNotFound is how Paddle says that an object does not exist.
const codeNotFound = "not_found"

// malformed reports an answer that makes no sense.
func (d *Driver) malformed(op string, err error) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Malformed, Err: err}
}

// refused reports a call that was not made because Paddle would refuse it.
func (d *Driver) refused(op, why string) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Refused, Err: errors.New(why)}
}

// none reports that there is no such object.
func (d *Driver) none(op, why string) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.NotFound, Err: errors.New(why)}
}

// checkRef makes sure that a reference is one of ours before it becomes part of
// a path.
func (d *Driver) checkRef(op string, ref provider.Ref, kind billing.Kind) error {
	switch {
	case ref.Account != d.account:
		return d.refused(op, "the reference is of another account")
	case ref.Kind != kind:
		return d.refused(op, "the reference is not of a "+string(kind))
	case !isName(ref.ID):
		return d.none(op, "no Paddle object can have this id")
	}
	return nil
}

func clip(text string, limit int) string {
	if len(text) > limit {
		return text[:limit]
	}
	return text
}

// moment reads a time in RFC 3339; zero if there is none.
func moment(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// maybe reads a text that may be null.
func maybe(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
