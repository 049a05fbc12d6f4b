package paypal

import (
	"strconv"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

const (
	// tokenPrefix tells our tokens from what others write into custom_id.
	tokenPrefix = "trivet:"
	// maxCustom is the most that PayPal keeps of a custom_id.
	maxCustom = 127
)

// customID is what our checkouts write: the token and, of a subscription, what was to
// be bought, as far as there is room: "trivet:TOKEN;P-1:2".
func customID(token string, item billing.Item) string {
	bare := tokenPrefix + token
	noted := bare + ";" + item.Price + ":" + strconv.FormatInt(max(1, item.Quantity), 10)
	if item.Price == "" || len(noted) > maxCustom {
		return bare
	}
	return noted
}

// itemIn reads what customID noted.
func itemIn(custom string) (item billing.Item, noted bool) {
	_, rest, found := strings.Cut(custom, ";")
	price, count, _ := strings.Cut(rest, ":")
	quantity, err := strconv.ParseInt(count, 10, 32)
	if !found || !strings.HasPrefix(custom, tokenPrefix) || err != nil || quantity < 1 || !isName(price) {
		return item, false
	}
	return billing.Item{Price: price, Quantity: quantity}, true
}

// claims say whose an object is. What our checkouts write into custom_id is a token;
// what others write there is their own. A payer may be several customers, so the
// payer's id is a claim like any other, and trusted only if told to.
func claims(custom, payer string) map[string]string {
	found := map[string]string{}
	token, ours := strings.CutPrefix(custom, tokenPrefix)
	switch {
	case custom == "" || len(custom) > maxCustom:
	case ours:
		found[provider.ClaimToken], _, _ = strings.Cut(token, ";")
	default:
		found["custom_id"] = custom
	}
	if isName(payer) {
		found["payer_id"] = payer
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// ClaimNames implements [provider.Claimer].
func (d *Driver) ClaimNames() []string { return []string{"custom_id", "payer_id"} }
