package lemonsqueezy

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// The parameters of the return address that the provider may fill in: documented
// are such placeholders in product links and buttons, not in this very address.
const (
	orderParameter      = "order_id"
	identifierParameter = "order_identifier"
)

// CreateCheckout implements [provider.Checkouter]. The token goes into the custom
// data, which come back in webhooks, and is part of the return address. The same
// address, with placeholders for the order, is behind the button of the receipt, so
// that a customer whose browser never came back can still come by the mail.
//
// There is no idempotency key: the newest checkouts of the variant are looked
// through for one with this request's key.
func (d *Driver) CreateCheckout(ctx context.Context, request provider.CheckoutRequest) (provider.CheckoutPage, error) {
	const op = "make a checkout"
	item, err := d.soleItem(op, request)
	if err != nil {
		return provider.CheckoutPage{}, err
	}
	store, err := d.storeFor(ctx, op)
	if err != nil {
		return provider.CheckoutPage{}, err
	}
	if page, found, err := d.foundCheckout(ctx, op, item.Price, request.Key); err != nil || found {
		return page, err
	}
	variant, _ := strconv.ParseInt(item.Price, 10, 64) // checked by soleItem
	body := map[string]any{"data": map[string]any{
		"type": typeCheckout, "attributes": attributesOf(request, item, variant),
		"relationships": map[string]any{
			"store":   map[string]any{"data": map[string]string{"type": typeStore, "id": store}},
			"variant": map[string]any{"data": map[string]string{"type": "variants", "id": item.Price}},
		},
	}}
	doc, err := d.call(ctx, op, http.MethodPost, typeCheckout, nil, body)
	if err != nil {
		return provider.CheckoutPage{}, err
	}
	r, err := d.one(op, typeCheckout, doc)
	if err != nil || !isUUID(r.ID) {
		return provider.CheckoutPage{}, &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errors.New("the answer is not a checkout")}
	}
	return d.pageOf(op, r)
}

// soleItem checks what can be sold by one checkout.
func (d *Driver) soleItem(op string, request provider.CheckoutRequest) (billing.Item, error) {
	switch {
	case strings.TrimSpace(request.Key) == "":
		return billing.Item{}, d.refused(op, "a write needs a key")
	case len(request.Items) != 1:
		return billing.Item{}, d.refused(op, "a checkout sells exactly one variant")
	case !isNumber(request.Items[0].Price):
		return billing.Item{}, d.refused(op, "the price is not the number of a variant")
	case !request.TrialEnd.IsZero():
		return billing.Item{}, d.refused(op, absent[provider.CheckoutTrial])
	}
	item := request.Items[0]
	item.Quantity = max(1, item.Quantity)
	return item, nil
}

// storeFor is the store to sell in: the configured one, or the only one.
func (d *Driver) storeFor(ctx context.Context, op string) (string, error) {
	if d.store != "" {
		return d.store, nil
	}
	rows, err := d.all(ctx, op, typeStore, nil)
	switch {
	case err != nil:
		return "", err
	case len(rows) != 1 || !isNumber(rows[0].ID):
		return "", d.refused(op, "the key opens "+strconv.Itoa(len(rows))+" stores: say which one sells with store in the configuration")
	}
	return rows[0].ID, nil
}

// attributesOf says what the page sells and how. Only the one variant can be
// chosen.
func attributesOf(request provider.CheckoutRequest, item billing.Item, variant int64) map[string]any {
	data := map[string]any{
		"custom":             map[string]string{customToken: request.Token, customEffect: request.Key, customMode: request.Mode},
		"variant_quantities": []any{map[string]any{"variant_id": variant, "quantity": item.Quantity}},
	}
	if request.Email != "" {
		data["email"] = request.Email
	}
	back := withOrder(request.ReturnURL)
	attributes := map[string]any{
		"checkout_data":    data,
		"product_options":  map[string]any{"redirect_url": back, "receipt_link_url": back, "enabled_variants": []int64{variant}},
		"checkout_options": map[string]any{"discount": request.PromotionCodes},
	}
	if !request.ExpiresAt.IsZero() {
		attributes["expires_at"] = request.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return attributes
}

// withOrder adds the placeholders to an address; the brackets stay as they are.
func withOrder(address string) string {
	glue := "?"
	if strings.Contains(address, "?") {
		glue = "&"
	}
	return address + glue + orderParameter + "=[order_id]&" + identifierParameter + "=[order_identifier]"
}

// searched is how far back a checkout is looked for whose making was not confirmed.
const searched = time.Hour

// foundCheckout looks for a checkout that was made for a key.
func (d *Driver) foundCheckout(ctx context.Context, op, variant, key string) (page provider.CheckoutPage, found bool, err error) {
	for n := 1; ; n++ {
		query := d.inStore(url.Values{"filter[variant_id]": {variant}, "sort": {"-createdAt"}})
		rows, _, more, err := d.rows(ctx, op, typeCheckout, n, query)
		if err != nil {
			return page, false, err
		}
		for _, r := range rows {
			var a struct {
				CreatedAt time.Time `json:"created_at"`
				Data      struct {
					Custom json.RawMessage `json:"custom"`
				} `json:"checkout_data"`
			}
			if json.Unmarshal(r.Attributes, &a) != nil {
				continue
			}
			if d.now().Sub(a.CreatedAt) > searched {
				more = false
				break
			}
			if customData(a.Data.Custom)[customEffect] == key {
				page, err := d.pageOf(op, r)
				return page, err == nil, err
			}
		}
		if !more {
			return page, false, nil
		}
	}
}

func (d *Driver) pageOf(op string, r resource) (provider.CheckoutPage, error) {
	var a struct {
		URL       string     `json:"url"`
		ExpiresAt *time.Time `json:"expires_at"`
	}
	if json.Unmarshal(r.Attributes, &a) != nil || !strings.HasPrefix(a.URL, "http") {
		return provider.CheckoutPage{}, d.malformed(op, errors.New("the checkout has no address"))
	}
	return provider.CheckoutPage{Ref: d.ref(billing.KindCheckout, r.ID), URL: a.URL, ExpiresAt: utc(a.ExpiresAt)}, nil
}

// ReturnedRef implements [provider.Checkouter]: the address was made before the
// checkout had an id, so it never names one.
func (d *Driver) ReturnedRef(url.Values) (provider.Ref, error) {
	return provider.Ref{}, provider.ErrUnnamed
}

// ProvenPurchase implements [provider.PurchaseProver]. The number of an order is
// small and anybody can guess it; its identifier is told to the buyer alone. Only
// the two together name an order.
func (d *Driver) ProvenPurchase(ctx context.Context, query url.Values) (provider.Ref, error) {
	id, identifier := query.Get(orderParameter), query.Get(identifierParameter)
	if !isNumber(id) || !isUUID(identifier) {
		return provider.Ref{}, nil // not filled in, or made up
	}
	op := "compare order " + id
	r, _, err := d.get(ctx, op, typeOrder, id, nil)
	if err != nil && provider.KindOf(err) == provider.NotFound {
		return provider.Ref{}, nil
	}
	if err != nil {
		return provider.Ref{}, err
	}
	var a order
	if err := d.read(op, r, &a, &a.common); err != nil {
		if provider.KindOf(err) == provider.NotFound {
			return provider.Ref{}, nil
		}
		return provider.Ref{}, err
	}
	if !hmac.Equal([]byte(strings.ToLower(a.Identifier)), []byte(strings.ToLower(identifier))) {
		return provider.Ref{}, nil
	}
	return d.orderRef(billing.KindCheckout, number(id)), nil
}
