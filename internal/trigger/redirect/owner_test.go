package redirect_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// with changes one parameter of a return address; an empty value removes it.
func with(address *url.URL, name, value string) *url.URL {
	other := *address
	query := other.Query()
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	other.RawQuery = query.Encode()
	return &other
}

// TestFlawSomebodyElsesCheckoutClaimed: what does not belong together is refused, and nothing is
// bound to anybody.
func TestFlawSomebodyElsesCheckoutClaimed(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true, Accounts: []string{"stripe", "stripe_eu"}}, func(t *testing.T, h *triggertest.House) {
		request := ask("user_a", "pro")
		request.Account = "stripe"
		a := begin(t, h, request)
		request.Customer, request.Email = "user_b", "b@example.com"
		b := begin(t, h, request)
		for _, session := range []string{a.Object, b.Object} {
			if paid, err := h.PayCheckout(session, world.CardGood); err != nil || !paid {
				t.Fatal(paid, err)
			}
		}
		mine, other := returnURL(t, h, a.Object), returnURL(t, h, b.Object)
		token := mine.Query().Get("checkout_token")
		id, signature, _ := strings.Cut(token, ".")
		elsewhere := *mine
		elsewhere.Path = "/return/stripe_eu"
		nowhere := *mine
		nowhere.Path = "/return/paypal"
		before := h.Count(t)
		for name, address := range map[string]*url.URL{
			"token of a, session of b": with(mine, "session_id", b.Object),
			"token of b, session of a": with(other, "session_id", a.Object),
			"session of nobody":        with(mine, "session_id", "cs_test_nobody"),
			"no session":               with(mine, "session_id", ""),
			"not a session":            with(mine, "session_id", "sub_1"),
			"a path":                   with(mine, "session_id", "cs_test/../../customers/cus_1"),
			"no token":                 with(mine, "checkout_token", ""),
			"no signature":             with(mine, "checkout_token", id),
			"empty signature":          with(mine, "checkout_token", id+"."),
			"other id":                 with(mine, "checkout_token", b.ID+"."+signature),
			"signature changed":        with(mine, "checkout_token", token[:len(token)-2]+"AA"),
			"more":                     with(mine, "checkout_token", token+"="),
			"long":                     with(mine, "checkout_token", token+strings.Repeat("A", 100000)),
			"other account":            &elsewhere,
			"unknown account":          &nowhere,
		} {
			w := visit(h, address, "text/html")
			if w.Code != http.StatusForbidden || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), "not valid") {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if diff := cmp.Diff(before, h.Count(t)); diff != "" {
			t.Errorf("foreign returns wrote rows:\n%s", diff)
		}
		if calls := h.Net.Calls(); len(calls) != 2 {
			t.Errorf("foreign returns made calls besides the two checkouts: %v", calls)
		}
		for _, address := range []*url.URL{mine, other} {
			if got := back(t, h, address); !strings.Contains(got, "complete") {
				t.Errorf("the rightful owner gets %s", got)
			}
		}
		h.Pass(t, time.Hour)
		for _, o := range h.Objects(t, store.ObjectFilter{Kind: "checkout"}) {
			if want := map[string]string{a.Object: "user_a", b.Object: "user_b"}[o.ID]; o.Customer != want {
				t.Errorf("%s belongs to %q, want %q", o.ID, o.Customer, want)
			}
		}
	})
}

// TestUnfinishedTokenBindsNothingElse: a token whose session we never heard of
// takes the session that it is written in, and no other.
func TestUnfinishedTokenBindsNothingElse(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		victim := begin(t, h, ask("user_b", "pro"))
		if _, err := h.PayCheckout(victim.Object, world.CardGood); err != nil {
			t.Fatal(err)
		}
		h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if resp, err := pass(); err == nil {
				resp.Body.Close()
			}
			return triggertest.Down(req, pass)
		})
		if _, err := h.Redirect.Begin(t.Context(), ask("user_a", "pro")); err == nil {
			t.Fatal("no error")
		}
		h.Net.Strike(nil)
		var session string
		for _, id := range sessions(h) {
			if id != victim.Object {
				session = id
			}
		}
		address := returnURL(t, h, session)
		for _, id := range []string{victim.Object, "cs_test_nobody"} {
			if got := back(t, h, with(address, "session_id", id)); got != "403" {
				t.Errorf("%s: %s", id, got)
			}
		}
		if may(t, h, "user_a").Allowed {
			t.Error("a has what b bought")
		}
		made, err := h.DB.CheckoutsOf(t.Context(), "user_a", 1)
		if err != nil || len(made) != 1 || made[0].Object != "" || made[0].State != store.CheckoutCreating {
			t.Errorf("%+v %v", made, err)
		}
	})
}

