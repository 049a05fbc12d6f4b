package paypal

import (
	"fmt"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// orderOf is an order at a state, made and last changed so long ago.
func orderOf(status string, made, changed time.Duration) string {
	return fmt.Sprintf(`{"id":"O1","status":%q,"create_time":%q,"update_time":%q,"purchase_units":[{"amount":{"currency_code":"USD","value":"5.00"}}]}`,
		status, noon.Add(-made).Format(time.RFC3339), noon.Add(-changed).Format(time.RFC3339))
}

// How long an order is waited for follows from when PayPal forgets it: what is approved
// counts from its approval, and can be captured as long as PayPal has it.
func TestLifeOfAnOrder(t *testing.T) {
	const h = time.Hour
	for name, tt := range map[string]struct {
		order string
		life  time.Duration
		want  billing.CheckoutStatus
		until time.Duration // from noon
	}{
		"young":                     {orderOf("CREATED", h, h), 0, billing.CheckoutOpen, 2 * h},
		"old":                       {orderOf("CREATED", 3*h, 3*h), 0, billing.CheckoutExpired, 0},
		"prolonged":                 {orderOf("CREATED", 3*h, 3*h), 24 * h, billing.CheckoutOpen, 21 * h},
		"approved late":             {orderOf("APPROVED", 4*h, 2*h), 0, billing.CheckoutApproved, h},
		"approved, and still there": {orderOf("APPROVED", 5*h, 4*h), 0, billing.CheckoutApproved, 67 * h},
		"approved long ago":         {orderOf("APPROVED", 72*h, 71*h), 0, billing.CheckoutExpired, 0},
		"declined once":             {orderOf("PAYER_ACTION_REQUIRED", h, h), 0, billing.CheckoutOpen, 2 * h},
		"voided":                    {orderOf("VOIDED", h, h), 0, billing.CheckoutExpired, 2 * h},
	} {
		f := &fake{answers: map[string]reply{"GET /v2/checkout/orders/O1": {body: tt.order}}}
		s, err := f.driver(t, func(c *Config) { c.OrderLife = tt.life }).Fetch(t.Context(), refTo(billing.KindCheckout, "O1"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c := s.Object.(billing.Checkout); c.Status != tt.want || !c.ExpiresAt.Equal(noon.Add(tt.until)) {
			t.Errorf("%s: %s until %v, want %s until %v", name, c.Status, c.ExpiresAt, tt.want, noon.Add(tt.until))
		}
	}
	if _, err := New(Config{Account: "paypal", ClientID: "c1", ClientSecret: "s1", OrderLife: 100 * h}); err == nil {
		t.Error("a life of a hundred hours is taken")
	}
}

// A 404 means that an order came to nothing only if it was old enough and nothing is
// known to have come of it.
func TestForgottenOrders(t *testing.T) {
	d := (&fake{}).driver(t)
	var _ provider.Forgetter = d
	old := noon.Add(-DefaultOrderLife)
	for name, tt := range map[string]struct {
		id   string
		last billing.Object
		want bool
	}{
		"open":             {"O1", billing.Checkout{Status: billing.CheckoutOpen, CreatedAt: old}, true},
		"approved":         {"O1", billing.Checkout{Status: billing.CheckoutApproved, CreatedAt: old}, true},
		"expired":          {"O1", billing.Checkout{Status: billing.CheckoutExpired, CreatedAt: old}, true},
		"by a fast clock":  {"O1", billing.Checkout{Status: billing.CheckoutOpen, CreatedAt: old.Add(5 * time.Minute)}, true},
		"young":            {"O1", billing.Checkout{Status: billing.CheckoutOpen, CreatedAt: old.Add(time.Hour)}, false},
		"of unknown age":   {"O1", billing.Checkout{Status: billing.CheckoutOpen}, false},
		"captured":         {"O1", billing.Checkout{Status: billing.CheckoutComplete, CreatedAt: old}, false},
		"with a capture":   {"O1", billing.Checkout{Status: billing.CheckoutOpen, Payment: "C1", CreatedAt: old}, false},
		"a subscription's": {"I-1", billing.Checkout{Status: billing.CheckoutOpen, CreatedAt: old}, false},
		"something else":   {"O1", billing.Payment{CreatedAt: old}, false},
	} {
		now, forgotten := d.Forgotten(refTo(billing.KindCheckout, tt.id), tt.last)
		if forgotten != tt.want || forgotten && now.State() != string(billing.CheckoutExpired) {
			t.Errorf("%s: %v, %v", name, now, forgotten)
		}
	}
}
