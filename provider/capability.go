package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// The capabilities below are optional: a driver implements those that its
// provider has, and callers find out by type assertion. Every write takes a
// key: the provider is asked to treat calls with one key as one call, where it
// can; a caller that does not know the outcome of a call looks before it repeats
// it.

// Checkouter makes hosted checkout pages.
type Checkouter interface {
	CreateCheckout(ctx context.Context, request CheckoutRequest) (CheckoutPage, error)
	// ReturnedRef names the checkout in the address that the customer's browser
	// came back to. It trusts nothing: the caller fetches and compares. The error is
	// [ErrUnnamed] where the provider's addresses never name the checkout.
	ReturnedRef(query url.Values) (Ref, error)
}

// ErrUnnamed says that a return address names no checkout, which is as it should be
// with this provider: the caller knows the checkout by its own token, and what came
// of it by [PurchaseProver] or by what events claimed.
var ErrUnnamed = errors.New("the return address names no checkout")

// PurchaseProver is implemented by Checkouters whose provider, when asked, says
// neither what came of a checkout nor which checkout a purchase came of.
type PurchaseProver interface {
	// ProvenPurchase names the purchase in a return address, if the address also has
	// what only its buyer can know, and the provider confirms that. Zero: it names
	// none, or proves nothing.
	ProvenPurchase(ctx context.Context, query url.Values) (Ref, error)
}

// CheckoutRequest describes a checkout to be made.
type CheckoutRequest struct {
	// Key identifies the checkout: asking twice with one key makes one page.
	Key string
	// Token binds whatever comes of the checkout to the customer; it is written
	// into the metadata of every object that the provider makes.
	Token string
	// Customer is the application's reference.
	Customer string
	// Owner is the provider's customer to use; empty: the provider makes one.
	Owner string
	// Email pre-fills the page when Owner is empty.
	Email string
	// Mode is "subscription" or "payment".
	Mode  string
	Items []billing.Item
	// TrialEnd starts a subscription's first charge then, such as when a prepaid
	// plan ends; zero: at once.
	TrialEnd time.Time
	// PromotionCodes lets the customer enter one.
	PromotionCodes bool
	// Locale is a BCP 47 tag; empty: the browser's.
	Locale string
	// ReturnURL is where the provider sends the browser afterwards; the driver
	// adds the provider's placeholder for the checkout's id.
	ReturnURL string
	CancelURL string
	// ExpiresAt closes the page; zero: the provider's default.
	ExpiresAt time.Time
}

// Problem says what keeps every provider from making the checkout; empty: nothing.
// The token may have at most the given number of bytes.
func (r CheckoutRequest) Problem(longestToken int) string {
	const longestCustomer = 200
	switch {
	case strings.TrimSpace(r.Key) == "":
		return "a write needs a key"
	case r.Mode != "payment" && r.Mode != "subscription":
		return "the mode is neither payment nor subscription"
	case len(r.Items) == 0:
		return "there are no items"
	case r.Token == "" || len(r.Token) > longestToken:
		return fmt.Sprintf("the token is empty or longer than %d bytes", longestToken)
	case r.Customer == "" || len(r.Customer) > longestCustomer:
		return fmt.Sprintf("the customer reference is empty or longer than %d bytes", longestCustomer)
	case r.Mode == "payment" && !r.TrialEnd.IsZero():
		return "only a subscription has a trial"
	}
	if address, err := url.Parse(r.ReturnURL); err != nil || address.Host == "" {
		return "the return address is not a web address"
	}
	return ""
}

// Claimer is for drivers that know what the claims of their objects can be called.
type Claimer interface {
	// ClaimNames lists the names in [Snapshot.Claims] beside [ClaimToken]. One that ends
	// with a dot begins those that the seller chooses, such as "metadata.".
	ClaimNames() []string
}

// PriceChecker is for drivers of which the form of a price alone can be wrong.
type PriceChecker interface {
	// CheckPrice reports a text that cannot be a price of the provider's, without asking
	// it.
	CheckPrice(price string) error
}

// CheckoutPage is a checkout that was made.
type CheckoutPage struct {
	Ref       Ref
	URL       string
	ExpiresAt time.Time
}

// Canceler stops subscriptions from renewing.
type Canceler interface {
	// CancelNow ends a subscription at once.
	CancelNow(ctx context.Context, subscription Ref, key string) error
	// CancelAtPeriodEnd lets it run until what was paid for is used up.
	CancelAtPeriodEnd(ctx context.Context, subscription Ref, key string) error
	// Uncancel withdraws a cancellation that has not taken effect.
	Uncancel(ctx context.Context, subscription Ref, key string) error
}

// Pauser suspends charging and takes it up again.
type Pauser interface {
	// Pause suspends until a date; zero: until resumed.
	Pause(ctx context.Context, subscription Ref, until time.Time, key string) error
	Resume(ctx context.Context, subscription Ref, key string) error
}

