package redirect_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	world "github.com/trivetdev/trivet/sim/stripe"
)

const day = 24 * time.Hour

// TestReturn is the way of a customer through checkout and back, by how they
// paid.
func TestReturn(t *testing.T) {
	free := func(h *triggertest.House, session string) error { return h.UsePromotionCode(session, "FREE") }
	for name, tt := range map[string]struct {
		plan    string
		card    world.Card
		before  func(*triggertest.House, string) error
		first   redirect.State
		allowed bool
	}{
		"card, subscription": {plan: "pro", card: world.CardGood, first: redirect.Complete, allowed: true},
		"card, payment":      {plan: "day", card: world.CardGood, first: redirect.Complete, allowed: true},
		"flaw: a coupon of 100 % is an error, subscription": {plan: "pro", card: world.CardGood, before: free, first: redirect.Complete, allowed: true},
		"flaw: a coupon of 100 % is an error, payment":      {plan: "day", card: world.CardGood, before: free, first: redirect.Complete, allowed: true},
		"debit, subscription":                               {plan: "pro", card: world.CardDebit, first: redirect.Complete, allowed: true},
		"debit, payment":                                    {plan: "day", card: world.CardDebit, first: redirect.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, quiet)
			h.AddCoupon(world.Coupon{Percent: 100, Code: "FREE"})
			request := ask("user_1", tt.plan)
			request.PromotionCodes = true
			checkout := begin(t, h, request)
			if tt.before != nil {
				if err := tt.before(h, checkout.Object); err != nil {
					t.Fatal(err)
				}
			}
			if paid, err := h.PayCheckout(checkout.Object, tt.card); err != nil || !paid {
				t.Fatal(paid, err)
			}
			address := returnURL(t, h, checkout.Object)
			want := arrival(checkout, tt.first)
			if tt.first == redirect.Pending {
				want = "200 pending"
			}
			if got := back(t, h, address); got != want {
				t.Errorf("came back to %s\nwant %s", got, want)
			}
			if d := may(t, h, "user_1"); d.Allowed != tt.allowed {
				t.Errorf("access: %+v", d)
			}
			if state := row(t, h, checkout).State; (state == store.CheckoutReturned) != (tt.first == redirect.Complete) {
				t.Errorf("the checkout is %s", state)
			}
		})
	}
}

// TestUnpaidThenPaid: a debit is on its way for days. The page looks again a few
// times, then hands over; when the money comes so does access, and the same
// address tells so.
func TestUnpaidThenPaid(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		checkout := begin(t, h, ask("user_1", "day"))
		if _, err := h.PayCheckout(checkout.Object, world.CardDebit); err != nil {
			t.Fatal(err)
		}
		address := returnURL(t, h, checkout.Object)
		for n := range 5 {
			w := visit(h, polled(address, n), "text/html")
			if next := `url=` + strings.ReplaceAll(polled(address, n+1).RequestURI(), "&", "&amp;"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), next) {
				t.Errorf("poll %d: %d, no %s in\n%s", n, w.Code, next, w.Body)
			}
		}
		for _, n := range []int{5, 6, 1000, -1} {
			if got, want := back(t, h, polled(address, n)), arrival(checkout, redirect.Pending); got != want {
				t.Errorf("poll %d: %s, want %s", n, got, want)
			}
		}
		if may(t, h, "user_1").Allowed {
			t.Error("access before the money")
		}
		h.Pass(t, 10*day)
		if !may(t, h, "user_1").Allowed {
			t.Error("no access after the money came")
		}
		if got, want := back(t, h, address), arrival(checkout, redirect.Complete); got != want {
			t.Errorf("later: %s, want %s", got, want)
		}
	})
}

func TestUnpaidThenFailed(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	checkout := begin(t, h, ask("user_1", "day"))
	if _, err := h.PayCheckout(checkout.Object, world.CardDebitFails); err != nil {
		t.Fatal(err)
	}
	address := returnURL(t, h, checkout.Object)
	if got := back(t, h, address); got != "200 pending" {
		t.Error(got)
	}
	h.Pass(t, 10*day)
	if got, want := back(t, h, address), arrival(checkout, redirect.Failed); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if may(t, h, "user_1").Allowed {
		t.Error("access without money")
	}
}

