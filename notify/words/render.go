package words

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
)

// ErrNotice is in the errors for notices that no words can be made of: they are the
// fault of who made the notice, and trying again does not help.
var ErrNotice = errors.New("the notice cannot be put in words")

// frame is what the layouts see.
type frame struct {
	Locale, Direction string
	Subject, Preview  string
	Brand, BrandURL   string
	Support, Address  string
	Greeting, Late    string
	Blocks            []Block
	Footer            string
}

// Render puts a notice in words. An error that is [ErrNotice] is for good.
func (s *Set) Render(d Data) (notify.Message, error) {
	if needs[d.Notice.Template] == nil {
		return notify.Message{}, fmt.Errorf("%w: there is no message %q", ErrNotice, d.Notice.Template)
	}
	if missing := lacks(d.Notice); len(missing) > 0 {
		return notify.Message{}, fmt.Errorf("%w: %s is without %s", ErrNotice, d.Notice.Template, strings.Join(missing, ", "))
	}
	l := s.find(d.Customer.Locale)
	v, err := l.view(d)
	if err != nil {
		return notify.Message{}, fmt.Errorf("%w: %w", ErrNotice, err)
	}
	m := notify.Message{
		ID: d.ID, Template: d.Notice.Template, Locale: l.tag, Thread: d.Notice.Thread,
		To: recipient(d), URL: d.Button, Notice: d.Notice,
	}
	if err := l.words(&m, v, d); err != nil {
		return notify.Message{}, err
	}
	if v.Attached {
		err = l.attach(&m, d)
	}
	return m, err
}

// Mailbox is the address of a customer for the mails of a template, empty if there is
// none: receipts may have one of their own.
func Mailbox(c billing.Customer, template string) string {
	if c.ReceiptEmail != "" && (template == "receipt" || template == "refund_receipt") {
		return c.ReceiptEmail
	}
	return c.Email
}

// recipient is who the message goes to. Of what goes to the address for receipts, the
// customer's own gets a copy: who pays and who keeps the books both want it.
func recipient(d Data) notify.Recipient {
	c := d.Customer
	to := notify.Recipient{Customer: c.Ref, Name: salutation(c.Name), Email: Mailbox(c, d.Notice.Template), Phone: d.Phone, TimeZone: c.TimeZone}
	if !strings.EqualFold(to.Email, c.Email) {
		to.Copy = c.Email
	}
	return to
}

// words fills in all that is read.
func (l *locale) words(m *notify.Message, v *View, d Data) error {
	t := texts{l: l, view: v, prefix: m.Template + "/"}
	m.Subject = oneLine(t.get("subject"))
	m.Title, m.Body, m.Action = oneLine(t.get("title")), t.get("notice"), oneLine(t.get("button"))
	f := frame{
		Locale: l.tag, Direction: direction(l.tag), Subject: m.Subject, Preview: m.Body,
		Brand: v.Brand, BrandURL: v.BrandURL, Support: v.Support, Address: clean(d.Brand.Address),
		Greeting: t.shared("greeting"), Footer: t.shared("footer"),
		Blocks: blocks(t.get("body"), m.Action, v.URL),
	}
	if v.Late {
		f.Late = t.shared("late")
		m.Body += " " + f.Late
	}
	m.Short = plainSpaces(t.short(v, m.Body))
	if m.Action != "" && m.URL == "" {
		m.Action = ""
	}
	if t.err != nil {
		return t.err
	}
	return t.frame(m, f)
}

// texts executes sections and keeps the first error.
type texts struct {
	l      *locale
	view   *View
	prefix string
	err    error
}

func (t *texts) shared(name string) string {
	text, err := t.l.run(name, t.view)
	if err != nil && t.err == nil {
		t.err = err
	}
	return text
}

func (t *texts) get(section string) string { return t.shared(t.prefix + section) }

func (t *texts) has(section string) bool { return t.l.tree.Lookup(t.prefix+section) != nil }

// short is the text of an SMS.
func (t *texts) short(v *View, notice string) string {
	if t.has("sms") {
		return t.get("sms")
	}
	return strings.TrimSpace(strings.TrimPrefix(v.Brand+": ", ": ") + notice + " " + v.URL)
}

// frame puts the words in the layouts, unless the message has whole parts of its
// own.
func (t *texts) frame(m *notify.Message, f frame) error {
	var text, html strings.Builder
	if t.has("text") {
		text.WriteString(t.get("text"))
	} else if err := t.l.text.Execute(&text, f); err != nil {
		return fmt.Errorf("%s: %w", t.l.tag, err)
	}
	if t.has("html") {
		if err := t.l.pages.ExecuteTemplate(&html, t.prefix+"html", t.view); err != nil {
			return fmt.Errorf("%s: %w", t.l.tag, err)
		}
	} else if err := t.l.html.Execute(&html, f); err != nil {
		return fmt.Errorf("%s: %w", t.l.tag, err)
	}
	m.Text, m.HTML = strings.TrimSpace(text.String())+"\n", strings.TrimSpace(html.String())
	return t.err
}

// run executes a section.
func (l *locale) run(section string, data any) (string, error) {
	var b strings.Builder
	if err := l.tree.ExecuteTemplate(&b, section, data); err != nil {
		return "", fmt.Errorf("%s: %w", l.tag, err)
	}
	return strings.TrimSpace(b.String()), nil
}

// oneLine makes a text fit for a header: no line breaks, plain spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(plainSpaces(text)), " ") }

// plainSpaces replaces the spaces that CLDR puts in amounts: they would double the
// price of an SMS and are not found by searching a subject.
func plainSpaces(text string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(text)
}

// attach adds the receipt as a PDF.
func (l *locale) attach(m *notify.Message, d Data) error {
	p, err := l.paper(*d.Receipt, d.Customer)
	if err != nil {
		return err
	}
	pdf, err := d.Draw(p)
	if err != nil {
		return fmt.Errorf("the receipt could not be drawn: %w", err)
	}
	number := d.Receipt.Number
	if d.Receipt.Refund != nil {
		number = d.Receipt.Refund.Number
	}
	m.Attachments = append(m.Attachments, notify.Attachment{
		Name: fileName(p.Title, number), Type: "application/pdf", Data: pdf,
	})
	return nil
}

// Paper puts a receipt in the customer's language, as [Data.Draw] gets it.
func (s *Set) Paper(r notify.Receipt, c billing.Customer) (notify.Paper, error) {
	return s.find(c.Locale).paper(r, c)
}
