package stripe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// signed verifies a signature the way Stripe documents it.
func signed(header string, body []byte, secret string) bool {
	t, rest, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "." + string(body)))
	return slices.Contains(strings.Split(rest, ","), "v1="+hex.EncodeToString(mac.Sum(nil)))
}

func TestSignatures(t *testing.T) {
	w := newWorld(Config{WebhookSecrets: []string{"whsec_old", "whsec_new"}})
	w.CreateCustomer("ä<b>@example.com")
	w.Advance(start.Add(time.Minute))
	n := w.Deliver(context.Background(), func(r *http.Request) (int, error) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header.Get("Stripe-Signature")
		if !signed(h, body, "whsec_old") || !signed(h, body, "whsec_new") || signed(h, body, "whsec_other") {
			t.Errorf("signature %q does not fit both secrets and no other", h)
		}
		if !strings.HasPrefix(h, "t="+amount(start.Add(time.Minute).Unix())) {
			t.Errorf("signed at another time: %q", h)
		}
		return 200, nil
	})
	if n != 1 || w.Due(w.clock.Now()) != 0 {
		t.Errorf("%d deliveries, %d left", n, w.Due(w.clock.Now()))
	}
}

func TestRetriesUntilAcked(t *testing.T) {
	w := newWorld(Config{})
	w.CreateCustomer("a@example.com")
	var times []time.Time
	headers := map[string]bool{}
	run(w, 5, func(r *http.Request) (int, error) {
		times = append(times, w.clock.Now())
		headers[r.Header.Get("Stripe-Signature")] = true
		switch len(times) {
		case 1:
			return 0, errors.New("refused")
		case 2:
			return 500, nil
		case 3:
			return 302, nil
		}
		return 204, nil
	})
	if len(times) != 4 || len(headers) != 4 {
		t.Fatalf("%d attempts with %d signatures, want 4 of each", len(times), len(headers))
	}
	for i := 2; i < 4; i++ {
		if times[i].Sub(times[i-1]) <= times[i-1].Sub(times[i-2]) {
			t.Errorf("the gaps do not grow: %v", times)
		}
	}
	st := w.Stats()
	if st.Sent != 1 || st.Delivered != 3 || st.Acked != 1 || len(st.AckedEvents) != 1 {
		t.Errorf("stats: %+v", st)
	}
}

func TestGivesUpAfterThreeDays(t *testing.T) {
	w := newWorld(Config{})
	w.CreateCustomer("a@example.com")
	n := 0
	var last time.Time
	run(w, 10, func(*http.Request) (int, error) { n++; last = w.clock.Now(); return 503, nil })
	if age := last.Sub(start); n < 5 || age < 48*time.Hour || age > 72*time.Hour {
		t.Errorf("%d attempts, the last after %v", n, age)
	}
	if len(w.Stats().AckedEvents) != 0 {
		t.Error("something was acked")
	}
}

func TestEndpointsByAPI(t *testing.T) {
	w := New(Config{Clock: sim.NewClock(start)})
	c := client{t: t, w: w}
	e := c.post("/v1/webhook_endpoints", "url=http://127.0.0.1:1/x&enabled_events[]=customer.*&api_version=2026-03-25.dahlia")
	secret := e.str("secret")
	if secret == "" {
		t.Fatal("no secret at creation")
	}
	if c.get("/v1/webhook_endpoints/"+e.str("id")).str("secret") != "" {
		t.Error("the secret is shown again")
	}
	deliver := func() (n int) {
		w.Advance(w.clock.Now().Add(time.Minute))
		return w.Deliver(context.Background(), func(r *http.Request) (int, error) {
			body, _ := io.ReadAll(r.Body)
			if !signed(r.Header.Get("Stripe-Signature"), body, secret) {
				t.Error("not signed with the endpoint's secret")
			}
			return 200, nil
		})
	}
	w.CreateCustomer("a@example.com")
	w.AddPrice(Price{Product: "X", Currency: "usd", Amount: 1})
	if n := deliver(); n != 1 {
		t.Errorf("%d deliveries, want customer.created alone", n)
	}
	c.post("/v1/webhook_endpoints/"+e.str("id"), "disabled=true")
	w.CreateCustomer("b@example.com")
	c.post("/v1/webhook_endpoints/"+e.str("id"), "disabled=false")
	if n := deliver(); n != 0 {
		t.Errorf("%d deliveries of what happened while the endpoint was off", n)
	}
}

