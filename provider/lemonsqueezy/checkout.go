package lemonsqueezy

import (
	"context"
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// checkout reads a checkout page. It shows the custom data that it was made with,
// and never whether somebody has bought anything.
func (d *Driver) checkout(_ context.Context, op string, r resource, _ document) (provider.Snapshot, error) {
	var a struct {
		common
		VariantID number `json:"variant_id"`
		Data      struct {
			Custom     json.RawMessage `json:"custom"`
			Quantities []struct {
				VariantID number `json:"variant_id"`
				Quantity  int64  `json:"quantity"`
			} `json:"variant_quantities"`
		} `json:"checkout_data"`
		ExpiresAt *time.Time `json:"expires_at"`
		CreatedAt *time.Time `json:"created_at"`
	}
	if err := d.read(op, r, &a, &a.common); err != nil {
		return provider.Snapshot{}, err
	}
	custom := customData(a.Data.Custom)
	object := billing.Checkout{
		Status: billing.CheckoutOpen, PaymentStatus: billing.CheckoutUnpaid, Mode: custom[customMode],
		CreatedAt: utc(a.CreatedAt), ExpiresAt: utc(a.ExpiresAt),
	}
	if !object.ExpiresAt.IsZero() && !d.now().Before(object.ExpiresAt) {
		object.Status = billing.CheckoutExpired
	}
	if a.VariantID != "" {
		item := billing.Item{Price: string(a.VariantID), Quantity: 1}
		for _, q := range a.Data.Quantities {
			if q.VariantID == a.VariantID {
				item.Quantity = q.Quantity
			}
		}
		object.Items = []billing.Item{item}
	}
	return provider.Snapshot{Ref: d.ref(billing.KindCheckout, r.ID), Object: object, Claims: claims(custom)}, nil
}
