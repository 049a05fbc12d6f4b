package trivet_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/internal/store"
	world "github.com/trivetdev/trivet/sim/lemonsqueezy"
)

// TestCustomDataUserIDTrustedByDefault: anybody can write custom data into the
// address of a storefront's page. It counts where it is configured, and only there.
func TestCustomDataUserIDTrustedByDefault(t *testing.T) {
	for _, bind := range [][]string{nil, {"custom_data.user_id"}} {
		lemons(t, lemonOptions{bind: bind}, func(l *lemonHouse) {
			l.pass(time.Minute)
			_, err := l.world.Buy(world.Purchase{Email: "x@example.com", Variant: world.VariantForever, Custom: map[string]string{"user_id": "victim"}})
			l.Check(err)
			l.pass(time.Minute)
			l.may("victim", len(bind) > 0)
		})
	}
}

// TestPauseThatLosesTheLink: all that a pause and its end change is access, also
// when no webhook tells of either.
func TestPauseThatLosesTheLink(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		order, _ := l.buy("u1", "pro", "u1@example.com")
		l.pass(time.Minute)
		sub := l.subscriptionOf(order)
		l.may("u1", true)
		l.Check(l.world.Pause(sub, "void", time.Time{}))
		l.pass(time.Minute)
		l.may("u1", false)
		if got := l.owner("subscription", sub); got != "u1" {
			t.Errorf("paused, it belongs to %q", got)
		}
		l.deaf = true
		l.Check(l.world.Unpause(sub))
		l.pass(5 * time.Minute)
		l.may("u1", true)
		l.Check(l.world.Pause(sub, "free", time.Time{}))
		l.pass(5 * time.Minute)
		l.may("u1", true) // service goes on, without charge
		l.audited()
	})
}

// TestLateExpiryOfAnOldSubscriptionEndsTheNewOne: and it does not.
func TestLateExpiryOfAnOldSubscriptionEndsTheNewOne(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		old, _ := l.buy("u1", "pro", "u1@example.com")
		l.pass(time.Minute)
		l.Check(l.world.Expire(l.subscriptionOf(old)))
		l.pass(time.Minute)
		l.may("u1", false)
		l.buy("u1", "pro", "u1@example.com")
		l.pass(time.Minute)
		l.may("u1", true)
		for _, r := range l.kept { // all of the past once more, the expiry last
			_, err := l.Post(r)
			l.Check(err)
		}
		for _, r := range l.kept {
			if r.Header.Get("X-Event-Name") == "subscription_expired" {
				_, err := l.Post(r)
				l.Check(err)
			}
		}
		l.pass(time.Minute)
		l.may("u1", true)
		l.audited()
	})
}

// TestRefundedLifetimeOrderKeepsAccess: it loses it, told or not.
func TestRefundedLifetimeOrderKeepsAccess(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		lemons(t, lemonOptions{}, func(l *lemonHouse) {
			order, _ := l.buy("u1", "life", "u1@example.com")
			l.pass(time.Minute)
			l.may("u1", true)
			l.deaf = deaf
			l.Check(l.world.Refund(order, 100))
			l.pass(5 * time.Minute)
			l.may("u1", true)
			l.Check(l.world.Refund(order, 0))
			l.pass(5 * time.Minute)
			l.may("u1", false)
			l.audited()
		})
	}
}

// TestFraudulentOrderKeepsAccess: no event tells of it; listing finds it.
func TestFraudulentOrderKeepsAccess(t *testing.T) {
	for _, plan := range []string{"life", "pro"} {
		lemons(t, lemonOptions{}, func(l *lemonHouse) {
			order, _ := l.buy("u1", plan, "u1@example.com")
			l.pass(time.Minute)
			l.may("u1", true)
			l.Check(l.world.Fraud(order, false))
			l.pass(5 * time.Minute)
			l.may("u1", false)
			l.audited()
		})
	}
}

// TestOrderStatusNotChecked: an order that is pending gives nothing until it is
// paid, of which no event tells either.
func TestOrderStatusNotChecked(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		l.pass(time.Minute)
		_, address := l.checkout("u1", "life")
		r := httptest.NewRequest(http.MethodPost, address, strings.NewReader("action=debit&email=u1@example.com"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		l.world.Handler().ServeHTTP(w, r)
		if code, status := l.comeBack(w.Header().Get("Location")); code != http.StatusOK || status != "pending" {
			t.Errorf("%d %s", code, status)
		}
		l.pass(time.Hour)
		l.may("u1", false)
		l.pass(21 * time.Hour)
		l.may("u1", true)
		l.audited()
	})
}

