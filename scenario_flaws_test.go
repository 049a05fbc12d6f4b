package trivet_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// The tests of this file are named after flaws of systems that people run today. Each
// shows that the flaw is not ours; docs/flaws.md lists all of them.

// postman delivers webhooks, keeps them, and can bring them once more.
type postman struct {
	w        *shoptest.World
	kept     []*http.Request
	statuses map[int]int
}

// hire puts a postman between the accounts and the service.
func hire(w *shoptest.World) *postman {
	p := &postman{w: w, statuses: map[int]int{}}
	w.Receive = func(_ string, r *http.Request) (int, error) {
		body, err := io.ReadAll(r.Body)
		w.Check(err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		again := r.Clone(w.T.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		p.kept = append(p.kept, again)
		status, err := w.Post(r)
		p.statuses[status]++
		return status, err
	}
	return p
}

// again brings everything that came so far once more, the last first, and signed anew
// as Stripe does it for every try.
func (p *postman) again() {
	p.w.T.Helper()
	kept := p.kept
	p.kept = nil
	for _, r := range slices.Backward(kept) {
		body, err := io.ReadAll(r.Body)
		p.w.Check(err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		at := p.w.Clock.Now().Unix()
		mac := hmac.New(sha256.New, []byte("whsec_stripe"))
		fmt.Fprintf(mac, "%d.%s", at, body)
		r.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%x", at, mac.Sum(nil)))
		if status, err := p.w.Receive("", r); err != nil || status != http.StatusOK {
			p.w.T.Errorf("a redelivery is answered %d %v", status, err)
		}
	}
	p.w.Work()
}

// reopened opens a house with another configuration than the usual.
func reopened(t *testing.T, database string, change func(*house, *trivet.Config)) *house {
	t.Helper()
	h := openHouse(t, database)
	h.Check(h.Close())
	h.serve(func(c *trivet.Config) { change(h, c) })
	return h
}

// TestFlawRedeliveryDoublesCredits: every webhook of a purchase comes three times, the
// last of them days later and in reverse, and ten credits were bought.
func TestFlawRedeliveryDoublesCredits(t *testing.T) {
	shoptest.Everywhere(t, func(t *testing.T, database string) {
		h := reopened(t, database, func(h *house, c *trivet.Config) {
			c.Plans[1] = billing.Plan{ID: "pack", Features: []string{"print"}, Prices: map[string][]string{"stripe": {h.day}}, Kind: billing.GrantCredits, Credits: 10}
		})
		post := hire(h.World)
		h.until(time.Minute)
		h.buy("pack", world.CardGood, time.Time{})
		left := func() (n int64) {
			var answer struct{ Data []struct{ Left int64 } }
			if code := h.Call(http.MethodGet, "/v1/customers/user_1/credits", "", &answer); code != http.StatusOK || len(answer.Data) != 1 {
				t.Fatalf("%d %+v", code, answer)
			}
			return answer.Data[0].Left
		}
		h.until(time.Hour)
		if n := left(); n != 10 || len(post.kept) == 0 {
			t.Fatalf("%d credits after %d webhooks", n, len(post.kept))
		}
		post.again()
		if n := left(); n != 10 {
			t.Errorf("%d credits after every webhook came twice", n)
		}
		if code := h.Call(http.MethodPost, "/v1/customers/user_1/credits/consume", `{"feature":"print","amount":4}`, nil); code != http.StatusOK {
			t.Fatalf("consume: %d", code)
		}
		h.until(3 * day)
		post.again()
		if n := left(); n != 6 {
			t.Errorf("%d credits after a replay of what was used in part", n)
		}
		h.settled()
	})
}

// TestFlawUnknownPriceAnsweredWith500: something is sold that is in no plan. Each
// webhook is answered 200 the first time and worked on, a finding says whose price is
// missing, and nothing else of the customer's suffers.
func TestFlawUnknownPriceAnsweredWith500(t *testing.T) {
	everywhere(t, func(h *house) {
		post := hire(h.World)
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(time.Hour)
		sub, _ := h.world.TruthOf(h.only(sim.KindSubscription))
		odd := h.world.AddPrice(world.Price{Currency: "eur", Amount: 700, Interval: "month"})
		unplanned, err := h.world.CreateSubscription(world.NewSubscription{Customer: sub.Customer, Price: odd, Card: world.CardGood})
		h.Check(err)
		h.until(33 * day)
		if len(post.statuses) != 1 || post.statuses[http.StatusOK] == 0 {
			h.t.Errorf("webhooks are answered %v", post.statuses)
		}
		h.Worked()
		found, err := h.Ledger.Drift(h.t.Context(), store.DriftFilter{Limit: 10})
		h.Check(err)
		named := slices.ContainsFunc(found, func(d store.Drift) bool {
			return d.Kind == "unmapped_price" && d.Object == unplanned
		})
		if !named {
			h.t.Errorf("nothing says that the price of %s is in no plan: %+v", unplanned, found)
		}
		h.expect("access", h.access(), "00d00:01:01 yes active")
		h.Audited()
	})
}

// TestFlawInvoiceOfSeveralLines: a change in the middle of a month makes an invoice of
// several lines, which is money like any other.
func TestFlawInvoiceOfSeveralLines(t *testing.T) {
	shoptest.Everywhere(t, func(t *testing.T, database string) {
		var big string
		h := reopened(t, database, func(h *house, c *trivet.Config) {
			if big == "" {
				big = h.world.AddPrice(world.Price{Currency: "eur", Amount: 9900, Interval: "month"})
			}
			c.Plans = append(c.Plans, billing.Plan{ID: "big", Features: []string{"export"}, Prices: map[string][]string{"stripe": {big}}, Kind: billing.GrantSubscription})
		})
		post := hire(h.World)
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(10 * day)
		h.Check(h.world.Change(h.only(sim.KindSubscription), big, 2))
		h.until(32 * day)
		most := 0
		for _, o := range h.world.Truth() {
			if o.Kind == sim.KindInvoice {
				most = max(most, linesOf(h, o.ID))
			}
		}
		if most < 2 {
			t.Fatalf("the invoices have %d lines at most, and the test tells nothing", most)
		}
		if len(post.statuses) != 1 || post.statuses[http.StatusOK] == 0 {
			t.Errorf("webhooks are answered %v", post.statuses)
		}
		h.expect("access", h.access(), "00d00:01:01 yes active")
		h.settled()
	})
}

// linesOf counts the lines of an invoice at the provider.
func linesOf(h *house, id string) int {
	h.t.Helper()
	var invoice struct {
		Lines struct{ Data []json.RawMessage }
	}
	h.Check(askStripe(h, "/v1/invoices/"+id, &invoice))
	return len(invoice.Lines.Data)
}

// askStripe reads an object at the provider.
func askStripe(h *house, path string, into any) error {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+h.world.SecretKey())
	w := httptest.NewRecorder()
	h.world.Handler().ServeHTTP(w, r)
	return json.Unmarshal(w.Body.Bytes(), into)
}

// TestFlawCustomerTakenByAddress: the provider has others of the same address, and one
// of them has a subscription. Neither that nor its end is our customer's.
func TestFlawCustomerTakenByAddress(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		other := h.world.CreateCustomer("user_1@example.com")
		h.world.CreateCustomer("user_1@example.com")
		old, err := h.world.CreateSubscription(world.NewSubscription{Customer: other, Price: h.pro, Card: world.CardGood})
		h.Check(err)
		if code := h.Call(http.MethodPut, "/v1/customers/user_1", `{"email":"user_1@example.com"}`, nil); code >= 300 {
			h.t.Fatal(code)
		}
		h.until(day)
		h.expect("access before anything is bought", h.access())
		h.buy("day", world.CardGood, time.Time{})
		h.until(2 * day)
		h.Check(h.world.CancelNow(old))
		h.until(3 * day)
		h.expect("access", h.access(), "01d00:00:00 yes pass")
		o, err := h.Ledger.Object(h.t.Context(), "stripe/subscription/"+old)
		if h.Check(err); o.Customer == "user_1" {
			h.t.Errorf("the subscription of another customer belongs to %s", o.Customer)
		}
		h.Worked()
	})
}

