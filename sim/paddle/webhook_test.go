package paddle

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

// signedBy reports whether one of the signatures of a header is of a secret.
func signedBy(header string, body []byte, secret string) bool {
	parts := strings.Split(header, ";")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.TrimPrefix(parts[0], "ts=") + ":"))
	mac.Write(body)
	return slices.Contains(parts[1:], "h1="+hex.EncodeToString(mac.Sum(nil)))
}

// post is one delivery.
type posted struct {
	header string
	body   []byte
	at     time.Time
	event  object
}

// collect takes what is due within a while, answering each with a status.
func collect(t *testing.T, w *Server, d time.Duration, answer func(n int) int) (all []posted) {
	t.Helper()
	end := w.clock.Now().Add(d)
	for at, ok := w.NextAt(); ok && !at.After(end); at, ok = w.NextAt() {
		w.Advance(at)
		w.Deliver(context.Background(), func(r *http.Request) (int, error) {
			body, err := io.ReadAll(r.Body)
			must(t, err)
			p := posted{header: r.Header.Get("Paddle-Signature"), body: body, at: w.clock.Now()}
			must(t, json.Unmarshal(body, &p.event))
			all = append(all, p)
			return answer(len(all)), nil
		})
	}
	w.Advance(end)
	return all
}

func always(status int) func(int) int { return func(int) int { return status } }

func TestSignatures(t *testing.T) {
	w := newWorld(Config{WebhookSecrets: []string{"pdl_ntfset_a"}})
	w.CreateCustomer("a@example.com")
	for _, p := range collect(t, w, time.Minute, always(200)) {
		if !signedBy(p.header, p.body, "pdl_ntfset_a") || signedBy(p.header, p.body, "pdl_ntfset_b") || strings.Count(p.header, "h1=") != 1 {
			t.Errorf("%s", p.header)
		}
	}
	w.RollWebhookSecrets("pdl_ntfset_a", "pdl_ntfset_b")
	w.CreateCustomer("b@example.com")
	all := collect(t, w, time.Minute, always(200))
	if len(all) == 0 {
		t.Fatal("nothing came")
	}
	for _, p := range all {
		if !signedBy(p.header, p.body, "pdl_ntfset_a") || !signedBy(p.header, p.body, "pdl_ntfset_b") {
			t.Errorf("%s", p.header)
		}
	}
}

// Sixty attempts in nearly three days, with growing gaps, signed afresh or not;
// in the sandbox three.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		sandbox, once bool
		attempts      int
		longest       time.Duration
	}{{false, false, 60, 72 * time.Hour}, {false, true, 60, 72 * time.Hour}, {true, false, 3, 15 * time.Minute}} {
		w := newWorld(Config{Sandbox: tt.sandbox, SignOnce: tt.once})
		w.AddPrice(Price{Product: "X", Currency: "USD", Amount: 1})
		var mine []posted
		for _, p := range collect(t, w, 100*time.Hour, always(503)) {
			if p.event.str("event_type") == "price.created" {
				mine = append(mine, p)
			}
		}
		if len(mine) != tt.attempts {
			t.Fatalf("%+v: %d attempts", tt, len(mine))
		}
		for i := 2; i < len(mine); i++ {
			if mine[i].at.Sub(mine[i-1].at) < mine[i-1].at.Sub(mine[i-2].at) {
				t.Errorf("the gaps do not grow: %v", mine[i].at)
			}
		}
		if took := mine[len(mine)-1].at.Sub(mine[0].at); took > tt.longest || took < tt.longest/2 {
			t.Errorf("%+v: given up after %v", tt, took)
		}
		if same := mine[0].header == mine[1].header; same != tt.once {
			t.Errorf("%+v: the second attempt has the same signature: %t", tt, same)
		}
		if string(mine[0].body) != string(mine[1].body) {
			t.Error("a repetition has another body")
		}
		c := client{t, w}
		if rows := c.ok("GET", "/notifications?status=failed", "").list("data"); len(rows) != w.Stats().Sent || rows[0]["times_attempted"] != float64(tt.attempts) {
			t.Errorf("%v", rows)
		}
	}
}

