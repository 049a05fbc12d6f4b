package paypal

import (
	"context"
	"errors"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
	"github.com/trivetdev/trivet/provider/transport"
)

var (
	_ provider.Driver            = (*Driver)(nil)
	_ provider.EventLister       = (*Driver)(nil)
	_ provider.KeyChecker        = (*Driver)(nil)
	_ provider.Shower            = (*Driver)(nil)
	_ provider.Bundler           = (*Driver)(nil)
	_ provider.Unlister          = (*Driver)(nil)
	_ provider.Checkouter        = (*Driver)(nil)
	_ provider.Canceler          = (*Driver)(nil)
	_ provider.Pauser            = (*Driver)(nil)
	_ provider.Refunder          = (*Driver)(nil)
	_ provider.Capturer          = (*Driver)(nil)
	_ provider.Collector         = (*Driver)(nil)
	_ provider.DisputeAccepter   = (*Driver)(nil)
	_ provider.EndpointRegistrar = (*Driver)(nil)
)

// Account implements [provider.Driver].
func (d *Driver) Account() string { return d.account }

// Provider implements [provider.Named].
func (d *Driver) Provider() string { return "paypal" }

// Live reports whether money is real.
func (d *Driver) Live() bool { return !d.sandbox }

// Kinds implements [provider.Driver]. Checkouts are read one by one: PayPal lists
// neither orders nor what nobody has approved.
func (d *Driver) Kinds() []billing.Kind {
	return []billing.Kind{billing.KindSubscription, billing.KindInvoice, billing.KindPayment, billing.KindRefund, billing.KindDispute}
}

// Bundled implements [provider.Bundler]: the books tell of payments, of the invoices
// that some are, and of refunds.
func (d *Driver) Bundled() []billing.Kind {
	return []billing.Kind{billing.KindInvoice, billing.KindRefund}
}

// Abilities implements [provider.Driver].
func (d *Driver) Abilities() map[provider.Ability]provider.Support {
	all := provider.Natively(
		provider.CheckoutSubscription, provider.CheckoutPayment, provider.CheckoutTrial, provider.Pause, provider.Resume, provider.Capture,
		provider.Refund, provider.PartialRefund, provider.AcceptDispute, provider.RegisterEndpoint, provider.ListEvents,
	)
	emulated := func(a provider.Ability, note string) {
		all[a] = provider.Support{Level: provider.Emulated, Note: note}
	}
	absent := func(a provider.Ability, note string) { all[a] = provider.Support{Level: provider.Absent, Note: note} }
	emulated(provider.CancelAtPeriodEnd, "PayPal cancels at once. We keep access until what was paid for is used up; it cannot be taken back.")
	emulated(provider.CancelNow, "The same call; a note that PayPal keeps says that access ends at once. What was canceled before keeps its end.")
	emulated(provider.PauseUntil, "PayPal suspends without an end. The date is in the note, and the service resumes.")
	emulated(provider.Portal, "PayPal's page of the payer's own automatic payments, the same for everybody, where each can be changed and canceled.")
	all[provider.PromotionEnd] = provider.Support{Level: provider.Native, Note: "From the plan's trial cycles that have a price, and how many of them are left."}
	absent(provider.PriceChange, "PayPal does not say when a new price of a plan will reach a subscription; once it has, the subscription shows it.")
	absent(provider.PreviewCharge, "PayPal makes no invoice before it charges. Notices say the plan's price.")
	absent(provider.PortalCancel, "PayPal has no page for canceling one subscription: the payer finds it in the list of their automatic payments.")
	absent(provider.Uncancel, "A canceled PayPal subscription cannot come back: the customer has to subscribe again.")
	absent(provider.PaymentUpdate, "PayPal has no such link: customers change their funding at paypal.com, Settings, Payments.")
	absent(provider.ExtendTrial, "PayPal does not move the date of a subscription's first charge.")
	all[provider.Collect] = provider.Support{Level: provider.Native, Note: "What is outstanding once PayPal's own tries are over (every five days, twice a cycle), on plans that do not add it to the next charge."}
	absent(provider.PushEmail, "The address belongs to the payer's PayPal account.")
	return all
}

// CheckKey implements [provider.KeyChecker] by asking for an access token. PayPal
// does not say whose account the app belongs to.
func (d *Driver) CheckKey(ctx context.Context) (account string, err error) {
	_, _, err = d.askToken(ctx, "check the key")
	return "", err
}

func (d *Driver) ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: d.account, Kind: kind, ID: id}
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
		return &provider.Error{Account: d.account, Op: op, Kind: provider.NotFound, Err: errors.New("no PayPal object can have this id")}
	}
	return nil
}

// mayWrite checks what every write needs.
func (d *Driver) mayWrite(op string, ref provider.Ref, kind billing.Kind, key string) error {
	if strings.TrimSpace(key) == "" {
		return d.refused(op, "a write needs a key")
	}
	return d.checkRef(op, ref, kind)
}

// isName reports whether a text can be an id or a code of PayPal's.
func isName(text string) bool {
	return strict.Word(text, 64, "-_.") && strings.Trim(text, ".") != ""
}

// requestID is a key as PayPal takes it: at most 108 visible ASCII characters
// (Orders v2); any other is hashed.
func requestID(key string) string { return transport.Key(key, 108, "") }

func clip(text string, limit int) string {
	if len(text) > limit {
		return text[:limit]
	}
	return text
}
