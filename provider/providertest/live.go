package providertest

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// live is the flag of the drivers' tests that has [Run] speak to the provider itself.
var live = flag.Bool("live", false, "run the conformance suite against the provider's own sandbox; see docs/architecture.md")

// Live is how the suite reaches the provider's own sandbox.
type Live struct {
	// Provider is what the names of the environment variables have of the provider:
	// "STRIPE" for TRIVET_LIVE_STRIPE_SECRET_KEY.
	Provider string
	// Needs are the variables that must be set, by the rest of their name, and what
	// each is. All but PRICE are secrets. BASE_URL may be set with any provider.
	Needs map[string]string
	// New makes the driver out of them; the error says what to set instead of a key of
	// the live mode.
	New func(set map[string]string, transport http.RoundTripper) (provider.Driver, error)
	// Opens must be part of what [provider.KeyChecker] answers, where a key does not show
	// by itself that it is of the sandbox.
	Opens string
	// Mode is the checkout's for which PRICE, or where that is not needed Price, is.
	Mode, Price string
	// Transport replaces the driver's own, Now is the clock; nil for neither.
	Transport http.RoundTripper
	Now       func() time.Time
}

// How much is read of an account that may be of any size.
const (
	livePages   = 2
	liveObjects = 5
	liveEvents  = 24 * time.Hour
	// A page of events may be empty: Stripe's are windows of time.
	liveEventPages = 25
)

func (l Live) variable(name string) string { return "TRIVET_LIVE_" + l.Provider + "_" + name }

// settings reads the environment.
func (l Live) settings(lookup func(string) string) (map[string]string, error) {
	set, missing := map[string]string{"BASE_URL": lookup(l.variable("BASE_URL"))}, ""
	for _, name := range slices.Sorted(maps.Keys(l.Needs)) {
		if set[name] = lookup(l.variable(name)); set[name] == "" {
			missing += fmt.Sprintf("\n  %s: %s", l.variable(name), l.Needs[name])
		}
	}
	if l.New == nil {
		return nil, errors.New("-live: the harness of this driver does not say how to reach the provider")
	}
	if missing != "" {
		return nil, errors.New("-live speaks to the provider's sandbox; set in the environment" + missing)
	}
	return set, nil
}

// RunLive runs what only reads, and of the writes those that make nothing but an open
// checkout, against the provider's own API.
func RunLive(t *testing.T, l Live) {
	set, err := l.settings(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := l.New(set, l.Transport)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Driver: driver, Clock: sim.NewClock(l.Now().UTC())}
	for name := range l.Needs {
		if name != "PRICE" && name != "STORE" {
			w.Secrets = append(w.Secrets, set[name])
		}
	}
	if price := set["PRICE"]; price != "" {
		l.Price = price
	}
	if !t.Run("key", func(t *testing.T) { w.liveKey(t, l.Opens) }) {
		t.Fatal("nothing else is asked of an account that the key does not open")
	}
	t.Run("abilities", w.abilities)
	t.Run("not found", w.missing)
	t.Run("lists", w.liveLists)
	t.Run("past events", w.liveEvents)
	t.Run("refused writes", w.liveRefusals)
	t.Run("checkout", func(t *testing.T) { w.liveCheckout(t, l) })
}

func (w *World) liveKey(t *testing.T, opens string) {
	checker, can := offered[provider.KeyChecker](t, w, "the provider tells nothing about a key")
	if !can {
		return
	}
	account, err := checker.CheckKey(t.Context())
	if err != nil {
		w.discreet(t, err)
		t.Fatal(err)
	}
	if !strings.Contains(account, opens) {
		t.Fatalf("the key opens %q, which is not %q: take one of the sandbox", account, opens)
	}
}

// liveLists reads the beginning of every list, and compares what is listed with what
// is fetched by itself.
func (w *World) liveLists(t *testing.T) {
	for _, kind := range w.Driver.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			listed := w.beginning(t, provider.Query{Kind: kind})
			t.Logf("%d of %s", len(listed), kind)
			for _, s := range listed[:min(len(listed), liveObjects)] {
				w.liveObject(t, s)
			}
			i := slices.IndexFunc(listed, func(s provider.Snapshot) bool { return s.Owner != "" })
			if i < 0 {
				return
			}
			for _, s := range w.beginning(t, provider.Query{Kind: kind, Owner: listed[i].Owner}) {
				if s.Owner != listed[i].Owner {
					t.Errorf("%v belongs to %q and is listed for %q", s.Ref, s.Owner, listed[i].Owner)
				}
			}
		})
	}
}

