package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
)

// writer writes one paper and keeps the first error.
type writer struct {
	l    *locale
	tag  string
	zone *time.Location
	err  error
}

// paper puts a receipt in words.
func (l *locale) paper(r notify.Receipt, c billing.Customer) (notify.Paper, error) {
	w := &writer{l: l, tag: formats(c.Locale, l.tag), zone: zoneOf(c.TimeZone)}
	p := notify.Paper{
		Locale: l.tag, Title: w.word("receipt"), Facts: w.facts(r),
		SellerHead: w.word("seller"), BuyerHead: w.word("buyer"),
		Seller: w.party(r.Seller), Buyer: w.party(r.Buyer),
		Head: [3]string{w.word("description"), w.word("quantity"), w.word("amount")},
		Sums: w.sums(r),
		Page: func(page, pages int) string {
			text, _ := l.run("paper.page", struct{ Page, Pages int }{page, pages})
			return text
		},
	}
	if r.Refund != nil {
		p.Title = w.word("refund")
	}
	for _, line := range r.Lines {
		drawn := notify.PaperLine{
			Text: clean(line.Text), Quantity: strconv.FormatInt(max(line.Quantity, 1), 10), Amount: w.money(line.Amount),
		}
		if !line.From.IsZero() && !line.To.IsZero() {
			drawn.Period = w.date(line.From) + " – " + w.date(line.To)
		}
		p.Lines = append(p.Lines, drawn)
	}
	return p, w.err
}

func (w *writer) facts(r notify.Receipt) []notify.Fact {
	var all []notify.Fact
	add := func(label, value string) {
		if value != "" {
			all = append(all, notify.Fact{Label: w.word(label), Value: value})
		}
	}
	if r.Refund != nil {
		add("number", clean(r.Refund.Number))
		add("refunded_on", w.date(r.Refund.Date))
		add("for_receipt", clean(r.Number))
	} else {
		add("number", clean(r.Number))
	}
	add("date", w.date(r.Date))
	add("paid", w.date(r.Paid))
	with := clean(r.Method)
	if r.Card != nil {
		with = w.run("card.paper", View{CardBrand: cardBrand(r.Card.Brand), CardLast4: r.Card.Last4})
	}
	add("paid_with", with)
	return all
}

func (w *writer) sums(r notify.Receipt) []notify.Fact {
	var all []notify.Fact
	add := func(label string, m *billing.Money, strong bool) {
		if m != nil {
			all = append(all, notify.Fact{Label: w.word(label), Value: w.money(*m), Strong: strong})
		}
	}
	if (r.Discount != nil || r.Tax != nil && !r.TaxIncluded) && len(r.Lines) > 0 {
		sum := billing.Money{Currency: r.Total.Currency}
		for _, line := range r.Lines {
			sum.Amount += line.Amount.Amount
		}
		add("subtotal", &sum, false)
	}
	if r.Discount != nil {
		add("discount", &billing.Money{Amount: -r.Discount.Amount, Currency: r.Discount.Currency}, false)
	}
	if r.TaxIncluded {
		add("total", &r.Total, r.Refund == nil)
		add("tax_included", r.Tax, false)
	} else {
		add("tax", r.Tax, false)
		add("total", &r.Total, r.Refund == nil)
	}
	back := int64(0)
	if r.Refunded != nil && r.Refunded.Amount != 0 {
		label := "refunded"
		if r.Refund != nil {
			label = "refunded_before"
		}
		add(label, r.Refunded, false)
		back += r.Refunded.Amount
	}
	if r.Refund != nil {
		add("refunded", &r.Refund.Amount, true)
		back += r.Refund.Amount.Amount
	}
	if back != 0 {
		add("kept", &billing.Money{Amount: r.Total.Amount - back, Currency: r.Total.Currency}, false)
	}
	return all
}

// party is the block of who sold or bought.
func (w *writer) party(p notify.Party) []string {
	lines := []string{clean(p.Name)}
	for line := range strings.Lines(p.Address) {
		lines = append(lines, clean(line))
	}
	lines = append(lines, clean(p.Email))
	if p.TaxID != "" {
		lines = append(lines, w.word("tax_id")+" "+clean(p.TaxID))
	}
	kept := lines[:0]
	for _, line := range lines {
		if line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

func (w *writer) word(name string) string { return w.run("paper."+name, nil) }

func (w *writer) run(section string, data any) string {
	text, err := w.l.run(section, data)
	w.keep(err)
	return text
}

func (w *writer) money(m billing.Money) string {
	text, err := money(w.tag, m)
	if err != nil {
		w.keep(fmt.Errorf("%w: %w", ErrNotice, err))
	}
	return text
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return calendarOf(w.tag).date(t.In(w.zone))
}

// fileName names the attachment: the paper's title and number, in letters that
// every system takes.
func fileName(title, number string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:*?"<>|`, r), r < ' ':
			return -1
		case r == ' ':
			return '-'
		}
		return r
	}, clean(title+" "+number))
	return strings.Trim(name, "-.") + ".pdf"
}
