package paddle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trivetdev/trivet/billing"
)

// money reads an amount, which Paddle writes as a text of digits in the smallest
// unit of the currency: "1000" is 10.00 USD and 1000 JPY. An amount that is not
// there is no amount of zero.
func money[Code ~string](text string, code Code) (billing.Money, error) {
	amount, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return billing.Money{}, fmt.Errorf("%q is not an amount of %s", clip(text, 24), clip(string(code), 8))
	}
	return billing.Money{Amount: amount, Currency: strings.ToUpper(string(code))}, nil
}
