package messenger_test

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/messenger"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/email"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
)

func eur(amount int64) billing.Money { return billing.Money{Amount: amount, Currency: "EUR"} }

// printer keeps what would be drawn.
func printer(t *testing.T) (*messenger.Messenger, *notify.Paper) {
	m := of(t)
	m.Brand = words.Brand{Name: "Acme", URL: "https://acme.test", Support: "help@acme.test", Address: "1 High Street", TaxID: "IE1234567X"}
	drawn := &notify.Paper{}
	m.Draw = func(p notify.Paper) ([]byte, error) { *drawn = p; return []byte("%PDF"), nil }
	return m, drawn
}

// shop is a customer whose payment of 34.51 EUR for a month was made, and what has gone
// back of it.
func shop(refunded int64, refunds ...billing.Held[billing.Refund]) policy.Known {
	return policy.Known{
		Customer: billing.Customer{Ref: "user_1", Name: "Dana Kern", Email: "dana@kern.test"},
		Accounts: map[string]policy.Account{"stripe": {Kind: "stripe"}}, Rules: billing.DefaultRules(),
		Refunds: refunds,
		Facts: billing.Facts{
			Subscriptions: []billing.Held[billing.Subscription]{{Account: "stripe", ID: "sub_1", Object: billing.Subscription{
				Status: billing.SubscriptionActive, Price: "p", Amount: eur(2900), PeriodStart: noon.Add(-time.Hour), PeriodEnd: noon.AddDate(0, 1, 0),
			}}},
			Invoices: []billing.Held[billing.Invoice]{{Account: "stripe", ID: "in_1", Object: billing.Invoice{
				Status: billing.InvoicePaid, Number: "ACME-7", Subscription: "sub_1", Payments: []string{"pi_1"}, Due: eur(3451), CreatedAt: noon.Add(-time.Hour),
				PeriodStart: noon.AddDate(0, -1, 0), PeriodEnd: noon,
			}}},
			Payments: []billing.Held[billing.Payment]{{Account: "stripe", ID: "pi_1", Object: billing.Payment{
				Status: billing.PaymentSucceeded, Amount: eur(3451), Refunded: refunded, Method: "card", Card: &billing.Card{Brand: "visa", Last4: "4242"}, CreatedAt: noon, PaidAt: noon,
			}}},
		},
	}
}

// wentBack is a refund so many days after the payment.
func wentBack(id string, amount int64, day int, status billing.RefundStatus) billing.Held[billing.Refund] {
	return billing.Held[billing.Refund]{Account: "stripe", ID: id, Object: billing.Refund{Status: status, Amount: eur(amount), Payment: "pi_1", CreatedAt: noon.AddDate(0, 0, day)}}
}

// said is what the policy of receipts says of a change of the payment, in words that
// are made when the ledger is as known then.
func said(t *testing.T, before, after, known policy.Known, day int) (map[string]notify.Message, *notify.Paper) {
	t.Helper()
	settings := dunning.Defaults()
	settings.Receipts = []string{"stripe"}
	p, err := dunning.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	change := policy.Change{At: noon.AddDate(0, 0, day), Account: "stripe", Kind: billing.KindPayment, ID: "pi_1", After: after.Facts.Payments[0].Object}
	if len(before.Facts.Payments) > 0 {
		change.Before = before.Facts.Payments[0].Object
	} else {
		change.Kinds = []billing.ChangeKind{billing.Paid}
	}
	after.Catalog = of(t).Catalog
	m, drawn := printer(t)
	all := map[string]notify.Message{}
	for _, a := range p.React(change, after) {
		var n notify.Notice
		if err := json.Unmarshal(a.Details, &n); err != nil {
			t.Fatal(err)
		}
		said, err := m.Compose(t.Context(), store.Effect{Key: a.Key, Object: a.Object}, n, known)
		if err != nil {
			t.Fatal(err)
		}
		all[n.Template] = said
	}
	return all, drawn
}

