package cli

import (
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/pdf"
	"github.com/trivetdev/trivet/notify/words"
)

type mailCommand struct {
	List    mailListCommand    `cmd:"" default:"withargs" help:"List the messages, their languages, and what you have overridden."`
	Preview mailPreviewCommand `cmd:"" help:"Show a message with made-up facts."`
	Test    mailTestCommand    `cmd:"" help:"Send a message with made-up facts to yourself."`
	Check   mailCheckCommand   `cmd:"" help:"Render every message in every language and say what is wrong."`
}

// messages are the words and who they are from.
type messages struct {
	config *config.Config
	set    *words.Set
}

func (s *session) messages() (*messages, error) {
	c, err := s.load()
	if err != nil {
		return nil, err
	}
	set, err := wordsOf(c)
	if err != nil {
		return nil, usage(err)
	}
	return &messages{c, set}, nil
}

// known checks the name of a message.
func known(name string) error {
	if !slices.Contains(words.Names(), name) {
		return usagef("there is no message %q: trivet mail list shows them", name)
	}
	return nil
}

type mailListCommand struct{}

// Run lists the messages.
func (mailListCommand) Run(s *session) error {
	m, err := s.messages()
	if err != nil {
		return err
	}
	over := map[string][]string{}
	all := []string(nil) // shared sections and layouts
	for tag, sections := range m.set.Overridden() {
		for _, section := range sections {
			name, part, found := strings.Cut(section, "/")
			if !found {
				all = append(all, strings.TrimPrefix(tag+"/"+section, "/"))
				continue
			}
			over[name] = append(over[name], tag+"/"+part)
		}
	}
	t := table{none: "no messages", head: []string{"message", "subject", "overridden"}}
	for _, name := range words.Names() {
		rendered, err := m.set.Render(words.Sample(name, words.English, brandOf(m.config)))
		if err != nil {
			return err
		}
		slices.Sort(over[name])
		t.add(name, brief(rendered.Subject, 60), strings.Join(over[name], " "))
	}
	t.print(s.Stdout)
	fmt.Fprintf(s.Stdout, "languages: %s\n", strings.Join(m.set.Locales(), ", "))
	if len(all) > 0 {
		slices.Sort(all)
		fmt.Fprintf(s.Stdout, "overridden for all messages: %s\n", strings.Join(all, " "))
	}
	return nil
}

// sampleFlags say for whom a sample is.
type sampleFlags struct {
	remoteFlags `embed:""`
	Name        string `arg:"" help:"The message, such as payment_failed.1."`
	Locale      string `help:"In this language." placeholder:"LOCALE"`
	Customer    string `help:"To this customer: name, language, time zone and covered items as the service has them." placeholder:"REF"`
}

// render makes the message, with the receipt where it has one.
func (f sampleFlags) render(s *session, m *messages) (notify.Message, error) {
	if err := known(f.Name); err != nil {
		return notify.Message{}, err
	}
	customer, err := f.customer(s)
	if err != nil {
		return notify.Message{}, err
	}
	if _, err := language.Parse(f.Locale); f.Locale != "" && err != nil {
		return notify.Message{}, usagef("--locale: %q is no language: write it like de or pt-BR", f.Locale)
	}
	locale := or(f.Locale, customer.Locale)
	d := words.Sample(f.Name, or(locale, or(m.config.Mail.Locale, words.English)), brandOf(m.config))
	d.Draw = pdf.Draw
	if customer.Ref != "" {
		customer.Locale = locale
		d.Customer = customer
	}
	for _, p := range m.config.Plans[:min(1, len(m.config.Plans))] {
		d.Plan = p.Name
	}
	return m.set.Render(d)
}

// customer asks the service for the customer; without one it is the sample's own.
func (f sampleFlags) customer(s *session) (billing.Customer, error) {
	if f.Customer == "" {
		return billing.Customer{}, nil
	}
	r, err := f.connect(s)
	if err != nil {
		return billing.Customer{}, err
	}
	c, err := r.Customer(s.ctx, f.Customer)
	if err != nil {
		return billing.Customer{}, r.explain(err)
	}
	return billing.Customer{
		Ref: c.Ref, Email: c.Email, ReceiptEmail: c.ReceiptEmail, Name: c.Name, Locale: c.Locale, TimeZone: c.TimeZone, Covered: c.Covered,
	}, nil
}

