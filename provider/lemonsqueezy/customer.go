package lemonsqueezy

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

type customer struct {
	common
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"created_at"`
}

func (d *Driver) customer(_ context.Context, op string, r resource, _ document) (provider.Snapshot, error) {
	var a customer
	if err := d.read(op, r, &a, &a.common); err != nil {
		return provider.Snapshot{}, err
	}
	return provider.Snapshot{
		Ref: d.ref(billing.KindCustomer, r.ID), Owner: r.ID,
		Object: billing.ProviderCustomer{Email: a.Email, Name: a.Name, CreatedAt: a.CreatedAt.UTC()},
	}, nil
}

// read decodes the attributes of a record and makes sure that it belongs here.
func (d *Driver) read(op string, r resource, into any, where *common) error {
	if json.Unmarshal(r.Attributes, into) != nil {
		return d.malformed(op, errors.New("the attributes of "+r.Type+" "+clip(r.ID)+" cannot be read"))
	}
	return d.belongs(op, *where)
}

func utc(t *time.Time) time.Time {
	if t == nil || t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
