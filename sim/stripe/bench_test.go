package stripe

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/trivetdev/trivet/sim"
)

// BenchmarkMonth is thirty days of a shop with 200 customers, in which every
// webhook is answered by one read of its object and every day ends with a
// sweep of all subscriptions: what a service under test asks for.
func BenchmarkMonth(b *testing.B) {
	for b.Loop() {
		w := newWorld(Config{Seed: 3, Chaos: sim.DefaultChaos(), Rates: DefaultLife()})
		w.Populate(200)
		c := client{t: b, w: w}
		day := 0
		run(w, 30, func(r *http.Request) (int, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return 0, err
			}
			c.readBack(body)
			if d := w.clock.Now().YearDay(); d != day {
				day = d
				c.sweep("/v1/subscriptions?status=all&limit=100")
			}
			return 200, nil
		})
		st := w.Stats()
		calls := 0
		for _, n := range st.Calls {
			calls += n
		}
		b.ReportMetric(float64(calls), "calls/op")
		b.ReportMetric(float64(st.Delivered), "deliveries/op")
		b.ReportMetric(float64(len(w.Truth())), "objects/op")
	}
}

// client is a caller of the simulated API in the same process.
type client struct {
	t   testing.TB
	w   *Server
	key string
}

func (c client) readBack(body []byte) {
	var e struct {
		Data struct {
			Object struct{ ID, Object string }
		}
	}
	if err := json.Unmarshal(body, &e); err != nil {
		c.t.Fatal(err)
	}
	paths := map[string]string{
		"customer": "customers", "subscription": "subscriptions", "invoice": "invoices", "payment_intent": "payment_intents",
		"charge": "charges", "refund": "refunds", "dispute": "disputes",
	}
	if p := paths[e.Data.Object.Object]; p != "" {
		_, _, _ = c.send("GET", "/v1/"+p+"/"+e.Data.Object.ID, "", nil)
	}
}

func (c client) sweep(path string) {
	after := ""
	for range 1000 {
		status, body, err := c.send("GET", path+after, "", nil)
		if err != nil || status != 200 {
			continue
		}
		var page struct {
			Data    []struct{ ID string }
			HasMore bool `json:"has_more"`
		}
		if json.Unmarshal(body, &page) != nil || len(page.Data) == 0 {
			continue
		}
		if !page.HasMore {
			return
		}
		after = "&starting_after=" + page.Data[len(page.Data)-1].ID
	}
}
