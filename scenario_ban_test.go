package trivet_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/fraud"
)

// abusers bans whom the application calls an abuser, and ends what they pay for.
func abusers(t *testing.T) []policy.Policy {
	t.Helper()
	s := fraud.Defaults()
	s.Rules = []fraud.Rule{{Name: "abuse", When: "attributes.abuser == true", Do: []string{"ban", "cancel"}, Text: "abuses the service"}}
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
