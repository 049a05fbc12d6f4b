package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

// TestEveryFaultFires runs the month of the benchmark's size and wants all
// faults to have struck.
func TestEveryFaultFires(t *testing.T) {
	w := newWorld(Config{Seed: 4, Chaos: sim.DefaultChaos(), Rates: DefaultLife()})
	w.Populate(100)
	c := client{t: t, w: w}
	seen := map[string]int{}
	run(w, 60, func(r *http.Request) (int, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return 0, err
		}
		var e struct{ ID string }
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		seen[e.ID]++
		c.readBack(body)
		_, _, _ = c.send("GET", "/v1/invoices?limit=5&starting_after="+anInvoice(w), "", nil)
		return 200, nil
	})
	st := w.Stats()
	simtest.Struck(t, st)
	most := 0
	for _, n := range seen {
		most = max(most, n)
	}
	if most < 3 || st.Duplicated == 0 || st.Dropped == 0 {
		t.Errorf("at most %d copies of an event; stats %+v", most, st)
	}
	if len(st.AckedEvents) != len(seen) {
		t.Errorf("%d events acked, %d seen", len(st.AckedEvents), len(seen))
	}
}

func anInvoice(w *Server) string {
	defer w.enter()()
	rows := w.table("invoice").Rows
	return rows[len(rows)/2].about().id
}

// only has one API fault at every call.
func faulty(t *testing.T, chaos sim.Chaos) (*Server, client) {
	t.Helper()
	w := newWorld(Config{Seed: 5, Chaos: chaos})
	w.AddCatalog()
	return w, client{t: t, w: w}
}

func TestTimeouts(t *testing.T) {
	w, c := faulty(t, sim.Chaos{TimeoutBefore: 1})
	if _, _, err := c.send("POST", "/v1/checkout/sessions", pass, nil); !errors.Is(err, sim.ErrConnectionLost) || len(w.Effects()) != 0 {
		t.Errorf("timeout before: %v, effects %v", err, w.Effects())
	}
	w, c = faulty(t, sim.Chaos{TimeoutAfter: 1})
	key := http.Header{"Idempotency-Key": {"k"}}
	for range 3 {
		if _, _, err := c.send("POST", "/v1/checkout/sessions", pass, key.Clone()); !errors.Is(err, sim.ErrConnectionLost) {
			t.Errorf("timeout after: %v", err)
		}
	}
	w.Calm()
	status, _, err := c.send("POST", "/v1/checkout/sessions", pass, key)
	if err != nil || status != 200 || key.Get("Idempotent-Replayed") != "true" {
		t.Errorf("after the faults: %d %v %v", status, err, key)
	}
	if n := len(w.Effects()); n != 1 {
		t.Errorf("%d effects of four calls with one key, want 1", n)
	}
}

func TestRefusals(t *testing.T) {
	for want, chaos := range map[int]sim.Chaos{429: {RateLimited: 1}, 500: {ServerError: 1}, 503: {Outages: 1}} {
		w, c := faulty(t, chaos)
		later, hits := 0, 0
		for range 48 {
			h := http.Header{}
			w.Advance(w.clock.Now().Add(time.Hour))
			status, body, err := c.send("POST", "/v1/checkout/sessions", pass, h)
			if err != nil {
				t.Fatal(err)
			}
			if status == want || want == 500 && status > 500 {
				hits++
			}
			if status != 200 && !strings.Contains(string(body), `"error"`) {
				t.Errorf("%d without an error body: %s", status, body)
			}
			if h.Get("Retry-After") != "" {
				later++
			}
		}
		if hits == 0 || want == 429 && (later == 0 || later == hits) {
			t.Errorf("%d: %d answers, %d with Retry-After", want, hits, later)
		}
		if len(w.Effects())+hits != 48 {
			t.Errorf("%d: refused calls acted", want)
		}
	}
}

