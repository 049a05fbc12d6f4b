package trivet_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/client"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
	world "github.com/trivetdev/trivet/sim/stripe"
)

const endpointSecret = "whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE="

// application is what a receiver should be: it verifies, keeps the newest state of
// each customer, and sends each message once.
type application struct {
	t      *testing.T
	broken bool
	// states are the newest by customer, mails the templates by webhook-id, in order.
	states map[string]client.State
	mails  []string
	seen   map[string]int
	keys   []string
}

// RoundTrip implements http.RoundTripper.
func (a *application) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	w.WriteHeader(a.take(req.Header, body))
	return w.Result(), nil
}

func (a *application) take(header http.Header, body []byte) int {
	verifier, err := standardwebhooks.NewWebhook(endpointSecret)
	if err == nil {
		err = verifier.VerifyIgnoringTimestamp(body, header) // the service's clock is virtual
	}
	if err != nil {
		a.t.Errorf("cannot be verified: %v", err)
		return http.StatusUnauthorized
	}
	id := header.Get("webhook-id")
	var event struct {
		Type string
		Data json.RawMessage
	}
	if err := json.Unmarshal(body, &event); err != nil {
		a.t.Error(err)
	}
	if a.broken {
		return http.StatusBadGateway
	}
	if a.seen[id]++; a.seen[id] > 1 {
		return http.StatusOK
	}
	switch event.Type {
	case "customer.state_changed":
		var s client.State
		if err := json.Unmarshal(event.Data, &s); err != nil {
			a.t.Error(err)
		}
		if s.Sequence > a.states[s.Customer.Ref].Sequence {
			a.states[s.Customer.Ref] = s
		}
	case "message.due":
		var m struct{ Key, Template, Subject, HTML string }
		if err := json.Unmarshal(event.Data, &m); err != nil || m.Subject == "" || !strings.Contains(m.HTML, "<") {
			a.t.Errorf("%s: %v", event.Data, err)
		}
		a.mails, a.keys = append(a.mails, m.Template), append(a.keys, m.Key)
	default:
		a.t.Errorf("it is told %s", event.Type)
	}
	return http.StatusOK
}

// subscribe puts the application behind a house.
func (h *house) subscribe(change func(*trivet.Config)) *application {
	h.t.Helper()
	a := &application{t: h.t, states: map[string]client.State{}, seen: map[string]int{}}
	h.Check(h.Close())
	h.serve(func(c *trivet.Config) {
		c.Endpoints = []trivet.Endpoint{{
			URL: "https://app.test/hooks", Events: []string{"customer.state_changed", "message.due"}, Secrets: []string{endpointSecret}, Transport: a,
		}}
		c.HandOver = []string{"email"}
		if change != nil {
			change(c)
		}
	})
	return a
}

// TestTheApplicationIsTold: a purchase, renewals that fail, and the end, seen from the
// application's endpoint, which is down for the first two days of the trouble.
func TestTheApplicationIsTold(t *testing.T) {
	everywhere(t, func(h *house) {
		a := h.subscribe(nil)
		h.until(time.Minute)
		h.Check(h.put("user_1", `{"email":"user_1@example.com","name":"Dana","locale":"de"}`))
		h.buy("pro", world.CardLaterFails, time.Time{})
		h.until(30 * day)
		if s := a.states["user_1"]; len(s.Subscriptions) != 1 || s.Subscriptions[0].Status != "active" || s.Customer.Name != "Dana" {
			h.t.Errorf("after the purchase: %+v", s)
		}
		before := a.states["user_1"].Sequence
		a.broken = true
		h.until(33 * day)
		a.broken = false
		h.until(36 * day)
		if s := a.states["user_1"]; s.Subscriptions[0].Status != "past_due" || s.Sequence <= before {
			h.t.Errorf("after it came back: %+v", s)
		}
		h.until(70 * day)
		var now client.State
		if status := h.Call(http.MethodGet, "/v1/customers/user_1/state", "", &now); status != http.StatusOK {
			h.t.Fatal(status)
		}
		told := a.states["user_1"]
		if told.Sequence != now.Sequence || told.Subscriptions[0].Status != now.Subscriptions[0].Status || told.Subscriptions[0].Status != "ended" {
			h.t.Errorf("told %+v\nit is %+v", told, now)
		}
		h.handedOver(a)
	})
}

func (h *house) put(customer, body string) error {
	if status := h.Call(http.MethodPut, "/v1/customers/"+customer, body, nil); status != http.StatusOK {
		return fmt.Errorf("status %d", status)
	}
	return nil
}

// handedOver compares what the application was handed with what was to be mailed.
func (h *house) handedOver(a *application) {
	h.t.Helper()
	effects, err := h.Ledger.Effects(h.t.Context(), store.EffectFilter{Kind: policy.Say, Limit: 1000})
	h.Check(err)
	var want []string
	for _, e := range effects {
		var notice struct{ Channel string }
		h.Check(json.Unmarshal([]byte(e.Doc), &notice))
		if notice.Channel != "email" {
			continue
		}
		switch e.State {
		case store.EffectDone:
			want = append(want, e.Key)
		case store.EffectDropped:
		default:
			h.t.Errorf("%s is %s: %s", e.Key, e.State, e.Error)
		}
	}
	slices.Sort(want)
	slices.Sort(a.keys)
	if !slices.Equal(a.keys, want) || len(want) < 3 {
		h.t.Errorf("handed over %q\nwant %q", a.keys, want)
	}
	for _, key := range want {
		m, err := h.Ledger.Messages(h.t.Context(), store.MessageFilter{Customer: "user_1", Limit: 1000})
		h.Check(err)
		i := slices.IndexFunc(m, func(m store.Message) bool { return m.Key == key })
		if i < 0 || m[i].Locale != "de" || !strings.HasPrefix(m[i].Receipt, "handed over to app.test as msg_") {
			h.t.Errorf("there is no proof of %s, or the wrong one", key)
		}
	}
}

// TestObserveTellsStateAndHandsNothingOver: an endpoint is configured by who wants to
// be told, and a state asks nothing of a customer; a message does.
func TestObserveTellsStateAndHandsNothingOver(t *testing.T) {
	everywhere(t, func(h *house) {
		a := h.subscribe(func(c *trivet.Config) { c.Modes = policy.Modes{Global: policy.Observe} })
		h.until(time.Minute)
		h.Check(h.put("user_1", `{"email":"user_1@example.com"}`))
		h.buy("pro", world.CardLaterFails, time.Time{})
		h.until(40 * day)
		if s := a.states["user_1"]; len(s.Subscriptions) != 1 || len(a.mails) != 0 {
			h.t.Errorf("state %+v, mails %q", s, a.mails)
		}
	})
}

func TestBadEndpoints(t *testing.T) {
	h := openHouse(t, "sqlite:"+t.TempDir()+"/trivet.db")
	for name, tt := range map[string]struct {
		change func(*trivet.Config)
		says   string
	}{
		"weak secret": {func(c *trivet.Config) {
			c.Endpoints = []trivet.Endpoint{{URL: "https://a.test", Secrets: []string{"whsec_changeme"}}}
		}, "openssl rand"},
		"nobody takes messages": {func(c *trivet.Config) { c.HandOver = []string{"email"} }, "no endpoint takes message.due"},
	} {
		config := trivet.Config{
			PublicURL: "https://billing.test", Database: "sqlite:" + t.TempDir() + "/x.db", Now: h.Clock.Now,
			Providers: []provider.Driver{h.driver},
		}
		tt.change(&config)
		service, err := trivet.New(t.Context(), config)
		if err == nil {
			_ = service.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "changeme") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
