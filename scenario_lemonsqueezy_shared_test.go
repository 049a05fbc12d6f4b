package trivet_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// addressed is how often the provider changed an address.
func (l *lemonHouse) addressed() (n int) {
	for _, e := range l.world.Effects() {
		if e.Op == sim.OpEmail {
			n++
		}
	}
	return n
}

// moves sets a customer's address in the application, and lets it be passed on.
func (l *lemonHouse) moves(customer, email string) {
	l.t.Helper()
	if code := l.Call(http.MethodPut, "/v1/customers/"+customer, `{"email":"`+email+`"}`, nil); code >= 300 {
		l.t.Fatalf("set the address: %d", code)
	}
	l.pass(time.Minute)
}

// warned lists the open alerts of hygiene about addresses.
func (l *lemonHouse) warned() (titles []string) {
	l.t.Helper()
	var alerts struct {
		Data []struct{ Cause, Title, State string }
	}
	l.Call(http.MethodGet, "/v1/alerts", "", &alerts)
	for _, a := range alerts.Data {
		if a.State == "open" && a.Cause == "hygiene:email:lemonsqueezy/1" {
			titles = append(titles, a.Title)
		}
	}
	return titles
}

// Whoever bought under a stranger's address took the stranger's receipts along with the
// next change of their own address.
func TestLemonAddressOfSeveralStays(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		l.buy("mallory", "pro", "victim@example.com")
		l.pass(time.Minute)
		l.buy("victim", "pro", "victim@example.com")
		l.pass(time.Minute)
		if owner := l.owner("customer", "1"); owner != "mallory" {
			t.Fatalf("the provider's customer is %q's", owner)
		}
		l.moves("mallory", "mallory@example.com")
		if n, told := l.addressed(), l.warned(); n != 0 || len(told) != 1 {
			t.Errorf("changed %d times, alerts %q", n, told)
		}
		l.moves("mallory", "victim@example.com")
		if told := l.warned(); len(told) != 0 {
			t.Errorf("the address is the same again, and still: %q", told)
		}
	})
}

// Whoever is the only one there takes their address along, unless others come before it
// is done.
func TestLemonAddressOfOne(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		l.buy("u1", "pro", "old@example.com")
		l.pass(time.Minute)
		l.moves("u1", "new@example.com")
		if n, told := l.addressed(), l.warned(); n != 1 || len(told) != 0 {
			t.Errorf("changed %d times, alerts %q", n, told)
		}
		l.Call(http.MethodPut, "/v1/mode", `{"scope":"policy/hygiene","mode":"assist"}`, nil)
		l.moves("u1", "newer@example.com")
		l.buy("u2", "pro", "new@example.com")
		l.pass(time.Minute)
		var waiting struct{ Data []struct{ ID, Kind string } }
		l.Call(http.MethodGet, "/v1/proposals", "", &waiting)
		if len(waiting.Data) != 1 || waiting.Data[0].Kind != "push_email" {
			t.Fatalf("proposed: %+v", waiting.Data)
		}
		id := url.PathEscape(waiting.Data[0].ID)
		if code := l.Call(http.MethodPost, "/v1/proposals/"+id+"/accept", "", nil); code != http.StatusAccepted {
			t.Fatalf("accept: %d", code)
		}
		l.pass(time.Minute)
		var done struct{ State, Result string }
		l.Call(http.MethodGet, "/v1/effects/"+id, "", &done)
		if n := l.addressed(); n != 1 || done.State != "dropped" {
			t.Errorf("changed %d times, the effect is %+v", n, done)
		}
	})
}