func facts(p *notify.Paper) map[string]string {
	all := map[string]string{}
	for _, f := range append(append([]notify.Fact{}, p.Facts...), p.Sums...) {
		all[f.Label] = f.Value
	}
	return all
}

func TestReceipt(t *testing.T) {
	mails, paper := said(t, policy.Known{}, shop(0), shop(0), 0)
	m := mails["receipt"]
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "Receipt-ACME-7.pdf" || !strings.Contains(m.Text, "The receipt ACME-7 is attached") {
		t.Errorf("%+v\n%s", m.Attachments, m.Text)
	}
	want := map[string]string{
		"Number": "ACME-7", "Date": "March 2, 2026", "Paid on": "March 2, 2026", "Paid with": "Visa •••• 4242", "Total": "€34.51",
	}
	if diff := cmp.Diff(want, facts(paper)); diff != "" {
		t.Errorf("(-want +drawn)\n%s", diff)
	}
	if diff := cmp.Diff([]notify.PaperLine{{Text: "Pro", Period: "March 2, 2026 – April 2, 2026", Quantity: "1", Amount: "€34.51"}}, paper.Lines); diff != "" {
		t.Errorf("(-want +drawn)\n%s", diff)
	}
	if got := strings.Join(paper.Seller, "; ") + " / " + strings.Join(paper.Buyer, "; "); got != "Acme; 1 High Street; help@acme.test; Tax ID IE1234567X / Dana Kern; dana@kern.test" {
		t.Error(got)
	}

	unbilled := shop(0)
	unbilled.Facts.Invoices = nil
	mails, paper = said(t, policy.Known{}, unbilled, shop(0), 0)
	if got := facts(paper)["Number"]; got != "ACME-7" || !strings.Contains(mails["receipt"].Text, "ACME-7") {
		t.Errorf("the invoice was seen after the payment, and the receipt is %s:\n%s", got, mails["receipt"].Text)
	}
	_, paper = said(t, policy.Known{}, unbilled, unbilled, 0)
	if got := facts(paper)["Number"]; got != "pi_1" || paper.Lines[0].Period != "" {
		t.Errorf("without an invoice: %s for %q", got, paper.Lines[0].Period)
	}

	late := shop(0)
	late.Facts.Subscriptions[0].Object.PeriodStart, late.Facts.Subscriptions[0].Object.PeriodEnd = noon.AddDate(0, 1, 0), noon.AddDate(0, 2, 0)
	if _, paper = said(t, policy.Known{}, shop(0), late, 0); paper.Lines[0].Period != "" {
		t.Errorf("the period of another charge is told: %s", paper.Lines[0].Period)
	}
}