// Anything but 2xx is tried again, and what was taken is not.
func TestAnswers(t *testing.T) {
	w := newWorld(Config{})
	w.CreateCustomer("a@example.com") // two events
	all := collect(t, w, day, func(n int) int { return []int{302, 404, 500, 400, 200, 204}[min(n-1, 5)] })
	if len(all) != 6 {
		t.Errorf("%d attempts", len(all))
	}
	if st := w.Stats(); st.Sent != 2 || st.Acked != 2 || len(st.AckedEvents) != 2 || st.Delivered != 6 {
		t.Errorf("%+v", st)
	}
	w.SetWebhookURL("")
	w.CreateCustomer("b@example.com")
	if w.Due(w.clock.Now().Add(day)) != 0 {
		t.Error("something is sent to nobody")
	}
}

// A replay is the same event under another notification.
func TestReplay(t *testing.T) {
	w := newWorld(Config{})
	c := client{t, w}
	w.AddPrice(Price{Product: "X", Currency: "USD", Amount: 1})
	first := collect(t, w, time.Minute, always(200))
	id := first[0].event.str("notification_id")
	again := c.post("/notifications/"+id+"/replay", "").str("notification_id")
	second := collect(t, w, time.Minute, always(200))
	if len(second) != 1 || second[0].event.str("notification_id") != again || again == id || second[0].event.str("event_id") != first[0].event.str("event_id") {
		t.Errorf("%v", second)
	}
	c.no(400, "notification_replay_invalid_origin_type", "POST", "/notifications/"+again+"/replay", "")
	c.no(404, "not_found", "POST", "/notifications/ntf_0/replay", "")
	if n := c.get("/notifications/" + id); n.str("status") != "delivered" || n.str("replayed_at") == "" || n.in("payload").str("event_id") != first[0].event.str("event_id") {
		t.Errorf("%v", n)
	}
	if len(w.Stats().AckedEvents) != len(first) {
		t.Errorf("%v", w.Stats().AckedEvents)
	}
}

func TestDestinations(t *testing.T) {
	w := New(Config{Clock: sim.NewClock(start)})
	c := client{t, w}
	c.no(400, "bad_request", "POST", "/notification-settings", `{"type":"url","subscribed_events":["customer.created"]}`)
	c.no(400, "bad_request", "POST", "/notification-settings", `{"type":"email","destination":"x","subscribed_events":["customer.created"]}`)
	c.no(400, "bad_request", "POST", "/notification-settings", `{"type":"url","destination":"x","subscribed_events":[]}`)
	made := c.post("/notification-settings", `{"type":"url","destination":"http://127.0.0.1:1/x","subscribed_events":["customer.created"],"description":"d"}`)
	secret := made.str("endpoint_secret_key")
	if again := c.get("/notification-settings/" + made.str("id")); again.str("endpoint_secret_key") != secret || !strings.HasPrefix(secret, "pdl_ntfset_") {
		t.Errorf("%v", again)
	}
	w.CreateCustomer("a@example.com")
	all := collect(t, w, time.Minute, always(200))
	if len(all) != 1 || all[0].event.str("event_type") != "customer.created" || !signedBy(all[0].header, all[0].body, secret) {
		t.Errorf("%v", all)
	}
	path := "/notification-settings/" + made.str("id")
	c.ok("PATCH", path, `{"active":false}`)
	w.CreateCustomer("b@example.com")
	if rows := c.ok("GET", "/notification-settings?active=true", "").list("data"); len(rows) != 0 {
		t.Errorf("%v", rows)
	}
	c.ok("PATCH", path, `{"active":true,"subscribed_events":["address.created"],"destination":"http://127.0.0.1:1/y"}`)
	if all := collect(t, w, time.Minute, always(200)); len(all) != 0 {
		t.Errorf("what happened meanwhile came: %v", all)
	}
	w.CreateCustomer("c@example.com")
	if all := collect(t, w, time.Minute, always(200)); len(all) != 1 || all[0].event.str("event_type") != "address.created" {
		t.Errorf("%v", all)
	}
	for i := range 9 {
		c.post("/notification-settings", fmt.Sprintf(`{"type":"url","destination":"http://127.0.0.1:1/%d","subscribed_events":["customer.created"]}`, i))
	}
	c.no(400, "notification_maximum_active_settings_reached", "POST", "/notification-settings", `{"type":"url","destination":"x","subscribed_events":["customer.created"]}`)
	if status, _, _ := c.send("DELETE", path, ""); status != 200 {
		t.Error(status)
	}
	c.no(404, "not_found", "GET", path, "")
}

