package words

import (
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
)

// SampleNow is the time of the samples.
var SampleNow = time.Date(2026, time.November, 21, 9, 30, 0, 0, time.UTC)

// sampleMoney are the currencies of the samples by language: what a reader of it is
// likely to pay in.
var sampleMoney = map[string]string{"ja": "JPY", "zh": "CNY", "pt": "BRL", "en": "USD"}

// Sample returns made-up data for a message with every fact that it can have, for a
// customer with that locale; brand may leave fields empty.
func Sample(name, locale string, brand Brand) Data {
	code := sampleMoney[locale[:min(2, len(locale))]]
	if code == "" {
		code = "EUR"
	}
	price := func(major int64) *billing.Money {
		if billing.Exponent(code) == 0 {
			major *= 100 // 29 yen buy nothing
		}
		m, _ := billing.Rescale(major, 0, code) // whole units fit every currency
		return &m
	}
	day := func(n int) time.Time { return SampleNow.AddDate(0, 0, n) }
	if brand.Name == "" {
		brand = Brand{Name: "Acme", URL: "https://acme.example", Support: "help@acme.example", Address: "1 High Street, Dublin", Keep: 30 * 24 * time.Hour}
	}
	d := Data{
		ID: "notice:sample:" + name, Plan: "Pro", Brand: brand, Now: SampleNow,
		Button: "https://billing.acme.example/l/4f9c2a7d1b", Cancel: "https://billing.acme.example/l/c81e728d9d",
		LinkUntil: day(8),
		Customer: billing.Customer{
			Ref: "user_42", Name: "Dana Kern", Email: "dana@kern.example", Locale: locale, TimeZone: sampleZone(locale),
			Covered: []string{"kern.example", "shop.kern.example"},
		},
		Notice: notify.Notice{
			Template: name, Channel: notify.Email, Thread: "sample", Plan: "pro", DueAt: SampleNow,
			Amount: price(29), Was: price(24), Interval: billing.Interval{Unit: "month", Count: 1},
			Date: day(7), Next: day(3), Until: day(8), Estimated: true,
			Card:   &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2026},
			Reason: notify.ReasonFunds, Link: notify.LinkPortal, Reference: "R-2026-0042",
		},
	}
	sampleFor(name, &d, day)
	return d
}

// sampleFor fits the facts to what the message is about.
func sampleFor(name string, d *Data, day func(int) time.Time) {
	n := &d.Notice
	switch name {
	case "payment_failed.1", "payment_failed.2", "payment_failed.final", "action_required":
		n.Date, n.Link = SampleNow, notify.LinkPayment
	case "access_ended":
		n.Date, n.Until, n.Reason = SampleNow, SampleNow, notify.ReasonUnpaid
	case "card_expiring":
		n.Date, n.Link = day(29), notify.LinkPayment
	case "renewal_ahead", "price_change":
		n.Date, n.Interval = day(30), billing.Interval{Unit: "year", Count: 1}
	case "recovered", "receipt", "canceled", "paused", "resumed", "banned", "unbanned", "dispute_opened", "dispute_won",
		"dispute_lost", "payment_pending_failed", "duplicate_found", "refunded", "refund_receipt":
		n.Date, n.Next = SampleNow, day(30)
	}
	switch name {
	case "canceled":
		n.Estimated = false
	case "banned":
		n.Reason = notify.ReasonChecks
	case "refunded", "duplicate_found":
		n.Reason = notify.ReasonDuplicate
	case "pass_ended", "dispute_lost", "recovered":
		n.Until = SampleNow
	case "receipt", "refund_receipt":
		d.Receipt = sampleReceipt(*n, d.Customer, d.Brand, name == "refund_receipt")
	}
}

func sampleReceipt(n notify.Notice, c billing.Customer, brand Brand, refund bool) *notify.Receipt {
	tax := billing.Money{Amount: n.Amount.Amount * 19 / 119, Currency: n.Amount.Currency}
	r := &notify.Receipt{
		Number: n.Reference, Date: SampleNow, Paid: SampleNow,
		Seller: notify.Party{Name: brand.Name, Address: brand.Address, Email: brand.Support, TaxID: "IE1234567X"},
		Buyer:  notify.Party{Name: c.Name, Email: c.Email, Address: "12 Harbor Road\nGalway"},
		Lines: []notify.Line{{
			Text: brand.Name + " Pro", Quantity: 1, Amount: *n.Amount, From: SampleNow, To: SampleNow.AddDate(0, 1, 0),
		}},
		Tax: &tax, TaxIncluded: true, Total: *n.Amount, Card: n.Card,
	}
	if refund {
		r.Refund = &notify.ReceiptRefund{Number: "RF-2026-0007", Date: SampleNow, Amount: *n.Amount}
	}
	return r
}

// sampleZone is where a reader of a locale is likely to be.
func sampleZone(locale string) string {
	zones := map[string]string{
		"en": "America/New_York", "de": "Europe/Berlin", "fr": "Europe/Paris", "es": "Europe/Madrid", "pt": "America/Sao_Paulo",
		"ja": "Asia/Tokyo", "zh": "Asia/Shanghai",
	}
	return zones[locale[:min(2, len(locale))]]
}

// turns are a sample, and what the message says where nothing more will be charged, or
// where access goes on.
func turns(d Data) []Data {
	over := d
	switch d.Notice.Template {
	case "access_ended":
		over.Notice.NoMore, over.Notice.Next, over.Cancel = true, time.Time{}, ""
	case "banned":
		over.Notice.NoMore = true
	case "recovered":
		over.Notice.Until = time.Time{}
	default:
		return []Data{d}
	}
	return []Data{d, over}
}

// samples are all that a message is tried with in a locale.
func samples(name, locale string) []Data {
	var all []Data
	for _, d := range turns(Sample(name, locale, Brand{})) {
		all = append(all, d, sparse(d))
	}
	return all
}

// sparse leaves only the facts of a sample that its message cannot do without.
func sparse(d Data) Data {
	full, given := d.Notice, map[string]bool{}
	for _, fact := range needs[full.Template].given {
		given[fact] = true
	}
	n := notify.Notice{Template: full.Template, Channel: full.Channel, NoMore: full.NoMore}
	if given[factAmount] {
		n.Amount = full.Amount
	}
	if given[factWas] {
		n.Was = full.Was
	}
	if given[factDate] {
		n.Date = full.Date
	}
	if given[factUntil] {
		n.Until = full.Until
	}
	if given[factEvery] {
		n.Interval = full.Interval
	}
	d.Notice, d.Receipt, d.Button, d.Cancel, d.LinkUntil = n, nil, "", "", time.Time{}
	d.Customer = billing.Customer{Ref: d.Customer.Ref, Locale: d.Customer.Locale, Email: d.Customer.Email}
	d.Brand = Brand{Name: d.Brand.Name}
	return d
}
