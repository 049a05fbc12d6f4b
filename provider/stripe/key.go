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
// changes nothing and is one small answer. A restricted key may lack the right to
// ask, which says that it is good but not whose it is. The two modes of an account
// share its id and no object, so the mode is part of the answer.
func (d *Driver) CheckKey(ctx context.Context) (account string, err error) {
	answer, err := call(ctx, d, "check the key", func(ctx context.Context) (*sdk.Account, error) {
		return d.api.V1Accounts.Retrieve(ctx, nil)
	})
	if failure, ok := errors.AsType[*provider.Error](err); ok && failure.Code == missingRight {
		return "", nil
	}
	if err != nil || !isName(answer.ID) {
		return "", err
	}
	if d.live {
		return answer.ID + " in live mode", nil
	}
	return answer.ID + " in test mode", nil
}
