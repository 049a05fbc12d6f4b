package providertest

import (
	"maps"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// checkout makes pages of both modes, lets them be paid, and follows the token
// to what came of them.
func (h Harness) checkout(t *testing.T) {
	for _, mode := range []string{"subscription", "payment"} {
		t.Run(mode, func(t *testing.T) {
			w := h.world(t, sim.Chaos{})
			maker, can := offered[provider.Checkouter](t, w, "the provider has no checkout pages")
			if !can {
				return
			}
			request := provider.CheckoutRequest{
				Key: "checkout " + mode, Token: "tok_" + mode, Customer: "user_1", Email: "buyer@example.com", Mode: mode,
				Items: []billing.Item{{Price: w.Make.Price, Quantity: 2}}, ReturnURL: "https://app.test/return?x=1", Locale: "de-AT",
			}
			if mode == "payment" {
				request.Items[0].Price = w.Make.Pass
			}
			page := w.onePage(t, maker, request)
			w.Make.Pay(t, page.Ref.ID)
			h.followToken(t, w, page.Ref, request)
			again := request
			again.Key, again.Items = "another "+mode, nil
			_, err := maker.CreateCheckout(t.Context(), again)
			w.fails(t, err, provider.Refused)
		})
	}
}

// onePage asks for a page through a lost answer, and again; there is one.
func (w *World) onePage(t *testing.T, maker provider.Checkouter, request provider.CheckoutRequest) provider.CheckoutPage {
	t.Helper()
	w.net.strike(lostAfter, true)
	_, err := maker.CreateCheckout(t.Context(), request)
	w.fails(t, err, provider.OutcomeUnknown)
	page, err := maker.CreateCheckout(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if n := w.effects(sim.OpCheckoutCreate, ""); n != 1 || page.URL == "" {
		t.Errorf("%d pages were made: %+v", n, page)
	}
	s, err := w.Driver.Fetch(t.Context(), page.Ref)
	if err != nil || s.Object.State() != string(billing.CheckoutOpen) || s.Claims[provider.ClaimToken] != request.Token {
		t.Errorf("the new page is %+v, %v", s, err)
	}
	for _, bad := range []url.Values{{}, {"session_id": {"../x"}}, {"session_id": {""}}} {
		if ref, err := maker.ReturnedRef(bad); err == nil {
			t.Errorf("%v is said to name %v", bad, ref)
		}
	}
	return page
}

// told gathers what the webhooks claim, of a provider that claims anything there.
func (w *World) told(t *testing.T) map[provider.Ref]map[string]string {
	t.Helper()
	all := map[provider.Ref]map[string]string{}
	if !provider.Tells(w.Driver) {
		return all
	}
	w.Advance(time.Minute)
	for _, hook := range w.Webhooks(t) {
		delivery, err := w.Driver.Verify(t.Context(), hook.Header, hook.Body, w.Now())
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, delivery.Claims)
	}
	return all
}

// bought is the checkout that tells what was bought: the page itself or, where it
// never tells, the one that the webhooks claim for the token.
func (w *World) bought(t *testing.T, page provider.Ref, told map[provider.Ref]map[string]string, token string) provider.Ref {
	t.Helper()
	if !provider.Tells(w.Driver) {
		return page
	}
	for ref, claims := range told {
		if ref.Kind == billing.KindCheckout && claims[provider.ClaimToken] == token {
			return ref
		}
	}
	t.Fatal("no webhook tells whose the purchase is")
	return page
}

// followToken checks that the paid checkout and what came of it carry the token.
func (h Harness) followToken(t *testing.T, w *World, page provider.Ref, request provider.CheckoutRequest) {
	t.Helper()
	told := w.told(t)
	ref := w.bought(t, page, told, request.Token)
	s, err := w.Driver.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Object.(billing.Checkout)
	if c.Status != billing.CheckoutComplete || c.PaymentStatus != billing.CheckoutPaid || len(c.Items) != 1 || c.Items[0] != request.Items[0] || (s.Owner == "") != h.Ownerless {
		t.Errorf("the paid page is %+v of %q", c, s.Owner)
	}
	made := w.ref(billing.KindSubscription, c.Subscription)
	if request.Mode == "payment" {
		made = w.ref(billing.KindPayment, c.Payment)
	}
	bought, err := w.Driver.Fetch(t.Context(), made)
	claims := []string{bought.Claims[provider.ClaimToken], told[made][provider.ClaimToken], told[bought.Parent][provider.ClaimToken]}
	if err != nil || !slices.Contains(claims, request.Token) || bought.Owner != s.Owner {
		t.Fatalf("what was bought is %+v, %v", bought, err)
	}
	if p, ok := bought.Object.(billing.Payment); ok && (p.Status != billing.PaymentSucceeded || len(p.Items) != 1 || p.Items[0] != request.Items[0]) {
		t.Errorf("the payment is %+v", p)
	}
}
