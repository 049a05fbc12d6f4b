package trivet_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/sim/paypal"
)

// TestFlawReversedApprovalKeepsAccess: a payment is approved and cannot be taken, until
// PayPal takes the approval back. There is no access at any time, and what was begun is
// over.
func TestFlawReversedApprovalKeepsAccess(t *testing.T) {
	shoptest.Everywhere(t, func(t *testing.T, database string) {
		m := &mall{house: &house{t: t}, away: map[string]bool{}}
		refused := 0
		m.World = shoptest.Open(t, database, shoptest.Options{
			Accounts: []string{"paypal"}, Level: slog.LevelError + 1,
			Configure: func(w *shoptest.World, c *trivet.Config) {
				a := w.Accounts["paypal"]
				m.paypal = a.PayPal
				c.Plans = []billing.Plan{{
					ID: "pro", Features: []string{"export"}, Kind: billing.GrantForever,
					Prices: map[string][]string{"paypal": {a.Sell(shoptest.Offer{Name: "Life", Amount: 2900})}},
				}}
			},
			Wrap: func(_ *shoptest.Account, next http.RoundTripper) http.RoundTripper {
				return roundTrip(func(r *http.Request) (*http.Response, error) {
					if !strings.HasSuffix(r.URL.Path, "/capture") {
						return next.RoundTrip(r)
					}
					refused++
					answer := `{"name":"INTERNAL_SERVER_ERROR","debug_id":"d"}`
					return &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
				})
			},
		})
		post := hire(m.World)
		m.until(time.Minute)
		order, _ := m.begin("paypal", "user_1")
		m.Check(m.paypal.ApproveOrder(order, paypal.Good))
		m.until(7 * day)
		reversed := false
		for _, r := range post.kept {
			body, err := io.ReadAll(r.Body)
			m.Check(err)
			reversed = reversed || strings.Contains(string(body), "CHECKOUT.PAYMENT-APPROVAL.REVERSED")
		}
		if !reversed || refused == 0 {
			t.Fatalf("the approval was taken back: %t, after %d tries to take the money", reversed, refused)
		}
		m.expect("access", m.accessOf("user_1"))
		o, err := m.Ledger.Object(m.T.Context(), "paypal/checkout/"+order)
		if m.Check(err); o.Status != string(billing.CheckoutExpired) {
			t.Errorf("the checkout is %s", o.Status)
		}
		m.audited()
	})
}

// TestFlawNobodysPurchaseEndedWithoutARefund: a purchase of which nobody knows whose it
// is was canceled after five minutes' sleep, and the refund that the mail promised was
// never made. Here it waits for somebody to say whose it is, over restarts too, and what
// was paid goes on.
func TestFlawNobodysPurchaseEndedWithoutARefund(t *testing.T) {
	malls(t, []string{"paypal"}, func(m *mall) {
		m.until(time.Minute)
		id, err := m.paypal.CreateSubscription(paypal.NewSubscription{Plan: m.price["paypal"], Method: paypal.Good})
		m.Check(err)
		m.until(time.Hour)
		m.Check(m.Close())
		m.Serve(m.Database)
		m.until(3 * day)
		if o, _ := m.paypal.TruthOf(id); o.Fields["status"] != "active" {
			m.t.Errorf("it is %s", o.Fields["status"])
		}
		var list struct {
			Data []struct {
				ID         string
				ProviderID string `json:"provider_id"`
			}
		}
		m.Call(http.MethodGet, "/v1/unlinked", "", &list)
		row := ""
		for _, u := range list.Data {
			if u.ProviderID == id {
				row = u.ID
			}
		}
		if row == "" {
			m.t.Fatalf("it does not wait for its owner: %+v", list)
		}
		if code := m.Call(http.MethodPost, "/v1/unlinked/"+row+"/link", fmt.Sprintf(`{"customer":%q}`, "user_1"), nil); code >= 300 {
			m.t.Fatalf("link: %d", code)
		}
		m.until(4 * day)
		m.says("user_1", "yes active by paypal")
		m.audited()
	})
}
