// Package messenger puts what policies want said into words and finds the channel
// that carries them. It joins the ledger's facts, the configured words and the links
// that are minted when they are clicked; it owns none of them.
package messenger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/sms"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// Config is what a Messenger works with.
type Config struct {
	Words *words.Set
	Brand words.Brand
	// Channels carry messages; of several with one name the first counts.
	Channels []notify.Channel
	Catalog  billing.Catalog
	// Draw turns receipts into files; nil: they are only told.
	Draw func(notify.Paper) ([]byte, error)
	Now  func() time.Time
}

// linkKept is how long a link in a message works: longer than people keep a mail
// that asks for something, and not for ever.
const linkKept = 30 * 24 * time.Hour

// Messenger implements [outbox.Messenger].
type Messenger struct {
	Config
	// mint makes the links that lead on from a message; nil: they lead to the brand's
	// own page.
	mint outbox.Mint
}

// UseLinks implements [outbox.Linked].
func (m *Messenger) UseLinks(mint outbox.Mint) { m.mint = mint }

// Channel implements [outbox.Messenger].
func (m *Messenger) Channel(name string) notify.Channel {
	for _, c := range m.Channels {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// Compose implements [outbox.Messenger].
func (m *Messenger) Compose(_ context.Context, e store.Effect, n notify.Notice, known policy.Known) (notify.Message, error) {
	about, err := provider.ParseRef(e.Object)
	if err != nil {
		return notify.Message{}, err
	}
	now := m.Now()
	d := words.Data{
		ID: e.Key, Notice: n, Customer: known.Customer, Plan: n.Plan, Brand: m.Brand, Button: m.Brand.URL, Cancel: m.Brand.URL,
		Draw: m.Draw, Phone: sms.Consent(known.Customer), Now: now,
	}
	if n.Template == "banned" {
		d.Notice.NoMore = known.Customer.Ref != "" && !charged(known.Facts)
	}
	if plan, ok := m.Catalog.ByID(n.Plan); ok {
		d.Plan = plan.Name
	}
	if d.Customer.Email == "" {
		d.Customer.Email = mailbox(known, about.Account)
	}
	if n.Link != "" && m.mint != nil && about.Account != policy.Own {
		until := now.Add(linkKept)
		// The brand's own page is where accounts are managed that no provider's page is for.
		if minted := m.mint(known.Customer.Ref, about.Account, e.Object, n.Link, until); minted != "" {
			d.Button, d.LinkUntil = minted, until
		}
		d.Cancel = cmp.Or(m.mint(known.Customer.Ref, about.Account, e.Object, notify.LinkCancel, until), d.Cancel)
	}
	m.paid(about, &d, known)
	if why := nowhere(n.Channel, d); why != "" {
		return notify.Message{}, &outbox.Unsayable{Why: why}
	}
	message, err := m.Words.Render(d)
	if errors.Is(err, words.ErrNotice) {
		err = &outbox.Unsayable{Why: err.Error()}
	}
	return message, err
}

// charged reports whether anything more may be charged by itself: a ban alone ends
// nothing, and what is past due is tried again although it will end.
func charged(facts billing.Facts) bool {
	return slices.ContainsFunc(facts.Subscriptions, func(s billing.Held[billing.Subscription]) bool {
		owes := s.Object.Status == billing.SubscriptionPastDue || s.Object.Status == billing.SubscriptionUnpaid
		return s.Object.Live() && (owes || s.Object.CancelAt.IsZero())
	})
}

// mailbox is the address that a provider knows, of a customer whose own the
// application has not told: that of the account which the message is about, if it has
// one.
func mailbox(known policy.Known, account string) (address string) {
	for _, linked := range known.Linked {
		switch {
		case linked.Object.Email == "":
		case linked.Account == account:
			return linked.Object.Email
		case address == "":
			address = linked.Object.Email
		}
	}
	return address
}

// nowhere says why a channel cannot reach a customer; empty: it can.
func nowhere(channel string, d words.Data) string {
	switch {
	case channel == notify.Email && words.Mailbox(d.Customer, d.Notice.Template) == "":
		return "no e-mail address of the customer is known"
	case channel == notify.SMS && d.Phone == "":
		return "the customer has not agreed to SMS, or no number is known (attributes sms and phone)"
	}
	return ""
}
