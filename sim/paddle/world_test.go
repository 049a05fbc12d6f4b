package paddle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// run lets a world live for some days and delivers what it sends to post.
func run(w *Server, days int, post func(*http.Request) (int, error)) {
	simtest.Run(context.Background(), w, w.clock.Now().AddDate(0, 0, days), post)
}

func newWorld(cfg Config) *Server {
	cfg.Clock = sim.NewClock(start)
	if cfg.WebhookURL == "" {
		cfg.WebhookURL = "http://127.0.0.1:1/webhooks/paddle"
	}
	return New(cfg)
}

// trace is a hash of all deliveries and of the truth at the end.
func trace(seed uint64, chaos sim.Chaos) (deliveries, truth string) {
	w := newWorld(Config{Seed: seed, Chaos: chaos, Rates: DefaultLife()})
	w.Populate(60)
	return simtest.Trace(context.Background(), w, start.AddDate(0, 0, 45), "Paddle-Signature")
}

func TestSameSeedSameTrace(t *testing.T) { simtest.SameSeed(t, trace) }

func TestFaultsDoNotChangeLife(t *testing.T) { simtest.FaultsApart(t, trace) }

// TestEventsOfALife wants every type of event that the simulator says it has, in
// valid JSON and in the order of ids.
func TestEventsOfALife(t *testing.T) {
	w := newWorld(Config{Seed: 1, Rates: DefaultLife()})
	w.AddDiscount(Discount{Code: "X", Percent: 10})
	w.Populate(200)
	guest := w.newTransaction(order{origin: "web", lines: []*line{w.newLine(w.all[PricePass].(*price), 1, false)}})
	w.pay(guest, CardGood, "guest@example.com")
	types := map[string]int{}
	run(w, 60, func(r *http.Request) (int, error) {
		body, _ := io.ReadAll(r.Body)
		var e struct {
			EventID        string         `json:"event_id"`
			EventType      string         `json:"event_type"`
			OccurredAt     time.Time      `json:"occurred_at"`
			NotificationID string         `json:"notification_id"`
			Data           map[string]any `json:"data"`
		}
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&e); err != nil || e.EventID == "" || e.NotificationID == "" || e.Data["id"] == nil {
			t.Fatalf("event %q: %v", body, err)
		}
		types[e.EventType]++
		return 200, nil
	})
	for _, name := range eventTypes() {
		if types[name] == 0 {
			t.Errorf("no %s came", name)
		}
		delete(types, name)
	}
	if len(types) > 0 {
		t.Errorf("event types that are not in the list: %v", types)
	}
	rows := rowsOf[*event](w, "event")
	for i := range rows[1:] {
		if rows[i].id >= rows[i+1].id || rows[i].created.After(rows[i+1].created) {
			t.Fatalf("event %s of %v is before %s of %v", rows[i].id, rows[i].created, rows[i+1].id, rows[i+1].created)
		}
	}
	t.Log(fmt.Sprint(len(rows), " events"))
}
