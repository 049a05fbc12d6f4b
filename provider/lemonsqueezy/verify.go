package lemonsqueezy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/signature"
)

const signatureHeader = "X-Signature"

// Verify implements [provider.Driver]. It does no I/O.
//
// The signature is the HMAC of the raw body and has no time in it: no webhook is
// ever too old. A repeated one leads to a look and no more. The event's name is
// taken from the body; the header X-Event-Name is not signed.
func (d *Driver) Verify(_ context.Context, header http.Header, body []byte, _ time.Time) (provider.Delivery, error) {
	if err := d.authenticate(header, body); err != nil {
		return provider.Delivery{}, err
	}
	return d.readEvent(body)
}

// authenticate checks that one of the secrets signed the body.
func (d *Driver) authenticate(header http.Header, body []byte) error {
	text, err := signature.Sole(header, signatureHeader)
	if err != nil {
		return err
	}
	made, ok := signature.Decode(text)
	if !ok {
		return provider.Reject(provider.Unsigned, "the X-Signature header is not a signature")
	}
	return signature.Match(d.secrets, [][]byte{made}, "the signing secret of the webhook in the Lemon Squeezy dashboard", body)
}

// event is as much of a webhook as is read.
type event struct {
	Meta struct {
		Name       string          `json:"event_name"`
		TestMode   *bool           `json:"test_mode"`
		CustomData json.RawMessage `json:"custom_data"`
	} `json:"meta"`
	Data struct {
		Type       string `json:"type"`
		ID         number `json:"id"`
		Attributes struct {
			common
			OrderID        number `json:"order_id"`
			SubscriptionID number `json:"subscription_id"`
		} `json:"attributes"`
	} `json:"data"`
}

// readEvent reads the names in an authentic event, and what it claims.
func (d *Driver) readEvent(body []byte) (provider.Delivery, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the body is not an event: it is not JSON of the expected form")
	}
	if !isName(e.Meta.Name) {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the body is not an event: it has no meta.event_name that can be read")
	}
	if err := d.accepts(e); err != nil {
		return provider.Delivery{}, err
	}
	delivery := provider.Delivery{ID: digest(e.Meta.Name, body), Type: e.Meta.Name}
	if store := e.Data.Attributes.StoreID; d.store != "" && store != "" && string(store) != d.store {
		return delivery, nil // another store's: kept, and of no use
	}
	var claimed []provider.Ref
	delivery.Refs, claimed = d.namesIn(e)
	delivery.Claims = claimsFor(claimed, customData(e.Meta.CustomData))
	return delivery, nil
}

// accepts turns away events of the other mode. An event that does not say its mode
// is let in, as is any while the mode of the key is not known: nothing but names is
// taken, and to the key the objects of the other mode are not there.
func (d *Driver) accepts(e event) error {
	for _, test := range []*bool{e.Meta.TestMode, e.Data.Attributes.TestMode} {
		mode := d.mode.Load()
		switch {
		case test == nil || mode == modeUnknown || modeOf(*test) == mode:
		case *test:
			return provider.Reject(provider.WrongMode, "this is a test-mode event and the account has a live key: take the webhook out of test mode, or configure an account for it")
		default:
			return provider.Reject(provider.WrongMode, "this is a live event and the account has a test-mode key: configure an account with the live key")
		}
	}
	return nil
}

// digest names an event, for the provider gives no id: a webhook that comes twice
// is the same event, and one body under two names is two.
func digest(name string, body []byte) string {
	hash := sha256.New()
	hash.Write([]byte(name))
	hash.Write(body)
	return hex.EncodeToString(hash.Sum(nil))
}

// isName reports whether a text can be an event's name.
func isName(text string) bool {
	for _, c := range text {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return text != "" && len(text) <= 100
}

// namesIn lists the objects to look at, by the type of the record that came with
// the event and not by its name: an invoice is never read as a subscription. With
// them come the objects that custom data make a claim about: whatever the same
// checkout led to.
func (d *Driver) namesIn(e event) (refs, claimed []provider.Ref) {
	id, a := e.Data.ID, e.Data.Attributes
	if id == "" {
		return nil, nil
	}
	switch e.Data.Type {
	case typeOrder:
		refs = []provider.Ref{d.orderRef(billing.KindCheckout, id)}
	case typeSubscription:
		refs = []provider.Ref{d.ref(billing.KindSubscription, string(id))}
		if a.OrderID != "" {
			order := d.orderRef(billing.KindCheckout, a.OrderID)
			claimed = append(claimed, order)
			if e.Meta.Name == "subscription_created" {
				refs = append(refs, order) // which may have looked like a one-time purchase
			}
		}
	case typeInvoice:
		refs = []provider.Ref{d.ref(billing.KindInvoice, string(id))}
		if a.SubscriptionID != "" {
			refs = append(refs, d.ref(billing.KindSubscription, string(a.SubscriptionID)))
		}
	case typeCustomer:
		return []provider.Ref{d.ref(billing.KindCustomer, string(id))}, nil
	}
	for _, ref := range refs {
		if ref.Kind != billing.KindCheckout || e.Data.Type == typeOrder {
			claimed = append(claimed, ref)
		}
	}
	return refs, claimed
}