// TestRefundReceipts: each refund has its own number and amount, and names the receipt
// by the number that this has.
func TestRefundReceipts(t *testing.T) {
	first, second := wentBack("re_1", 1000, 1, billing.RefundSucceeded), wentBack("re_2", 1000, 3, billing.RefundPending)
	for name, test := range map[string]struct {
		before, after, now policy.Known
		number             string
		want               map[string]string
		mail               string // empty: no number is told
	}{
		"the first of two": {shop(0), shop(1000), shop(1000, first), "re_1", map[string]string{
			"Refunded on": "March 3, 2026", "Date": "March 3, 2026", "Refunded": "€10.00", "Paid after refunds": "€24.51",
		}, "re_1"},
		"the second": {shop(1000, first), shop(2000, first), shop(2000, second, first), "re_2", map[string]string{
			"Refunded on": "March 5, 2026", "Date": "March 5, 2026", "Refunded before": "€10.00", "Refunded": "€10.00", "Paid after refunds": "€14.51",
		}, "re_2"},
		"the first, said when the second is there": {shop(0), shop(1000), shop(2000, first, second), "re_1", map[string]string{
			"Refunded on": "March 3, 2026", "Date": "March 3, 2026", "Refunded": "€10.00", "Paid after refunds": "€24.51",
		}, "re_1"},
		"after one that failed": {shop(0), shop(1000), shop(1000, wentBack("re_0", 1000, 0, billing.RefundFailed), first), "re_1", map[string]string{
			"Refunded on": "March 3, 2026", "Date": "March 3, 2026", "Refunded": "€10.00", "Paid after refunds": "€24.51",
		}, "re_1"},
		"two seen as one": {shop(0), shop(2000), shop(2000, first, second), "re_1, re_2", map[string]string{
			"Refunded on": "March 5, 2026", "Date": "March 5, 2026", "Refunded": "€20.00", "Paid after refunds": "€14.51",
		}, "re_1, re_2"},
		"no object of it": {shop(1000), shop(2000), shop(2000), "ACME-7-R2000", map[string]string{
			"Refunded on": "March 6, 2026", "Date": "March 6, 2026", "Refunded before": "€10.00", "Refunded": "€10.00", "Paid after refunds": "€14.51",
		}, ""},
		"the object of another": {shop(1000, first), shop(3000, first), shop(3000, first), "ACME-7-R3000", map[string]string{
			"Refunded on": "March 6, 2026", "Date": "March 6, 2026", "Refunded before": "€10.00", "Refunded": "€20.00", "Paid after refunds": "€4.51",
		}, ""},
	} {
		mails, paper := said(t, test.before, test.after, test.now, 4)
		want := map[string]string{
			"Number": test.number, "For receipt": "ACME-7", "Paid on": "March 2, 2026", "Paid with": "Visa •••• 4242", "Total": "€34.51",
		}
		for label, value := range test.want {
			want[label] = value
		}
		if diff := cmp.Diff(want, facts(paper)); diff != "" {
			t.Errorf("%s (-want +drawn)\n%s", name, diff)
		}
		receipt, told := mails["refund_receipt"], mails["refunded"]
		if !strings.Contains(receipt.Text, "The refund receipt "+test.number+" is attached") || receipt.Attachments[0].Name != "Refund-receipt-"+strings.ReplaceAll(test.number, " ", "-")+".pdf" {
			t.Errorf("%s: %s\n%s", name, receipt.Attachments[0].Name, receipt.Text)
		}
		if says := strings.Contains(told.Text, "The number of the refund is"); says != (test.mail != "") || says && !strings.Contains(told.Text, "is "+test.mail+".") {
			t.Errorf("%s:\n%s", name, told.Text)
		}
	}
}

// TestReceiptsAreCopied: receipts go to whoever keeps the books, with a copy to the
// account's own address; all else goes to that alone. What is read are the headers.
func TestReceiptsAreCopied(t *testing.T) {
	channel, err := email.New(email.Options{Server: "smtp://127.0.0.1:1", From: "Acme <billing@acme.test>", Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	known := shop(1000, wentBack("re_1", 1000, 1, billing.RefundSucceeded))
	known.Customer.ReceiptEmail = "books@kern.test"
	receipts, _ := said(t, policy.Known{}, known, known, 0)
	refunds, _ := said(t, shop(0), known, known, 1)
	for name, test := range map[string]struct {
		message notify.Message
		to, cc  string
	}{
		"receipt":        {receipts["receipt"], "books@kern.test", "dana@kern.test"},
		"refund receipt": {refunds["refund_receipt"], "books@kern.test", "dana@kern.test"},
		"refunded":       {refunds["refunded"], "dana@kern.test", ""},
	} {
		raw, err := channel.Raw(test.message)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		read, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		to, err := read.Header.AddressList("To")
		cc, _ := read.Header.AddressList("Cc")
		if err != nil || len(to) != 1 || to[0].Address != test.to || len(cc) > 1 || (len(cc) == 1) != (test.cc != "") || len(cc) == 1 && cc[0].Address != test.cc {
			t.Errorf("%s: to %v with a copy to %v, %v", name, to, cc, err)
		}
	}
}