func TestPreviousAttributes(t *testing.T) {
	w, c := shop(t)
	cus := w.CreateCustomer("old@example.com")
	if err := w.SetEmail(cus, "new@example.com"); err != nil {
		t.Fatal(err)
	}
	e := c.get("/v1/events?type=customer.updated")
	if e.str("data.0.data.previous_attributes.email") != "old@example.com" || e.str("data.0.data.object.email") != "new@example.com" {
		t.Errorf("event: %v", e.at("data.0.data").v)
	}
	if prev := e.at("data.0.data.previous_attributes").v.(map[string]any); len(prev) != 1 {
		t.Errorf("previous_attributes hold more than what changed: %v", prev)
	}
}

func TestRunDeliversOverHTTP(t *testing.T) {
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct{ Type string }
		_ = json.NewDecoder(r.Body).Decode(&e)
		got <- e.Type
	}))
	defer hook.Close()
	w := newWorld(Config{WebhookURL: hook.URL})
	w.CreateCustomer("a@example.com")
	w.Advance(start.Add(time.Minute))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx, hook.Client()) }()
	if typ := <-got; typ != "customer.created" {
		t.Errorf("delivered %q", typ)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

func TestOldEndpointsGetOldShapes(t *testing.T) {
	w := newWorld(Config{WebhookVersion: "2024-06-20"})
	w.AddCatalog()
	_, sub := subscribed(t, w, NewSubscription{Card: CardGood})
	w.Advance(start.Add(time.Minute))
	seen := 0
	w.Deliver(context.Background(), func(r *http.Request) (int, error) {
		var v map[string]any
		err := json.NewDecoder(r.Body).Decode(&v)
		e := tree{v}
		if e.str("api_version") != "2024-06-20" {
			t.Errorf("api_version %q", e.str("api_version"))
		}
		switch o := e.at("data.object"); o.str("object") {
		case "subscription":
			seen++
			if o.num("current_period_end") != start.AddDate(0, 1, 0).Unix() || o.at("items.data.0.current_period_end").v != nil {
				t.Errorf("subscription: %v", o.v)
			}
		case "invoice":
			seen++
			if o.str("subscription") != sub || o.at("parent").v != nil {
				t.Errorf("invoice: %v", o.v)
			}
		}
		return 200, err
	})
	c := client{t: t, w: w}
	if seen < 4 || c.get("/v1/subscriptions/"+sub).num("items.data.0.current_period_end") == 0 {
		t.Errorf("%d old objects; reads must keep the new shape", seen)
	}
}

func TestThinAndUpcomingEvents(t *testing.T) {
	w := newWorld(Config{})
	w.AddCatalog()
	_, sub := subscribed(t, w, NewSubscription{Card: CardGood})
	id := w.SendThin("v2.core.health.fired", sub)
	thin, upcoming := 0, 0
	run(w, 29, func(r *http.Request) (int, error) {
		body, _ := io.ReadAll(r.Body)
		if !signed(r.Header.Get("Stripe-Signature"), body, "whsec_sim") {
			t.Errorf("not signed: %s", body)
		}
		var v map[string]any
		err := json.Unmarshal(body, &v)
		e := tree{v}
		switch {
		case e.str("object") == "v2.core.event":
			thin++
			if e.str("id") != id || e.str("related_object.id") != sub || e.at("data").v != nil {
				t.Errorf("thin: %s", body)
			}
		case e.str("type") == "invoice.upcoming":
			upcoming++
			if e.at("data.object.id").v != nil || e.num("data.object.amount_due") != 2900 {
				t.Errorf("upcoming: %s", body)
			}
		}
		return 200, err
	})
	if thin != 1 || upcoming != 1 {
		t.Errorf("%d thin and %d upcoming events, want one of each", thin, upcoming)
	}
}
