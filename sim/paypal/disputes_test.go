package paypal

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// What is done about a dispute is asked for in the media types of PayPal's description,
// with the fields that it wants; anything else is refused and changes nothing.
func TestDisputeActions(t *testing.T) {
	form := func(input string) (kind, body string) {
		return "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"input\"\r\nContent-Type: application/json\r\n\r\n" + input + "\r\n--b--\r\n"
	}
	const accept, evidence = `{"note":"Sorry","accept_claim_type":"REFUND"}`, `{"evidences":[{"evidence_type":"OTHER","notes":"It was used."}]}`
	accepted, acceptForm := form(accept)
	_, evidenceForm := form(evidence)
	_, empty := form(`{}`)
	for name, tt := range map[string]struct {
		formsOnly          bool
		action, kind, body string
		status             int
		after              string
	}{
		"accept, JSON":              {false, "accept-claim", "application/json", accept, 200, "RESOLVED"},
		"accept, form":              {false, "accept-claim", accepted, acceptForm, 200, "RESOLVED"},
		"accept, forms only":        {true, "accept-claim", "application/json", accept, 415, "WAITING_FOR_SELLER_RESPONSE"},
		"accept, text":              {false, "accept-claim", "text/plain", accept, 415, "WAITING_FOR_SELLER_RESPONSE"},
		"accept, nothing":           {false, "accept-claim", "application/json", "", 400, "WAITING_FOR_SELLER_RESPONSE"},
		"accept, another type":      {false, "accept-claim", "application/json", `{"note":"Sorry","accept_claim_type":"SWAP"}`, 400, "WAITING_FOR_SELLER_RESPONSE"},
		"accept, a form of nothing": {false, "accept-claim", accepted, "--b--\r\n", 400, "WAITING_FOR_SELLER_RESPONSE"},
		"evidence, JSON":            {false, "provide-evidence", "application/json", evidence, 415, "WAITING_FOR_SELLER_RESPONSE"},
		"evidence, form":            {false, "provide-evidence", accepted, evidenceForm, 200, "UNDER_REVIEW"},
		"evidence, none":            {false, "provide-evidence", accepted, empty, 400, "WAITING_FOR_SELLER_RESPONSE"},
	} {
		c := newClient(t, Config{Seed: 3, FormsOnly: tt.formsOnly})
		sub, err := c.w.CreateSubscription(NewSubscription{Plan: "P-PROMONTH"})
		if err != nil {
			t.Fatal(err)
		}
		c.days(1)
		id, err := c.w.OpenDispute("UNAUTHORISED", false, c.w.PaymentsOf(sub)...)
		if err != nil {
			t.Fatal(err)
		}
		c.get("/v1/billing/subscriptions/" + sub) // renews the token
		req := httptest.NewRequest("POST", "https://api-m.paypal.test/v1/customer/disputes/"+id+"/"+tt.action, strings.NewReader(tt.body))
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("Content-Type", tt.kind)
		rec := httptest.NewRecorder()
		c.w.Handler().ServeHTTP(rec, req)
		if after := c.get("/v1/customer/disputes/" + id)["status"]; rec.Code != tt.status || after != tt.after {
			t.Errorf("%s: %d %s, and it is %v", name, rec.Code, rec.Body, after)
		}
	}
}