func TestTruncatedBodies(t *testing.T) {
	w, c := faulty(t, sim.Chaos{Truncated: 1})
	web := httptest.NewServer(w.Handler())
	defer web.Close()
	cut, invalid := 0, 0
	for range 20 {
		status, body, err := c.send("GET", "/v1/prices", "", nil)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			cut++
		case status == 200 && !json.Valid(body):
			invalid++
		}
		req, _ := http.NewRequest("GET", web.URL+"/v1/prices", nil)
		req.SetBasicAuth(w.SecretKey(), "")
		resp, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && json.Valid(body) {
			t.Error("a whole body came over TCP")
		}
	}
	if cut == 0 || invalid == 0 || cut+invalid != 20 {
		t.Errorf("%d cut and %d invalid bodies of 20", cut, invalid)
	}
}

func TestStaleReadsEnd(t *testing.T) {
	w, c := faulty(t, sim.Chaos{StaleRead: 1, StaleFor: 10 * time.Second})
	id := w.CreateCustomer("old@example.com")
	missing := 0
	for range 20 {
		if status, _, _ := c.send("GET", "/v1/customers/"+id, "", nil); status == 404 {
			missing++
		}
	}
	if missing == 0 || missing == 20 {
		t.Errorf("a new object was missing in %d of 20 reads, want some", missing)
	}
	w.Advance(start.Add(12 * time.Second))
	if got := c.get("/v1/customers/" + id).str("email"); got != "old@example.com" {
		t.Errorf("email %q", got)
	}
	must(t, w.SetEmail(id, "new@example.com"))
	stale := 0
	for range 20 {
		if c.get("/v1/customers/"+id).str("email") == "old@example.com" {
			stale++
		}
	}
	if stale == 0 || stale == 20 {
		t.Errorf("%d of 20 reads were stale, want some", stale)
	}
	w.Advance(start.Add(30 * time.Second))
	for range 20 {
		if got := c.get("/v1/customers/" + id).str("email"); got != "new@example.com" {
			t.Fatalf("still stale after the window: %q", got)
		}
	}
}

func TestShiftedPagesRepeatButMissNothing(t *testing.T) {
	w, c := faulty(t, sim.Chaos{ShiftPages: 1})
	want := map[string]int{}
	for range 50 {
		want[w.CreateCustomer("x@example.com")] = 0
	}
	for after := ""; ; {
		page := c.get("/v1/customers?limit=10" + after)
		for _, r := range page.rows("data") {
			want[r.str("id")]++
			after = "&starting_after=" + r.str("id")
		}
		if page.at("has_more").v != true {
			break
		}
	}
	repeated := 0
	for id, n := range want {
		if n == 0 {
			t.Errorf("%s is on no page", id)
		}
		if n > 1 {
			repeated++
		}
	}
	if repeated == 0 {
		t.Error("no row was repeated")
	}
}

func TestCalmEndsFaults(t *testing.T) {
	w := newWorld(Config{Seed: 6, Chaos: sim.Chaos{Drop: 0.5, Delay: 0.5, Duplicate: 0.5}})
	for range 40 {
		w.CreateCustomer("a@example.com")
	}
	w.Calm()
	before := w.Stats()
	w.CreateCustomer("b@example.com")
	run(w, 7, simtest.Accept)
	after := w.Stats()
	if after.Dropped != before.Dropped || after.Duplicated != before.Duplicated || before.Dropped == 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if got, want := len(after.AckedEvents), 41-after.Dropped; got != want {
		t.Errorf("%d events arrived, want all %d that were not dropped", got, want)
	}
}

// TestConcurrentUse is for the race detector: calls, deliveries and time at
// once.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(Config{Seed: 6, Chaos: sim.DefaultChaos(), Rates: DefaultLife()})
	w.Populate(20)
	c := client{t: t, w: w}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 50 {
				switch i {
				case 0:
					w.Advance(w.clock.Now().Add(6 * time.Hour))
				case 1:
					w.Deliver(context.Background(), simtest.Accept)
				case 2:
					_, _, _ = c.send("POST", "/v1/checkout/sessions", pass, nil)
					w.Truth()
				default:
					_, _, _ = c.send("GET", "/v1/subscriptions?status=all&limit=100&expand[]=data.customer", "", nil)
					w.Populate(j % 2)
				}
			}
		})
	}
	group.Wait()
	if w.Stats().Delivered == 0 {
		t.Error("nothing was delivered")
	}
}