// TestFlawSuccessReadFromTheAddress: whoever writes success into the address of the
// page has bought nothing.
func TestFlawSuccessReadFromTheAddress(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		var made struct {
			ProviderID string `json:"provider_id"`
		}
		h.Call(http.MethodPost, "/v1/checkouts", `{"customer":"user_1","plan":"day","success_url":"https://app.test/yes","cancel_url":"https://app.test/no"}`, &made)
		session, err := sessionOf(h, made.ProviderID)
		h.Check(err)
		session = strings.ReplaceAll(session, "{CHECKOUT_SESSION_ID}", made.ProviderID)
		for _, address := range []string{
			"/return/stripe?status=success&customer=user_1", "/return/stripe?checkoutSuccess=true&session_id=" + made.ProviderID,
			session + "&status=success&payment_status=paid&redirect_status=succeeded",
		} {
			r := httptest.NewRequest(http.MethodGet, address, nil)
			r.Header.Set("Accept", "application/json")
			w := httptest.NewRecorder()
			h.Handler().ServeHTTP(w, r)
			if strings.Contains(w.Body.String(), "complete") || strings.HasPrefix(w.Header().Get("Location"), "https://app.test/yes") {
				h.t.Errorf("%s: %d %s %s", address, w.Code, w.Header().Get("Location"), w.Body)
			}
		}
		h.until(3 * day)
		h.expect("access", h.access())
	})
}

