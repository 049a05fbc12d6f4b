package paddle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

var (
	_ provider.Checkouter        = (*Driver)(nil)
	_ provider.Canceler          = (*Driver)(nil)
	_ provider.Pauser            = (*Driver)(nil)
	_ provider.Refunder          = (*Driver)(nil)
	_ provider.EmailPusher       = (*Driver)(nil)
	_ provider.TrialExtender     = (*Driver)(nil)
	_ provider.PaymentUpdater    = (*Driver)(nil)
	_ provider.EndpointRegistrar = (*Driver)(nil)
)

// named is a key as it can stand in a header or in the reason of a refund: visible
// ASCII without brackets, 120 bytes at most; any other is hashed.
func named(key string) string {
	odd := strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '[' || r == ']' })
	if !odd && len(key) <= 120 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256-" + hex.EncodeToString(sum[:])
}

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
