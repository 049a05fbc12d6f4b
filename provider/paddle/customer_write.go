package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// PushEmail implements [provider.EmailPusher]. Paddle knows customers by their
// address: one that another customer has is refused.
func (d *Driver) PushEmail(ctx context.Context, customer provider.Ref, email, key string) error {
	op := "push the e-mail address of customer " + clip(customer.ID, 64)
	if err := d.mayWrite(op, customer, billing.KindCustomer, key); err != nil {
		return err
	}
	if email == "" {
		return d.refused(op, "the address is empty")
	}
	now, err := call[sdk.Customer](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.GetCustomer(ctx, &sdk.GetCustomerRequest{CustomerID: customer.ID})
		return err
	})
	if err != nil || now.Email == email {
		return err
	}
	_, err = call[sdk.Customer](keyed(ctx, key), d, op, func(ctx context.Context) error {
		_, err := d.api.UpdateCustomer(ctx, &sdk.UpdateCustomerRequest{CustomerID: customer.ID, Email: sdk.NewPatchField(email)})
		return err
	})
	return err
}

// PaymentUpdateURL implements [provider.PaymentUpdater]: a checkout of what is owed,
// or over nothing, which takes the new card; for a customer without a subscription
// that can be charged, the customer portal. Paddle has no parameter for the way
// back. The link of the portal lives for a short time.
func (d *Driver) PaymentUpdateURL(ctx context.Context, customer provider.Ref, _ string) (string, error) {
	op := "make a payment-update link for customer " + clip(customer.ID, 64)
	if err := d.checkRef(op, customer, billing.KindCustomer); err != nil {
		return "", err
	}
	subscription, err := d.chargeable(ctx, op, customer.ID)
	if err != nil {
		return "", err
	}
	if subscription != "" {
		t, err := call[sdk.Transaction](ctx, d, op, func(ctx context.Context) error {
			_, err := d.api.GetSubscriptionUpdatePaymentMethodTransaction(ctx,
				&sdk.GetSubscriptionUpdatePaymentMethodTransactionRequest{SubscriptionID: subscription})
			return err
		})
		if err == nil && t.Checkout != nil && maybe(t.Checkout.URL) != "" {
			return *t.Checkout.URL, nil
		}
		if err != nil && provider.KindOf(err).Temporary() {
			return "", err
		}
		// Paddle says no to this way: the portal is the other.
	}
	return d.portal(ctx, op, customer.ID, subscription, func(urls sdk.CustomerPortalSessionSubscriptionURLs) string {
		return urls.UpdateSubscriptionPaymentMethod
	})
}

// portal makes a session of the customer portal and returns the page of a subscription
// that is picked; without one, or if there is no such page, the overview.
func (d *Driver) portal(ctx context.Context, op, customer, subscription string, pick func(sdk.CustomerPortalSessionSubscriptionURLs) string) (string, error) {
	request := &sdk.CreateCustomerPortalSessionRequest{CustomerID: customer}
	if subscription != "" {
		request.SubscriptionIDs = []string{subscription}
	}
	session, err := call[sdk.CustomerPortalSession](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.CreateCustomerPortalSession(ctx, request)
		return err
	})
	if err != nil {
		return "", err
	}
	for _, urls := range session.URLs.Subscriptions {
		if page := pick(urls); urls.ID == subscription && page != "" {
			return page, nil
		}
	}
	if session.URLs.General.Overview == "" {
		return "", d.malformed(op, errors.New("the answer has no address"))
	}
	return session.URLs.General.Overview, nil
}

// chargeable finds the subscription whose payment method matters most: one that is
// behind, else the newest in use.
func (d *Driver) chargeable(ctx context.Context, op, customer string) (id string, err error) {
	rows, _, err := list(ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.ListSubscriptions(ctx, &sdk.ListSubscriptionsRequest{
			CustomerID: []string{customer}, Status: []string{"past_due,active,trialing"}, OrderBy: sdk.PtrTo("id[DESC]"), PerPage: sdk.PtrTo(200),
		})
		return err
	})
	if err != nil {
		return "", err
	}
	var found []sdk.Subscription
	for _, row := range rows {
		var s sdk.Subscription
		if json.Unmarshal(row, &s) == nil && isName(s.ID) && s.CollectionMode != sdk.CollectionModeManual {
			found = append(found, s)
		}
	}
	if i := slices.IndexFunc(found, func(s sdk.Subscription) bool { return s.Status == sdk.SubscriptionStatusPastDue }); i >= 0 {
		return found[i].ID, nil
	}
	if len(found) > 0 {
		return found[0].ID, nil
	}
	return "", nil
}
