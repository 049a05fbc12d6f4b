package stripe

import (
	"math"
	"strings"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
)

// decimals is how many decimals Stripe's integer amounts of a currency have
// (docs.stripe.com/currencies). Two, but for those listed; ISK and UGX, which
// have none in ISO 4217, are counted in hundredths, and MGA, which has two, in
// whole units.
func decimals(code string) int {
	switch strings.ToUpper(code) {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "JOD", "KWD", "OMR", "TND":
		return 3
	}
	return 2
}

// money converts an amount as Stripe counts it.
func money(amount int64, code sdk.Currency) (billing.Money, error) {
	return billing.Rescale(amount, decimals(string(code)), string(code))
}

// toStripe converts an amount into Stripe's way to count.
func toStripe(amount billing.Money) int64 {
	shift := decimals(amount.Currency) - billing.Exponent(amount.Currency)
	return int64(math.Round(float64(amount.Amount) * math.Pow10(shift)))
}

// priceOf is what a quantity of a price costs, as Stripe counts. A price by
// tiers or by usage has no unit amount and counts as nothing; one with fractions
// of a cent is rounded after it was multiplied.
func priceOf(price *price, quantity int64) int64 {
	if price.UnitAmount == 0 && price.UnitAmountDecimal != 0 {
		return int64(math.Round(price.UnitAmountDecimal * float64(quantity)))
	}
	return price.UnitAmount * quantity
}