// Refunder returns money.
type Refunder interface {
	// Refund returns part of a payment, or with a zero amount what is left of it.
	Refund(ctx context.Context, request RefundRequest) (Ref, error)
	// FoundRefund looks for the refund that was made for a request, so that a
	// caller who does not know how an earlier call ended need not repeat it. A
	// provider whose refunds cannot carry the request's key compares what is
	// refunded now with [RefundRequest.Refunded]: nothing more than that means not
	// made, exactly the request's amount more means made, and anything else is an
	// [*Error] of kind [Refused], since somebody else has refunded meanwhile.
	// Where the provider has no refund objects, the reference of a found refund is
	// zero.
	FoundRefund(ctx context.Context, request RefundRequest) (refund Ref, found bool, err error)
}

// Capturer takes money that the customer has agreed to pay but that has not
// moved: a checkout in state [billing.CheckoutApproved].
type Capturer interface {
	// Capture takes the money of a checkout. One that was captured already is
	// left as it is, without an error.
	Capture(ctx context.Context, checkout Ref, key string) error
}

// RefundRequest describes a refund to be made.
type RefundRequest struct {
	Payment Ref
	// Amount in the payment's currency; zero: all that is left.
	Amount billing.Money
	// Refunded is how much of the payment had gone back when the refund was
	// decided, in minor units of its currency.
	Refunded int64
	// Reason is "duplicate", "fraudulent", "requested_by_customer" or empty.
	Reason string
	Key    string
}

// DisputeAccepter concedes disputes.
type DisputeAccepter interface {
	AcceptDispute(ctx context.Context, dispute Ref, key string) error
}

// EmailPusher tells the provider a customer's new address.
type EmailPusher interface {
	PushEmail(ctx context.Context, customer Ref, email, key string) error
}

// TrialExtender moves the end of a trial, without proration.
type TrialExtender interface {
	ExtendTrial(ctx context.Context, subscription Ref, until time.Time, key string) error
}

// PaymentUpdater mints a link to the provider's page for changing the payment
// method. Links are short-lived: mint one when it is clicked, never store it.
type PaymentUpdater interface {
	// PaymentUpdateURL is for a customer or, where several people may be one
	// customer ([SharedOwners]), for one of their subscriptions.
	PaymentUpdateURL(ctx context.Context, payer Ref, returnURL string) (string, error)
}

// Portaler leads customers to the provider's page on which they can look at what they
// pay for and cancel it. Links are short-lived: make one when it is clicked, never
// store it.
type Portaler interface {
	// PortalURL makes a link for one customer. The error is an [*Error] of kind
	// [NotFound] if the request names nothing that the provider has a page for.
	PortalURL(ctx context.Context, request PortalRequest) (string, error)
}

// PortalRequest says whom a portal's page is for, and what.
type PortalRequest struct {
	// Owner is the provider's customer; zero where it is not known or the provider has
	// none.
	Owner Ref
	// Subscription is what is to be managed; zero: whatever the owner has.
	Subscription Ref
	// Cancel leads straight to the cancellation, where the provider has a page for
	// that; otherwise to where it can be found.
	Cancel bool
	// ReturnURL is where the provider sends the browser afterwards, if it does.
	ReturnURL string
}

// Previewer tells what a subscription will be charged next.
type Previewer interface {
	// PreviewCharge asks the provider what it would charge next as matters stand now.
	// Nothing is made or changed by it. found is false if nothing is to be charged, or
	// the provider does not say how much of this one.
	PreviewCharge(ctx context.Context, subscription Ref) (charge Charge, found bool, err error)
}

// Charge is what is going to be charged.
type Charge struct {
	// At is when it is due, as the subscription's own dates have it; the money may be
	// taken an hour or so later.
	At time.Time
	// Amount is what will be taken: after discounts, credits and balances, with tax.
	Amount billing.Money
	// Tax is how much of it is tax, in minor units of the same currency, whether it
	// comes on top of the price or is part of it.
	Tax int64
}

// Collector asks the provider to try now what is owed.
type Collector interface {
	// Collect tries an open invoice or, of a provider that makes none of a charge that
	// failed, what a subscription owes ([billing.Failure.Owed]). What is owed no longer is
	// left as it is, without an error; a payer who cannot pay is an [*Error] of kind
	// [Refused].
	Collect(ctx context.Context, debt Ref, key string) error
}

// EndpointRegistrar creates or updates the webhook endpoint at the provider.
type EndpointRegistrar interface {
	// RegisterEndpoint makes sure that exactly one enabled endpoint with the URL
	// exists and sends the events that the driver knows.
	RegisterEndpoint(ctx context.Context, endpointURL string) (Endpoint, error)
}

// Endpoint is a webhook endpoint at the provider.
type Endpoint struct {
	ID string
	// Secret is the signing secret; empty if the endpoint existed before, for
	// providers tell it only once.
	Secret  string
	Created bool
}
