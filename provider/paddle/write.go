package paddle

import (
	"context"
	"strings"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/transport"
)

var (
	_ provider.Checkouter        = (*Driver)(nil)
	_ provider.Canceler          = (*Driver)(nil)
	_ provider.Pauser            = (*Driver)(nil)
	_ provider.Refunder          = (*Driver)(nil)
	_ provider.EmailPusher       = (*Driver)(nil)
	_ provider.TrialExtender     = (*Driver)(nil)
	_ provider.PaymentUpdater    = (*Driver)(nil)
	_ provider.Portaler          = (*Driver)(nil)
	_ provider.Previewer         = (*Driver)(nil)
	_ provider.EndpointRegistrar = (*Driver)(nil)
)

// named is a key as it can stand in a header or in the reason of a refund: visible
// ASCII without brackets, 120 bytes at most; any other is hashed.
func named(key string) string { return transport.Key(key, 120, " []") }

// keyed sends the key of a write along as X-Transit-Id. Paddle does nothing with
// it but keep it: it does not make two calls one.
func keyed(ctx context.Context, key string) context.Context {
	return sdk.ContextWithTransitID(ctx, named(key))
}

// mayWrite checks what every write needs.
func (d *Driver) mayWrite(op string, ref provider.Ref, kind billing.Kind, key string) error {
	if strings.TrimSpace(key) == "" {
		return d.refused(op, "a write needs a key")
	}
	return d.checkRef(op, ref, kind)
}
