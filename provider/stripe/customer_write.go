package stripe

import (
	"context"
	"errors"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// PushEmail implements [provider.EmailPusher].
func (d *Driver) PushEmail(ctx context.Context, customer provider.Ref, email, key string) error {
	op := "push the e-mail address of customer " + clip(customer.ID, 64)
	if err := d.mayWrite(op, customer, billing.KindCustomer, key); err != nil {
		return err
	}
	if email == "" {
		return d.refused(op, "the address is empty")
	}
	_, err := call(ctx, d, op, func(ctx context.Context) (*sdk.Customer, error) {
		return d.api.V1Customers.Update(ctx, customer.ID, &sdk.CustomerUpdateParams{Params: keyed(key), Email: sdk.String(email)})
	})
	return err
}

// PaymentUpdateURL implements [provider.PaymentUpdater] by a session of the
// billing portal that begins with the change of the payment method. The portal
// must have been configured once in the dashboard. The link lives for minutes.
func (d *Driver) PaymentUpdateURL(ctx context.Context, customer provider.Ref, returnURL string) (string, error) {
	op := "make a payment-update link for customer " + clip(customer.ID, 64)
	if err := d.checkRef(op, customer, billing.KindCustomer); err != nil {
		return "", err
	}
	params := &sdk.BillingPortalSessionCreateParams{
		Customer: sdk.String(customer.ID),
		FlowData: &sdk.BillingPortalSessionCreateFlowDataParams{Type: sdk.String(string(sdk.BillingPortalSessionFlowTypePaymentMethodUpdate))},
	}
	return d.portal(ctx, op, params, returnURL)
}

// PortalURL implements [provider.Portaler] by a session of the billing portal: its
// first page, or the cancellation of one subscription. What customers may do there is
// set once in the dashboard; where they may not cancel, or the subscription is canceled
// already, the first page is what there is. The link lives for minutes.
func (d *Driver) PortalURL(ctx context.Context, request provider.PortalRequest) (string, error) {
	op := "make a portal link for customer " + clip(request.Owner.ID, 64)
	if err := d.checkRef(op, request.Owner, billing.KindCustomer); err != nil {
		return "", err
	}
	if request.Cancel && !request.Subscription.IsZero() {
		if err := d.checkRef(op, request.Subscription, billing.KindSubscription); err != nil {
			return "", err
		}
		address, err := d.portal(ctx, op, &sdk.BillingPortalSessionCreateParams{
			Customer: sdk.String(request.Owner.ID),
			FlowData: &sdk.BillingPortalSessionCreateFlowDataParams{
				Type:               sdk.String(string(sdk.BillingPortalSessionFlowTypeSubscriptionCancel)),
				SubscriptionCancel: &sdk.BillingPortalSessionCreateFlowDataSubscriptionCancelParams{Subscription: sdk.String(request.Subscription.ID)},
			},
		}, request.ReturnURL)
		if err == nil || provider.KindOf(err) != provider.Refused && provider.KindOf(err) != provider.NotFound {
			return address, err
		}
	}
	return d.portal(ctx, op, &sdk.BillingPortalSessionCreateParams{Customer: sdk.String(request.Owner.ID)}, request.ReturnURL)
}

// portal makes a session of the billing portal.
func (d *Driver) portal(ctx context.Context, op string, params *sdk.BillingPortalSessionCreateParams, returnURL string) (string, error) {
	if returnURL != "" {
		params.ReturnURL = sdk.String(returnURL)
	}
	session, err := call(ctx, d, op, func(ctx context.Context) (*sdk.BillingPortalSession, error) {
		return d.api.V1BillingPortalSessions.Create(ctx, params)
	})
	if err != nil {
		return "", err
	}
	if session.URL == "" {
		return "", d.malformed(op, errors.New("the answer has no address"))
	}
	return session.URL, nil
}