// beginning reads the first pages of a list.
func (w *World) beginning(t *testing.T, query provider.Query) (all []provider.Snapshot) {
	t.Helper()
	for range livePages {
		page, err := w.Driver.List(t.Context(), query)
		if err != nil {
			w.discreet(t, err)
			t.Fatalf("list %s: %v", query.Kind, err)
		}
		for _, s := range page.Snapshots {
			if s.Ref.Kind == query.Kind {
				all = append(all, s)
			}
		}
		for _, ref := range page.Unread {
			_, err := w.Driver.Fetch(t.Context(), ref)
			w.discreet(t, err)
			t.Errorf("%v cannot be read in a list; by itself: %v", ref, err)
		}
		if query.After = page.Next; query.After == "" {
			break
		}
	}
	return all
}

// liveObject fetches what was listed, and what is said to be related to it.
func (w *World) liveObject(t *testing.T, listed provider.Snapshot) {
	t.Helper()
	fetched, err := w.Driver.Fetch(t.Context(), listed.Ref)
	if err != nil {
		w.discreet(t, err)
		t.Errorf("%v is listed: %v", listed.Ref, err)
		return
	}
	if diff := cmp.Diff(fieldsOf(listed), fieldsOf(fetched)); diff != "" || listed.Owner != fetched.Owner {
		t.Errorf("%v of %q, fetched of %q (-listed +fetched):\n%s", listed.Ref, listed.Owner, fetched.Owner, diff)
	}
	attempted(t, fetched)
	for _, related := range fetched.Related {
		if _, err := w.Driver.Fetch(t.Context(), related); err != nil {
			w.discreet(t, err)
			t.Errorf("%v is said to be related to %v: %v", fetched.Ref, related, err)
		}
	}
}

// liveEvents reads events of the last day, which come in order, and fetches what the
// first of them name.
func (w *World) liveEvents(t *testing.T) {
	lister, can := offered[provider.EventLister](t, w, "the provider lists no events")
	if !can {
		return
	}
	after, last, n := "", time.Time{}, 0
	named := map[provider.Ref]bool{}
	for range liveEventPages {
		page, err := lister.Events(t.Context(), w.Now().Add(-liveEvents), after)
		if err != nil {
			w.discreet(t, err)
			t.Fatal(err)
		}
		for _, d := range page.Deliveries {
			if n++; d.ID == "" || d.Type == "" || d.CreatedAt.Before(last) {
				t.Errorf("%q of type %q at %v comes after one at %v", d.ID, d.Type, d.CreatedAt, last)
			}
			last = d.CreatedAt
			for _, ref := range d.Refs {
				if named[ref] || len(named) == liveObjects {
					continue
				}
				named[ref] = true
				// What an event names may be gone by now; nothing else may be amiss.
				if _, err := w.Driver.Fetch(t.Context(), ref); err != nil {
					w.fails(t, err, provider.NotFound)
				}
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	t.Logf("%d events, %d objects that they name", n, len(named))
}

// liveRefusals asks for every write, of what does not exist.
func (w *World) liveRefusals(t *testing.T) {
	for _, op := range allWrites(t.Context()) {
		if able, _ := provider.Can(w.Driver, op.ability); able {
			t.Run(op.name, func(t *testing.T) { w.refusing(t, op) })
		}
	}
}

// liveCheckout makes a page, twice by one key, which nobody pays.
func (w *World) liveCheckout(t *testing.T, l Live) {
	maker, can := offered[provider.Checkouter](t, w, "the provider has no checkout pages")
	if !can {
		return
	}
	run := fmt.Sprint(l.Now().UnixNano())
	request := provider.CheckoutRequest{
		Key: "live " + run, Token: "tok_live_" + run, Customer: "user_live", Email: "buyer@example.com", Mode: l.Mode,
		Items: []billing.Item{{Price: l.Price, Quantity: 1}}, ReturnURL: "https://example.com/return",
	}
	page, err := maker.CreateCheckout(t.Context(), request)
	if err != nil {
		w.discreet(t, err)
		t.Fatal(err)
	}
	if again, err := maker.CreateCheckout(t.Context(), request); err != nil || again.Ref != page.Ref {
		t.Errorf("asked for again, the page %v is %v, %v", page.Ref, again.Ref, err)
	}
	if s, err := w.Driver.Fetch(t.Context(), page.Ref); err != nil || s.Object.State() != string(billing.CheckoutOpen) || s.Claims[provider.ClaimToken] != request.Token {
		t.Errorf("the new page is %+v, %v", s, err)
	}
}
