package dispute_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dispute"
)

// What a person sends to the bank is what the records say, and no more: not that
// somebody never canceled whose subscription was ended at once.
func TestText(t *testing.T) {
	known := charged()
	known.Records = policy.Records{
		Messages: []policy.Sent{{At: noon, Template: "receipt", Channel: "email"}}, Used: []policy.Use{{Plan: "stones", Times: 7, First: noon, Last: noon}},
		Visits: []policy.Visit{{At: noon, Account: "stripe", Plan: "pro"}},
	}
	known.Customer.Attributes = map[string]any{"last_used_at": "2026-03-19"}
	b, _ := dispute.Build(known, "stripe", "dp_1")
	want := `Dispute dp_1 of stripe, over 9.00 EUR; reason: product_not_received.
Evidence is due by 2026-03-30 12:00 UTC.
Customer: user_1

Payment:
9.00 EUR on 2026-02-28 12:00 UTC, payment pi_1 of stripe, by card, visa ending in 4242
Tried on 2026-02-28 12:00 UTC: declined
Tried on 2026-02-28 12:00 UTC: accepted

What it paid for:
Pro, subscription sub_1, since 2025-03-20 12:00 UTC, for 2026-02-28 12:00 UTC to 2026-03-30 12:00 UTC; never canceled

Earlier payments that nobody contested:
9.00 EUR on 2026-01-29 12:00 UTC, payment pi_0 of stripe, by card, visa ending in 4242, the same card
9.00 EUR on 2025-12-30 12:00 UTC, payment pi_00 of stripe, by card, visa ending in 1111

Later payments that nobody contested:
9.00 EUR on 2026-03-19 12:00 UTC, payment pi_2 of stripe, by card, visa ending in 4242, the same card

Use:
Last used on 2026-03-19 00:00 UTC, as the application recorded
Credits of stones were used 7 times, from 2026-03-20 12:00 UTC to 2026-03-20 12:00 UTC
2026-03-20 12:00 UTC: came back from the checkout of pro at stripe

Messages that were sent to the customer:
2026-03-20 12:00 UTC: receipt by email
`
	if diff := cmp.Diff(want, b.Text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for i := range known.Facts.Subscriptions {
		known.Facts.Subscriptions[i].Object.Status, known.Facts.Subscriptions[i].Object.EndedAt = billing.SubscriptionEnded, noon
	}
	if b, _ = dispute.Build(known, "stripe", "dp_1"); !b.Bought[0].CanceledAt.Equal(noon) {
		t.Errorf("ended at once: %+v", b.Bought)
	}
	if bare := (dispute.Bundle{Dispute: "dp_2", Account: "stripe", Customer: "user_1"}).Text(); bare == "" {
		t.Error("nothing is said")
	}
}
