package billing_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

func TestExponent(t *testing.T) {
	for code, want := range map[string]int{
		"EUR": 2, "USD": 2, "eur": 2, "HUF": 2, "TWD": 2,
		"JPY": 0, "KRW": 0, "ISK": 0, "UGX": 0, "XAF": 0,
		"KWD": 3, "BHD": 3, "TND": 3, "IQD": 3,
		"CLF": 4, "": 2, "XYZ": 2,
	} {
		if got := billing.Exponent(code); got != want {
			t.Errorf("%q: got %d, want %d", code, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	tests := []struct {
		amount int64
		code   string
		want   string
	}{
		{1999, "EUR", "19.99"}, {5, "EUR", "0.05"}, {0, "EUR", "0.00"}, {-5, "EUR", "-0.05"}, {-1999, "eur", "-19.99"},
		{1999, "JPY", "1999"}, {0, "JPY", "0"}, {-1, "JPY", "-1"}, {1999, "ISK", "1999"}, {1999, "UGX", "1999"},
		{1999, "KWD", "1.999"}, {7, "KWD", "0.007"}, {-7, "KWD", "-0.007"}, {1999, "", "19.99"},
		{math.MaxInt64, "EUR", "92233720368547758.07"}, {math.MinInt64, "EUR", "-92233720368547758.08"},
		{math.MinInt64, "JPY", "-9223372036854775808"}, {math.MaxInt64, "KWD", "9223372036854775.807"},
	}
	for _, test := range tests {
		money := billing.Money{Amount: test.amount, Currency: test.code}
		if got := money.Decimal(); got != test.want {
			t.Errorf("%d %s: got %q, want %q", test.amount, test.code, got, test.want)
		}
		if got, want := money.String(), strings.TrimSpace(test.want+" "+test.code); got != want {
			t.Errorf("%d %s as text: got %q, want %q", test.amount, test.code, got, want)
		}
	}
}

func TestParseDecimalReads(t *testing.T) {
	tests := []struct {
		text, code string
		want       int64
	}{
		{"19.99", "EUR", 1999}, {"19.9", "EUR", 1990}, {"19", "EUR", 1900}, {"19.99", "eur", 1999}, {"-19.99", "EUR", -1999},
		{"0", "EUR", 0}, {"-0", "EUR", 0}, {"0.00", "EUR", 0}, {"007", "EUR", 700},
		{"19.990", "EUR", 1999}, {"19.9900000000", "EUR", 1999},
		{"1999", "JPY", 1999}, {"1999.00", "JPY", 1999}, {"1999.0", "ISK", 1999}, {"1.999", "KWD", 1999}, {"1", "KWD", 1000},
		{"92233720368547758.07", "EUR", math.MaxInt64}, {"-92233720368547758.08", "EUR", math.MinInt64},
		{"9223372036854775807", "JPY", math.MaxInt64}, {"-9223372036854775808", "JPY", math.MinInt64},
	}
	for _, test := range tests {
		got, err := billing.ParseDecimal(test.text, test.code)
		want := billing.Money{Amount: test.want, Currency: strings.ToUpper(test.code)}
		if err != nil || got != want {
			t.Errorf("%q %s: got %v and error %v, want %v", test.text, test.code, got, err, want)
		}
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	tests := map[string]struct{ text, code string }{
		"nothing":                  {"", "EUR"},
		"a sign alone":             {"-", "EUR"},
		"two signs":                {"--5", "EUR"},
		"a plus":                   {"+5", "EUR"},
		"a point alone":            {".", "EUR"},
		"no whole part":            {".5", "EUR"},
		"no fraction after point":  {"5.", "EUR"},
		"two points":               {"1.2.3", "EUR"},
		"a comma":                  {"19,99", "EUR"},
		"a thousands separator":    {"1,000.00", "EUR"},
		"an underscore":            {"1_000", "EUR"},
		"spaces around":            {" 5 ", "EUR"},
		"an exponent":              {"1e5", "EUR"},
		"hexadecimal":              {"0x10", "EUR"},
		"infinity":                 {"Inf", "EUR"},
		"not a number":             {"NaN", "EUR"},
		"a minus in the fraction":  {"1.-5", "EUR"},
		"digits of another script": {"١٩", "EUR"},
		"a zero byte":              {"1\x00", "EUR"},
		"the currency beside it":   {"19.99 EUR", "EUR"},
		"a tenth of a cent":        {"19.995", "EUR"},
		"a tenth of a yen":         {"1.5", "JPY"},
		"a tenth of a fils":        {"1.9995", "KWD"},
		"one too many":             {"92233720368547758.08", "EUR"},
		"one too few":              {"-92233720368547758.09", "EUR"},
		"a googol":                 {"1" + strings.Repeat("0", 100), "EUR"},
		"a megabyte of digits":     {strings.Repeat("9", 1<<20), "EUR"},
		"a megabyte of zeros":      {"0." + strings.Repeat("0", 1<<20), "EUR"},
	}
	for name, test := range tests {
		got, err := billing.ParseDecimal(test.text, test.code)
		if err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
			continue
		}
		if got != (billing.Money{}) {
			t.Errorf("%s: got %v beside the error", name, got)
		}
		if len(err.Error()) > 300 {
			t.Errorf("%s: the error is %d bytes long", name, len(err.Error()))
		}
	}
}

func TestRescale(t *testing.T) {
	tests := []struct {
		amount int64
		from   int
		code   string
		want   int64
	}{
		{1999, 2, "EUR", 1999}, {1999, 2, "eur", 1999}, {-1999, 2, "EUR", -1999}, {0, 2, "JPY", 0},
		{199900, 2, "ISK", 1999}, {500, 2, "UGX", 5}, {-500, 2, "UGX", -5}, {1999, 0, "JPY", 1999},
		{1990, 3, "EUR", 199}, {1999, 2, "KWD", 19990}, {19, 0, "EUR", 1900}, {1999, 3, "KWD", 1999},
		{math.MaxInt64, 2, "EUR", math.MaxInt64}, {math.MinInt64, 2, "EUR", math.MinInt64},
	}
	for _, test := range tests {
		got, err := billing.Rescale(test.amount, test.from, test.code)
		want := billing.Money{Amount: test.want, Currency: strings.ToUpper(test.code)}
		if err != nil || got != want {
			t.Errorf("%d with %d decimals of %s: got %v and error %v, want %v", test.amount, test.from, test.code, got, err, want)
		}
	}
}

func TestRescaleRefuses(t *testing.T) {
	tests := map[string]struct {
		amount int64
		from   int
		code   string
		want   string
	}{
		"a fraction of a króna": {1999, 2, "ISK", "1999 with 2 decimals is not a whole number of ISK minor units"},
		"a tenth of a cent":     {-1999, 3, "EUR", "-1999 with 3 decimals is not a whole number of EUR minor units"},
		"too much":              {math.MaxInt64, 0, "EUR", "9223372036854775807 with 0 decimals overflows in EUR minor units"},
		"too little":            {math.MinInt64, 2, "KWD", "-9223372036854775808 with 2 decimals overflows in KWD minor units"},
	}
	for name, test := range tests {
		got, err := billing.Rescale(test.amount, test.from, test.code)
		if err == nil || err.Error() != test.want || got != (billing.Money{}) {
			t.Errorf("%s: got %v and error %v, want error %q", name, got, err, test.want)
		}
	}
}

var currencies = rapid.SampledFrom([]string{"EUR", "USD", "JPY", "ISK", "UGX", "KWD", "BHD", "CLF", "XYZ"})

func TestDecimalAndParseDecimalAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		money := billing.Money{Amount: rapid.Int64().Draw(t, "amount"), Currency: currencies.Draw(t, "currency")}
		back, err := billing.ParseDecimal(money.Decimal(), money.Currency)
		if err != nil || back != money {
			t.Fatalf("%v came back as %v with error %v", money, back, err)
		}
	})
}

func TestRescaleLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount, code := rapid.Int64().Draw(t, "amount"), currencies.Draw(t, "currency")
		from := rapid.IntRange(0, 6).Draw(t, "decimals")
		money, err := billing.Rescale(amount, from, code)
		if err != nil {
			return
		}
		if worth(amount, from).Cmp(worth(money.Amount, billing.Exponent(code))) != 0 {
			t.Fatalf("%d with %d decimals became %v", amount, from, money)
		}
	})
}

// worth is the exact value of an amount with some decimals.
func worth(amount int64, decimals int) *big.Rat {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	return new(big.Rat).SetFrac(big.NewInt(amount), unit)
}

func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{"19.99", "-0.05", "1999", "007", "1.", "--1", "1e5", "92233720368547758.07", "١٩"} {
		f.Add(seed, "EUR")
		f.Add(seed, "JPY")
	}
	f.Fuzz(func(t *testing.T, text, code string) {
		money, err := billing.ParseDecimal(text, code)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok || exact.Cmp(worth(money.Amount, billing.Exponent(code))) != 0 {
			t.Fatalf("%q of %q was read as %v", text, code, money)
		}
	})
}
