package stripe

import (
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Only Stripe knows what Stripe does not have: a wrong base_url or a proxy that
// answers 404 to everything must not make the ledger a graveyard.
func TestMissingOnlyInStripesWords(t *testing.T) {
	for body, want := range map[string]provider.ErrorKind{
		`{"error":{"type":"invalid_request_error","code":"resource_missing","param":"id","message":"No such subscription"}}`: provider.NotFound,
		`{"error":{"type":"invalid_request_error","message":"Unrecognized request URL (GET: /x/v1/subscriptions/sub_1)."}}`:  provider.Unavailable,
		`<html>404 Not Found</html>`: provider.Unavailable,
		`{"message":"no route"}`:     provider.Unavailable,
		`{}`:                         provider.Unavailable,
		``:                           provider.Unavailable,
	} {
		for _, status := range []int{http.StatusNotFound, http.StatusGone} {
			f := &fake{status: status, answers: map[string]string{"GET /prefix/v1/subscriptions/sub_1": body}}
			if _, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindSubscription, "sub_1")); provider.KindOf(err) != want {
				t.Errorf("%d %q is %s (%v), want %s", status, body, provider.KindOf(err), err, want)
			}
		}
	}
}

// An invoice's claims come from two maps, which together may be longer than one.
func TestClaimsOfLongMetadata(t *testing.T) {
	invoice, subscription := map[string]string{}, map[string]string{"trivet_token": "tok"}
	for i := range 45 {
		invoice[fmt.Sprint("i", i)], subscription[fmt.Sprint("s", i)] = "x", "x"
	}
	first := claims(invoice, subscription)
	if first[provider.ClaimToken] != "tok" {
		t.Error("the token is lost among the rest")
	}
	for range 50 {
		if !maps.Equal(first, claims(invoice, subscription)) {
			t.Fatal("the same metadata makes other claims")
		}
	}
}
