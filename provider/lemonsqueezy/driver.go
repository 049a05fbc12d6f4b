package lemonsqueezy

import (
	"errors"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

var (
	_ provider.Driver       = (*Driver)(nil)
	_ provider.Teller       = (*Driver)(nil)
	_ provider.SharedOwners = (*Driver)(nil)
	_ provider.RecentLister = (*Driver)(nil)
	_ provider.Bundler      = (*Driver)(nil)
	_ provider.Shower       = (*Driver)(nil)
)

// Account implements [provider.Driver].
func (d *Driver) Account() string { return d.account }

// Provider implements [provider.Named].
func (d *Driver) Provider() string { return "lemonsqueezy" }

// SellsItself implements [provider.MerchantOfRecord].
func (d *Driver) SellsItself() bool { return true }

// Kinds implements [provider.Driver]. There are no objects for refunds: a payment
// says how much of it went back.
func (d *Driver) Kinds() []billing.Kind {
	return []billing.Kind{
		billing.KindCustomer, billing.KindCheckout, billing.KindSubscription, billing.KindInvoice, billing.KindPayment, billing.KindDispute,
	}
}

// Bundled implements [provider.Bundler]: payments come beside the orders and
// invoices that they are, disputes beside the orders.
func (d *Driver) Bundled() []billing.Kind {
	return []billing.Kind{billing.KindPayment, billing.KindDispute}
}

// Recent implements [provider.RecentLister]. Webhooks are given up after less than
// three minutes. Customers are among them for their addresses: a purchase that
// nothing else tells about is found by its buyer's.
func (d *Driver) Recent() []billing.Kind {
	return []billing.Kind{billing.KindCustomer, billing.KindCheckout, billing.KindSubscription, billing.KindInvoice}
}

// TellsClaims implements [provider.Teller].
func (d *Driver) TellsClaims() bool { return true }

// SharesOwners implements [provider.SharedOwners]: a customer is whoever typed an
// e-mail address.
func (d *Driver) SharesOwners() bool { return true }

// Abilities implements [provider.Driver].
func (d *Driver) Abilities() map[provider.Ability]provider.Support {
	all := provider.Natively(
		provider.CheckoutSubscription, provider.CheckoutPayment, provider.PaymentUpdate, provider.Portal,
		provider.CancelAtPeriodEnd, provider.Uncancel, provider.Pause, provider.PauseUntil, provider.Resume, provider.ExtendTrial,
		provider.Refund, provider.PartialRefund, provider.PushEmail, provider.RegisterEndpoint,
	)
	all[provider.Portal] = provider.Support{
		Level: provider.Native,
		Note:  "The portal shows all that was bought under an e-mail address, so it is opened only for whom all of that belongs to.",
	}
	for ability, note := range absent {
		all[ability] = provider.Support{Level: provider.Absent, Note: note}
	}
	return all
}

// absent says why some things cannot be done.
var absent = map[provider.Ability]string{
	provider.CheckoutTrial: "A trial belongs to the variant and cannot be chosen for one checkout: sell a variant that has one, or move the end of a trial that runs.",
	provider.PortalCancel:  "There is no page for canceling one subscription: the customer finds it in the portal.",
	provider.PromotionEnd:  "A subscription does not say what discount it has, nor until when; of an order only how much the discount took off is told.",
	provider.PriceChange:   "Nothing is scheduled: a change of the variant is made at once and shows in the subscription.",
	provider.PreviewCharge: "The API previews no invoice. Notices say the price; Lemon Squeezy mails its own, seven days before.",
	provider.CancelNow:     "The API cancels at the end of the paid period and in no other way: cancel like that and refund what is not used, or end it in the dashboard.",
	provider.Capture:       "Checkouts take the money at once; there is nothing to capture.",
	provider.Collect:       "Lemon Squeezy retries by itself, four times in two weeks; the customer pays sooner by the payment update link.",
	provider.AcceptDispute: "Lemon Squeezy is the seller and deals with chargebacks itself; they show as refunds or as fraudulent orders.",
	provider.ListEvents:    "There is no list of past events: recent objects are listed every few minutes instead.",
}

// malformed reports an answer that makes no sense.
func (d *Driver) malformed(op string, err error) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Malformed, Err: err}
}

// refused reports a call that was not made because it would be refused.
func (d *Driver) refused(op, why string) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Refused, Err: errors.New(why)}
}

func (d *Driver) missing(op, why string) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.NotFound, Err: errors.New(why)}
}

// unsupported reports what cannot be done, in the words of the table of abilities.
func (d *Driver) unsupported(op string, ability provider.Ability) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Unsupported, Err: errors.New(absent[ability])}
}

// checkRef makes sure that a reference is one of ours, and finds its record.
func (d *Driver) checkRef(op string, ref provider.Ref) (typ, id string, err error) {
	if ref.Account != d.account {
		return "", "", d.refused(op, "the reference is of another account")
	}
	typ, id, found := record(ref)
	if !found {
		return "", "", d.missing(op, "no Lemon Squeezy object can have this id")
	}
	return typ, id, nil
}

// clip keeps an id short that comes from outside and goes into an error.
func clip(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most]
	}
	return text
}
