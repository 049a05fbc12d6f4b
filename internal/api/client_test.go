package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/client"
	"github.com/trivetdev/trivet/sim"
)

// tap is the way from the client to the service; it keeps the latest answer.
type tap struct {
	next http.RoundTripper
	last []byte
}

func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if p.last, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(p.last))
	return resp, nil
}

// full drops what is empty, for the client may leave that out.
func full(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if inner = full(inner); inner == nil {
				delete(v, name)
			} else {
				v[name] = inner
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = full(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" {
			return nil
		}
	}
	return v
}

// TestClientKnowsEveryField: what the client makes of an answer, written again,
// is the answer.
func TestClientKnowsEveryField(t *testing.T) {
	app := &endpoint{}
	w := newWorld(t, sqlite(t), greeting, app.behind)
	w.subscribe("user_1")
	w.dispute("user_1")
	p := &tap{next: sim.Transport(w.Handler())}
	c := client.With("http://trivet.test/", apiKey, &http.Client{Transport: p})
	ctx := t.Context()
	until := w.clock.Now().Add(time.Hour)
	grant, drift := "", ""
	same := func(name string, value any, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		doc, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := errors.Join(json.Unmarshal(doc, &got), json.Unmarshal(p.last, &want)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(full(want), full(got)); diff != "" {
			t.Errorf("%s (-answer +client):\n%s", name, diff)
		}
	}
	calls := []struct {
		name string
		do   func() (any, error)
	}{
		{"check", func() (any, error) { return c.Check(ctx, "user_1", "pro") }},
		{"put customer", func() (any, error) {
			return c.PutCustomer(ctx, "user_1", client.CustomerSettings{
				Email: "a@b.test", ReceiptEmail: "r@b.test", Name: "A", Locale: "de", TimeZone: "Europe/Vienna", Attributes: map[string]any{"n": 1.0}, Covered: []string{"x"},
			})
		}},
		{"customer", func() (any, error) { return c.Customer(ctx, "user_1") }},
		{"customers", func() (any, error) { return c.Customers(ctx, client.List{Limit: 1}) }},
		{"entitlements", func() (any, error) { return c.Entitlements(ctx, "user_1") }},
		{"timeline", func() (any, error) { return c.Timeline(ctx, "user_1", client.List{Limit: 200}) }},
		{"subscriptions", func() (any, error) { return c.Subscriptions(ctx, "user_1", client.List{}) }},
		{"subscription", func() (any, error) { return c.Subscription(ctx, w.names["sub"]) }},
		{"payments", func() (any, error) { return c.Payments(ctx, "user_1", client.List{}) }},
		{"payment", func() (any, error) { return c.Payment(ctx, w.names["pay"]) }},
		{"evidence", func() (any, error) { return c.DisputeEvidence(ctx, w.names["dispute"]) }},
		{"checkout", func() (any, error) { return c.CheckoutState(ctx, w.names["checkout"]) }},
		{"begin checkout", func() (any, error) {
			return c.BeginCheckout(ctx, client.CheckoutRequest{Customer: "user_2", Plan: "pro", SuccessURL: "https://a.test", CancelURL: "https://a.test", TrialEnd: ptr(w.clock.Now().AddDate(0, 0, 9))})
		}},
		{"grant", func() (any, error) {
			g, err := c.Grant(ctx, "..", client.GrantRequest{Feature: "f", Until: &until, Reason: "r", Key: "k"})
			grant = g.ID
			return g, err
		}},
		{"grants", func() (any, error) { return c.Grants(ctx, "..") }},
		{"revoke", func() (any, error) { return c.Revoke(ctx, "..", grant) }},
		{"refund", func() (any, error) { return c.Refund(ctx, w.names["pay"], 100, "duplicate", "k") }},
		{"pause", func() (any, error) { return c.Pause(ctx, w.names["sub"], until, "") }},
		{"resume", func() (any, error) { return c.Resume(ctx, w.names["sub"], "") }},
		{"cancel", func() (any, error) { return c.Cancel(ctx, w.names["sub"], false, "") }},
		{"uncancel", func() (any, error) { return c.Uncancel(ctx, w.names["sub"], "") }},
		{"effects", func() (any, error) {
			return c.Effects(ctx, client.EffectFilter{Customer: "user_1", State: "due"}, client.List{})
		}},
		{"effect", func() (any, error) {
			return c.Effect(ctx, "refund:stripe/payment/"+w.names["pay_id"]+":key:"+keyDigest("k"))
		}},
		{"events", func() (any, error) { return c.Events(ctx, client.EventFilter{State: "done"}, client.List{}) }},
		{"event", func() (any, error) {
			page, err := c.Events(ctx, client.EventFilter{Type: "customer.subscription.created"}, client.List{})
			if err != nil {
				return nil, err
			}
			return c.Event(ctx, page.Data[0].ID)
		}},
		{"replay", func() (any, error) { return c.ReplayEvents(ctx, client.EventFilter{Provider: "stripe"}, false, true) }},
		{"rejections", func() (any, error) { return c.Rejections(ctx) }},
		{"reconcile", func() (any, error) { return c.Reconcile(ctx, client.ReconcileRequest{Full: true}) }},
		{"reconcile a customer", func() (any, error) { return c.Reconcile(ctx, client.ReconcileRequest{Customer: "user_1"}) }},
		{"sweeps", func() (any, error) { return c.Sweeps(ctx) }},
		{"stats", func() (any, error) { return c.Stats(ctx) }},
		{"messages", func() (any, error) {
			return c.Messages(ctx, client.MessageFilter{Customer: "user_1", Template: "welcome", Channel: "email"}, client.List{})
		}},
		{"notices", func() (any, error) { return c.Notices(ctx, "user_1", true, client.List{}) }},
		{"dismiss", func() (any, error) {
			page, err := c.Notices(ctx, "user_1", true, client.List{})
			if err != nil {
				return nil, err
			}
			return c.Dismiss(ctx, "user_1", page.Data[0].ID)
		}},
		{"alerts", func() (any, error) {
			return c.Alerts(ctx, client.AlertFilter{Open: ptr(true), Kind: "greeting"}, client.List{})
		}},
		{"close alert", func() (any, error) {
			page, err := c.Alerts(ctx, client.AlertFilter{Open: ptr(true)}, client.List{})
			if err != nil {
				return nil, err
			}
			return c.CloseAlert(ctx, page.Data[0].ID)
		}},
		{"ban", func() (any, error) { return c.Ban(ctx, "user_3", "r") }},
		{"unban", func() (any, error) { return c.Unban(ctx, "user_3") }},
		{"modes", func() (any, error) { return c.Modes(ctx) }},
		{"set brake", func() (any, error) { return c.SetBrake(ctx, true) }},
		{"release brake", func() (any, error) { return c.SetBrake(ctx, false) }},
		{"set mode", func() (any, error) { return c.SetMode(ctx, "provider/stripe", "assist") }},
		{"proposals", func() (any, error) {
			if _, err := c.PutCustomer(ctx, "user_1", client.CustomerSettings{Email: "c@b.test"}); err != nil {
				return nil, err
			}
			page, err := c.Proposals(ctx, client.EffectFilter{Customer: "user_1", Kind: "push_email"}, client.List{})
			if err == nil && len(page.Data) != 1 {
				t.Errorf("%d proposals", len(page.Data))
			}
			return page, err
		}},
		{"accept", func() (any, error) {
			page, err := c.Proposals(ctx, client.EffectFilter{}, client.List{})
			if err != nil {
				return nil, err
			}
			return c.Accept(ctx, page.Data[0].ID)
		}},
		{"reject", func() (any, error) {
			if _, err := c.PutCustomer(ctx, "user_1", client.CustomerSettings{Email: "d@b.test"}); err != nil {
				return nil, err
			}
			page, err := c.Proposals(ctx, client.EffectFilter{}, client.List{})
			if err != nil {
				return nil, err
			}
			return c.Reject(ctx, page.Data[0].ID)
		}},
		{"clear mode", func() (any, error) { return c.ClearMode(ctx, "provider/stripe") }},
		{"unlinked", func() (any, error) { return c.Unlinked(ctx, client.List{}) }},
		{"state", func() (any, error) { return c.State(ctx, "user_1") }},
		{"test endpoint", func() (any, error) { return c.TestEndpoint(ctx, "app") }},
		{"endpoints", func() (any, error) { return c.Endpoints(ctx) }},
		{"deliveries", func() (any, error) {
			page, err := c.Deliveries(ctx, client.DeliveryFilter{Endpoint: "app", Customer: "user_1", State: "delivered"}, client.List{Limit: 1})
			if err == nil && len(page.Data) != 1 {
				t.Errorf("%d deliveries", len(page.Data))
			}
			return page, err
		}},
		{"replay endpoint", func() (any, error) {
			n, err := c.ReplayEndpoint(ctx, "app", client.HookReplay{Customer: "user_1"})
			return map[string]int64{"queued": n}, err
		}},
		{"enable endpoint", func() (any, error) {
			n, err := c.EnableEndpoint(ctx, "app")
			return map[string]int64{"queued": n}, err
		}},
	}
	for _, call := range calls {
		value, err := call.do()
		same(call.name, value, err)
	}
	if err := w.stripe.Change(w.names["sub_id"], w.names["other_price"], 1); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	found, err := c.Drift(ctx, client.DriftFilter{State: "open"}, client.List{})
	same("drift", found, err)
	if len(found.Data) == 0 {
		t.Fatal("no drift")
	}
	drift = found.Data[0].ID
	healed, err := c.Heal(ctx, drift)
	same("heal", healed, err)
}

func ptr[T any](v T) *T { return &v }

// TestClientProblems: a problem comes back as one, whoever made it.
func TestClientProblems(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.subscribe("user_1")
	p := &tap{next: sim.Transport(w.Handler())}
	c := client.With("http://trivet.test", apiKey, &http.Client{Transport: p})
	_, err := c.BeginCheckout(t.Context(), client.CheckoutRequest{Customer: "user_1", Plan: "pro", SuccessURL: "https://a.test", CancelURL: "https://a.test"})
	problem, ok := errors.AsType[*client.Problem](err)
	if !ok || problem.Status != 409 || problem.Code != "subscribed" || problem.PortalURL == "" || problem.Error() == "" {
		t.Errorf("%#v", err)
	}
	p.next = sim.Transport(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "<html>a proxy's own", http.StatusBadGateway)
	}))
	_, err = c.Customer(t.Context(), "user_1")
	problem, ok = errors.AsType[*client.Problem](err)
	if !ok || problem.Status != 502 || problem.RetryAfter != 7*time.Second {
		t.Errorf("%#v", err)
	}
	p.next = sim.Transport(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }))
	if _, err = c.Customer(t.Context(), "user_1"); err == nil {
		t.Error("a page is taken for a customer")
	}
}

// keyDigest is how an idempotency key shows up in a business key.
func keyDigest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])[:32]
}
