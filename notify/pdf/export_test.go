package pdf

import (
	"strings"

	"github.com/trivetdev/trivet/notify"
)

// Missing returns the characters of a paper that no font has.
func Missing(p notify.Paper) string {
	f, err := loaded()
	if err != nil {
		return err.Error()
	}
	all := []string{p.Title, p.SellerHead, p.BuyerHead, p.Head[0], p.Head[1], p.Head[2], p.Page(1, 2)}
	all = append(append(all, p.Seller...), p.Buyer...)
	for _, fact := range append(p.Facts, p.Sums...) {
		all = append(all, fact.Label, fact.Value)
	}
	for _, l := range p.Lines {
		all = append(all, l.Text, l.Period, l.Quantity, l.Amount)
	}
	missing := ""
	for _, r := range spelled.Replace(strings.Join(all, "")) {
		if !f.regular.has(r) && !f.asian.has(r) && !strings.ContainsRune(missing, r) {
			missing += string(r)
		}
	}
	return missing
}
