package lemonsqueezy

import (
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Where one of our kinds has records of two sorts, whose numbers overlap, the id
// says which sort it is.
const (
	orderPrefix   = "order-"
	invoicePrefix = "invoice-"
)

// number is an id as the API writes it, which is a number in some places and a text
// in others.
type number string

// UnmarshalJSON implements json.Unmarshaler. Anything but an id counts as none.
func (n *number) UnmarshalJSON(text []byte) error {
	id := strings.Trim(string(text), `"`)
	if !isNumber(id) {
		id = ""
	}
	*n = number(id)
	return nil
}

// isNumber reports whether a text can be a record's number.
func isNumber(text string) bool {
	return text != "" && len(text) <= 18 && strings.Trim(text, "0123456789") == ""
}

// isUUID reports whether a text has the form of a checkout's id.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

func (d *Driver) ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: d.account, Kind: kind, ID: id}
}

func (d *Driver) orderRef(kind billing.Kind, id number) provider.Ref {
	return d.ref(kind, orderPrefix+string(id))
}

// record is where a reference's record is found: its JSON:API type and its id
// there. Not found: no record can have this id.
func record(ref provider.Ref) (typ, id string, found bool) {
	order, isOrder := strings.CutPrefix(ref.ID, orderPrefix)
	invoice, isInvoice := strings.CutPrefix(ref.ID, invoicePrefix)
	switch {
	case ref.Kind == billing.KindCheckout && isUUID(ref.ID):
		return typeCheckout, ref.ID, true
	case isOrder && isNumber(order) && (ref.Kind == billing.KindCheckout || ref.Kind == billing.KindPayment || ref.Kind == billing.KindDispute):
		return typeOrder, order, true
	case isInvoice && isNumber(invoice) && ref.Kind == billing.KindPayment:
		return typeInvoice, invoice, true
	case !isNumber(ref.ID):
		return "", "", false
	case ref.Kind == billing.KindCustomer:
		return typeCustomer, ref.ID, true
	case ref.Kind == billing.KindSubscription:
		return typeSubscription, ref.ID, true
	case ref.Kind == billing.KindInvoice:
		return typeInvoice, ref.ID, true
	}
	return "", "", false
}
