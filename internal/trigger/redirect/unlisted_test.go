package redirect_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/stripe"
)

// unlisting is a provider whose checkouts cannot be listed, such as PayPal.
type unlisting struct{ *stripe.Driver }

func (d unlisting) Kinds() []billing.Kind {
	return slices.DeleteFunc(d.Driver.Kinds(), func(k billing.Kind) bool { return k == billing.KindCheckout })
}

// TestUnlistedCheckouts: a checkout that no sweep will ever find is looked at once it
// is made, so that the ledger knows of it; any other waits for news.
func TestUnlistedCheckouts(t *testing.T) {
	for name, lists := range map[string]bool{"listed": true, "not listed": false} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
			if driver, ok := h.Redirect.Apply.Drivers["stripe"].(*stripe.Driver); ok && !lists {
				h.Redirect.Apply.Drivers["stripe"] = unlisting{driver}
			}
			made, err := h.Redirect.Begin(t.Context(), ask("user_1", "pro"))
			if err != nil {
				t.Fatal(err)
			}
			ref := provider.Ref{Account: "stripe", Kind: billing.KindCheckout, ID: made.Object}
			row, err := h.DB.WorkNamed(t.Context(), store.QueueLook, ref.String())
			if lists != errors.Is(err, store.ErrNotFound) {
				t.Errorf("the look is %+v, %v", row, err)
			}
		})
	}
}
