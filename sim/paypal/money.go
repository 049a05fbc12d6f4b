package paypal

import (
	"errors"
	"strconv"
	"strings"
)

// money is an amount in minor units as ISO 4217 has them, which is not always as
// PayPal writes it: HUF and TWD have two decimals there and none here.
type money struct {
	minor    int64
	currency string
}

// isoDigits is the number of decimals of a minor unit.
func isoDigits(currency string) int {
	switch currency {
	case "JPY":
		return 0
	}
	return 2
}

// whole tells the currencies that PayPal takes without decimals only.
func whole(currency string) bool {
	return currency == "JPY" || currency == "HUF" || currency == "TWD"
}

// text is the amount as PayPal writes it.
func (m money) text() string {
	minor, sign := m.minor, ""
	if minor < 0 {
		minor, sign = -minor, "-"
	}
	digits := isoDigits(m.currency)
	unit := int64(1)
	for range digits {
		unit *= 10
	}
	out := sign + strconv.FormatInt(minor/unit, 10)
	if whole(m.currency) {
		return out
	}
	rest := strconv.FormatInt(minor%unit, 10)
	return out + "." + strings.Repeat("0", digits-len(rest)) + rest
}

// v2 is the amount in the shape of the newer APIs, v1 in that of the older.
func (m money) v2() obj { return obj{"currency_code": m.currency, "value": m.text()} }
func (m money) v1() obj { return obj{"currency": m.currency, "total": m.text()} }

// readMoney reads an amount that a caller sent.
func readMoney(value, currency string) (money, error) {
	bad := errors.New("DECIMAL_PRECISION")
	if len(currency) != 3 {
		return money{}, errors.New("INVALID_CURRENCY_CODE")
	}
	units, fraction, dotted := strings.Cut(value, ".")
	if dotted && whole(currency) || len(fraction) > 2 {
		return money{}, bad
	}
	for len(fraction) < isoDigits(currency) {
		fraction += "0"
	}
	n, err := strconv.ParseInt(units+fraction, 10, 64)
	if err != nil || n < 0 || strings.HasPrefix(value, "+") {
		return money{}, bad
	}
	return money{n, currency}, nil
}

// share is a part of an amount, in whole units of what PayPal can write.
func (m money) share(numerator, denominator int64) money {
	part := m.minor * numerator / denominator
	if whole(m.currency) && isoDigits(m.currency) == 2 {
		part -= part % 100
	}
	return money{part, m.currency}
}

// fee is what PayPal keeps: 3.49 % and a fixed part, for the simulation's sake
// in every currency alike.
func (m money) fee() money { return m.share(349, 10000) }