// TestSomethingElseSold: a session with our token that sells something else than
// we asked for is not taken for the purchase.
func TestSomethingElseSold(t *testing.T) {
	for name, change := range map[string]func(*triggertest.House, url.Values){
		"price":    func(h *triggertest.House, form url.Values) { form.Set("line_items[0][price]", h.Big) },
		"quantity": func(_ *triggertest.House, form url.Values) { form.Set("line_items[0][quantity]", "2") },
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, quiet)
			h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
				if req.Method == http.MethodPost && req.URL.Path == "/v1/checkout/sessions" {
					if err := rewrite(req, func(form url.Values) { change(h, form) }); err != nil {
						return nil, err
					}
				}
				return pass()
			})
			checkout := begin(t, h, ask("user_1", "pro"))
			if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
				t.Fatal(err)
			}
			if got := back(t, h, returnURL(t, h, checkout.Object)); got != "403" {
				t.Errorf("came back to %s", got)
			}
			if state := row(t, h, checkout).State; state != store.CheckoutOpen {
				t.Errorf("the checkout is %s", state)
			}
		})
	}
}

// TestPages: what the browser brings comes back only as text, and the pages let
// nothing in and nothing out.
func TestPages(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	request := ask("user_1", "day")
	request.SuccessURL = `https://app.test/welcome?next="><script>alert(1)</script>&a='b'`
	checkout := begin(t, h, request)
	if _, err := h.PayCheckout(checkout.Object, world.CardDebit); err != nil {
		t.Fatal(err)
	}
	address := returnURL(t, h, checkout.Object)
	hostile := with(address, "x", `"><script>alert(2)</script>`)
	for name, page := range map[string]*url.URL{
		"pending": hostile, "foreign": with(hostile, "checkout_token", `"><script>alert(3)</script>`),
		"poll": with(hostile, "poll", `0"><script>alert(4)</script>`),
	} {
		w := visit(h, page, "text/html")
		if body := w.Body.String(); strings.Contains(body, "<script") || strings.Contains(body, "'b'") {
			t.Errorf("%s:\n%s", name, body)
		}
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: no %s in %q", name, want, policy)
			}
		}
		if w.Code != http.StatusSeeOther && w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
	if w := visit(h, polled(address, 5), "text/html"); strings.Contains(w.Header().Get("Location"), "token") {
		t.Error("the token is handed on")
	}
}

func TestJSON(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	checkout := begin(t, h, ask("user_1", "pro"))
	if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
		t.Fatal(err)
	}
	address := returnURL(t, h, checkout.Object)
	w := visit(h, address, "application/json")
	want := `{"status":"complete","checkout":"` + checkout.ID + `","plan":"pro","url":"https://app.test/welcome?checkout=` + checkout.ID + `\u0026status=complete\u0026x=1"}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s\nwant %s", w.Code, got, want)
	}
	w = visit(h, with(address, "checkout_token", "x"), "application/json")
	if w.Code != http.StatusForbidden || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, field := range []string{`"type":"about:blank"`, `"title":"Forbidden"`, `"status":403`, `"code":"invalid_link"`, `"detail":"`} {
		if !strings.Contains(w.Body.String(), field) {
			t.Errorf("without %s: %s", field, w.Body)
		}
	}
}

// TestSecretLasts: tokens stay good over a restart, and another database's are
// not.
func TestSecretLasts(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		checkout := begin(t, h, ask("user_1", "pro"))
		if _, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil {
			t.Fatal(err)
		}
		address := returnURL(t, h, checkout.Object)
		h.Restart(t)
		if got, want := back(t, h, address), arrival(checkout, redirect.Complete); got != want {
			t.Errorf("after a restart: %s, want %s", got, want)
		}
		stranger := triggertest.SQLite(t, quiet)
		if got := back(t, stranger, address); got != "403" {
			t.Errorf("at another service: %s", got)
		}
	})
}
