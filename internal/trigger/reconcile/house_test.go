package reconcile_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	world "github.com/trivetdev/trivet/sim/stripe"
)

const (
	day   = 24 * time.Hour
	never = 10000 * time.Hour
)

type roundTrip = func(*http.Request, func() (*http.Response, error)) (*http.Response, error)

// sweeping leaves only the sweeps of the three ways to look.
func sweeping(c *reconcile.Config) { c.Hot, c.NoPull = never, []string{"stripe", "stripe_eu"} }

// pulling leaves only the list of events.
func pulling(c *reconcile.Config) { c.Hot, c.Full = never, never }

// revisiting leaves only the looks at what was expected to change.
func revisiting(c *reconcile.Config) {
	c.Hot, c.Full, c.NoPull = 30*time.Minute, never, []string{"stripe"}
}

// subscribe sells a subscription at an account, all webhooks delivered.
func subscribe(t *testing.T, h *triggertest.House, account, customer string) (subscription string) {
	t.Helper()
	checkout, err := h.Redirect.Begin(t.Context(), redirect.Request{
		Customer: customer, Plan: "pro", Account: account, Email: customer + "@example.com",
		SuccessURL: "https://app.test/yes", CancelURL: "https://app.test/no",
	})
	if err != nil {
		t.Fatal(err)
	}
	if paid, err := h.Accounts[account].PayCheckout(checkout.Object, world.CardGood); err != nil || !paid {
		t.Fatal(paid, err)
	}
	h.Pass(t, 5*time.Minute)
	facts, _, err := h.Apply.Facts(t.Context(), customer)
	if err != nil || len(facts.Subscriptions) != 1 {
		t.Fatalf("%+v %v", facts, err)
	}
	return facts.Subscriptions[0].ID
}

func allowed(t *testing.T, h *triggertest.House, customer string) bool {
	t.Helper()
	answer, err := h.Apply.Check(t.Context(), customer, "export")
	if err != nil {
		t.Fatal(err)
	}
	return answer.Allowed
}

// drift lists what was found and healed, oldest first; what waits for a person
// is left out.
func drift(t *testing.T, h *triggertest.House) []store.Drift {
	t.Helper()
	all, err := h.DB.Drift(t.Context(), store.DriftFilter{Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(d store.Drift) bool {
		return d.Kind == "unlinked" || d.Kind == "unmapped_price" || d.Kind == "duplicate"
	})
}

// brief shows findings in short.
func brief(findings []store.Drift) (lines []string) {
	for _, d := range findings {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s by %s %s", d.Kind, d.Subject, d.FoundBy, d.Impact)))
	}
	slices.Sort(lines)
	return lines
}

func rowOf(t *testing.T, h *triggertest.House, id string) store.Object {
	t.Helper()
	for _, o := range h.Objects(t, store.ObjectFilter{}) {
		if o.ID == id {
			return o
		}
	}
	t.Fatal("the ledger has no " + id)
	return store.Object{}
}

// inStep compares the existence of everything with the provider's own truth.
func inStep(t *testing.T, h *triggertest.House) {
	t.Helper()
	held := map[string]bool{}
	for _, o := range h.Objects(t, store.ObjectFilter{Present: true}) {
		held[o.ID] = true
	}
	for _, truth := range h.Truth() {
		if truth.Fields["deleted"] != "true" && !held[truth.ID] {
			t.Errorf("the ledger lacks %s %s", truth.Kind, truth.ID)
		}
		delete(held, truth.ID)
	}
	for id := range held {
		t.Errorf("the provider has no %s", id)
	}
}

// fewest is the smallest number of pages of 100 that holds all objects.
func fewest(h *triggertest.House) int {
	counts := map[string]int{
		"customer": 0, "subscription": 0, "invoice": 0, "payment": 0, "refund": 0, "dispute": 0, "checkout": 0, "warning": 0,
	}
	for _, o := range h.Truth() {
		counts[o.Kind]++
	}
	pages := 0
	for _, n := range counts {
		pages += max(1, (n+99)/100)
	}
	return pages
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