// TestNotPaid: who is at the return address with a page that is still open has
// either just paid, and the provider's answer is old, or has typed the address.
// The page looks a few times before it says that nothing was bought.
func TestNotPaid(t *testing.T) {
	for name, attempt := range map[string]func(t *testing.T, h *triggertest.House, session string){
		"nothing tried": func(*testing.T, *triggertest.House, string) {},
		"declined": func(t *testing.T, h *triggertest.House, session string) {
			if paid, err := h.PayCheckout(session, world.CardDeclined); err != nil || paid {
				t.Fatal(paid, err)
			}
		},
		"3-D Secure refused": func(t *testing.T, h *triggertest.House, session string) {
			if paid, err := h.PayCheckout(session, world.CardAuthenticate); err != nil || paid {
				t.Fatal(paid, err)
			}
			if paid, err := h.Authenticate(session, false); err != nil || paid {
				t.Fatal(paid, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, quiet)
			checkout := begin(t, h, ask("user_1", "pro"))
			attempt(t, h, checkout.Object)
			address := returnURL(t, h, checkout.Object)
			if got := back(t, h, address); got != "200 pending" {
				t.Errorf("at first: %s", got)
			}
			if got, want := back(t, h, polled(address, 5)), arrival(checkout, redirect.Abandoned); got != want {
				t.Errorf("in the end: %s, want %s", got, want)
			}
			h.Pass(t, 25*time.Hour) // the page expires
			if got, want := back(t, h, address), arrival(checkout, redirect.Abandoned); got != want {
				t.Errorf("expired: %s, want %s", got, want)
			}
			if d := may(t, h, "user_1"); d.Allowed {
				t.Errorf("access: %+v", d)
			}
			if state := row(t, h, checkout).State; state != store.CheckoutOpen {
				t.Errorf("the checkout is %s", state)
			}
		})
	}
}

func TestAuthenticatedAtLast(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	checkout := begin(t, h, ask("user_1", "pro"))
	if paid, err := h.PayCheckout(checkout.Object, world.CardAuthenticate); err != nil || paid {
		t.Fatal(paid, err)
	}
	if paid, err := h.Authenticate(checkout.Object, true); err != nil || !paid {
		t.Fatal(paid, err)
	}
	if got, want := back(t, h, returnURL(t, h, checkout.Object)), arrival(checkout, redirect.Complete); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestOldAnswer: the provider's first answers are from before the customer paid,
// or from before the page was made. Nobody who paid is told that they did not.
func TestOldAnswer(t *testing.T) {
	for name, status := range map[string]int{"before it was paid": http.StatusOK, "before it was made": http.StatusNotFound} {
		t.Run(name, func(t *testing.T) {
			triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
				checkout := begin(t, h, ask("user_1", "pro"))
				old := "{}"
				if status == http.StatusOK {
					old = string(get(t, h, "/v1/checkout/sessions/"+checkout.Object+"?expand[]=line_items"))
				}
				if paid, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil || !paid {
					t.Fatal(paid, err)
				}
				h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
					if strings.HasPrefix(req.URL.Path, "/v1/checkout/sessions/") {
						return triggertest.Answer(req, status, old), nil
					}
					return pass()
				})
				address := returnURL(t, h, checkout.Object)
				if got := back(t, h, address); got != "200 pending" {
					t.Errorf("an old answer led to %s", got)
				}
				h.Net.Strike(nil)
				if got, want := back(t, h, polled(address, 1)), arrival(checkout, redirect.Complete); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			})
		})
	}
}

// TestReload: the same address again, and again, changes nothing.
func TestReload(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		checkout := begin(t, h, ask("user_1", "pro"))
		if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
			t.Fatal(err)
		}
		h.Pass(t, time.Minute)
		address := returnURL(t, h, checkout.Object)
		first := back(t, h, address)
		h.Step(t)
		counts, when := h.Count(t), row(t, h, checkout).ReturnedAt
		h.Clock.Advance(time.Hour)
		for range 3 {
			if got := back(t, h, address); got != first {
				t.Errorf("reloaded: %s, first %s", got, first)
			}
		}
		h.Step(t)
		if diff := cmp.Diff(counts, h.Count(t)); diff != "" {
			t.Errorf("reloading wrote rows:\n%s", diff)
		}
		if again := row(t, h, checkout).ReturnedAt; !again.Equal(when) || when.IsZero() {
			t.Errorf("returned at %s, then %s", when, again)
		}
	})
}

// TestProviderDown: the customer waits, is not lost, and either of the other two
// ways heals it.
func TestProviderDown(t *testing.T) {
	for name, heal := range map[string]func(*testing.T, *triggertest.House){
		"webhook": func(t *testing.T, h *triggertest.House) { h.Pass(t, time.Hour) },
		"sweep": func(t *testing.T, h *triggertest.House) {
			if err := h.Reconcile.Schedule(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.PassDeaf(t, time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
				checkout := begin(t, h, ask("user_1", "pro"))
				if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
					t.Fatal(err)
				}
				address := returnURL(t, h, checkout.Object)
				h.Net.Strike(triggertest.Down)
				if got := back(t, h, address); got != "200 pending" {
					t.Errorf("while the provider is away: %s", got)
				}
				if got, want := back(t, h, polled(address, 5)), arrival(checkout, redirect.Pending); got != want {
					t.Errorf("in the end: %s, want %s", got, want)
				}
				h.Net.Strike(nil)
				heal(t, h)
				if !may(t, h, "user_1").Allowed {
					t.Error("not healed")
				}
			})
		})
	}
}

