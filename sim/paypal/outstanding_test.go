package paypal

import "testing"

// What is outstanding is taken as PayPal's description wants it: with a note, in the
// subscription's currency, no more than there is, and of nobody who canceled.
func TestCaptureOutstanding(t *testing.T) {
	const good = `{"note":"n","capture_type":"OUTSTANDING_BALANCE","amount":{"currency_code":"USD","value":"9.99"}}`
	for name, tt := range map[string]struct {
		body     string
		method   Method
		cancel   bool
		status   int
		issue    any
		owed     string
		standing string
	}{
		"all of it":       {good, Good, false, 201, nil, "0.00", "active"},
		"no note":         {`{"capture_type":"OUTSTANDING_BALANCE","amount":{"currency_code":"USD","value":"9.99"}}`, Good, false, 400, "INVALID_STRING_LENGTH", "9.99", "past_due"},
		"another type":    {`{"note":"n","capture_type":"ALL","amount":{"currency_code":"USD","value":"9.99"}}`, Good, false, 400, "INVALID_PARAMETER_VALUE", "9.99", "past_due"},
		"no amount":       {`{"note":"n","capture_type":"OUTSTANDING_BALANCE"}`, Good, false, 400, "INVALID_PARAMETER_VALUE", "9.99", "past_due"},
		"too much":        {`{"note":"n","capture_type":"OUTSTANDING_BALANCE","amount":{"currency_code":"USD","value":"10.00"}}`, Good, false, 422, "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE", "9.99", "past_due"},
		"in euros":        {`{"note":"n","capture_type":"OUTSTANDING_BALANCE","amount":{"currency_code":"EUR","value":"9.99"}}`, Good, false, 422, "CURRENCY_MISMATCH", "9.99", "past_due"},
		"canceled":        {good, Good, true, 422, "SUBSCRIPTION_STATUS_INVALID", "9.99", "ended"},
		"nobody pays":     {good, Declined, false, 422, "SUBSCRIBER_ACCOUNT_RESTRICTED", "9.99", "past_due"},
		"by eCheck":       {good, Debit, false, 201, nil, "0.00", "active"},
		"an eCheck fails": {good, DebitFails, false, 201, nil, "9.99", "past_due"},
	} {
		c := newClient(t, Config{Seed: 3})
		c.w.AddPlan(Plan{ID: "P-LENIENT", Name: "Basic", Unit: "MONTH", Amount: 999, Currency: "USD"})
		id, err := c.w.CreateSubscription(NewSubscription{Plan: "P-LENIENT"})
		if err != nil {
			t.Fatal(err)
		}
		c.days(1)
		if err := c.w.FailCharges(id, 3); err != nil {
			t.Fatal(err)
		}
		c.days(41) // its last try is on day 41
		c.w.subs.byID[id].payer.method = tt.method
		if tt.cancel {
			if err := c.w.Cancel(id, ""); err != nil {
				t.Fatal(err)
			}
		}
		path := "/v1/billing/subscriptions/" + id
		status, o := c.do("POST", path+"/capture", "k", tt.body)
		if issue := at(o, "details", 0, "issue"); status != tt.status || issue != tt.issue {
			t.Errorf("%s: %d %v", name, status, o)
		}
		if _, again := c.do("POST", path+"/capture", "k", tt.body); status == 201 && again["id"] != o["id"] {
			t.Errorf("%s: under the same key it is %v, then %v", name, o["id"], again["id"])
		}
		c.days(4) // an eCheck takes three
		if owed := at(c.get(path), "billing_info", "outstanding_balance", "value"); owed != tt.owed || c.status(id) != tt.standing {
			t.Errorf("%s: %v is owed, and it is %s", name, owed, c.status(id))
		}
	}
}
