package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/client"
)

type customersCommand struct {
	List    customersList    `cmd:"" default:"withargs" help:"List customers."`
	Show    customersShow    `cmd:"" help:"Show all that is known about a customer."`
	Set     customersSet     `cmd:"" help:"Say something about a customer; what is not named stays."`
	Migrate customersMigrate `cmd:"" help:"Move customers to another provider: access goes on until they have bought there, for a bounded time."`
	Credits customersCredits `cmd:"" help:"Show how a customer stands with credits, or give some."`
	Ban     customersBan     `cmd:"" help:"Bar a customer from everything."`
	Unban   customersUnban   `cmd:"" help:"Let a banned customer back in."`
}

type customersList struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
}

// Run lists customers.
func (c customersList) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Customers(s.ctx, c.list())
	return r.show(page, err, func() {
		t := table{none: "no customers", head: []string{"customer", "email", "name", "since"}}
		for _, row := range page.Data {
			t.add(row.Ref, row.Email, brief(row.Name, 30), stamp(row.CreatedAt))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}

type customersShow struct {
	remoteFlags `embed:""`
	Customer    string `arg:"" help:"The customer: your own user id."`
}

// picture is all that is shown of a customer.
type picture struct {
	Customer      client.Customer       `json:"customer"`
	Entitlements  []client.Check        `json:"entitlements"`
	Credits       []client.Credits      `json:"credits"`
	Subscriptions []client.Subscription `json:"subscriptions"`
	Payments      []client.Payment      `json:"payments"`
	Timeline      []client.Change       `json:"timeline"`
}

// Run shows a customer.
func (c customersShow) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	p, err := r.picture(c.Customer)
	return r.show(p, err, func() { p.print(s) })
}

// latest is how many rows of each kind a picture has.
const latest = 10

func (r *remote) picture(ref string) (p picture, err error) {
	if p.Customer, err = r.Customer(r.ctx, ref); err != nil {
		return p, err
	}
	some := client.List{Limit: latest}
	entitlements, err := r.Entitlements(r.ctx, ref)
	if err != nil {
		return p, err
	}
	subscriptions, err := r.Subscriptions(r.ctx, ref, some)
	if err != nil {
		return p, err
	}
	payments, err := r.Payments(r.ctx, ref, some)
	if err != nil {
		return p, err
	}
	timeline, err := r.Timeline(r.ctx, ref, some)
	if err != nil {
		return p, err
	}
	credits, err := r.Credits(r.ctx, ref)
	p.Credits = credits.Data
	p.Entitlements, p.Subscriptions, p.Payments, p.Timeline = entitlements.Data, subscriptions.Data, payments.Data, timeline.Data
	return p, err
}

func (p picture) print(s *session) {
	c := p.Customer
	fmt.Fprintf(s.Stdout, "%s  %s  %s\n", c.Ref, or(c.Email, "(no e-mail)"), c.Name)
	if c.Banned != nil {
		fmt.Fprintf(s.Stdout, "banned since %s by %s: %s\n", stamp(c.Banned.At), c.Banned.By, c.Banned.Reason)
	}
	entitlements := table{none: "no features are configured", head: []string{"feature", "allowed", "reason", "until"}}
	for _, e := range p.Entitlements {
		entitlements.add(e.Feature, map[bool]string{true: "yes", false: "no"}[e.Allowed], e.Reason, stampOf(e.Until))
	}
	subscriptions := table{none: "no subscriptions", head: []string{"subscription", "plan", "status", "amount", "period ends", "cancel at"}}
	for _, row := range p.Subscriptions {
		subscriptions.add(row.ID, deref(row.Plan), row.Status, money(row.Amount.Amount, row.Amount.Currency), stampOf(row.CurrentPeriodEnd), stampOf(row.CancelAt))
	}
	payments := table{none: "no payments", head: []string{"payment", "status", "amount", "refunded", "paid"}}
	for _, row := range p.Payments {
		payments.add(row.ID, row.Status, money(row.Amount, row.Currency), money(row.Refunded, row.Currency), stampOf(row.PaidAt))
	}
	timeline := table{none: "nothing has happened", head: []string{"at", "what", "happened", "because of"}}
	for _, row := range p.Timeline {
		timeline.add(stamp(row.At), row.Subject+" "+row.ID, strings.Join(row.Kinds, ", "), brief(row.Cause.Trigger+" "+row.Cause.Actor, 40))
	}
	tables := []table{entitlements, subscriptions, payments, timeline}
	if len(p.Credits) > 0 {
		tables = slices.Insert(tables, 1, balances(p.Credits))
	}
	for _, t := range tables {
		fmt.Fprintln(s.Stdout)
		t.print(s.Stdout)
	}
}

func balances(credits []client.Credits) table {
	t := table{none: "no credits", head: []string{"credits of", "bought", "used", "left"}}
	for _, c := range credits {
		t.add(c.Plan, fmt.Sprint(c.Bought), fmt.Sprint(c.Used), fmt.Sprint(c.Left))
	}
	return t
}

type customersCredits struct {
	remoteFlags `embed:""`
	Customer    string `arg:"" help:"The customer: your own user id."`
	Give        int64  `help:"Give this many; what was used in vain can be given back so." placeholder:"N"`
	Plan        string `help:"The plan whose credits to give."`
	Reason      string `help:"Why, for whoever asks later."`
}

// Run shows a customer's credits, or gives some.
func (c customersCredits) Run(s *session) error {
	if (c.Give != 0) != (c.Plan != "") || c.Give < 0 || c.Reason != "" && c.Give == 0 {
		return usagef("to give credits say how many and of which plan: --give 10 --plan pack")
	}
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	if c.Give > 0 {
		given, err := r.GiveCredits(s.ctx, c.Customer, client.GiveRequest{Plan: c.Plan, Amount: c.Give, Reason: c.Reason})
		return r.show(given, err, func() { t := balances([]client.Credits{given}); t.print(s.Stdout) })
	}
	page, err := r.Credits(s.ctx, c.Customer)
	return r.show(page.Data, err, func() { t := balances(page.Data); t.print(s.Stdout) })
}

func money(amount int64, currency string) string {
	return billing.Money{Amount: amount, Currency: currency}.String()
}

type customersSet struct {
	remoteFlags  `embed:""`
	Customer     string            `arg:"" help:"The customer: your own user id."`
	Email        *string           `help:"Where notices go."`
	ReceiptEmail *string           `help:"Where receipts go, if elsewhere; --email gets a copy of them."`
	Name         *string           `help:"The name."`
	Locale       *string           `help:"A BCP 47 tag, such as de-AT."`
	TimeZone     *string           `help:"An IANA name, such as Europe/Vienna."`
	Attribute    map[string]string `help:"NAME=VALUE, the value as JSON or plain text; without value it is removed." mapsep:"none"`
	Covered      []string          `help:"What notices show as covered by the plan." sep:"none"`
}

// Run changes what is named and keeps the rest.
func (c customersSet) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	known, err := r.Customer(s.ctx, c.Customer)
	if p, ok := errors.AsType[*client.Problem](err); ok && p.Status == http.StatusNotFound {
		err = nil
	}
	if err != nil {
		return r.explain(err)
	}
	set, err := r.PutCustomer(s.ctx, c.Customer, c.merge(known.CustomerSettings))
	return r.show(set, err, func() { fmt.Fprintf(s.Stdout, "%s  %s  %s\n", set.Ref, or(set.Email, "(no e-mail)"), set.Name) })
}

