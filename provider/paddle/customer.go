package paddle

import (
	"context"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) customers() looker {
	return reader[sdk.Customer]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.GetCustomer(ctx, &sdk.GetCustomerRequest{CustomerID: id})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			_, err := d.api.ListCustomers(ctx, &sdk.ListCustomersRequest{
				After: after(query), PerPage: sdk.PtrTo(200), OrderBy: byAge(), ID: owned(query), Status: []string{"active,archived"},
			})
			return err
		},
		id:       func(c sdk.Customer) string { return c.ID },
		updated:  updatedCustomer,
		snapshot: d.customer,
	}
}

// customer translates a customer, who is their own owner. Paddle archives
// customers and never deletes them.
func (d *Driver) customer(c sdk.Customer) (provider.Snapshot, error) {
	return provider.Snapshot{
		Ref: d.ref(billing.KindCustomer, c.ID), Owner: c.ID, Claims: claims(c.CustomData),
		Object: billing.ProviderCustomer{Email: c.Email, Name: maybe(c.Name), Locale: c.Locale, CreatedAt: moment(c.CreatedAt)},
	}, nil
}
