package trivet_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/fraud"
)

// abusers bans whom the application calls an abuser, and ends what they pay for.
func abusers(t *testing.T) []policy.Policy { return banning(t, "attributes.abuser == true") }

// banning bans whom an expression is true of, and ends what they pay for.
func banning(t *testing.T, when string) []policy.Policy {
	t.Helper()
	s := fraud.Defaults()
	s.Rules = []fraud.Rule{{Name: "abuse", When: when, Do: []string{"ban", "cancel"}, Text: "abuses the service"}}
	p, err := fraud.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return []policy.Policy{p}
}

// abuses says in the application whether the customer does.
func (l *lemonHouse) abuses(customer string, yes bool) {
	l.t.Helper()
	if code := l.Call(http.MethodPut, "/v1/customers/"+customer, fmt.Sprintf(`{"attributes":{"abuser":%v}}`, yes), nil); code >= http.StatusBadRequest {
		l.t.Fatalf("set the attribute: %d", code)
	}
	l.pass(time.Minute)
}

// unbans lifts a customer's ban.
func (l *lemonHouse) unbans(customer string) {
	l.t.Helper()
	if code := l.Call(http.MethodDelete, "/v1/customers/"+customer+"/ban", "", nil); code >= http.StatusBadRequest {
		l.t.Fatalf("unban: %d", code)
	}
	l.pass(time.Minute)
}

// ends reports whether a subscription is set to end at the provider.
func (l *lemonHouse) ends(subscription string) bool {
	l.t.Helper()
	for _, o := range l.world.Truth() {
		if o.Kind == "subscription" && o.ID == subscription {
			return o.Fields["cancel_at"] != ""
		}
	}
	l.t.Fatalf("there is no subscription %s", subscription)
	return false
}

// TestLemonBannedAgain: the end of a ban takes the ban's cancellation back, and the next
// ban cancels anew. It went on being charged for.
func TestLemonBannedAgain(t *testing.T) {
	lemons(t, lemonOptions{policies: abusers(t)}, func(l *lemonHouse) {
		order, _ := l.buy("u1", "pro", "u1@example.com")
		l.pass(time.Minute)
		sub := l.subscriptionOf(order)
		for round := range 3 {
			l.abuses("u1", true)
			l.may("u1", false)
			if !l.ends(sub) {
				t.Errorf("ban %d leaves the subscription to be charged for", round+1)
			}
			l.abuses("u1", false)
			l.unbans("u1")
			l.may("u1", true)
			if l.ends(sub) {
				t.Fatalf("the end of ban %d does not take the cancellation back", round+1)
			}
		}
		l.audited()
	})
}

// TestLemonCanceledBeforeTheBan: what the customer had set to end ends, although they
// were banned and are no longer.
func TestLemonCanceledBeforeTheBan(t *testing.T) {
	lemons(t, lemonOptions{policies: abusers(t)}, func(l *lemonHouse) {
		order, _ := l.buy("u1", "pro", "u1@example.com")
		l.pass(time.Minute)
		sub := l.subscriptionOf(order)
		l.Call(http.MethodPost, "/v1/subscriptions/"+url.PathEscape(sub+"@lemonsqueezy")+"/cancel", "", nil)
		l.pass(time.Minute)
		l.abuses("u1", true)
		l.may("u1", false)
		l.abuses("u1", false)
		l.unbans("u1")
		l.pass(time.Hour)
		l.may("u1", true)
		if !l.ends(sub) {
			t.Error("the customer's own cancellation was taken back")
		}
		l.audited()
	})
}

// observing lets the service act, but not at Lemon Squeezy.
var observing = policy.Modes{Accounts: map[string]policy.Mode{"lemonsqueezy": policy.Observe}}

// asked lists the kinds and states of what was asked for about a customer, and the
// open alerts about who is banned and pays.
func (l *lemonHouse) asked(customer string) (effects, alerts []string) {
	l.t.Helper()
	var list struct {
		Data []struct{ Kind, State, Title string }
	}
	l.Call(http.MethodGet, "/v1/effects?customer="+customer, "", &list)
	for _, e := range list.Data {
		if e.Kind != policy.Alert {
			effects = append(effects, e.Kind+" "+e.State)
		}
	}
	slices.Sort(effects)
	list.Data = nil
	l.Call(http.MethodGet, "/v1/alerts", "", &list)
	for _, a := range list.Data {
		if a.State == "open" && strings.Contains(a.Title, "is banned and still pays") {
			alerts = append(alerts, a.Title)
		}
	}
	return effects, alerts
}

// TestLemonObservedBansNobody: what happened at an account that is only observed bans
// nobody, until it no longer is.
func TestLemonObservedBansNobody(t *testing.T) {
	lemons(t, lemonOptions{policies: banning(t, "payments > 0"), modes: observing}, func(l *lemonHouse) {
		order, _ := l.buy("u1", "pro", "u1@example.com")
		l.pass(2 * time.Hour)
		l.may("u1", true)
		if effects, alerts := l.asked("u1"); !slices.Equal(effects, []string{"ban withheld", "cancel_at_period_end withheld"}) || alerts != nil {
			t.Errorf("%q %q", effects, alerts)
		}
		l.Call(http.MethodPut, "/v1/mode", `{"scope":"provider/lemonsqueezy","mode":"enforce"}`, nil)
		l.pass(2 * time.Hour)
		l.may("u1", false)
		if effects, alerts := l.asked("u1"); !slices.Equal(effects, []string{"ban done", "cancel_at_period_end done"}) || alerts != nil {
			t.Errorf("%q %q", effects, alerts)
		}
		if !l.ends(l.subscriptionOf(order)) {
			t.Error("it goes on being charged for")
		}
		l.audited()
	})
}

// TestLemonBannedAndObserved: who is banned for another reason, and charged on where
// nothing is done but observed, is told of after an hour, once, until that ends.
func TestLemonBannedAndObserved(t *testing.T) {
	lemons(t, lemonOptions{policies: abusers(t), modes: observing}, func(l *lemonHouse) {
		l.buy("u1", "pro", "u1@example.com")
		l.pass(time.Minute)
		l.abuses("u1", true)
		l.may("u1", false)
		for _, step := range []struct {
			pass    time.Duration
			effects string
			alerts  int
		}{{10 * time.Minute, "withheld", 0}, {time.Hour, "withheld", 1}, {day, "withheld", 1}} {
			l.pass(step.pass)
			effects, alerts := l.asked("u1")
			if !slices.Equal(effects, []string{"ban done", "cancel_at_period_end " + step.effects}) || len(alerts) != step.alerts {
				t.Errorf("after %s: %q %q", step.pass, effects, alerts)
			}
		}
		l.Call(http.MethodPut, "/v1/mode", `{"scope":"provider/lemonsqueezy","mode":"enforce"}`, nil)
		l.pass(2 * time.Hour)
		if effects, alerts := l.asked("u1"); !slices.Equal(effects, []string{"ban done", "cancel_at_period_end done"}) || alerts != nil {
			t.Errorf("at last: %q %q", effects, alerts)
		}
		l.audited()
	})
}
