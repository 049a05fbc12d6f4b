package paypal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/trivetdev/trivet/billing"
)

// Price is what a one-time price costs. PayPal has no catalog of prices for single
// payments, so the id of one says it all: a name, a colon, and the amount with its
// currency, "pass:5.00USD". The same text is the item's SKU in the order.
//
// It has to be checked whenever an order is read: the client id is in every page
// that shows PayPal's buttons, and with it anybody can make an order over one cent
// whose item bears the name of the most expensive plan. What such an item cost is
// not what its price says, and then it is no item of ours.
func Price(id string) (name string, cost billing.Money, err error) {
	parts := pricePattern.FindStringSubmatch(id)
	if parts == nil {
		return "", cost, fmt.Errorf("%q is not the price of a single payment: write it as a name, a colon, the amount and its currency, like pass:5.00USD", clip(id, 64))
	}
	if !billing.KnownCurrency(parts[3]) {
		return "", cost, fmt.Errorf("%q: there is no currency %s: write its code by ISO 4217, like USD", clip(id, 64), parts[3])
	}
	cost, err = billing.ParseDecimal(parts[2], parts[3])
	if err == nil && cost.Amount == 0 {
		err = fmt.Errorf("%q costs nothing", clip(id, 64))
	}
	return parts[1], cost, err
}

// PayPal's books take these characters in the code of an item.
var pricePattern = regexp.MustCompile(`^([A-Za-z0-9_.\-]{1,80}):([0-9]{1,12}(?:\.[0-9]{1,4})?)([A-Z]{3})$`)

// line is an item of an order, wherever it is told.
type line struct {
	sku, quantity string
	unit          *amount
}

// itemsOf reads what was bought: all or nothing. An item counts only if it costs
// what its price says, and all of them together what was paid.
func itemsOf(lines []line, total billing.Money) []billing.Item {
	var items []billing.Item
	var sum int64
	for _, l := range lines {
		_, cost, err := Price(l.sku)
		if err != nil {
			return nil
		}
		unit, err := l.unit.money()
		quantity, bad := strconv.ParseInt(l.quantity, 10, 32)
		if err != nil || bad != nil || quantity < 1 || unit != cost || cost.Amount > (1<<62)/quantity {
			return nil
		}
		sum += cost.Amount * quantity
		items = append(items, billing.Item{Price: l.sku, Quantity: quantity})
	}
	if len(items) == 0 || total.Currency != currencyOf(lines) || total.Amount < sum {
		return nil
	}
	return items
}

func currencyOf(lines []line) string {
	currency := ""
	for _, l := range lines {
		if currency != "" && currency != l.unit.Currency {
			return "mixed"
		}
		currency = l.unit.Currency
	}
	return currency
}

// CheckPrice implements [provider.PriceChecker]. PayPal's own ids have no colon.
func (d *Driver) CheckPrice(price string) error {
	if !strings.Contains(price, ":") {
		return nil
	}
	_, _, err := Price(price)
	return err
}
