package trivet_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
	"github.com/trivetdev/trivet/sim/paypal"
	"github.com/trivetdev/trivet/sim/stripe"
)

// TestOneCustomerAtTwoProviders: a customer who has bought at Stripe and at PayPal is
// one customer, with one answer. That they pay twice is found, and is over when one
// ends. Whatever comes of the old subscription, late or not, does not touch the new.
func TestOneCustomerAtTwoProviders(t *testing.T) {
	malls(t, []string{"stripe", "paypal"}, func(m *mall) {
		m.until(time.Minute)
		session, _ := m.begin("stripe", "user_1")
		paid, err := m.stripe.PayCheckout(session, stripe.CardGood)
		if m.Check(err); !paid {
			m.t.Fatal("not paid")
		}
		m.until(day)
		m.says("user_1", "yes active by stripe")
		for _, account := range []string{"stripe", "paypal"} {
			if _, status := m.begin(account, "user_1"); status != http.StatusConflict {
				m.t.Errorf("a second subscription, at %s: %d", account, status)
			}
		}

		// The application sells at PayPal by itself.
		m.until(5 * day)
		atPayPal, err := m.paypal.CreateSubscription(paypal.NewSubscription{Plan: m.price["paypal"], Email: "other@example.com", Method: paypal.Good, Custom: "user_1"})
		m.Check(err)
		m.until(6 * day)
		m.expect("whose it is at Stripe", m.owners("stripe"), "user_1")
		m.expect("whose it is at PayPal", m.owners("paypal"), "user_1")
		m.says("user_1", "yes active by paypal") // its period ends later
		m.expect("findings", m.findings(), "05d00:00 duplicate stripe of user_1, open")

		// Stripe's webhooks get stuck. The old subscription is canceled; the customer,
		// and with them everything there, deleted.
		m.until(8 * day)
		m.away["stripe"] = true
		old := m.subscriptionAt("stripe")
		m.Check(m.stripe.PortalCancel(old))
		m.until(8*day + time.Hour)
		m.Check(m.stripe.CancelNow(old))
		m.until(9 * day)
		truth, _ := m.stripe.TruthOf(old)
		m.Check(m.stripe.DeleteCustomer(truth.Customer))
		m.until(9*day + time.Hour)
		m.says("user_1", "yes active by paypal")
		m.expect("Stripe, while it is stuck", m.subscriptions("stripe"), "00d00:01 user_1: started activated linked")
		m.away["stripe"] = false
		m.until(12 * day)
		m.says("user_1", "yes active by paypal")

		m.until(40 * day)
		m.Check(m.paypal.Cancel(atPayPal, "enough"))
		m.until(80 * day)
		m.says("user_1", "no ended by paypal")
		m.expect("access", m.accessOf("user_1"),
			"00d00:01 yes active",
			"40d00:00 yes canceling",
			"66d00:00 no ended")
		m.expect("PayPal", m.subscriptions("paypal"),
			"05d00:00 user_1: started linked",
			"05d00:00 user_1: activated",
			"36d00:13 user_1: renewed",
			"40d00:00 user_1: cancel_scheduled",
			"67d00:00 user_1: ended")
		m.expect("Stripe", m.subscriptions("stripe"),
			"00d00:01 user_1: started activated linked",
			"09d03:35 user_1: ended")
		m.expect("findings", m.findings(),
			"05d00:00 duplicate stripe of user_1, healed 09d03:35",
			"67d00:00 stale paypal of user_1, healed 67d00:00") // PayPal does not say that the time is over
		m.audited()
	})
}

// subscriptionAt is the only subscription at an account.
func (m *mall) subscriptionAt(account string) string {
	m.t.Helper()
	id := ""
	for _, o := range m.Accounts[account].Truth() {
		if o.Kind == sim.KindSubscription {
			id = o.ID
		}
	}
	if id == "" {
		m.t.Fatalf("there is no subscription at %s", account)
	}
	return id
}

