package stripe

import (
	"context"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) customers() looker {
	return reader[customer]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1Customers.Retrieve(ctx, id, nil)
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1Customers.List(ctx, &sdk.CustomerListParams{ListParams: listParams(query)}).Err()
		},
		id:       func(c customer) string { return c.ID },
		snapshot: d.customer,
	}
}

// customer translates a customer, who is their own owner.
func (d *Driver) customer(_ context.Context, c customer) (provider.Snapshot, error) {
	snapshot := provider.Snapshot{Ref: d.ref(billing.KindCustomer, c.ID), Owner: c.ID}
	if c.Deleted {
		snapshot.Gone = true
		return snapshot, nil
	}
	object := billing.ProviderCustomer{Email: c.Email, Name: c.Name, CreatedAt: moment(c.Created)}
	if len(c.Locales) > 0 {
		object.Locale = c.Locales[0]
	}
	snapshot.Object, snapshot.Claims = object, claims(c.Metadata)
	return snapshot, nil
}

// listOneCustomer answers the query for the customer with the owner's id.
func (d *Driver) listOneCustomer(ctx context.Context, query provider.Query) (provider.Page, error) {
	snapshot, err := d.customers().fetch(ctx, d, d.ref(billing.KindCustomer, query.Owner))
	if provider.KindOf(err) == provider.NotFound && err != nil {
		return provider.Page{}, nil
	}
	if err != nil {
		return provider.Page{}, err
	}
	return provider.Page{Snapshots: []provider.Snapshot{snapshot}}, nil
}
