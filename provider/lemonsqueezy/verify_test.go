package lemonsqueezy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// sign computes a signature the way Lemon Squeezy documents it.
func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

const orderEvent = `{"meta":{"event_name":"order_created","custom_data":{"trivet_token":"tok","user_id":25}},
	"data":{"type":"orders","id":"7","attributes":{"store_id":1,"customer_id":3,"test_mode":false,"status":"paid"}}}`

func TestVerifyRejects(t *testing.T) {
	good := sign(newSecret, orderEvent)
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		want   provider.Reason
	}{
		"no header":              {http.Header{}, orderEvent, provider.Unsigned},
		"two headers":            {http.Header{signatureHeader: {good, good}}, orderEvent, provider.Unsigned},
		"an empty header":        {http.Header{signatureHeader: {""}}, orderEvent, provider.Unsigned},
		"too short":              {http.Header{signatureHeader: {good[:62]}}, orderEvent, provider.Unsigned},
		"too long":               {http.Header{signatureHeader: {good + "00"}}, orderEvent, provider.Unsigned},
		"no hexadecimal":         {http.Header{signatureHeader: {strings.Repeat("z", 64)}}, orderEvent, provider.Unsigned},
		"another secret":         {http.Header{signatureHeader: {sign("another secret", orderEvent)}}, orderEvent, provider.BadSignature},
		"an empty secret":        {http.Header{signatureHeader: {sign("", orderEvent)}}, orderEvent, provider.BadSignature},
		"a changed body":         {http.Header{signatureHeader: {good}}, orderEvent + " ", provider.BadSignature},
		"another order of words": {http.Header{signatureHeader: {good}}, strings.Replace(orderEvent, `"id":"7"`, `"id" :"7"`, 1), provider.BadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			delivery, err := newDriver(t, nil).Verify(t.Context(), tt.header, []byte(tt.body), noon)
			rejection, ok := errors.AsType[*provider.Rejection](err)
			if !ok || rejection.Reason != tt.want || delivery.ID != "" {
				t.Errorf("%+v, %v; want %s", delivery, err, tt.want)
			}
		})
	}
	for name, body := range map[string]string{
		"no JSON":          `{"meta"`,
		"no object":        `[]`,
		"no name":          `{"meta":{},"data":{"type":"orders","id":"1"}}`,
		"an empty name":    `{"meta":{"event_name":""},"data":{"type":"orders","id":"1"}}`,
		"a name of spaces": `{"meta":{"event_name":"order created"},"data":{"type":"orders","id":"1"}}`,
		"a number as name": `{"meta":{"event_name":1},"data":{"type":"orders","id":"1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDriver(t, nil).Verify(t.Context(), http.Header{signatureHeader: {sign(oldSecret, body)}}, []byte(body), noon)
			if rejection, ok := errors.AsType[*provider.Rejection](err); !ok || rejection.Reason != provider.BadBody {
				t.Errorf("%v", err)
			}
		})
	}
}

// No secret, no webhook: an empty list must not be a list that anything matches.
func TestVerifyWithoutSecrets(t *testing.T) {
	d := newDriver(t, func(c *Config) { c.WebhookSecrets = nil })
	_, err := d.Verify(t.Context(), http.Header{signatureHeader: {sign("", orderEvent)}}, []byte(orderEvent), noon)
	if rejection, ok := errors.AsType[*provider.Rejection](err); !ok || rejection.Reason != provider.BadSignature {
		t.Error(err)
	}
}

// verified verifies an event that is signed well.
func verified(t *testing.T, d *Driver, body string) provider.Delivery {
	t.Helper()
	delivery, err := d.Verify(t.Context(), http.Header{signatureHeader: {sign(newSecret, body)}}, []byte(body), noon)
	if err != nil {
		t.Fatal(err)
	}
	return delivery
}

func TestNamesInEvents(t *testing.T) {
	order, subscription, invoice := refTo(billing.KindCheckout, "order-7"), refTo(billing.KindSubscription, "12"), refTo(billing.KindInvoice, "9")
	body := func(name, typ, id, attributes string) string {
		return `{"meta":{"event_name":"` + name + `","custom_data":{"trivet_token":"tok"}},"data":{"type":"` + typ + `","id":"` + id + `","attributes":{` + attributes + `}}}`
	}
	for name, tt := range map[string]struct {
		body    string
		refs    []provider.Ref
		claimed []provider.Ref
	}{
		"order":                {body("order_created", "orders", "7", ""), []provider.Ref{order}, []provider.Ref{order}},
		"new subscription":     {body("subscription_created", "subscriptions", "12", `"order_id":7`), []provider.Ref{subscription, order}, []provider.Ref{subscription, order}},
		"subscription":         {body("subscription_updated", "subscriptions", "12", `"order_id":"7"`), []provider.Ref{subscription}, []provider.Ref{subscription, order}},
		"invoice":              {body("subscription_payment_success", "subscription-invoices", "9", `"subscription_id":12`), []provider.Ref{invoice, subscription}, []provider.Ref{invoice, subscription}},
		"invoice by any name":  {body("subscription_updated", "subscription-invoices", "9", ``), []provider.Ref{invoice}, []provider.Ref{invoice}},
		"customer":             {body("customer_updated", "customers", "3", ``), []provider.Ref{refTo(billing.KindCustomer, "3")}, nil},
		"license key":          {body("license_key_created", "license-keys", "3", `"order_id":7`), nil, nil},
		"from the future":      {body("planet_discovered", "planets", "3", ``), nil, nil},
		"no number":            {body("order_created", "orders", "../7", ``), nil, nil},
		"a number as a number": {strings.Replace(body("order_created", "orders", "7", ``), `"id":"7"`, `"id":7`, 1), []provider.Ref{order}, []provider.Ref{order}},
	} {
		t.Run(name, func(t *testing.T) {
			got := verified(t, newDriver(t, nil), tt.body)
			if diff := cmp.Diff(tt.refs, got.Refs); diff != "" {
				t.Errorf("refs (-want +got):\n%s", diff)
			}
			if len(got.Claims) != len(tt.claimed) {
				t.Errorf("claims: %v", got.Claims)
			}
			for _, ref := range tt.claimed {
				if got.Claims[ref][provider.ClaimToken] != "tok" {
					t.Errorf("nothing is claimed of %v: %v", ref, got.Claims)
				}
			}
		})
	}
}

func TestClaims(t *testing.T) {
	long := strings.Repeat("x", 501)
	custom := `{"trivet_token":"tok","trivet_effect":"e","trivet_mode":"payment","user_id":25,"plan":"pro","nested":{"a":1},"none":null,"empty":"","long":"` + long +
		`","odd\u0000":"x","` + long + `":"x"}`
	body := `{"meta":{"event_name":"order_created","custom_data":` + custom + `},"data":{"type":"orders","id":"7","attributes":{}}}`
	got := verified(t, newDriver(t, nil), body).Claims[refTo(billing.KindCheckout, "order-7")]
	want := map[string]string{"token": "tok", "custom_data.user_id": "25", "custom_data.plan": "pro"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, none := range []string{`[]`, `null`, `""`, `{}`, `7`} {
		body := `{"meta":{"event_name":"order_created","custom_data":` + none + `},"data":{"type":"orders","id":"7","attributes":{}}}`
		if got := verified(t, newDriver(t, nil), body); got.Claims != nil || len(got.Refs) != 1 {
			t.Errorf("%s: %+v", none, got)
		}
	}
}

// The mode of the key is learned from the provider; an event that does not say its
// own is let in, for it can only make us look.
func TestModesAreKeptApart(t *testing.T) {
	event := func(meta, attribute string) string {
		return `{"meta":{"event_name":"order_created"` + meta + `},"data":{"type":"orders","id":"7","attributes":{"store_id":1` + attribute + `}}}`
	}
	live := (&fake{answers: map[string]string{"GET users/me": `{"meta":{"test_mode":false},"data":{"type":"users","id":"1","attributes":{}}}`}}).driver(t)
	if account, err := live.CheckKey(t.Context()); err != nil || account != "user 1 in live mode" {
		t.Fatal(account, err)
	}
	for name, tt := range map[string]struct {
		body string
		let  bool
	}{
		"live in meta":       {event(`,"test_mode":false`, ""), true},
		"live in attributes": {event("", `,"test_mode":false`), true},
		"silent":             {event("", ""), true},
		"test in meta":       {event(`,"test_mode":true`, ""), false},
		"test in attributes": {event("", `,"test_mode":true`), false},
		"at odds":            {event(`,"test_mode":false`, `,"test_mode":true`), false},
	} {
		_, err := live.Verify(t.Context(), http.Header{signatureHeader: {sign(newSecret, tt.body)}}, []byte(tt.body), noon)
		rejection, rejected := errors.AsType[*provider.Rejection](err)
		if rejected == tt.let || rejected && rejection.Reason != provider.WrongMode {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := verified(t, newDriver(t, nil), event(`,"test_mode":true`, "")); len(got.Refs) != 1 {
		t.Errorf("while the mode is not known: %+v", got)
	}
}

func TestAnotherStoresEvent(t *testing.T) {
	d := newDriver(t, func(c *Config) { c.Store = "2" })
	if got := verified(t, d, orderEvent); len(got.Refs) > 0 || got.Claims != nil || got.ID == "" {
		t.Errorf("%+v", got)
	}
}

// FuzzVerify: whatever comes, nothing is let in that no secret signed, and no name
// that could not be one.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(orderEvent), sign(newSecret, orderEvent), false)
	f.Add([]byte(orderEvent), sign("another", orderEvent), true)
	f.Add([]byte(`{"meta":{"event_name":"subscription_created","custom_data":[]},"data":{"type":"subscriptions","id":"1","attributes":{"order_id":"x"}}}`), "", true)
	f.Add([]byte("\x00\xff{"), "00", false)
	d := newDriver(f, nil)
	f.Fuzz(func(t *testing.T, body []byte, signature string, resign bool) {
		if resign {
			signature = sign(oldSecret, string(body))
		}
		delivery, err := d.Verify(t.Context(), http.Header{signatureHeader: {signature}}, body, noon)
		if err != nil {
			if _, ok := errors.AsType[*provider.Rejection](err); !ok || len(delivery.Refs) > 0 || delivery.Claims != nil {
				t.Fatalf("%v with %v", err, delivery)
			}
			return
		}
		if !strings.EqualFold(signature, sign(oldSecret, string(body))) && !strings.EqualFold(signature, sign(newSecret, string(body))) {
			t.Fatal("accepted without a signature")
		}
		for _, ref := range delivery.Refs {
			if _, _, found := record(ref); !found {
				t.Fatalf("ref %v", ref)
			}
		}
		for ref, claims := range delivery.Claims {
			if _, _, found := record(ref); !found || len(claims) > mostClaims+1 {
				t.Fatalf("claims of %v: %v", ref, claims)
			}
		}
	})
}
