package billing

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"

	"github.com/bojanz/currency"
)

// Money is an amount in minor units (cents, yen, fils) of a currency. The zero
// value means "no amount".
type Money struct {
	// Amount counts minor units, as [Exponent] defines them; it may be negative.
	Amount int64 `json:"amount"`
	// Currency is an upper-case ISO 4217 code.
	Currency string `json:"currency"`
}

// Exponent is the number of decimals of a currency's minor unit: 2 for EUR,
// 0 for JPY, 3 for KWD. An unknown code counts as 2, which is how providers
// treat a currency they do not single out.
func Exponent(code string) int {
	if digits, known := currency.GetDigits(strings.ToUpper(code)); known {
		return int(digits)
	}
	return 2
}

// KnownCurrency reports whether a code is of a currency in use by ISO 4217.
func KnownCurrency(code string) bool { return currency.IsValid(code) }

// Rescale converts an amount with from decimals into the currency's own minor
// units. Stripe, for one, counts ISK and UGX in hundredths although ISO 4217
// gives them no decimals. It returns an error if the amount does not fit
// exactly, for a rounded amount is a wrong amount.
func Rescale(amount int64, from int, code string) (Money, error) {
	value := big.NewInt(amount)
	shift := Exponent(code) - from
	factor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	switch {
	case shift > 0:
		value.Mul(value, factor)
	case shift < 0:
		rest := new(big.Int)
		if value.QuoRem(value, factor, rest); rest.Sign() != 0 {
			return Money{}, fmt.Errorf("%d with %d decimals is not a whole number of %s minor units", amount, from, code)
		}
	}
	if !value.IsInt64() {
		return Money{}, fmt.Errorf("%d with %d decimals overflows in %s minor units", amount, from, code)
	}
	return Money{Amount: value.Int64(), Currency: strings.ToUpper(code)}, nil
}

// Decimal renders the amount as a plain decimal number, "19.99" or "1999" or
// "1.999", as providers with decimal amounts want it.
func (m Money) Decimal() string {
	exponent := Exponent(m.Currency)
	digits := fmt.Sprintf("%0*d", exponent+1, abs(m.Amount))
	if exponent > 0 {
		digits = digits[:len(digits)-exponent] + "." + digits[len(digits)-exponent:]
	}
	if m.Amount < 0 {
		return "-" + digits
	}
	return digits
}

// String renders the amount for logs and the command line: "19.99 EUR". Mails
// format by locale instead.
func (m Money) String() string {
	return strings.TrimSpace(m.Decimal() + " " + m.Currency)
}

// longestDecimal bounds what [ParseDecimal] reads: reading takes time that
// grows with the square of the length. The longest amount has 21 characters.
const longestDecimal = 64

// ParseDecimal reads an amount such as "19.99" without loss. It returns an
// error for anything but digits, after a minus sign or none, with at most the
// currency's decimals (more are accepted if they are zero).
func ParseDecimal(text, code string) (Money, error) {
	code = strings.ToUpper(code)
	if len(text) > longestDecimal {
		return Money{}, fmt.Errorf("a text of %d bytes is not an amount of %s", len(text), code)
	}
	bad := fmt.Errorf("%q is not an amount of %s", text, code)
	digits := strings.TrimPrefix(text, "-")
	sign := text[:len(text)-len(digits)]
	whole, fraction, dotted := strings.Cut(digits, ".")
	if whole == "" || dotted && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return Money{}, bad
	}
	exponent := Exponent(code)
	for len(fraction) < exponent {
		fraction += "0"
	}
	if strings.Trim(fraction[exponent:], "0") != "" {
		return Money{}, bad
	}
	value, ok := new(big.Int).SetString(sign+whole+fraction[:exponent], 10)
	if !ok || !value.IsInt64() {
		return Money{}, bad
	}
	return Money{Amount: value.Int64(), Currency: code}, nil
}

func abs(n int64) uint64 {
	return uint64(cmp.Compare(n, 0)) * uint64(n) //nolint:gosec // exact for the smallest integer too, unlike -n
}