// TestTwoAccountsOfOneKind: the two companies of a team both sell through Stripe, and
// the same id means one thing at one and another at the other.
func TestTwoAccountsOfOneKind(t *testing.T) {
	malls(t, []string{"stripe", "stripe_eu"}, func(m *mall) {
		m.until(time.Minute)
		for account, customer := range map[string]string{"stripe": "user_1", "stripe_eu": "user_2"} {
			session, _ := m.begin(account, customer)
			if paid, err := m.Accounts[account].Stripe.PayCheckout(session, stripe.CardGood); err != nil || !paid {
				m.t.Fatal(paid, err)
			}
		}
		m.until(day)
		id := m.subscriptionAt("stripe")
		if other := m.subscriptionAt("stripe_eu"); other != id {
			m.t.Fatalf("the ids differ (%s, %s), and the test tells nothing", id, other)
		}
		if status := m.Call(http.MethodGet, "/v1/subscriptions/"+id, "", nil); status != http.StatusUnprocessableEntity {
			m.t.Errorf("an id that two accounts have: %d", status)
		}
		for account, customer := range map[string]string{"stripe": "user_1", "stripe_eu": "user_2"} {
			var row struct{ Customer, Provider string }
			if status := m.Call(http.MethodGet, "/v1/subscriptions/"+id+"@"+account, "", &row); status != http.StatusOK || row.Customer != customer || row.Provider != account {
				m.t.Errorf("%s: %d %+v", account, status, row)
			}
		}
		// A webhook of one account is nothing to the other, although it is signed as
		// well, and knows the id.
		before := len(m.Changes())
		m.Check(m.stripe.CancelNow(id))
		forged := 0
		at := m.Clock.Now().Add(time.Minute)
		m.stripe.Advance(at)
		m.stripeEU.Advance(at)
		m.Clock.Set(at)
		m.stripe.Deliver(m.t.Context(), func(r *http.Request) (int, error) {
			forged++
			r.URL.Path = "/webhooks/stripe_eu"
			if status, err := m.Post(r); err != nil || status != http.StatusBadRequest && status != http.StatusUnauthorized {
				m.t.Errorf("the other account's webhook: %d %v", status, err)
			}
			return http.StatusServiceUnavailable, nil
		})
		if _, err := m.Step(m.t.Context()); err != nil || forged == 0 || len(m.Changes()) != before {
			m.t.Errorf("%d webhooks, %d changes: %v", forged, len(m.Changes())-before, err)
		}
		m.until(3 * day)
		m.says("user_1", "no ended by stripe")
		m.says("user_2", "yes active by stripe_eu")
		m.Check(m.stripeEU.CancelNow(id))
		m.until(4 * day)
		m.expect("access of the one", m.accessOf("user_1"), "00d00:01 yes active", m.firstOf("stripe", "ended")+" no ended")
		m.expect("access of the other", m.accessOf("user_2"), "00d00:01 yes active", "03d00:00 no ended")
		m.expect("findings", m.findings())
		m.audited()
	})
}

// firstOf is when an account's subscriptions first came to something.
func (m *mall) firstOf(account, what string) string {
	m.t.Helper()
	for _, line := range m.subscriptions(account) {
		if line[len(line)-len(what):] == what {
			return line[:len("00d00:00")]
		}
	}
	m.t.Fatalf("nothing at %s %s", account, what)
	return ""
}

// TestPaddleAndLemonSqueezy: the same with two merchants of record.
func TestPaddleAndLemonSqueezy(t *testing.T) {
	malls(t, []string{"paddle", "lemonsqueezy"}, func(m *mall) {
		m.until(time.Minute)
		transaction, _ := m.begin("paddle", "user_1")
		if paid, err := m.paddle.PayCheckout(transaction, "good"); err != nil || !paid {
			m.t.Fatal(paid, err)
		}
		m.until(day)
		m.says("user_1", "yes active by paddle")
		m.until(3 * day)
		order, err := m.lemon.Buy(lemonsqueezy.Purchase{Email: "other@example.com", Variant: lemonsqueezy.VariantProMonth, Card: lemonsqueezy.CardGood, Custom: map[string]string{"user_id": "user_1"}})
		m.Check(err)
		atLemon, err := m.lemon.SubscriptionOf(order)
		m.Check(err)
		m.until(4 * day)
		m.expect("whose it is", append(m.owners("paddle"), m.owners("lemonsqueezy")...), "user_1", "user_1")
		m.says("user_1", "yes active by lemonsqueezy")
		m.expect("findings", m.findings(), "03d00:00 duplicate paddle of user_1, open")

		m.away["paddle"] = true
		m.Check(m.paddle.CancelNow(m.subscriptionAt("paddle")))
		m.until(4*day + time.Hour)
		m.away["paddle"] = false
		m.until(10 * day)
		m.says("user_1", "yes active by lemonsqueezy")
		m.Check(m.lemon.PortalCancel(atLemon))
		m.until(50 * day)
		m.expect("access", m.accessOf("user_1"),
			"00d00:01 yes active",
			"10d00:00 yes canceling",
			"34d00:00 no ended")
		m.expect("Paddle", m.subscriptions("paddle"),
			"00d00:01 user_1: started activated linked",
			"04d01:15 user_1: ended")
		m.expect("Lemon Squeezy", m.subscriptions("lemonsqueezy"),
			"03d00:00 user_1: started activated linked",
			"10d00:00 user_1: cancel_scheduled",
			"34d00:00 user_1: ended")
		m.audited()
	})
}

