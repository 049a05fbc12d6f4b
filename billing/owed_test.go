package billing_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

func TestOwed(t *testing.T) {
	for name, test := range map[string]struct {
		invoice billing.Invoice
		want    bool
	}{
		"tried":         {billing.Invoice{Status: billing.InvoiceOpen, Attempts: 1}, true},
		"written off":   {billing.Invoice{Status: billing.InvoiceUncollectible, Attempts: 4}, true},
		"not tried yet": {billing.Invoice{Status: billing.InvoiceOpen}, false},
		"paid":          {billing.Invoice{Status: billing.InvoicePaid, Attempts: 1}, false},
		"let off":       {billing.Invoice{Status: billing.InvoiceVoid, Attempts: 1}, false},
		"a draft":       {billing.Invoice{Status: billing.InvoiceDraft, Attempts: 1}, false},
	} {
		if got := test.invoice.Owed(); got != test.want {
			t.Errorf("%s: owed is %t", name, got)
		}
	}
}

// TestGraceCountsFromOwedSince: there is one rule for the end of grace, and who
// tells customers of it tells what access does.
func TestGraceCountsFromOwedSince(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, rules := history.Draw(t, "facts"), allRules.Draw(t, "rules")
		for _, s := range facts.Subscriptions {
			if s.Object.Status != billing.SubscriptionPastDue || !s.Object.CancelAt.IsZero() {
				continue
			}
			plan, known := catalog().Of(s.Account, s.Object)
			if !known {
				continue
			}
			alone := billing.Facts{Subscriptions: []billing.Held[billing.Subscription]{s}, Invoices: facts.Invoices}
			end := billing.OwedSince(alone, s).Add(rules.Grace)
			for _, at := range []time.Time{end.Add(-time.Second), end} {
				d := billing.Access(catalog(), rules, alone, plan.ID, at)
				if want := at.Before(end) && rules.Grace > 0; d.Allowed != want {
					t.Fatalf("grace ends at %s, at %s access is %+v", end, at, d)
				}
			}
		}
	})
}

func TestPlanOfSubscription(t *testing.T) {
	c, err := billing.NewCatalog([]billing.Plan{{ID: "pro", Prices: map[string][]string{"stripe": {"p_pro"}}}, {ID: "seat", Prices: map[string][]string{"stripe": {"p_seat"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		account string
		s       billing.Subscription
		want    string
	}{
		"its price":            {"stripe", billing.Subscription{Price: "p_pro"}, "pro"},
		"another account":      {"paddle", billing.Subscription{Price: "p_pro"}, ""},
		"the first that it is": {"stripe", billing.Subscription{Price: "x", Items: []billing.Item{{Price: "x"}, {Price: "p_seat"}, {Price: "p_pro"}}}, "seat"},
		"none":                 {"stripe", billing.Subscription{}, ""},
	} {
		if plan, found := c.Of(test.account, test.s); plan.ID != test.want || found != (test.want != "") {
			t.Errorf("%s: %q, %t", name, plan.ID, found)
		}
	}
}
