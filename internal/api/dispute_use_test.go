package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dispute"
)

// comeBack has the customer come back from the checkout {session}.
func (w *world) comeBack() {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/v1/checkout/sessions/"+w.names["session"], nil)
	r.Header.Set("Authorization", "Bearer "+w.stripe.SecretKey())
	session := httptest.NewRecorder()
	w.stripe.Handler().ServeHTTP(session, r)
	var answer struct {
		SuccessURL string `json:"success_url"`
	}
	if err := json.Unmarshal(session.Body.Bytes(), &answer); err != nil {
		w.t.Fatal(err)
	}
	address := strings.ReplaceAll(answer.SuccessURL, "{CHECKOUT_SESSION_ID}", w.names["session"])
	came := httptest.NewRecorder()
	w.Handler().ServeHTTP(came, httptest.NewRequest(http.MethodGet, strings.TrimPrefix(address, "https://billing.test"), nil))
	if came.Code != http.StatusSeeOther {
		w.t.Fatalf("the return answers %d %s", came.Code, came.Body)
	}
}

// TestEvidenceOfUse: what was sent, when the customer came back, what they used and paid
// since is in the answer, and in the alert, which had nothing but billing objects.
func TestEvidenceOfUse(t *testing.T) {
	contest, err := dispute.New(dispute.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database, greeting, packs, func(c *trivet.Config) { c.Policies = append(c.Policies, contest) })
		w.must("PUT /v1/customers/user_1", `{"email":"a@b.test","attributes":{"last_used_at":"2026-03-01T13:30:00+01:00"}}`)
		w.subscribe("user_1")
		w.comeBack()
		w.pass(time.Minute)
		buyPack(w)
		for range 3 {
			w.must(consume, `{"plan":"pack"}`)
			w.pass(10 * time.Minute)
		}
		w.must(give, `{"plan":"pack","amount":1,"reason":"the first was blank"}`)
		w.dispute("user_1")
		id, _, _ := strings.Cut(w.names["dispute"], "@")
		r := w.must("GET /v1/disputes/"+id+"/evidence", "")
		want := []string{
			`"messages":[{"at":"2026-03-01T12:`, `"visits":[{"at":"2026-03-01T12:10:00Z","provider":"stripe","plan":"pro"}]`,
			`"used":[{"plan":"pack","times":3,"first":"2026-03-01T12:21:00Z","last":"2026-03-01T12:41:00Z"}]`,
			`"last_used":"2026-03-01T12:30:00Z"`, `"later":[{"id":"`,
			"Last used on 2026-03-01 12:30 UTC, as the application recorded", "Credits of pack were used 3 times", "came back from the checkout of pro at stripe",
		}
		for _, want := range want {
			if !strings.Contains(r.body, want) {
				t.Errorf("%s is missing in %s", want, r.body)
			}
		}
		var alerts struct {
			Data []struct{ Kind, Details string }
		}
		if err := json.Unmarshal([]byte(w.must("GET /v1/alerts", "").body), &alerts); err != nil {
			t.Fatal(err)
		}
		var bundle dispute.Bundle
		for _, a := range alerts.Data {
			if a.Kind != "dispute" {
				continue
			}
			if err := json.Unmarshal([]byte(a.Details), &bundle); err != nil {
				t.Fatalf("%v in %s", err, a.Details)
			}
		}
		if len(bundle.Messages) == 0 || len(bundle.Visits) != 1 || len(bundle.Used) != 1 || bundle.Used[0] != (policy.Use{
			Plan: "pack", Times: 3, First: bundle.Used[0].First, Last: bundle.Used[0].First.Add(20 * time.Minute),
		}) || len(bundle.Later) != 1 || bundle.LastUsed.IsZero() {
			t.Errorf("the alert has %+v", bundle)
		}
	})
}