func (c customersSet) merge(settings client.CustomerSettings) client.CustomerSettings {
	for _, field := range []struct {
		flag *string
		into *string
	}{
		{c.Email, &settings.Email}, {c.ReceiptEmail, &settings.ReceiptEmail}, {c.Name, &settings.Name},
		{c.Locale, &settings.Locale}, {c.TimeZone, &settings.TimeZone},
	} {
		if field.flag != nil {
			*field.into = *field.flag
		}
	}
	if len(c.Covered) > 0 {
		settings.Covered = c.Covered
	}
	if settings.Attributes == nil {
		settings.Attributes = map[string]any{}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Attribute)) {
		text := c.Attribute[name]
		var value any
		switch err := json.Unmarshal([]byte(text), &value); {
		case text == "":
			delete(settings.Attributes, name)
		case err != nil:
			settings.Attributes[name] = text
		default:
			settings.Attributes[name] = value
		}
	}
	return settings
}

type customersBan struct {
	remoteFlags `embed:""`
	Customer    string `arg:"" help:"The customer: your own user id."`
	Reason      string `help:"Why, for whoever asks later." required:""`
}

// Run bans a customer.
func (c customersBan) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	banned, err := r.Ban(s.ctx, c.Customer, c.Reason)
	return r.show(banned, err, func() {
		fmt.Fprintf(s.Stdout, "%s is banned since %s by %s: %s\n", banned.Ref, stamp(banned.Banned.At), banned.Banned.By, banned.Banned.Reason)
	})
}

type customersUnban struct {
	remoteFlags `embed:""`
	Customer    string `arg:"" help:"The customer: your own user id."`
}

// Run lets a customer back in.
func (c customersUnban) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	free, err := r.Unban(s.ctx, c.Customer)
	return r.show(free, err, func() { fmt.Fprintf(s.Stdout, "%s is not banned\n", free.Ref) })
}
