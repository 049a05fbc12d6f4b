package stripe

import (
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
)

// A payment by a method that was not in a list, or in a currency that was not, could not
// be saved, so that money had come of which nobody knew. Here both are kept as Stripe
// says them, with the digits of the currency where it is known.
func TestFlawClosedListsOfMethodsAndCurrencies(t *testing.T) {
	for _, method := range []string{"twint", "pix", "revolut_pay", "crypto", "paid_by_dance"} {
		for _, currency := range []string{"kwd", "bhd", "jpy", "xqx"} {
			charge := `{"id":"ch_1","object":"charge","status":"succeeded","amount":5000,"amount_refunded":0,"currency":"` + currency + `","created":1001,"captured":true,` +
				`"payment_method_details":{"type":"` + method + `","` + method + `":{}}}`
			snapshot, _ := fetched(t, billing.KindPayment, "pi_1", "payment_intents", with(t, paymentJSON, map[string]string{
				"latest_charge": charge, "currency": `"` + currency + `"`,
			}))
			p := snapshot.Object.(billing.Payment)
			if want := (billing.Money{Amount: 5000, Currency: strings.ToUpper(currency)}); p.Status != billing.PaymentSucceeded || p.Amount != want || p.Method != method {
				t.Errorf("%s in %s: %s, %v by %q", method, currency, p.Status, p.Amount, p.Method)
			}
		}
	}
}
