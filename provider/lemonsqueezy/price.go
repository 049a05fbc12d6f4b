package lemonsqueezy

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// priced is what a price says. Prices never change: changing what a variant costs
// makes another price, and those who have it keep theirs.
type priced struct {
	amount   int64
	interval billing.Interval
}

// priceOf reads a price, once.
func (d *Driver) priceOf(ctx context.Context, op, id string) (priced, error) {
	d.mu.Lock()
	known, found := d.prices[id]
	d.mu.Unlock()
	if found {
		return known, nil
	}
	r, _, err := d.get(ctx, op, typePrice, id, nil)
	if err != nil {
		return priced{}, err
	}
	var a struct {
		UnitPrice int64  `json:"unit_price"`
		Unit      string `json:"renewal_interval_unit"`
		Count     int64  `json:"renewal_interval_quantity"`
	}
	if json.Unmarshal(r.Attributes, &a) != nil {
		return priced{}, d.malformed(op, errors.New("the price cannot be read"))
	}
	p := priced{amount: a.UnitPrice, interval: billing.Interval{Unit: a.Unit, Count: a.Count}}
	d.mu.Lock()
	d.prices[id] = p
	d.mu.Unlock()
	return p, nil
}

// currencyOf reads the currency of a store, once: neither subscriptions nor prices
// say it.
func (d *Driver) currencyOf(ctx context.Context, op, store string) (string, error) {
	d.mu.Lock()
	known := d.currencies[store]
	d.mu.Unlock()
	if known != "" {
		return known, nil
	}
	r, _, err := d.get(ctx, op, typeStore, store, nil)
	if err != nil {
		return "", err
	}
	var a struct {
		Currency string `json:"currency"`
	}
	if json.Unmarshal(r.Attributes, &a) != nil || len(a.Currency) != 3 {
		return "", d.malformed(op, errors.New("the store does not say its currency"))
	}
	code := strings.ToUpper(a.Currency)
	d.mu.Lock()
	d.currencies[store] = code
	d.mu.Unlock()
	return code, nil
}

// money is an amount as the API has it: in the minor units of ISO 4217, whatever
// the currency (the provider calls them cents). Its own library formats them so.
func money(amount int64, code string) billing.Money {
	return billing.Money{Amount: amount, Currency: strings.ToUpper(code)}
}

// startOf is when the period began that ends at a time: the provider tells only the
// end. Periods counted in months begin on the anchor's day, or on the last day of a
// month that is too short. None begins before the subscription did.
func startOf(end time.Time, every billing.Interval, anchor int, created time.Time) time.Time {
	count := int(max(1, every.Count))
	start := end
	switch every.Unit {
	case "day":
		start = end.AddDate(0, 0, -count)
	case "week":
		start = end.AddDate(0, 0, -7*count)
	case "month":
		start = monthsBefore(end, count, anchor)
	case "year":
		start = monthsBefore(end, 12*count, anchor)
	default:
		return time.Time{}
	}
	if start.Before(created) {
		return created
	}
	return start
}

func monthsBefore(end time.Time, months, anchor int) time.Time {
	if anchor < 1 || anchor > 31 {
		anchor = end.Day()
	}
	first := time.Date(end.Year(), end.Month()-time.Month(months), 1, end.Hour(), end.Minute(), end.Second(), end.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(anchor, last)-1)
}
