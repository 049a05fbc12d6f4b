package year_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
	"github.com/trivetdev/trivet/sim/paddle"
	"github.com/trivetdev/trivet/sim/paypal"
	"github.com/trivetdev/trivet/sim/stripe"
)

// These are what the customer, the bank and the team do. Each is the same act at every
// provider, as far as there is one.

// buys sends the customer through a checkout for an offer. Their browser does not come
// back.
func (h *house) buys(offer string) {
	h.T.Helper()
	h.note(acts, "— the customer buys %s", offer)
	id := h.checkout(offer)
	h.pays(id, "good")
}

// checkout begins one, with 14 days of trial where the offer has a trial that does not
// come with the price.
func (h *house) checkout(offer string) string {
	h.T.Helper()
	var made struct {
		ProviderID string `json:"provider_id"`
	}
	plan, trial := "pro", ""
	if offer == "pass" {
		plan = "pass"
	}
	if offer == "trial" && h.Accounts[h.account].Stripe != nil {
		trial = fmt.Sprintf(`,"trial_end":%q`, h.Clock.Now().Add(14*day).Format(time.RFC3339))
	}
	status := h.Call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":%q,"plan":%q,"price":%q,"provider":%q,"email":%q,
		"success_url":"https://app.test/yes","cancel_url":"https://app.test/no"%s}`, customer, plan, h.prices[h.account][offer], h.account, buyer, trial), &made)
	if status != http.StatusCreated {
		h.T.Fatalf("checkout of %s: %d", offer, status)
	}
	return made.ProviderID
}

// pays pays a checkout by a good card, or tries to by a bad one.
func (h *house) pays(checkout, card string) {
	h.T.Helper()
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		_, err := a.Stripe.PayCheckoutAs(checkout, stripe.Card(card), buyer)
		h.Check(err)
	case a.Paddle != nil:
		_, err := a.Paddle.PayCheckoutAs(checkout, paddle.Card(card), buyer)
		h.Check(err)
	case a.Lemon != nil:
		_, err := a.Lemon.PayCheckout(checkout, buyer)
		h.Check(err)
	case strings.HasPrefix(checkout, "I-"):
		h.Check(a.PayPal.ApproveSubscription(checkout, paypal.Method(card)))
	default:
		h.Check(a.PayPal.ApproveOrder(checkout, paypal.Method(card)))
	}
}

// subscription is the newest at the account.
func (h *house) subscription() string {
	h.T.Helper()
	id := h.Accounts[h.account].Newest(sim.KindSubscription)
	if id == "" {
		h.T.Fatalf("there is no subscription at %s", h.account)
	}
	return id
}

// payment is the newest at the account.
func (h *house) payment() string {
	h.T.Helper()
	id := h.Accounts[h.account].Newest(sim.KindPayment)
	if id == "" {
		h.T.Fatalf("there is no payment at %s", h.account)
	}
	return id
}

// payer is the customer as the account knows them.
func (h *house) payer() string {
	return h.Accounts[h.account].CustomerOf(sim.KindSubscription, h.subscription())
}

// runsDry has every further charge fail.
func (h *house) runsDry() {
	h.T.Helper()
	h.note(acts, "— the bank refuses every further charge")
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.Check(a.Stripe.NewCard(h.payer(), stripe.CardLaterFails))
	case a.Paddle != nil:
		h.Check(a.Paddle.NewCard(h.subscription(), paddle.CardLaterFails))
	case a.Lemon != nil:
		h.Check(a.Lemon.NewCard(h.payer(), lemonsqueezy.CardLaterFails))
	default:
		h.Check(a.PayPal.FailCharges(h.subscription(), 1000))
	}
}

// paysAnew enters a good card, and pays what is owed as far as the page asks for it.
// At PayPal, which has no such page, the next try finds money.
func (h *house) paysAnew() {
	h.T.Helper()
	h.note(acts, "— the customer sees to it that they can pay")
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.Check(a.Stripe.NewCard(h.payer(), stripe.CardGood))
		h.Check(a.Stripe.PayInvoice(a.Newest(sim.KindInvoice)))
	case a.Paddle != nil:
		h.Check(a.Paddle.NewCard(h.subscription(), paddle.CardGood))
	case a.Lemon != nil:
		h.Check(a.Lemon.NewCard(h.payer(), lemonsqueezy.CardGood))
	default:
		h.Check(a.PayPal.FailCharges(h.subscription(), 0))
	}
}

// asks sends a request of the application's about the newest subscription.
func (h *house) asks(action, body string) {
	h.T.Helper()
	h.note(acts, "— the application asks to %s it", action)
	if status := h.Call(http.MethodPost, "/v1/subscriptions/"+h.subscription()+"/"+action, body, nil); status >= http.StatusBadRequest {
		h.note(acts, "  and is told %d", status)
	}
}

// pausesByHand and resumesByHand are what people do at the dashboard.
func (h *house) pausesByHand() {
	h.T.Helper()
	h.note(acts, "— the team pauses it at the dashboard")
	sub := h.subscription()
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.Check(a.Stripe.Pause(sub, "void", time.Time{}))
	case a.Paddle != nil:
		h.Check(a.Paddle.Pause(sub, time.Time{}))
	case a.Lemon != nil:
		h.Check(a.Lemon.Pause(sub, "void", time.Time{}))
	default:
		h.Check(a.PayPal.Suspend(sub, "at your request"))
	}
}

func (h *house) resumesByHand() {
	h.T.Helper()
	h.note(acts, "— the team resumes it at the dashboard")
	sub := h.subscription()
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.Check(a.Stripe.Resume(sub))
	case a.Paddle != nil:
		h.Check(a.Paddle.Resume(sub))
	case a.Lemon != nil:
		h.Check(a.Lemon.Unpause(sub))
	default:
		h.Check(a.PayPal.Activate(sub, "welcome back"))
	}
}

// cancels is what the customer does in the provider's portal.
func (h *house) cancels() {
	h.T.Helper()
	h.note(acts, "— the customer cancels")
	sub := h.subscription()
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.Check(a.Stripe.PortalCancel(sub))
	case a.Paddle != nil:
		h.Check(a.Paddle.PortalCancel(sub))
	case a.Lemon != nil:
		h.Check(a.Lemon.PortalCancel(sub))
	default:
		h.Check(a.PayPal.Cancel(sub, "enough"))
	}
}

// staysAfterAll takes the cancellation back, in the portal too.
func (h *house) staysAfterAll() {
	h.T.Helper()
	h.note(acts, "— the customer takes it back")
	sub := h.subscription()
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.Check(a.Stripe.PortalUncancel(sub))
	case a.Paddle != nil:
		h.Check(a.Paddle.PortalUncancel(sub))
	case a.Lemon != nil:
		h.Check(a.Lemon.PortalResume(sub))
	}
}

// contests opens a dispute over the newest payment and returns it.
func (h *house) contests() (dispute string) {
	h.T.Helper()
	h.note(acts, "— the customer contests the charge at the bank")
	var err error
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		dispute, err = a.Stripe.OpenDispute(h.payment(), "product_not_received", false)
	case a.Paddle != nil:
		dispute, err = a.Paddle.ChargeBack(h.payment(), false)
	default:
		dispute, err = a.PayPal.OpenDispute("MERCHANDISE_OR_SERVICE_NOT_RECEIVED", false, h.payment())
	}
	h.Check(err)
	return dispute
}

// answers submits evidence, where the provider does not do so itself.
func (h *house) answers(dispute string) {
	h.T.Helper()
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.note(acts, "— the team submits evidence at the dashboard")
		h.Check(a.Stripe.ContestDispute(dispute))
	case a.PayPal != nil:
		h.note(acts, "— the team submits evidence at the dashboard")
		h.Check(a.PayPal.ContestDispute(dispute))
	}
}

// rules decides a dispute.
func (h *house) rules(dispute string, won bool) {
	h.T.Helper()
	h.note(acts, "— the bank decides %s", map[bool]string{true: "for us", false: "for the customer"}[won])
	switch a := h.Accounts[h.account]; {
	case a.Stripe != nil:
		h.Check(a.Stripe.RuleDispute(dispute, map[bool]string{true: "won", false: "lost"}[won]))
	case a.PayPal != nil:
		h.Check(a.PayPal.RuleDispute(dispute, map[bool]string{true: "RESOLVED_SELLER_FAVOUR", false: "RESOLVED_BUYER_FAVOUR"}[won]))
	case won:
		h.Check(a.Paddle.ReverseChargeBack(dispute))
	}
}

// bans is what a person of the team does.
func (h *house) bans() {
	h.T.Helper()
	h.note(acts, "— the team bans the customer")
	if status := h.Call(http.MethodPost, "/v1/customers/"+customer+"/ban", `{"reason":"stolen cards"}`, nil); status >= http.StatusBadRequest {
		h.T.Fatalf("ban: %d", status)
	}
}

// sellsByItself is a sale at another account that the application makes without us.
func (h *house) sellsByItself(account string) {
	h.T.Helper()
	h.note(acts, "— the application sells month at %s by itself", account)
	switch a := h.Accounts[account]; {
	case a.PayPal != nil:
		_, err := a.PayPal.CreateSubscription(paypal.NewSubscription{Plan: h.prices[account]["month"], Email: buyer, Method: paypal.Good, Custom: customer})
		h.Check(err)
	case a.Stripe != nil:
		_, err := a.Stripe.CreateSubscription(stripe.NewSubscription{
			Customer: a.Stripe.CreateCustomer(buyer), Price: h.prices[account]["month"], Card: stripe.CardGood, Metadata: map[string]string{"user_id": customer},
		})
		h.Check(err)
	case a.Paddle != nil:
		_, err := a.Paddle.CreateSubscription(paddle.NewSubscription{
			Customer: a.Paddle.CreateCustomer(buyer), Price: h.prices[account]["month"], Custom: map[string]any{"user_id": customer},
		})
		h.Check(err)
	default:
		_, err := a.Lemon.Buy(lemonsqueezy.Purchase{Email: buyer, Variant: h.prices[account]["month"], Card: lemonsqueezy.CardGood, Custom: map[string]string{"user_id": customer}})
		h.Check(err)
	}
}
