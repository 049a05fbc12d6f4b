package paypal

import "testing"

// An eCheck of the week before clears when this week's charge has failed and the
// subscription was suspended: the failures are forgotten, the suspension and what is
// outstanding stay.
func TestMoneyAfterTheSuspension(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	id, err := c.w.CreateSubscription(NewSubscription{Plan: "P-BASICWEEK"})
	if err != nil {
		t.Fatal(err)
	}
	c.days(6)
	sub := c.w.subs.byID[id]
	sub.payer.method, sub.payer.failNext = Debit, 1
	c.days(7) // fails on day 7, pays by eCheck on day 12
	sub.payer.failNext = 1
	c.days(2) // fails for the second time on day 14
	look := func() (any, any, any) {
		o := c.get("/v1/billing/subscriptions/" + id)
		return o["status"], at(o, "billing_info", "failed_payments_count"), at(o, "billing_info", "outstanding_balance", "value")
	}
	if status, failed, owed := look(); status != "SUSPENDED" || failed != 2.0 || owed != "3.00" || c.status(id) != "unpaid" {
		t.Fatal(status, failed, owed, c.status(id))
	}
	c.days(2)
	if status, failed, owed := look(); status != "SUSPENDED" || failed != 0.0 || owed != "3.00" || c.status(id) != "unpaid" {
		t.Error(status, failed, owed, c.status(id))
	}
	sub.payer.method = Good
	c.do("POST", "/v1/billing/subscriptions/"+id+"/capture", "", `{"note":"paid","capture_type":"OUTSTANDING_BALANCE","amount":{"currency_code":"USD","value":"3.00"}}`)
	if status, failed, owed := look(); status != "SUSPENDED" || failed != 0.0 || owed != "0.00" || c.status(id) != "paused" {
		t.Error(status, failed, owed, c.status(id))
	}
}

// While the merchant's own account takes no money no charge goes through, and PayPal
// says why.
func TestRestricted(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	id, err := c.w.CreateSubscription(NewSubscription{Plan: "P-BASICWEEK"})
	if err != nil {
		t.Fatal(err)
	}
	c.days(1)
	c.w.Restrict(true)
	c.days(7)
	why := func() any {
		return at(c.get("/v1/billing/subscriptions/"+id+"?fields=last_failed_payment"), "billing_info", "last_failed_payment", "reason_code")
	}
	if why() != "PAYEE_ACCOUNT_RESTRICTED" || c.status(id) != "past_due" {
		t.Error(why(), c.status(id))
	}
	c.w.Restrict(false)
	c.days(5)
	if why() != nil || c.status(id) != "active" {
		t.Error(why(), c.status(id))
	}
}
