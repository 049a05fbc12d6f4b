package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/sim"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// history is a simulated account with a past, and what was asked of it.
type history struct {
	*stripe.Server
	URL string

	mu      sync.Mutex
	lists   []string // the pages of lists that were asked for
	writes  []string
	onPages func(n int)
}

// bought is how many customers the account of a history has; every tenth purchase
// says nothing of whose it is, and the last one has a price that no plan has.
const (
	bought  = 120
	unowned = bought / 10
)

func newHistory(t *testing.T) *history {
	t.Helper()
	h := &history{Server: stripe.New(stripe.Config{Seed: 1, Clock: sim.NewClock(time.Now().Add(-100 * 24 * time.Hour))})}
	h.AddPrice(stripe.Price{ID: "price_pro", Currency: "eur", Amount: 2900, Interval: "month"})
	h.AddPrice(stripe.Price{ID: "price_old", Currency: "eur", Amount: 1900, Interval: "month"})
	for i := range bought {
		q := stripe.NewSubscription{Customer: h.CreateCustomer(fmt.Sprintf("p%d@kern.test", i)), Price: "price_pro", Card: stripe.CardGood}
		if i%10 != 0 {
			q.Metadata = map[string]string{"user_id": fmt.Sprintf("user_%d", i)}
		}
		if i == bought-1 {
			q.Price = "price_old"
		}
		if _, err := h.CreateSubscription(q); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		if r.Method != http.MethodGet {
			h.writes = append(h.writes, r.Method+" "+r.URL.Path)
		}
		if r.URL.Query().Has("limit") {
			h.lists = append(h.lists, r.URL.Path+" "+r.URL.Query().Get("starting_after"))
		}
		n, told := len(h.lists), h.onPages
		h.mu.Unlock()
		if told != nil {
			told(n)
		}
		h.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.URL = server.URL
	return h
}

// run runs the program with this account on a database, and returns its code and
// output.
func (h *history) run(ctx context.Context, database string, args ...string) (code int, stdout, stderr string) {
	var out, failed bytes.Buffer
	environ := []string{
		"TRIVET_DATABASE=" + database, "TRIVET_MODE=observe", "TRIVET_API_KEYS=a-long-random-text", "TRIVET_PROVIDERS_STRIPE_INGEST=pull",
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_sim", "TRIVET_PROVIDERS_STRIPE_BASE_URL=" + h.URL, "TRIVET_PROVIDERS_STRIPE_BIND=metadata.user_id",
		"TRIVET_PLAN_0_ID=pro", "TRIVET_PLAN_0_FEATURES=export", "TRIVET_PLAN_0_PRICES_STRIPE=price_pro",
	}
	if args[0] == "enforce" {
		environ, args = append(environ, "TRIVET_MODE=enforce"), args[1:]
		environ[1] = "TRIVET_LISTEN=127.0.0.1:0"
	}
	code = Main(ctx, Process{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &failed, Now: time.Now, Environ: environ})
	return code, out.String(), failed.String()
}

// TestABackfillGoesOnWhereItStopped: one that is ended half-way reads no page again
// that it had read, and in the end the ledger has all.
func TestABackfillGoesOnWhereItStopped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := newHistory(t)
		ctx, interrupt := context.WithCancel(t.Context())
		const half = 3
		h.onPages = func(n int) {
			if n == half {
				interrupt()
			}
		}
		code, stdout, stderr := h.run(ctx, url, "backfill")
		if code != exitWrong || !strings.Contains(stderr, "run trivet backfill again") {
			t.Fatalf("interrupted: %d\n%s%s", code, stdout, stderr)
		}
		if code, _, stderr := h.run(t.Context(), url, "backfill", "--timeout", "1ns"); code != exitWrong || !strings.Contains(stderr, "not done after 1ns, and stopped; run trivet backfill again") {
			t.Errorf("out of time: %d %s", code, stderr)
		}
		before := len(h.lists)
		code, stdout, stderr = h.run(t.Context(), url, "backfill", "stripe")
		if code != exitGood || !strings.Contains(stdout, "stripe: going on where it stopped") {
			t.Fatalf("the second time: %d\n%s%s", code, stdout, stderr)
		}
		seen := map[string]bool{}
		for i, page := range h.lists {
			// The one that was under way when it ended may be asked for again.
			if seen[page] && i != before {
				t.Errorf("%s was read twice", page)
			}
			seen[page] = true
		}
		if before < half || before == len(h.lists) {
			t.Errorf("it ended after %d of %d pages", before, len(h.lists))
		}
		for _, want := range []string{"subscription", "24 subscriptions and payments are nobody's", "/v1/unlinked", "1 live subscriptions have a price that no [[plan]] has", "    1 with price_old\n"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("the summary lacks %q:\n%s", want, stdout)
			}
		}
		code, stdout, stderr = h.run(t.Context(), url, "backfill", "--json")
		var again struct {
			Read     []struct{ Objects, Changed int }
			Accounts []struct {
				Objects, Linked map[string]int
				Prices          map[string]int `json:"prices_in_no_plan"`
			}
		}
		if err := json.Unmarshal([]byte(stdout), &again); code != exitGood || err != nil {
			t.Fatalf("once more: %d %v\n%s%s", code, err, stdout, stderr)
		}
		if a := again.Accounts[0]; a.Objects["subscription"] != bought || a.Linked["subscription"] != bought-unowned || again.Read[0].Changed != 0 || len(a.Prices) != 1 || a.Prices["price_old"] != 1 {
			t.Errorf("once more: %s", stdout)
		}
		if len(h.writes) > 0 {
			t.Errorf("it acted at the provider: %v", h.writes)
		}
	})
}

// TestADryBackfillKeepsNothing: it tells the same and leaves no database.
func TestADryBackfillKeepsNothing(t *testing.T) {
	h := newHistory(t)
	url := storetest.SQLite(t)
	code, stdout, stderr := h.run(t.Context(), url, "backfill", "--dry-run")
	if code != exitGood || !strings.Contains(stdout, "the ledger would have") || !strings.Contains(stdout, "24 subscriptions and payments are nobody's") {
		t.Fatalf("%d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := h.run(t.Context(), url, "audit"); code != exitUsage || !strings.Contains(stderr, "there is no database") {
		t.Errorf("a database was made: %d %s", code, stderr)
	}
}

// TestABackfillInEnforceWantsToBeMeant: what the first sweep finds could reach
// customers.
func TestABackfillInEnforceWantsToBeMeant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := newHistory(t)
		code, _, stderr := h.run(t.Context(), url, "enforce", "backfill")
		if code != exitUsage || !strings.Contains(stderr, "Begin in observe") || len(h.lists) > 0 {
			t.Fatalf("%d %s, %d pages were read", code, stderr, len(h.lists))
		}
		code, stdout, stderr := h.run(t.Context(), url, "enforce", "backfill", "--enforce")
		if code != exitGood || !strings.Contains(stdout, "1 alert due (the running service does it)") {
			t.Fatalf("%d\n%s%s", code, stdout, stderr)
		}
		// From now on it is harmless.
		if code, stdout, stderr := h.run(t.Context(), url, "enforce", "backfill"); code != exitGood || len(h.writes) > 0 {
			t.Fatalf("%d\n%s%s%v", code, stdout, stderr, h.writes)
		}
	})
}
