package lemonsqueezy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Only Lemon Squeezy knows what it does not have: a wrong base_url or a proxy that
// answers 404 to everything must not make the ledger a graveyard.
func TestMissingOnlyInItsOwnWords(t *testing.T) {
	for body, want := range map[string]provider.ErrorKind{
		notFoundBody: provider.NotFound,
		`{"jsonapi":{"version":"1.0"},"errors":[{"status":404,"title":"Not Found"}]}`: provider.NotFound,
		`{"jsonapi":{"version":"1.0"},"errors":[{"status":"410","title":"Gone"}]}`:    provider.Unavailable,
		`{"errors":[{"status":"404"}]}`:                                               provider.Unavailable,
		`{"jsonapi":{"version":"1.0"},"errors":[]}`:                                   provider.Unavailable,
		`{"message":"no route"}`:                                                      provider.Unavailable,
		`<html>404 Not Found</html>`:                                                  provider.Unavailable,
		``:                                                                            provider.Unavailable,
	} {
		f := &fake{status: http.StatusNotFound, answers: map[string]string{"*": body}}
		if _, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindCustomer, "1")); provider.KindOf(err) != want {
			t.Errorf("%q is %s (%v), want %s", body, provider.KindOf(err), err, want)
		}
	}
}

func TestRefundsByWhatIsRefunded(t *testing.T) {
	for name, tt := range map[string]struct {
		now, then, amount int64
		want              string // "made", "not made", or "refused"
	}{
		"nothing yet":                  {0, 0, 300, "not made"},
		"made":                         {300, 0, 300, "made"},
		"a second time":                {300, 300, 300, "not made"},
		"a second time, made":          {600, 300, 300, "made"},
		"all of it":                    {0, 0, 0, "not made"},
		"all of it, made":              {900, 0, 0, "made"},
		"the rest":                     {300, 300, 0, "not made"},
		"the rest, made":               {900, 300, 0, "made"},
		"somebody else has, in part":   {200, 0, 300, "refused"},
		"somebody else has, besides":   {500, 0, 300, "refused"},
		"somebody else has, all of it": {900, 0, 300, "refused"},
		"less than there was":          {100, 300, 300, "refused"},
		"nothing is left":              {900, 900, 0, "made"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{
				"GET orders/7":         one("orders", "7", `"currency":"USD","total":900,"status":"paid","refunded_amount":`+itoa(tt.now), ""),
				"POST orders/7/refund": one("orders", "7", `"status":"refunded"`, ""),
			}}
			d := f.driver(t)
			request := provider.RefundRequest{
				Payment: refTo(billing.KindPayment, "order-7"), Amount: billing.Money{Amount: tt.amount, Currency: "USD"}, Refunded: tt.then, Key: "k",
			}
			_, found, err := d.FoundRefund(t.Context(), request)
			if got := map[bool]string{true: "made", false: "not made"}[found]; err == nil && got != tt.want || err != nil && (tt.want != "refused" || provider.KindOf(err) != provider.Refused) {
				t.Errorf("%v, %v; want %s", found, err, tt.want)
			}
			f.calls = nil
			_, err = d.Refund(t.Context(), request)
			posted := strings.HasPrefix(f.last(), "POST")
			if posted != (tt.want == "not made") || (err != nil) != (tt.want == "refused") {
				t.Errorf("asked %v, %v", f.calls, err)
			}
			if posted && strings.Contains(f.last(), `"amount"`) != (tt.amount > 0) {
				t.Errorf("asked %s", f.last())
			}
		})
	}
}

func itoa(n int64) string { return billing.Money{Amount: n, Currency: "JPY"}.Decimal() }

