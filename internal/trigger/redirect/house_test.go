package redirect_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/sim"
)

var quiet = triggertest.Options{Quiet: true}

// ask is a good request for a checkout.
func ask(customer, plan string) redirect.Request {
	return redirect.Request{
		Customer: customer, Plan: plan, Email: customer + "@example.com",
		SuccessURL: "https://app.test/welcome?x=1", CancelURL: "https://app.test/pricing",
	}
}

func begin(t *testing.T, h *triggertest.House, request redirect.Request) redirect.Checkout {
	t.Helper()
	checkout, err := h.Redirect.Begin(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return checkout
}

// returnURL is where the provider sends the browser after a session, as the
// provider has it.
func returnURL(t *testing.T, h *triggertest.House, session string) *url.URL {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/v1/checkout/sessions/"+session, nil)
	r.Header.Set("Authorization", "Bearer "+h.SecretKey())
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	var answer struct {
		SuccessURL string `json:"success_url"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.SuccessURL == "" {
		t.Fatalf("session %s: %d %s", session, w.Code, w.Body)
	}
	address, err := url.Parse(strings.ReplaceAll(answer.SuccessURL, "{CHECKOUT_SESSION_ID}", session))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(address.String(), "https://billing.test/return/") {
		t.Fatalf("the browser is sent to %s", address)
	}
	return address
}

// visit loads a page of ours.
func visit(h *triggertest.House, address *url.URL, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address.RequestURI(), nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.Mux.ServeHTTP(w, r)
	return w
}

// back loads the return page and says "303 https://…", or "200 pending".
func back(t *testing.T, h *triggertest.House, address *url.URL) string {
	t.Helper()
	w := visit(h, address, "text/html")
	if w.Code == http.StatusOK && strings.Contains(w.Body.String(), "being confirmed") {
		return "200 pending"
	}
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("Location")))
}

// arrival is where a customer of a checkout ends up.
func arrival(checkout redirect.Checkout, state redirect.State) string {
	if state == redirect.Complete || state == redirect.Pending {
		return "303 https://app.test/welcome?checkout=" + checkout.ID + "&status=" + string(state) + "&x=1"
	}
	return "303 https://app.test/pricing?checkout=" + checkout.ID + "&status=" + string(state)
}

// polled is the return address after the page has looked again n times.
func polled(address *url.URL, n int) *url.URL {
	again := *address
	query := again.Query()
	query.Set("poll", fmt.Sprint(n))
	again.RawQuery = query.Encode()
	return &again
}

// may answers whether a customer may export.
func may(t *testing.T, h *triggertest.House, customer string) billing.Decision {
	t.Helper()
	answer, err := h.Apply.Check(t.Context(), customer, "export")
	if err != nil {
		t.Fatal(err)
	}
	return answer.Decision
}

// row reads the ledger's row of a checkout.
func row(t *testing.T, h *triggertest.House, checkout redirect.Checkout) store.Checkout {
	t.Helper()
	found, err := h.DB.CheckoutNamed(t.Context(), checkout.ID)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sessions lists the ids of all sessions that the provider has.
func sessions(h *triggertest.House) []string {
	var ids []string
	for _, o := range h.Truth() {
		if o.Kind == sim.KindCheckout {
			ids = append(ids, o.ID)
		}
	}
	return ids
}
