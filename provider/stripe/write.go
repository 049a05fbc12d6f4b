package stripe

import (
	"context"
	"strings"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/transport"
)

var (
	_ provider.Checkouter        = (*Driver)(nil)
	_ provider.Canceler          = (*Driver)(nil)
	_ provider.Pauser            = (*Driver)(nil)
	_ provider.Refunder          = (*Driver)(nil)
	_ provider.DisputeAccepter   = (*Driver)(nil)
	_ provider.EmailPusher       = (*Driver)(nil)
	_ provider.TrialExtender     = (*Driver)(nil)
	_ provider.PaymentUpdater    = (*Driver)(nil)
	_ provider.Portaler          = (*Driver)(nil)
	_ provider.Previewer         = (*Driver)(nil)
	_ provider.Collector         = (*Driver)(nil)
	_ provider.EndpointRegistrar = (*Driver)(nil)
)

// idempotencyKey is the key as Stripe takes it: at most 255 visible ASCII
// characters; any other is hashed. Stripe answers a repeated key with its first
// answer for at least 24 hours, be it an error.
func idempotencyKey(key string) string { return transport.Key(key, 255, "") }

// keyed are the parameters of a write.
func keyed(key string) sdk.Params {
	return sdk.Params{IdempotencyKey: sdk.String(idempotencyKey(key))}
}

// mayWrite checks what every write needs.
func (d *Driver) mayWrite(op string, ref provider.Ref, kind billing.Kind, key string) error {
	if strings.TrimSpace(key) == "" {
		return d.refused(op, "a write needs a key")
	}
	return d.checkRef(op, ref, kind)
}

// unless forgives a refused write if the object already is what the write was
// to make of it. Stripe answers the repetition of a write that has acted, under
// a new key, as if the object were missing or the call wrong.
func (d *Driver) unless(ctx context.Context, err error, ref provider.Ref, done func(billing.Object) bool) error {
	if err == nil {
		return nil
	}
	if kind := provider.KindOf(err); kind != provider.NotFound && kind != provider.Refused {
		return err
	}
	snapshot, fetchErr := d.Fetch(ctx, ref)
	switch {
	case fetchErr != nil && provider.KindOf(fetchErr).Temporary():
		return fetchErr // the refusal says nothing until we have looked
	case fetchErr == nil && snapshot.Object != nil && done(snapshot.Object):
		return nil
	}
	return err
}