// TestTwoPeopleOneStripeCustomer: a reseller has one customer at Stripe for two of
// ours. What each paid for, and got back, counts for each alone.
func TestTwoPeopleOneStripeCustomer(t *testing.T) {
	malls(t, []string{"stripe"}, func(m *mall) {
		m.until(time.Minute)
		shared := m.stripe.CreateCustomer("reseller@example.com")
		ids := map[string]string{}
		for _, user := range []string{"user_1", "user_2"} {
			var err error
			ids[user], err = m.stripe.CreateSubscription(stripe.NewSubscription{
				Customer: shared, Price: m.price["stripe"], Card: stripe.CardGood, Metadata: map[string]string{"user_id": user},
			})
			m.Check(err)
			m.until(day)
		}
		m.until(40 * day) // both renew
		payments := map[string][]string{}
		for user := range ids {
			var list struct {
				Data []struct {
					ProviderID string `json:"provider_id"`
				}
			}
			m.Call(http.MethodGet, "/v1/customers/"+user+"/payments", "", &list)
			for _, p := range list.Data {
				payments[user] = append(payments[user], p.ProviderID)
			}
		}
		if len(payments["user_1"]) != 2 || len(payments["user_2"]) != 2 {
			m.t.Fatalf("each has paid twice: %v", payments)
		}
		for _, id := range payments["user_2"] {
			_, err := m.stripe.Refund(id, 0)
			m.Check(err)
		}
		m.until(41 * day)
		m.says("user_1", "yes active by stripe")
		m.says("user_2", "no refunded by stripe")
		for user, id := range ids {
			o, err := m.Ledger.Object(m.t.Context(), "stripe/"+string(billing.KindSubscription)+"/"+id)
			if m.Check(err); o.Customer != user {
				m.t.Errorf("the subscription of %s belongs to %s", user, o.Customer)
			}
		}
		m.audited()
	})
}

// TestSwitchingProcessor: a team moves from Stripe to Paddle. Access goes on until a
// customer has bought there, at the latest for two weeks after what they had paid for;
// nobody is charged twice by the old provider, and nobody falls back on the grant.
func TestSwitchingProcessor(t *testing.T) {
	malls(t, []string{"stripe", "paddle"}, func(m *mall) {
		m.until(time.Minute)
		for _, user := range []string{"user_1", "user_2", "user_3"} {
			session, _ := m.begin("stripe", user)
			if paid, err := m.stripe.PayCheckout(session, stripe.CardGood); err != nil || !paid {
				m.t.Fatal(paid, err)
			}
		}
		m.until(10 * day)
		if _, status := m.begin("paddle", "user_1"); status != http.StatusConflict {
			m.t.Errorf("before the move a checkout elsewhere: %d", status)
		}
		for _, state := range []string{"given", "stands"} {
			var moved struct {
				Moves []struct{ Customer, State string }
			}
			if status := m.Call(http.MethodPost, "/v1/migrations", `{"from":"stripe","grace":"14d","cancel":true,"reason":"to Paddle"}`, &moved); status != http.StatusOK || len(moved.Moves) != 3 || moved.Moves[1].State != state {
				m.t.Fatalf("%d %+v", status, moved)
			}
		}
		buy := func(user string) {
			m.t.Helper()
			transaction, status := m.begin("paddle", user)
			if status >= 300 {
				m.t.Fatalf("a checkout at the new provider: %d", status)
			}
			if paid, err := m.paddle.PayCheckout(transaction, "good"); err != nil || !paid {
				m.t.Fatal(paid, err)
			}
		}
		m.until(15 * day)
		buy("user_1") // while the old one is still paid for
		m.until(16 * day)
		m.says("user_1", "yes active by paddle")
		m.says("user_2", "yes migration by grant")
		for _, account := range []string{"stripe", "paddle"} {
			if _, status := m.begin(account, "user_1"); status != http.StatusConflict {
				m.t.Errorf("after the move a checkout at %s: %d", account, status)
			}
		}
		m.until(38 * day)
		buy("user_2") // in the days of grace
		m.until(39 * day)
		second := ""
		rows, err := m.Ledger.Objects(m.t.Context(), store.ObjectFilter{Customer: "user_2", Account: "paddle", Kind: string(billing.KindSubscription), Limit: 2})
		m.Check(err)
		for _, o := range rows {
			second += o.ID
		}
		m.until(40 * day)
		m.Check(m.paddle.CancelNow(second)) // the grant would have lasted for another five days
		m.until(60 * day)

		m.expect("who moves at once", m.accessOf("user_1"),
			"00d00:01 yes active",
			"10d00:00 yes migration",
			"15d00:00 yes active")
		m.expect("who moves late, and leaves again", m.accessOf("user_2"),
			"00d00:01 yes active",
			"10d00:00 yes migration",
			"38d00:00 yes active",
			"40d00:00 no ended")
		m.expect("who does not move", m.accessOf("user_3"),
			"00d00:01 yes active",
			"10d00:00 yes migration",
			"45d00:01 no grant_expired")
		m.expect("findings", m.findings())
		done := map[string]int{}
		for _, e := range m.stripe.Effects() {
			done[e.Op]++
		}
		payments := 0
		for _, o := range m.stripe.Truth() {
			if o.Kind == sim.KindPayment {
				payments++
			}
		}
		if done[sim.OpCancelAtPeriodEnd] != 3 || payments != 3 {
			m.t.Errorf("at the old provider: %v, %d payments", done, payments)
		}
		var undone struct{ Moves []struct{ Customer string } }
		m.Call(http.MethodPost, "/v1/migrations", `{"from":"stripe","undo":true}`, &undone)
		if len(undone.Moves) != 0 { // they have lapsed
			m.t.Errorf("%+v", undone)
		}
		m.audited()
	})
}
