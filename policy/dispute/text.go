package dispute

import (
	"fmt"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// Text is the bundle in plain words, as a person pastes it into the provider's form. It
// has the reference of the customer and neither name nor address.
func (b Bundle) Text() string {
	t := &text{}
	t.line("Dispute %s of %s, over %s; %s.", b.Dispute, b.Account, b.Amount, reason(billing.Dispute{Reason: b.Reason}))
	if !b.DueBy.IsZero() {
		t.line("Evidence is due by %s.", minute(b.DueBy))
	}
	t.line("Customer: %s", b.Customer)
	t.begin("Payment")
	if b.Payment == nil {
		t.line("The contested payment is not in our records.")
	} else {
		t.line("%s", b.Payment.words())
	}
	for _, try := range b.Tries {
		t.line("Tried on %s: %s", minute(try.At), map[bool]string{true: "declined", false: "accepted"}[try.Declined])
	}
	t.begin("What it paid for")
	for _, bought := range b.Bought {
		t.line("%s", bought.words())
	}
	t.begin("Earlier payments that nobody contested")
	for _, p := range b.Earlier {
		t.line("%s", p.words())
	}
	t.begin("Later payments that nobody contested")
	for _, p := range b.Later {
		t.line("%s", p.words())
	}
	t.begin("Use")
	if !b.LastUsed.IsZero() {
		t.line("Last used on %s, as the application recorded", minute(b.LastUsed))
	}
	for _, u := range b.Used {
		t.line("Credits of %s were used %d times, from %s to %s", u.Plan, u.Times, minute(u.First), minute(u.Last))
	}
	for _, v := range b.Visits {
		t.line("%s: came back from the checkout of %s at %s", minute(v.At), v.Plan, v.Account)
	}
	t.begin("Messages that were sent to the customer")
	for _, m := range b.Messages {
		t.line("%s: %s by %s", minute(m.At), m.Template, m.Channel)
	}
	return t.String()
}

// text is lines in parts; of a part without lines there is no head either.
type text struct {
	strings.Builder
	head string
}

func (t *text) begin(head string) { t.head = head }

func (t *text) line(format string, args ...any) {
	if t.head != "" {
		fmt.Fprintf(t, "\n%s:\n", t.head)
		t.head = ""
	}
	fmt.Fprintf(t, format+"\n", args...)
}

func (p Paid) words() string {
	words := fmt.Sprintf("%s on %s, payment %s of %s", p.Amount, minute(p.At), p.ID, p.Account)
	if p.Method != "" {
		words += ", by " + p.Method
	}
	if c := p.Card; c != nil && c.Last4 != "" {
		words += strings.TrimRight(fmt.Sprintf(", %s ending in %s", c.Brand, c.Last4), " ")
	}
	if p.SameCard {
		words += ", the same card"
	}
	if p.Refunded > 0 {
		words += fmt.Sprintf(", of which %s went back", billing.Money{Amount: p.Refunded, Currency: p.Amount.Currency})
	}
	return words
}

func (b Bought) words() string {
	words := b.Plan
	if b.Name != "" {
		words = b.Name
	}
	if words == "" {
		words = "a plan that is not known"
	}
	if b.Subscription == "" {
		return words + ", bought once"
	}
	words += ", subscription " + b.Subscription
	if !b.StartedAt.IsZero() {
		words += ", since " + minute(b.StartedAt)
	}
	if !b.PeriodStart.IsZero() && !b.PeriodEnd.IsZero() {
		words += fmt.Sprintf(", for %s to %s", minute(b.PeriodStart), minute(b.PeriodEnd))
	}
	if b.CanceledAt.IsZero() {
		return words + "; never canceled"
	}
	return words + "; set to end on " + minute(b.CanceledAt)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