// Paddle lists what happened in 90 days.
func TestEventsAreForgotten(t *testing.T) {
	w := newWorld(Config{})
	c := client{t, w}
	w.CreateCustomer("a@example.com")
	run(w, 89, simtest.Accept)
	w.CreateCustomer("b@example.com")
	if rows := c.ok("GET", "/events?event_type=customer.created", "").list("data"); len(rows) != 2 {
		t.Errorf("%d events", len(rows))
	}
	run(w, 3, simtest.Accept)
	if rows := c.ok("GET", "/events?event_type=customer.created", "").list("data"); len(rows) != 1 {
		t.Errorf("%d events", len(rows))
	}
	if rows := c.ok("GET", "/event-types", "").list("data"); len(rows) != len(eventTypes()) {
		t.Errorf("%d types", len(rows))
	}
}

// TestEveryFaultFires wants all faults to strike in a month.
func TestEveryFaultFires(t *testing.T) {
	w := newWorld(Config{Seed: 4, Chaos: sim.DefaultChaos(), Rates: DefaultLife()})
	w.Populate(100)
	c := client{t, w}
	seen := map[string]int{}
	run(w, 60, func(r *http.Request) (int, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return 0, err
		}
		var e object
		must(t, json.Unmarshal(body, &e))
		seen[e.str("event_id")]++
		if id := e.in("data").str("id"); strings.HasPrefix(id, "txn_") {
			_, _, _ = c.send("GET", "/transactions/"+id, "")
			_, _, _ = c.send("GET", "/transactions?per_page=5&after="+id, "")
		}
		return 200, nil
	})
	st := w.Stats()
	simtest.Struck(t, st)
	if st.Duplicated == 0 || st.Dropped == 0 || len(st.AckedEvents) != len(seen) {
		t.Errorf("%d events seen; stats %+v", len(seen), st)
	}
	w.Calm()
	for range 100 {
		c.get("/customers")
	}
}

func TestTimeouts(t *testing.T) {
	pass := fmt.Sprintf(`{"items":[{"price_id":%q,"quantity":1}]}`, PricePass)
	w, c := shop(t, Config{Chaos: sim.Chaos{TimeoutBefore: 1}})
	if _, _, err := c.send("POST", "/transactions", pass); !errors.Is(err, sim.ErrConnectionLost) || len(w.Effects()) != 0 {
		t.Errorf("before: %v, %v", err, w.Effects())
	}
	w, c = shop(t, Config{Chaos: sim.Chaos{TimeoutAfter: 1}})
	for range 2 { // and nothing makes the second the first
		if _, _, err := c.send("POST", "/transactions", pass); !errors.Is(err, sim.ErrConnectionLost) {
			t.Error(err)
		}
	}
	if len(w.Effects()) != 2 {
		t.Errorf("after: %v", w.Effects())
	}
	for chaos, want := range map[sim.Chaos]int{{ServerError: 1}: 500, {RateLimited: 1}: 429} {
		w, c = shop(t, Config{Chaos: chaos})
		if status, _, _ := c.send("POST", "/transactions", pass); status < want || status > want+2 || len(w.Effects()) != 0 {
			t.Errorf("%v: %d", chaos, status)
		}
	}
}
