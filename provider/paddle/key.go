package paddle

import (
	"context"
	"encoding/json"
	"errors"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/provider"
)

var _ provider.EnvironmentTeller = (*Driver)(nil)

// missingRight is Paddle's code for a key that lacks a permission: the key itself
// is known.
const missingRight = "forbidden"

// CheckKey implements [provider.KeyChecker] by asking for the types of events,
// which needs no right and changes nothing. Paddle does not say whose key it is;
// what is known is the environment, whose objects are all different.
func (d *Driver) CheckKey(ctx context.Context) (account string, err error) {
	err = d.ask(ctx, "check the key", func(ctx context.Context) error {
		_, err := d.api.ListEventTypes(ctx, &sdk.ListEventTypesRequest{})
		return err
	}, func(_, _ json.RawMessage) error { return nil }, '[')
	if failure, ok := errors.AsType[*provider.Error](err); ok && failure.Code == missingRight {
		err = nil
	}
	if err != nil {
		return "", err
	}
	return "the " + d.environment + " environment", nil
}

// TellsEnvironmentOnly implements [provider.EnvironmentTeller].
func (d *Driver) TellsEnvironmentOnly() bool { return true }