// sessionOf is where the provider sends the browser of who has paid.
func sessionOf(h *house, id string) (string, error) {
	h.t.Helper()
	var session struct {
		SuccessURL string `json:"success_url"`
	}
	if err := askStripe(h, "/v1/checkout/sessions/"+id, &session); err != nil {
		return "", err
	}
	_, err := url.Parse(session.SuccessURL)
	return session.SuccessURL, err
}

// TestFlawForgottenAfterAFailedCancellation: the provider cannot be asked to cancel.
// The subscription is still known, still gives access, and the wish stands until it is
// carried out, once.
func TestFlawForgottenAfterAFailedCancellation(t *testing.T) {
	shoptest.Everywhere(t, func(t *testing.T, database string) {
		h := &house{t: t}
		away := false
		h.World = shoptest.Open(t, database, shoptest.Options{
			Accounts: []string{"stripe"}, Configure: h.configure, Level: 8,
			Wrap: func(_ *shoptest.Account, next http.RoundTripper) http.RoundTripper {
				return roundTrip(func(r *http.Request) (*http.Response, error) {
					if away && r.Method != http.MethodGet {
						return &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
					}
					return next.RoundTrip(r)
				})
			},
		})
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(day)
		id := h.only(sim.KindSubscription)
		away = true
		if code := h.Call(http.MethodPost, "/v1/subscriptions/"+id+"/cancel", `{"at":"now"}`, nil); code >= 500 {
			t.Errorf("canceling while the provider is away: %d", code)
		}
		h.until(day + time.Hour)
		var row struct{ Status, Customer string }
		if code := h.Call(http.MethodGet, "/v1/subscriptions/"+id, "", &row); code != http.StatusOK || row.Status != "active" || row.Customer != "user_1" {
			t.Errorf("not canceled, it is %d %+v", code, row)
		}
		h.expect("access while it is not canceled", h.access(), "00d00:01:01 yes active")
		away = false
		h.until(4 * day)
		if truth, _ := h.world.TruthOf(id); truth.Fields["status"] != "ended" {
			t.Errorf("in the end it is %s at the provider", truth.Fields["status"])
		}
		if lines := h.access(); len(lines) != 2 || !strings.HasSuffix(lines[1], "no ended") {
			t.Errorf("access: %q", lines)
		}
		h.settled()
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestFlawSorryAtEveryUpdate: a subscription that is canceled for the end of its month
// is updated again and again, and redelivered. One mail says that it was canceled.
func TestFlawSorryAtEveryUpdate(t *testing.T) {
	shoptest.Everywhere(t, func(t *testing.T, database string) {
		mails := &mailbox{}
		rules, err := dunning.New(dunning.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		h := reopened(t, database, func(h *house, c *trivet.Config) {
			mails.now = h.Clock.Now
			c.Policies, c.Modes = []policy.Policy{rules}, policy.Modes{Policies: map[string]policy.Mode{"dunning": policy.Enforce}}
			c.Channels, c.Brand = []notify.Channel{mails}, words.Brand{Name: "Acme", URL: "https://acme.test", Support: "help@acme.test"}
		})
		post := hire(h.World)
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(5 * day)
		before := len(mails.got)
		sub := h.only(sim.KindSubscription)
		h.Check(h.world.PortalCancel(sub))
		h.until(6 * day)
		for n := range int64(3) {
			h.Check(h.world.Change(sub, h.pro, n+2))
			h.until(time.Duration(7+n) * day)
		}
		post.again()
		h.until(12 * day)
		var said []string
		for _, m := range mails.got[before:] {
			if strings.Contains(m.Template, "cancel") {
				said = append(said, m.Template)
			}
		}
		if len(said) != 1 {
			t.Errorf("%d mails say that it is canceled: %q", len(said), said)
		}
	})
}
