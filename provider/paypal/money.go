package paypal

import (
	"errors"
	"strings"

	"github.com/trivetdev/trivet/billing"
)

// amount is money in the newer APIs.
type amount struct {
	Currency string `json:"currency_code"`
	Value    string `json:"value"`
}

// oldAmount is money in the older payments API: a total, or a value.
type oldAmount struct {
	Currency string
	Total    string
	Value    string
}

func (a *amount) money() (billing.Money, error) {
	if a == nil || a.Currency == "" {
		return billing.Money{}, errors.New("an amount is missing")
	}
	return billing.ParseDecimal(a.Value, a.Currency)
}

func (a *oldAmount) money() (billing.Money, error) {
	if a == nil {
		return billing.Money{}, errors.New("an amount is missing")
	}
	value := a.Total
	if value == "" {
		value = a.Value
	}
	return (&amount{a.Currency, value}).money()
}

// positive drops the sign: fees and refunds are negative in the books.
func positive(m billing.Money) billing.Money {
	m.Amount = max(m.Amount, -m.Amount)
	return m
}

// asFee is what PayPal kept; nil if it kept or tells nothing.
func asFee(m billing.Money, err error) *billing.Money {
	if err != nil || m.Amount == 0 {
		return nil
	}
	fee := positive(m)
	return &fee
}

// amountOf writes money as PayPal wants it. HUF and TWD have two decimals by ISO
// 4217, and so in our minor units, but PayPal takes whole ones only
// (developer.paypal.com, currency codes).
func amountOf(m billing.Money) (amount, error) {
	text := m.Decimal()
	if m.Currency == "HUF" || m.Currency == "TWD" {
		units, fraction, _ := strings.Cut(text, ".")
		if strings.Trim(fraction, "0") != "" {
			return amount{}, errors.New("PayPal takes no fractions of " + m.Currency)
		}
		text = units
	}
	return amount{Currency: m.Currency, Value: text}, nil
}