type mailPreviewCommand struct {
	sampleFlags `embed:""`
	HTML        bool   `help:"Print the HTML part alone." name:"html" xor:"part"`
	Text        bool   `help:"Print the text part alone." xor:"part"`
	PDF         string `help:"Write the receipt that is attached to this file." name:"pdf" placeholder:"FILE"`
}

// Run shows a message.
func (c mailPreviewCommand) Run(s *session) error {
	m, err := s.messages()
	if err != nil {
		return err
	}
	rendered, err := c.render(s, m)
	if err != nil {
		return err
	}
	if c.PDF != "" {
		if len(rendered.Attachments) == 0 {
			return usagef("%s has no receipt attached: receipt and refund_receipt have", c.Name)
		}
		if err := os.WriteFile(c.PDF, rendered.Attachments[0].Data, 0o600); err != nil {
			return err
		}
	}
	switch {
	case c.JSON:
		return (&remote{session: s, json: true}).show(rendered, nil, nil)
	case c.HTML:
		fmt.Fprint(s.Stdout, rendered.HTML)
	case c.Text:
		fmt.Fprint(s.Stdout, rendered.Text)
	default:
		s.preview(rendered)
	}
	return nil
}

// preview prints everything that is read of a message.
func (s *session) preview(m notify.Message) {
	t := table{head: []string{"message", m.Template}}
	t.add("language", m.Locale)
	t.add("to", m.To.Email)
	t.add("subject", m.Subject)
	for _, a := range m.Attachments {
		t.add("attached", fmt.Sprintf("%s (%d bytes)", a.Name, len(a.Data)))
	}
	t.add("in the application", m.Title+": "+m.Body)
	t.add("its button", strings.TrimSpace(m.Action+" "+m.URL))
	t.add("sms", m.Short)
	t.print(s.Stdout)
	fmt.Fprintf(s.Stdout, "\n%s", m.Text)
}

type mailTestCommand struct {
	sampleFlags `embed:""`
	To          string `help:"The address to send to." required:"" placeholder:"ADDRESS"`
}

// Run sends a message to an address.
func (c mailTestCommand) Run(s *session) error {
	m, err := s.messages()
	if err != nil {
		return err
	}
	to, err := mail.ParseAddress(c.To)
	if err != nil {
		return usagef("--to: %q is no mail address: write one, like you@example.com", c.To)
	}
	channel, err := emailOf(m.config, s.Now)
	if err != nil {
		return usage(err)
	}
	if channel == nil {
		return usagef("no mail server is configured: set [mail] smtp and from")
	}
	rendered, err := c.render(s, m)
	if err != nil {
		return err
	}
	// Every test is a mail of its own: equal ones may be shown as one.
	rendered.ID = fmt.Sprintf("test:%s:%d", c.Name, s.Now().UnixNano())
	rendered.To, rendered.Thread, rendered.Subject = notify.Recipient{Name: rendered.To.Name, Email: to.Address}, "", "[Test] "+rendered.Subject
	receipt, err := channel.Send(s.ctx, rendered)
	if err != nil {
		return fmt.Errorf("the mail was not sent: %w", err)
	}
	fmt.Fprintf(s.Stdout, "sent to %s: %s\n", c.To, or(receipt, "taken"))
	return nil
}

type mailCheckCommand struct {
	Rules []string `help:"Also check what these rules ask messages to state: visa, mastercard, us-ca." placeholder:"RULES" sep:","`
}

// Run checks all messages and exits 1 if anything is wrong.
func (c mailCheckCommand) Run(s *session) error {
	m, err := s.messages()
	if err != nil {
		return err
	}
	var packs []words.Pack
	for _, name := range c.Rules {
		p, err := words.PackNamed(name)
		if err != nil {
			return usage(err)
		}
		packs = append(packs, p)
	}
	if _, err := smsOf(m.config, s.Now); err != nil {
		return usage(err)
	}
	if _, err := emailOf(m.config, s.Now); err != nil {
		return usage(err)
	}
	problems := m.set.Check(packs...)
	for _, p := range problems {
		fmt.Fprintln(s.Stdout, p)
	}
	if n := len(problems); n > 0 {
		return &failure{exitWrong, fmt.Errorf("%d problems in %d messages and %d languages", n, len(words.Names()), len(m.set.Locales()))}
	}
	fmt.Fprintf(s.Stdout, "%d messages in %d languages: all is well\n", len(words.Names()), len(m.set.Locales()))
	return nil
}
