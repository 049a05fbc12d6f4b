package stripe

import (
	"context"
	"errors"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/provider"
)

var _ provider.KeyChecker = (*Driver)(nil)

// missingRight is Stripe's code for a restricted key that lacks a permission:
// the key itself is known.
const missingRight = "more_permissions_required"

// CheckKey implements [provider.KeyChecker] by asking for the account, which
// changes nothing and is one small answer.
func (d *Driver) CheckKey(ctx context.Context) error {
	_, err := call(ctx, d, "check the key", func(ctx context.Context) (*sdk.Account, error) {
		return d.api.V1Accounts.Retrieve(ctx, nil)
	})
	if failure, ok := errors.AsType[*provider.Error](err); ok && failure.Code == missingRight {
		return nil
	}
	return err
}
