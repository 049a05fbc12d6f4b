package lemonsqueezy

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/provider"
)

// askedEvents are the events that a webhook is to send. License keys and affiliates
// are of no use here.
var askedEvents = []string{
	"order_created", "order_refunded",
	"subscription_created", "subscription_updated", "subscription_cancelled", "subscription_resumed", "subscription_expired",
	"subscription_paused", "subscription_unpaused",
	"subscription_payment_success", "subscription_payment_failed", "subscription_payment_recovered", "subscription_payment_refunded",
}

type webhook struct {
	id     string
	URL    string   `json:"url"`
	Events []string `json:"events"`
}

// RegisterEndpoint implements [provider.EndpointRegistrar]. The secret is ours to
// choose: it is worked out of the key and the address, so that it is the same
// however often a lost answer makes us ask. A webhook that exists keeps its secret,
// unless none is configured, and then it cannot be in use. Of several with the URL
// the oldest stays and the others are deleted.
func (d *Driver) RegisterEndpoint(ctx context.Context, endpointURL string) (provider.Endpoint, error) {
	const op = "register the webhook"
	same, err := d.webhooksAt(ctx, endpointURL)
	if err != nil {
		return provider.Endpoint{}, err
	}
	if len(same) == 0 {
		return d.createWebhook(ctx, endpointURL)
	}
	kept := same[0]
	for _, spare := range same[1:] {
		if _, err := d.call(ctx, op, http.MethodDelete, typeWebhook+"/"+spare.id, nil, nil); err != nil {
			return provider.Endpoint{}, err
		}
	}
	attributes, secret := map[string]any{}, ""
	if !covers(kept.Events) {
		attributes["events"] = askedEvents
	}
	if len(d.secrets) == 0 {
		secret = d.webhookSecret(endpointURL)
		attributes["secret"] = secret
	}
	if len(attributes) > 0 {
		if _, err := d.call(ctx, op, http.MethodPatch, typeWebhook+"/"+kept.id, nil, change(typeWebhook, kept.id, attributes)); err != nil {
			return provider.Endpoint{}, err
		}
	}
	return provider.Endpoint{ID: kept.id, Secret: secret}, nil
}

// webhooksAt lists the webhooks with a URL, the oldest first.
func (d *Driver) webhooksAt(ctx context.Context, endpointURL string) (same []webhook, err error) {
	const op = "list webhooks"
	rows, err := d.all(ctx, op, typeWebhook, d.inStore(nil))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		var w webhook
		if !isNumber(r.ID) || json.Unmarshal(r.Attributes, &w) != nil {
			return nil, d.malformed(op, errors.New("a webhook cannot be read"))
		}
		if w.id = r.ID; w.URL == endpointURL {
			same = append(same, w)
		}
	}
	slices.SortFunc(same, func(a, b webhook) int { return cmp.Or(len(a.id)-len(b.id), strings.Compare(a.id, b.id)) })
	return same, nil
}

func (d *Driver) createWebhook(ctx context.Context, endpointURL string) (provider.Endpoint, error) {
	const op = "create the webhook"
	store, err := d.storeFor(ctx, op)
	if err != nil {
		return provider.Endpoint{}, err
	}
	secret := d.webhookSecret(endpointURL)
	doc, err := d.call(ctx, op, http.MethodPost, typeWebhook, nil, map[string]any{"data": map[string]any{
		"type": typeWebhook, "attributes": map[string]any{"url": endpointURL, "events": askedEvents, "secret": secret},
		"relationships": map[string]any{"store": map[string]any{"data": map[string]string{"type": typeStore, "id": store}}},
	}})
	if err != nil {
		return provider.Endpoint{}, err
	}
	r, err := d.one(op, typeWebhook, doc)
	if err != nil {
		return provider.Endpoint{}, &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errors.New("the answer is not a webhook")}
	}
	return provider.Endpoint{ID: r.ID, Secret: secret, Created: true}, nil
}

// webhookSecret has 40 characters, the most that is taken.
func (d *Driver) webhookSecret(endpointURL string) string {
	mac := hmac.New(sha256.New, []byte(d.key))
	mac.Write([]byte("webhook secret of " + endpointURL))
	return hex.EncodeToString(mac.Sum(nil))[:40]
}

func covers(events []string) bool {
	for _, name := range askedEvents {
		if !slices.Contains(events, name) {
			return false
		}
	}
	return true
}