func TestCheckoutRequest(t *testing.T) {
	const id = "104e18a2-d755-4d4b-80c4-a6c1dcbe1c10"
	f := &fake{answers: map[string]string{
		"GET stores":     list(1, 1, row("stores", "5", `"currency":"USD"`)),
		"GET checkouts":  list(1, 1),
		"POST checkouts": one("checkouts", id, `"url":"https://shop.lemonsqueezy.com/checkout/custom/x"`, ""),
	}}
	request := provider.CheckoutRequest{
		Key: "chk_1", Token: "tok", Customer: "u", Email: "a@b.test", Mode: "payment", Items: []billing.Item{{Price: "44"}},
		ReturnURL: "https://app.test/return/ls?checkout_token=tok", ExpiresAt: noon.Add(time.Hour),
	}
	page, err := f.driver(t).CreateCheckout(t.Context(), request)
	if err != nil || page.Ref != refTo(billing.KindCheckout, id) {
		t.Fatal(page, err)
	}
	for _, want := range []string{
		`"redirect_url":"https://app.test/return/ls?checkout_token=tok\u0026order_id=[order_id]\u0026order_identifier=[order_identifier]"`,
		`"receipt_link_url":"https://app.test/return/ls?`, `"trivet_token":"tok"`, `"trivet_effect":"chk_1"`, `"trivet_mode":"payment"`,
		`"enabled_variants":[44]`, `"variant_quantities":[{"quantity":1,"variant_id":44}]`, `"type":"stores"`, `"id":"5"`,
		`"email":"a@b.test"`, `"expires_at":"2026-04-01T13:00:00Z"`, `"discount":false`,
	} {
		if !strings.Contains(f.last(), want) {
			t.Errorf("the request lacks %s:\n%s", want, f.last())
		}
	}
	for name, change := range map[string]func(*provider.CheckoutRequest){
		"no key":    func(r *provider.CheckoutRequest) { r.Key = " " },
		"two items": func(r *provider.CheckoutRequest) { r.Items = append(r.Items, r.Items[0]) },
		"a name":    func(r *provider.CheckoutRequest) { r.Items = []billing.Item{{Price: "price_pro"}} },
		"a trial":   func(r *provider.CheckoutRequest) { r.TrialEnd = noon.Add(time.Hour) },
	} {
		bad := request
		change(&bad)
		if _, err := f.driver(t).CreateCheckout(t.Context(), bad); provider.KindOf(err) != provider.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.answers["GET stores"] = list(1, 1, row("stores", "5", `"a":1`), row("stores", "6", `"a":1`))
	if _, err := f.driver(t).CreateCheckout(t.Context(), request); provider.KindOf(err) != provider.Refused || !strings.Contains(err.Error(), "2 stores") {
		t.Errorf("two stores: %v", err)
	}
}

// The number of an order proves nothing; with its identifier it does.
func TestProvenPurchase(t *testing.T) {
	const identifier = "104e18a2-d755-4d4b-80c4-a6c1dcbe1c10"
	f := &fake{answers: map[string]string{"GET orders/7": one("orders", "7", `"identifier":"`+identifier+`","status":"paid"`, "")}}
	for query, proven := range map[string]bool{
		"order_id=7&order_identifier=" + identifier:                        true,
		"order_id=7&order_identifier=" + strings.ToUpper(identifier):       true,
		"order_id=8&order_identifier=" + identifier:                        false,
		"order_id=7&order_identifier=204e18a2-d755-4d4b-80c4-a6c1dcbe1c10": false,
		"order_id=7&order_identifier=":                                     false,
		"order_id=7":                                                       false,
		"order_id=7&order_identifier=" + identifier[:8]:                    false,
		"order_id=%5Border_id%5D&order_identifier=%5Border_identifier%5D":  false,
		"order_id=..%2F7&order_identifier=" + identifier:                   false,
		"": false,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.driver(t).ProvenPurchase(t.Context(), values)
		if err != nil || got.IsZero() == proven || proven && got != refTo(billing.KindCheckout, "order-7") {
			t.Errorf("%s: %v, %v", query, got, err)
		}
	}
	f.status = http.StatusInternalServerError
	if _, err := f.driver(t).ProvenPurchase(t.Context(), url.Values{"order_id": {"7"}, "order_identifier": {identifier}}); provider.KindOf(err) != provider.Unavailable {
		t.Error(err)
	}
}

// A webhook that was there keeps its secret; one whose secret nobody can know gets
// a new one; spare ones go.
func TestRegisterEndpoint(t *testing.T) {
	const hook = "https://app.test/webhooks/ls"
	rows := list(1, 1, row("webhooks", "12", `"url":"`+hook+`","events":["order_created"]`), row("webhooks", "9", `"url":"`+hook+`","events":["order_created"]`),
		row("webhooks", "3", `"url":"https://other.test","events":[]`))
	f := &fake{answers: map[string]string{"GET webhooks": rows, "DELETE webhooks/12": `{"data":{}}`, "PATCH webhooks/9": one("webhooks", "9", `"url":"x"`, "")}}
	made, err := f.driver(t).RegisterEndpoint(t.Context(), hook)
	if err != nil || made != (provider.Endpoint{ID: "9"}) || !strings.Contains(f.last(), "subscription_payment_refunded") || strings.Contains(f.last(), "secret") {
		t.Errorf("%+v, %v, asked %s", made, err, f.last())
	}
	d := newDriver(t, func(c *Config) { c.Transport, c.BaseURL, c.WebhookSecrets = f, "https://ls.test/prefix", nil })
	if made, err = d.RegisterEndpoint(t.Context(), hook); err != nil || len(made.Secret) != 40 || !strings.Contains(f.last(), made.Secret) {
		t.Errorf("%+v, %v, asked %s", made, err, f.last())
	}
	if d.webhookSecret(hook) != made.Secret || d.webhookSecret(hook+"/") == made.Secret || strings.Contains(testKey, made.Secret) {
		t.Error("the secret is not worked out of the key and the address")
	}
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no name":              func(c *Config) { c.Account = "" },
		"no key":               func(c *Config) { c.APIKey = "" },
		"a placeholder":        func(c *Config) { c.APIKey = "your_api_key" },
		"a key with spaces":    func(c *Config) { c.APIKey = "a b" },
		"an empty secret":      func(c *Config) { c.WebhookSecrets = []string{""} },
		"a short secret":       func(c *Config) { c.WebhookSecrets = []string{"12345"} },
		"a long secret":        func(c *Config) { c.WebhookSecrets = []string{strings.Repeat("a", 41)} },
		"a placeholder secret": func(c *Config) { c.WebhookSecrets = []string{"changeme"} },
		"a store by name":      func(c *Config) { c.Store = "my-shop" },
		"no address":           func(c *Config) { c.BaseURL = "api.lemonsqueezy.com" },
		"an address in clear":  func(c *Config) { c.BaseURL = "http://api.lemonsqueezy.com" },
		"an address and more":  func(c *Config) { c.BaseURL = "https://api.lemonsqueezy.com?x=1" },
	} {
		config := Config{Account: "ls", APIKey: testKey}
		change(&config)
		if _, err := New(config); err == nil {
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), testKey) || strings.Contains(err.Error(), "changeme") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}

func TestKeyExpires(t *testing.T) {
	for key, want := range map[string]string{
		testKey:                    "2027-04-02",
		"ls_key":                   "0001-01-01",
		"ey.x.y":                   "0001-01-01",
		"eyJ0.eyJhIjoxfQ.sig":      "0001-01-01",
		"eyJ0.eyJleHAiOi0xfQ.sig":  "0001-01-01",
		"eyJ0.eyJleHAiOjFlMjB9.si": "0001-01-01",
	} {
		d := newDriver(t, func(c *Config) { c.APIKey = key })
		if got := d.KeyExpires().Format(time.DateOnly); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}
