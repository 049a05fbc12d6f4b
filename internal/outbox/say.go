package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// Messenger finds the words for notices, and the channels for messages.
type Messenger interface {
	// Compose puts the notice of an effect into words for the customer who is known.
	// The message's ID is the effect's key. An [*Unsayable] error says why it cannot be
	// said to this customer: there is no address.
	Compose(ctx context.Context, e store.Effect, n notify.Notice, known policy.Known) (notify.Message, error)
	// Channel finds a channel by name; nil: none is configured.
	Channel(name string) notify.Channel
}

// Mint makes the address of a link of ours for a customer's message; see package
// link, whose it is.
type Mint func(customer, account, object, kind string, until time.Time) (url string)

// Linked is implemented by messengers whose messages have links. UseLinks is called
// once, before the first message, since the key that links are sealed with is in the
// database.
type Linked interface {
	Messenger
	UseLinks(mint Mint)
}

// Unsayable says why a notice cannot be said to a customer.
type Unsayable struct{ Why string }

// Error implements error.
func (u *Unsayable) Error() string { return u.Why }

// onSay says something to a customer. What is shown in the application is kept
// with the note of the effect's end, and so is shown once; what leaves through a
// channel cannot be looked for unless the channel can be asked, and is sent again
// under the same id if nobody knows how a first try ended. An amount that is only
// estimated is asked for now; see [Outbox.exact].
func (o *Outbox) onSay(ctx context.Context, e store.Effect, known policy.Known) (act, error) {
	var n notify.Notice
	if err := json.Unmarshal([]byte(e.Doc), &n); err != nil {
		return act{}, fmt.Errorf("notice of effect %s: %w", e.Key, err)
	}
	if o.Messenger == nil {
		return unsayable("nothing sends messages: no [mail] is configured"), nil
	}
	channel := o.Messenger.Channel(n.Channel)
	if channel == nil && n.Channel != notify.InApp {
		return unsayable("nothing sends messages by " + n.Channel), nil
	}
	receipt, left, err := left(ctx, channel, e)
	if err != nil {
		return act{}, err
	}
	if !left {
		if err := o.exact(ctx, e, &n, known); err != nil {
			return act{}, err
		}
	}
	m, err := o.Messenger.Compose(ctx, e, n, known)
	if why, ok := errors.AsType[*Unsayable](err); ok {
		if left {
			return surely(already(receipt)), nil // said while it could be
		}
		if e.State == store.EffectUnknown {
			return surely(dropped(why.Why + "; an earlier try may have gone out")), nil
		}
		return unsayable(why.Why), nil
	}
	if err != nil {
		return act{}, fmt.Errorf("compose %s: %w", n.Template, err)
	}
	said := act{record: func(ctx context.Context, tx *store.Tx, result string) error { return o.prove(ctx, tx, e, n, m, result) }}
	switch {
	case left:
		said.done, said.state, said.sure = receipt, store.EffectDone, true
	case channel == nil:
		said.call = func(context.Context) (string, error) { return "shown", nil }
	default:
		said.call = func(ctx context.Context) (string, error) {
			receipt, err := channel.Send(ctx, m)
			return receipt, askable(channel, err)
		}
	}
	return said, nil
}

// unsayable drops what cannot be said as things are.
func unsayable(why string) act { return surely(dropped(store.Unsayable + why)) }

// askable marks a failure of a channel that is asked before each further try: it
// cannot send twice.
func askable(channel notify.Channel, err error) error {
	failure, ok := errors.AsType[*notify.Error](err)
	if _, able := channel.(notify.Finder); !able || !ok {
		return err
	}
	marked := *failure
	marked.Once = true
	return &marked
}

// left asks a channel that can be asked whether a message has left in an earlier try
// of which we do not know how it ended.
func left(ctx context.Context, channel notify.Channel, e store.Effect) (receipt string, left bool, err error) {
	finder, able := channel.(notify.Finder)
	if !able || e.State != store.EffectUnknown {
		return "", false, nil
	}
	return finder.Found(ctx, e.Key)
}

// prove keeps what was said, to whom, and when.
func (o *Outbox) prove(ctx context.Context, tx *store.Tx, e store.Effect, n notify.Notice, m notify.Message, receipt string) error {
	to, body := m.To.Email, m.Text
	switch n.Channel {
	case notify.SMS:
		to, body = m.To.Phone, m.Short
	case notify.InApp:
		to, body = m.To.Customer, m.Title+"\n\n"+m.Body
		notice := store.Notice{
			Key: e.Key, Customer: e.Customer, Thread: n.Thread, Template: n.Template, Standing: e.Standing,
			Title: m.Title, Body: m.Body, Action: m.Action, URL: m.URL,
		}
		if err := tx.AddNotice(ctx, notice); err != nil {
			return err
		}
	}
	return tx.AddMessage(ctx, store.Message{
		Key: e.Key, Customer: e.Customer, Template: n.Template, Channel: n.Channel, Locale: m.Locale, Recipient: to,
		Thread: n.Thread, Subject: m.Subject, Body: body, Receipt: receipt,
	})
}

// onOwn carries out what is at no provider: bans, messages about the customer as
// such, and alerts.
func (o *Outbox) onOwn(ctx context.Context, ref provider.Ref, e store.Effect, known policy.Known) (act, error) {
	cause := apply.Cause{Trigger: apply.Effect, Event: e.Key, Actor: e.Actor}
	switch e.Kind {
	case policy.Say:
		return o.onSay(ctx, e, known)
	case policy.Alert:
		return onAlert(e)
	case policy.Ban:
		var details Details
		if err := json.Unmarshal([]byte(e.Doc), &details); err != nil {
			return act{}, fmt.Errorf("details of effect %s: %w", e.Key, err)
		}
		if known.Customer.Ban != nil {
			return surely(already("they are banned")), nil
		}
		return calling(func(ctx context.Context) error { return o.Apply.Ban(ctx, ref.ID, details.Reason, cause) }), nil
	case policy.Unban:
		if known.Customer.Ban == nil {
			return surely(already("they are not banned")), nil
		}
		return calling(func(ctx context.Context) error { return o.Apply.Unban(ctx, ref.ID, cause) }), nil
	}
	return act{}, fmt.Errorf("%s of a %s of our own: %w", e.Kind, ref.Kind, ErrUnsupported)
}
