package stripe

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
		cfg.WebhookURL = "http://127.0.0.1:1/webhooks/stripe"
	}
	return New(cfg)
}

// trace is a hash of all deliveries and of the truth at the end.
func trace(seed uint64, chaos sim.Chaos) (deliveries, truth string) {
	w := newWorld(Config{Seed: seed, Chaos: chaos, Rates: DefaultLife()})
	w.Populate(60)
	return simtest.Trace(context.Background(), w, start.AddDate(0, 0, 45), "Stripe-Signature")
}

func TestSameSeedSameTrace(t *testing.T) { simtest.SameSeed(t, trace) }

func TestFaultsDoNotChangeLife(t *testing.T) { simtest.FaultsApart(t, trace) }

func TestEventsAreValidJSON(t *testing.T) {
	w := newWorld(Config{Seed: 1, Rates: DefaultLife()})
	w.Populate(100)
	types := map[string]int{}
	run(w, 45, func(r *http.Request) (int, error) {
		body, _ := io.ReadAll(r.Body)
		var e struct {
			ID, Type string
			Data     struct{ Object map[string]any }
		}
		dec := json.NewDecoder(bytes.NewReader(body))
		if err := dec.Decode(&e); err != nil || e.ID == "" || e.Data.Object["id"] == nil && e.Type != "invoice.upcoming" {
			t.Fatalf("event %q: %v", body, err)
		}
		types[e.Type]++
		return 200, nil
	})
	t.Log(fmt.Sprint(types))
}
