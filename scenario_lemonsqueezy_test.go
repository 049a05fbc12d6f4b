package trivet_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// TestLemonCountsMoneyOnce: the order of a subscription and its first invoice are
// one payment.
func TestLemonCountsMoneyOnce(t *testing.T) {
	lemons(t, lemonOptions{long: true}, func(l *lemonHouse) {
		l.buy("u1", "pro", "u1@example.com")
		l.pass(35 * day) // and one renewal
		l.may("u1", true)
		var payments struct {
			Data []struct {
				ProviderID string `json:"provider_id"`
				Amount     int64
			}
		}
		l.Call(http.MethodGet, "/v1/customers/u1/payments", "", &payments)
		total := int64(0)
		for _, p := range payments.Data {
			total += p.Amount
		}
		if len(payments.Data) != 2 || total != 2*2900 {
			t.Errorf("%d payments of %d in all: %+v", len(payments.Data), total, payments.Data)
		}
		l.audited()
	})
}

// TestLemonLostWebhooks: with every webhook lost, the return binds a purchase if it
// names the order; else it is kept for a person to link, and nothing of it is lost.
func TestLemonLostWebhooks(t *testing.T) {
	for _, variables := range []bool{true, false} {
		t.Run(fmt.Sprint(variables), func(t *testing.T) {
			lemons(t, lemonOptions{mute: !variables}, func(l *lemonHouse) {
				l.pass(time.Minute) // the first sweep
				l.deaf = true
				order, back := l.buy("u1", "pro", "u1@example.com")
				sub := l.subscriptionOf(order)
				code, status := l.comeBack(back)
				want := "pending"
				if variables {
					want = "complete"
				}
				if code != http.StatusOK || status != want {
					t.Errorf("the return says %d %s, want %s", code, status, want)
				}
				l.pass(5 * time.Minute) // the newest are listed every three minutes
				l.may("u1", variables)
				if !variables {
					if l.owner("subscription", sub) != "" {
						t.Error("something has told whose it is")
					}
					var unlinked struct {
						Data []struct {
							ID, Kind    string
							Suggestions []string
						}
					}
					l.Call(http.MethodPut, "/v1/customers/u1", `{"email":"u1@example.com"}`, nil)
					l.Call(http.MethodGet, "/v1/unlinked", "", &unlinked)
					if len(unlinked.Data) != 2 || unlinked.Data[0].Suggestions[0] != "u1" {
						t.Fatalf("unlinked: %+v", unlinked)
					}
					l.Call(http.MethodPost, "/v1/unlinked/"+sub+"@lemonsqueezy/link", `{"customer":"u1"}`, nil)
					l.may("u1", true)
				}
				for _, name := range [][2]string{{"subscription", sub}, {"invoice", "1"}, {"payment", "invoice-1"}, {"checkout", "order-" + order}, {"customer", "1"}} {
					if got := l.owner(name[0], name[1]); got != "u1" {
						t.Errorf("%v belongs to %q", name, got)
					}
				}
				l.audited()
			})
		})
	}
}

// TestLemonLateWebhook: a purchase that a sweep found first, and that nobody could
// link, is linked by its late webhook; and the page that waits for it ends.
func TestLemonLateWebhook(t *testing.T) {
	lemons(t, lemonOptions{mute: true}, func(l *lemonHouse) {
		l.pass(time.Minute)
		l.deaf = true
		order, back := l.buy("u1", "life", "u1@example.com")
		l.pass(5 * time.Minute)
		if got := l.owner("payment", "order-"+order); got != "" {
			t.Fatalf("it belongs to %q", got)
		}
		if code, status := l.comeBack(back); code != http.StatusOK || status != "pending" {
			t.Errorf("%d %s", code, status)
		}
		l.deaf = false
		for _, r := range l.kept {
			code, err := l.Post(r)
			if l.Check(err); code != http.StatusOK {
				t.Errorf("a late webhook is answered %d", code)
			}
		}
		l.pass(time.Minute)
		l.may("u1", true)
		if code, status := l.comeBack(back); code != http.StatusOK || status != "complete" {
			t.Errorf("%d %s", code, status)
		}
		l.audited()
	})
}

// TestLemonGuessedOrder: the number of an order is easily guessed, and gives nobody
// what another has bought.
func TestLemonGuessedOrder(t *testing.T) {
	lemons(t, lemonOptions{}, func(l *lemonHouse) {
		l.pass(time.Minute)
		l.deaf = true // so that nothing tells whose the order is
		order, back := l.buy("victim", "life", "victim@example.com")
		_, thiefs := l.buy("thief", "life", "thief@example.com")
		mine, err := url.Parse(thiefs)
		l.Check(err)
		theirs, err := url.Parse(back)
		l.Check(err)
		query := mine.Query()
		query.Set("order_id", order)
		for _, identifier := range []string{"", query.Get("order_identifier"), "[order_identifier]", "00000000-0000-4000-8000-000000000000"} {
			query.Set("order_identifier", identifier)
			mine.RawQuery = query.Encode()
			if code, status := l.comeBack(mine.String()); status == "complete" {
				t.Errorf("identifier %q: %d %s", identifier, code, status)
			}
		}
		l.pass(5 * time.Minute)
		l.may("thief", false)
		if code, status := l.comeBack(theirs.String()); code != http.StatusOK || status != "complete" {
			t.Errorf("the buyer is told %d %s", code, status)
		}
		l.may("victim", true)
		if got := l.owner("payment", "order-"+order); got != "victim" {
			t.Errorf("the order belongs to %q", got)
		}
	})
}

// TestLemonSharedAddress: two customers of ours who type one e-mail address are one
// customer there. Each keeps what they bought, whatever is heard first.
func TestLemonSharedAddress(t *testing.T) {
	lemons(t, lemonOptions{long: true}, func(l *lemonHouse) {
		l.pass(time.Minute)
		first, _ := l.buy("u1", "pro", "billing@agency.test")
		l.pass(time.Minute)
		l.deaf = true
		second, back := l.buy("u2", "pro", "billing@agency.test")
		l.Call(http.MethodPost, "/v1/reconcile", `{}`, nil)
		l.pass(time.Minute) // found by listing, and linked to nobody
		if got := l.owner("subscription", l.subscriptionOf(second)); got != "" {
			t.Errorf("it went to %q", got)
		}
		l.may("u2", false)
		if _, status := l.comeBack(back); status != "complete" {
			t.Error(status)
		}
		l.pass(time.Minute)
		for order, want := range map[string]string{first: "u1", second: "u2"} {
			if got := l.owner("subscription", l.subscriptionOf(order)); got != want {
				t.Errorf("it belongs to %q, want %s", got, want)
			}
		}
		l.Check(l.world.RefundInvoice("1", 0))
		l.deaf = false
		l.pass(8 * day)
		l.may("u1", false)
		l.may("u2", true)
		l.audited()
	})
}