// TestStatusCancelledTakenAsEnded: what was canceled runs to its end, and not a
// moment longer.
func TestStatusCancelledTakenAsEnded(t *testing.T) {
	lemons(t, lemonOptions{long: true}, func(l *lemonHouse) {
		order, _ := l.buy("u1", "pro", "u1@example.com")
		l.pass(time.Minute)
		code := l.Call(http.MethodPost, "/v1/subscriptions/"+l.subscriptionOf(order)+"@lemonsqueezy/cancel", `{}`, nil)
		if code >= 300 {
			t.Fatal(code)
		}
		l.pass(30 * day)
		l.may("u1", true)
		l.pass(2 * day)
		l.may("u1", false)
		if code := l.Call(http.MethodPost, "/v1/subscriptions/"+l.subscriptionOf(order)+"@lemonsqueezy/cancel", `{"at":"now"}`, nil); code < 400 {
			t.Errorf("canceling at once is answered %d", code)
		}
		l.audited()
	})
}

// TestUnknownEventAnswered4xx: it is kept and answered 200, as is one that comes
// twice; another status would only be retried.
func TestUnknownEventAnswered4xx(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		l.pass(time.Minute)
		body := `{"meta":{"event_name":"planet_discovered","test_mode":true},"data":{"type":"planets","id":"9","attributes":{}}}`
		for range 2 {
			mac := hmac.New(sha256.New, []byte(shoptest.LemonSecret))
			mac.Write([]byte(body))
			r := httptest.NewRequest(http.MethodPost, "/webhooks/lemonsqueezy", strings.NewReader(body))
			r.Header.Set("X-Signature", hex.EncodeToString(mac.Sum(nil)))
			w := httptest.NewRecorder()
			if l.Handler().ServeHTTP(w, r); w.Code != http.StatusOK {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
		}
		counts, err := l.Ledger.EventCounts(t.Context())
		if l.Check(err); counts[store.EventIgnored] != 1 {
			t.Errorf("events: %v", counts)
		}
	})
}

// TestLemonRecent: what is new is found within minutes, and looking for it costs
// few calls.
func TestLemonRecent(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		l.world.Populate(250)
		l.pass(10 * time.Minute)
		l.deaf = true
		_, err := l.world.Buy(world.Purchase{Email: "late@example.com", Variant: world.VariantProMonth})
		l.Check(err)
		before := l.calls()
		l.pass(4 * time.Minute)
		l.audited()
		l.pass(time.Hour)
		// Four lists of two pages every three minutes.
		if n := l.calls() - before; n > 22*8+20 {
			t.Errorf("%d calls in an hour", n)
		}
	})
}

func (l *lemonHouse) calls() (n int) {
	for _, count := range l.world.Stats().Calls {
		n += count
	}
	return n
}

// TestTrialPausedAndUnpaidIgnored: each of the states that others pass over counts, from
// the webhook that tells of it.
func TestTrialPausedAndUnpaidIgnored(t *testing.T) {
	lemons(t, lemonOptions{long: true, bind: []string{"custom_data.user_id"}}, func(l *lemonHouse) {
		buy := func(user, variant string, card world.Card) string {
			order, err := l.world.Buy(world.Purchase{Email: user + "@example.com", Variant: variant, Card: card, Custom: map[string]string{"user_id": user}})
			l.Check(err)
			return l.subscriptionOf(order)
		}
		trial := buy("u1", world.VariantProTrial, world.CardGood)
		paused := buy("u2", world.VariantProMonth, world.CardGood)
		owing := buy("u3", world.VariantProMonth, world.CardLaterFails)
		l.pass(time.Minute)
		for id, want := range map[string]string{trial: "on_trial", paused: "active", owing: "active"} {
			l.stands(id, want)
		}
		l.may("u1", true)
		l.Check(l.world.Pause(paused, "void", time.Time{}))
		l.pass(time.Minute)
		l.stands(paused, "paused")
		l.may("u2", false)
		l.Check(l.world.Unpause(paused))
		l.pass(time.Minute)
		l.may("u2", true)
		l.pass(8 * day)
		l.stands(trial, "active")
		l.may("u1", true)
		l.pass(42 * day)
		l.stands(owing, "unpaid")
		l.may("u3", false)
		l.audited()
	})
}

// stands checks what the provider, and with it the ledger, says of a subscription.
func (l *lemonHouse) stands(id, want string) {
	l.t.Helper()
	o, err := l.Ledger.Object(l.t.Context(), "lemonsqueezy/subscription/"+id)
	l.Check(err)
	if !strings.Contains(o.Doc, `"provider_status":"`+want+`"`) {
		l.t.Errorf("at %s subscription %s is not %s: %s", offset(l.Clock.Now(), time.Minute), id, want, o.Doc)
	}
}
