package stripe

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Stripe's limits of checkouts and trials.
const (
	shortestTrial    = 48 * time.Hour       // of trial_end in a checkout
	longestTrial     = 730 * 24 * time.Hour // two years
	shortestCheckout = 30 * time.Minute
	longestCheckout  = 24 * time.Hour
)

// CreateCheckout implements [provider.Checkouter] by a Checkout Session. The
// token and the customer's reference go into the metadata of the session and of
// the subscription or payment intent that comes of it: Stripe does not copy
// metadata from one to the other.
//
// A trial that would end in less than 48 hours, which Stripe does not take as a
// date, becomes one of whole days, rounded up. An ExpiresAt more than 24 hours
// ahead is left to Stripe, which then closes the page after 24 hours.
func (d *Driver) CreateCheckout(ctx context.Context, request provider.CheckoutRequest) (provider.CheckoutPage, error) {
	const op = "create checkout"
	params, why := d.sessionParams(request)
	if why != "" {
		return provider.CheckoutPage{}, d.refused(op, why)
	}
	session, err := call(ctx, d, op, func(ctx context.Context) (*sdk.CheckoutSession, error) {
		return d.api.V1CheckoutSessions.Create(ctx, params)
	})
	if err != nil {
		return provider.CheckoutPage{}, err
	}
	if !isName(session.ID) || session.URL == "" {
		return provider.CheckoutPage{}, d.malformed(op, errors.New("the answer has no id or no address of the page"))
	}
	return provider.CheckoutPage{
		Ref: d.ref(billing.KindCheckout, session.ID), URL: session.URL, ExpiresAt: moment(session.ExpiresAt),
	}, nil
}

// ReturnedRef implements [provider.Checkouter].
func (d *Driver) ReturnedRef(query url.Values) (provider.Ref, error) {
	id := query.Get("session_id")
	if !strings.HasPrefix(id, "cs_") || !isName(id) {
		return provider.Ref{}, d.refused("read the return address", "it names no checkout session")
	}
	return d.ref(billing.KindCheckout, id), nil
}

// sessionParams translates the request, or says why it cannot be made.
func (d *Driver) sessionParams(request provider.CheckoutRequest) (params *sdk.CheckoutSessionCreateParams, why string) {
	if why := checkRequest(request); why != "" {
		return nil, why
	}
	metadata := map[string]string{metaToken: request.Token, metaCustomer: request.Customer}
	if items := writeItems(request.Items); len(items) <= maxMetadataValue {
		metadata[metaItems] = items
	}
	params = &sdk.CheckoutSessionCreateParams{
		Params: keyed(request.Key), Mode: sdk.String(request.Mode), Metadata: metadata,
		ClientReferenceID: sdk.String(request.Customer),
		SuccessURL:        sdk.String(withSession(request.ReturnURL)),
		Locale:            sdk.String(locale(request.Locale)),
	}
	for _, item := range request.Items {
		params.LineItems = append(params.LineItems, &sdk.CheckoutSessionCreateLineItemParams{
			Price: sdk.String(item.Price), Quantity: sdk.Int64(max(1, item.Quantity)),
		})
	}
	if request.CancelURL != "" {
		params.CancelURL = sdk.String(request.CancelURL)
	}
	if request.PromotionCodes {
		params.AllowPromotionCodes = sdk.Bool(true)
	}
	addBuyer(params, request)
	if why := d.addExpiry(params, request.ExpiresAt); why != "" {
		return nil, why
	}
	if request.Mode == "payment" {
		params.PaymentIntentData = &sdk.CheckoutSessionCreatePaymentIntentDataParams{Metadata: metadata}
		return params, ""
	}
	params.SubscriptionData = &sdk.CheckoutSessionCreateSubscriptionDataParams{Metadata: metadata}
	return params, d.addTrial(params.SubscriptionData, request.TrialEnd)
}

func checkRequest(request provider.CheckoutRequest) (why string) {
	switch why := request.Problem(maxMetadataValue); {
	case why != "":
		return why
	case request.Owner != "" && !isName(request.Owner):
		return "no Stripe customer can have this id"
	}
	for _, item := range request.Items {
		if !isName(item.Price) {
			return "an item's price is not the id of a Stripe price"
		}
	}
	return ""
}

// addBuyer says who pays. In payment mode Stripe makes no customer unless told
// to, and without one the payment would belong to nobody.
func addBuyer(params *sdk.CheckoutSessionCreateParams, request provider.CheckoutRequest) {
	if request.Owner != "" {
		params.Customer = sdk.String(request.Owner)
		return
	}
	if request.Email != "" {
		params.CustomerEmail = sdk.String(request.Email)
	}
	if request.Mode == "payment" {
		params.CustomerCreation = sdk.String(string(sdk.CheckoutSessionCustomerCreationAlways))
	}
}

func (d *Driver) addExpiry(params *sdk.CheckoutSessionCreateParams, at time.Time) (why string) {
	switch left := at.Sub(d.now()); {
	case at.IsZero() || left > longestCheckout:
	case left < shortestCheckout:
		return "Stripe keeps a checkout open for 30 minutes at least"
	default:
		params.ExpiresAt = sdk.Int64(at.Unix())
	}
	return ""
}

func (d *Driver) addTrial(data *sdk.CheckoutSessionCreateSubscriptionDataParams, end time.Time) (why string) {
	const day = 24 * time.Hour
	switch left := end.Sub(d.now()); {
	case end.IsZero() || left <= 0:
	case left > longestTrial:
		return "Stripe allows a trial of 730 days at most"
	case left <= shortestTrial:
		data.TrialPeriodDays = sdk.Int64(int64((left + day - 1) / day))
	default:
		data.TrialEnd = sdk.Int64(end.Unix())
	}
	return ""
}

// withSession adds the placeholder that Stripe replaces by the session's id. Its
// braces must not be escaped, so it is written by hand.
func withSession(address string) string {
	address, fragment, hasFragment := strings.Cut(address, "#")
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	address += separator + "session_id={CHECKOUT_SESSION_ID}"
	if hasFragment {
		address += "#" + fragment
	}
	return address
}
