package paypal

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// CreateCheckout implements [provider.Checkouter]: a subscription or an order that
// waits for the payer's approval. A single payment's price says what it costs, see
// [Price]. PayPal has no promotion codes.
//
// PayPal heeds a repeated key for 72 hours when it makes subscriptions, and for six
// when it makes orders.
func (d *Driver) CreateCheckout(ctx context.Context, request provider.CheckoutRequest) (provider.CheckoutPage, error) {
	const op = "create checkout"
	switch {
	case strings.TrimSpace(request.Key) == "":
		return provider.CheckoutPage{}, d.refused(op, "a write needs a key")
	case len(request.Items) != 1:
		return provider.CheckoutPage{}, d.refused(op, "a PayPal checkout sells exactly one price")
	case len(customID(request.Token, billing.Item{})) > maxCustom:
		return provider.CheckoutPage{}, d.refused(op, "the token is longer than PayPal's custom_id")
	}
	switch request.Mode {
	case "subscription":
		return d.createSubscription(ctx, op, request)
	case "payment":
		return d.createOrder(ctx, op, request)
	}
	return provider.CheckoutPage{}, d.refused(op, "the mode is neither subscription nor payment")
}

// obj is a JSON object to be sent.
type obj map[string]any

// put adds a value unless it is empty.
func (o obj) put(key, value string) obj {
	if value != "" {
		o[key] = value
	}
	return o
}

func (d *Driver) createSubscription(ctx context.Context, op string, request provider.CheckoutRequest) (provider.CheckoutPage, error) {
	item := request.Items[0]
	if !isName(item.Price) {
		return provider.CheckoutPage{}, d.refused(op, "the price is not the id of a PayPal plan (P-…)")
	}
	body := obj{
		"plan_id": item.Price, "quantity": strconv.FormatInt(max(1, item.Quantity), 10), "custom_id": customID(request.Token, item),
		"application_context": obj{
			"user_action": "SUBSCRIBE_NOW", "shipping_preference": "NO_SHIPPING", "return_url": request.ReturnURL, "cancel_url": request.CancelURL,
		}.put("locale", localeOf(request.Locale)),
	}
	if !request.TrialEnd.IsZero() {
		body["start_time"] = stampOf(request.TrialEnd)
	}
	if request.Email != "" {
		body["subscriber"] = obj{"email_address": request.Email}
	}
	var s subscription
	if err := d.send(ctx, op, "/v1/billing/subscriptions", request.Key, body, &s); err != nil {
		return provider.CheckoutPage{}, err
	}
	return d.page(op, s.ID, s.CreateTime, ApprovalLife, s.Links)
}

func (d *Driver) createOrder(ctx context.Context, op string, request provider.CheckoutRequest) (provider.CheckoutPage, error) {
	item := request.Items[0]
	name, cost, err := Price(item.Price)
	if err != nil {
		return provider.CheckoutPage{}, d.refused(op, err.Error())
	}
	quantity := max(1, item.Quantity)
	if quantity > (1<<40)/cost.Amount {
		return provider.CheckoutPage{}, d.refused(op, "the quantity is out of range")
	}
	unit, err := amountOf(cost)
	if err != nil {
		return provider.CheckoutPage{}, d.refused(op, err.Error())
	}
	total, err := amountOf(billing.Money{Amount: cost.Amount * quantity, Currency: cost.Currency})
	if err != nil {
		return provider.CheckoutPage{}, d.refused(op, err.Error())
	}
	body := obj{
		"intent": "CAPTURE",
		"purchase_units": []obj{{
			"reference_id": "default", "custom_id": customID(request.Token, billing.Item{}),
			"amount": obj{"currency_code": total.Currency, "value": total.Value, "breakdown": obj{"item_total": total}},
			"items":  []obj{{"name": name, "sku": item.Price, "quantity": strconv.FormatInt(quantity, 10), "unit_amount": unit, "category": "DIGITAL_GOODS"}},
		}},
		"payment_source": obj{"paypal": obj{
			"experience_context": obj{
				"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING", "return_url": request.ReturnURL, "cancel_url": request.CancelURL,
			}.put("locale", localeOf(request.Locale)),
		}.put("email_address", request.Email)},
	}
	var o order
	if err := d.send(ctx, op, "/v2/checkout/orders", request.Key, body, &o); err != nil {
		return provider.CheckoutPage{}, err
	}
	return d.page(op, o.ID, o.CreateTime, d.life, o.Links)
}

// page is where the payer goes. An answer that names no page leaves the outcome
// unknown: asked again with the same key, PayPal tells the same checkout.
func (d *Driver) page(op, id string, created time.Time, life time.Duration, links []link) (provider.CheckoutPage, error) {
	for _, l := range links {
		if (l.Rel == "approve" || l.Rel == "payer-action") && isName(id) {
			u, err := url.Parse(l.Href)
			if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
				if created.IsZero() {
					created = d.now()
				}
				return provider.CheckoutPage{Ref: d.ref(billing.KindCheckout, id), URL: l.Href, ExpiresAt: created.Add(life).UTC()}, nil
			}
		}
	}
	return provider.CheckoutPage{}, &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errOther}
}

// ReturnedRef implements [provider.Checkouter]. PayPal appends to the address
// subscription_id, ba_token and token for a subscription, and token (the order)
// and PayerID for an order.
func (d *Driver) ReturnedRef(query url.Values) (provider.Ref, error) {
	id := query.Get("subscription_id")
	if id == "" {
		id = query.Get("token")
	}
	if !isName(id) || query.Has("subscription_id") != isSubscription(id) {
		return provider.Ref{}, d.refused("read the return address", "it names no checkout of PayPal's")
	}
	return d.ref(billing.KindCheckout, id), nil
}

// localeOf is a BCP 47 tag as PayPal takes it: a language and a country, "de-AT".
// Empty leaves it to the browser.
func localeOf(tag string) string {
	language, country, found := strings.Cut(tag, "-")
	if !found || len(language) != 2 || len(country) != 2 {
		return ""
	}
	return strings.ToLower(language) + "-" + strings.ToUpper(country)
}