// TestDatabaseDown: the customer is told to load the page again, and that works.
func TestDatabaseDown(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		checkout := begin(t, h, ask("user_1", "pro"))
		if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
			t.Fatal(err)
		}
		address := returnURL(t, h, checkout.Object)
		mend := h.Break(t, "checkouts")
		w := visit(h, address, "text/html")
		mend()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "checkouts") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if got, want := back(t, h, address), arrival(checkout, redirect.Complete); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// TestLostAnswer: we die, or the answer is lost, between the making of a session
// and the note of its id. The token binds what comes of it, by either way.
func TestLostAnswer(t *testing.T) {
	for _, way := range []string{"return", "webhook"} {
		t.Run(way, func(t *testing.T) {
			triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
				h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
					if resp, err := pass(); err == nil {
						resp.Body.Close()
					}
					return triggertest.Down(req, pass)
				})
				if _, err := h.Redirect.Begin(t.Context(), ask("user_1", "pro")); err == nil {
					t.Fatal("no error for an answer that was lost")
				}
				h.Net.Strike(nil)
				made, err := h.DB.CheckoutsOf(t.Context(), "user_1", 2)
				if err != nil || len(made) != 1 || made[0].State != store.CheckoutCreating || made[0].Object != "" {
					t.Fatalf("%+v %v", made, err)
				}
				session := sessions(h)[0]
				if _, err := h.PayCheckout(session, world.CardGood); err != nil {
					t.Fatal(err)
				}
				if way == "webhook" {
					h.Pass(t, time.Hour)
				} else {
					if got, want := back(t, h, returnURL(t, h, session)), arrival(redirect.Checkout{ID: made[0].ID}, redirect.Complete); got != want {
						t.Errorf("%s, want %s", got, want)
					}
					made, err := h.DB.CheckoutNamed(t.Context(), made[0].ID)
					if err != nil || made.State != store.CheckoutReturned || made.Object != session {
						t.Errorf("%+v %v", made, err)
					}
				}
				if !may(t, h, "user_1").Allowed {
					t.Error("what was bought belongs to nobody")
				}
			})
		})
	}
}

// TestRefusedByProvider: a checkout that the provider does not make has failed.
func TestRefusedByProvider(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	h.Net.Strike(func(req *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return triggertest.Answer(req, http.StatusBadRequest, `{"error":{"type":"invalid_request_error","message":"no"}}`), nil
	})
	_, err := h.Redirect.Begin(t.Context(), ask("user_1", "pro"))
	var blocked *redirect.Blocked
	if err == nil || errors.As(err, &blocked) {
		t.Fatal(err)
	}
	made, err := h.DB.CheckoutsOf(t.Context(), "user_1", 2)
	if err != nil || len(made) != 1 || made[0].State != store.CheckoutFailed {
		t.Errorf("%+v %v", made, err)
	}
}

// TestOrderOfWays: return before the webhooks, after them, twice, or never: the
// ledger and the audit trail say the same.
func TestOrderOfWays(t *testing.T) {
	for _, plan := range []string{"pro", "day"} {
		t.Run(plan, func(t *testing.T) {
			outcomes := map[string]string{}
			for _, order := range []string{"webhooks", "return, webhooks", "webhooks, return", "return, webhooks, return"} {
				h := triggertest.SQLite(t, quiet)
				checkout := begin(t, h, ask("user_1", plan))
				if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
					t.Fatal(err)
				}
				address := returnURL(t, h, checkout.Object)
				for way := range strings.SplitSeq(order, ", ") {
					if way == "webhooks" {
						h.Pass(t, time.Hour)
					} else if got, want := back(t, h, address), arrival(checkout, redirect.Complete); got != want {
						t.Errorf("%s: %s, want %s", order, got, want)
					}
				}
				outcomes[order] = told(t, h)
			}
			for order, outcome := range outcomes {
				if diff := cmp.Diff(outcomes["webhooks"], outcome); diff != "" {
					t.Errorf("%s (-webhooks alone):\n%s", order, diff)
				}
			}
		})
	}
}

// TestCompleteMeansAccess: when the customer is told that all is well, it is.
func TestCompleteMeansAccess(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	checkout := begin(t, h, ask("user_1", "day"))
	if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
		t.Fatal(err)
	}
	if got, want := back(t, h, returnURL(t, h, checkout.Object)), arrival(checkout, redirect.Complete); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	if d := may(t, h, "user_1"); d.Reason != billing.ReasonPass || !d.Until.Equal(triggertest.Start.AddDate(0, 1, 0)) {
		t.Errorf("access: %+v", d)
	}
}
