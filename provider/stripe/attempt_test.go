package stripe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// failedCharge is the nth failed charge of pi_1.
func failedCharge(n int) string {
	return fmt.Sprintf(`{"id":"ch_%d","object":"charge","status":"failed","amount":5000,"currency":"usd","created":%d,"failure_code":"card_declined",
		"payment_method_details":{"type":"card","card":{"brand":"visa","last4":"0%03d","fingerprint":"fp%d"}}}`, n, 1000+n, n, n)
}

// One call serves for a payment that was paid at once; declined ones and those that
// were paid late cost one more.
func TestChargesAreListedWhereThereMayBeMore(t *testing.T) {
	charge := func(status string, created int) string {
		return fmt.Sprintf(`{"id":"ch_1","status":%q,"currency":"usd","created":%d}`, status, created)
	}
	for name, test := range map[string]struct {
		change map[string]string
		calls  int
	}{
		"paid at once":       {map[string]string{"latest_charge": charge("succeeded", 1005)}, 1},
		"paid later":         {map[string]string{"latest_charge": charge("succeeded", 1006)}, 2},
		"declined":           {map[string]string{"status": `"requires_payment_method"`, "latest_charge": charge("failed", 1000)}, 2},
		"given up":           {map[string]string{"status": `"canceled"`, "latest_charge": charge("failed", 1000)}, 2},
		"a debit on its way": {map[string]string{"status": `"processing"`, "latest_charge": charge("pending", 1000)}, 1},
		"not tried yet":      {map[string]string{"status": `"requires_payment_method"`, "latest_charge": "null"}, 1},
	} {
		_, f := fetched(t, billing.KindPayment, "pi_1", "payment_intents", with(t, paymentJSON, test.change))
		if len(f.calls) != test.calls {
			t.Errorf("%s: %d calls, want %d", name, len(f.calls), test.calls)
		}
	}
}

// That the charges of a payment cannot be listed does not make the payment look as
// if it were gone.
func TestAMissingListIsNoMissingPayment(t *testing.T) {
	f := &fake{answers: map[string]string{"GET /prefix/v1/payment_intents/pi_1": with(t, paymentJSON, map[string]string{
		"status": `"requires_payment_method"`, "latest_charge": failedCharge(1),
	})}}
	_, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindPayment, "pi_1"))
	if provider.KindOf(err) != provider.Unavailable || !strings.Contains(err.Error(), "charges of pi_1") {
		t.Errorf("%v", err)
	}
}
