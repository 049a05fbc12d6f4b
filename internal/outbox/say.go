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
// under the same id if nobody knows how a first try ended.
func (o *Outbox) onSay(ctx context.Context, e store.Effect, known policy.Known) (act, error) {
	var n notify.Notice
	if err := json.Unmarshal([]byte(e.Doc), &n); err != nil {
		return act{}, fmt.Errorf("notice of effect %s: %w", e.Key, err)
	}
	if o.Messenger == nil {
		return surely(dropped("nothing sends messages: no [mail] is configured")), nil
	}
	channel := o.Messenger.Channel(n.Channel)
	if channel == nil && n.Channel != notify.InApp {
		return surely(dropped("nothing sends messages by " + n.Channel)), nil
	}
	m, err := o.Messenger.Compose(ctx, e, n, known)
	if why, ok := errors.AsType[*Unsayable](err); ok {
		if finder, able := channel.(notify.Finder); able && e.State == store.EffectUnknown { // it may have left while it could
			receipt, found, err := finder.Found(ctx, e.Key)
			if err != nil || found {
				return surely(already(receipt)), err
			}
		}
		return surely(dropped(why.Why)), nil
	}
	if err != nil {
		return act{}, fmt.Errorf("compose %s: %w", n.Template, err)
	}
	said := act{record: func(ctx context.Context, tx *store.Tx, result string) error { return o.prove(ctx, tx, e, n, m, result) }}
	if channel == nil {
		said.call = func(context.Context) (string, error) { return "shown", nil }
		return said, nil
	}
	if finder, ok := channel.(notify.Finder); ok && e.State == store.EffectUnknown {
		receipt, found, err := finder.Found(ctx, m.ID)
		if err != nil {
			return act{}, err
		}
		if found {
			said.done, said.state, said.sure = receipt, store.EffectDone, true
			return said, nil
		}
	}
	said.call = func(ctx context.Context) (string, error) { return channel.Send(ctx, m) }
	return said, nil
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
		return o.onAlert(ctx, e)
	case policy.Ban:
		var details Details
		if err := json.Unmarshal([]byte(e.Doc), &details); err != nil {
			return act{}, fmt.Errorf("details of effect %s: %w", e.Key, err)
		}
		if known.Customer.Ban != nil {
			return surely(already("they are banned")), nil
		}
		return calling(func(ctx context.Context) error { return o.apply.Ban(ctx, ref.ID, details.Reason, cause) }), nil
	case policy.Unban:
		if known.Customer.Ban == nil {
			return surely(already("they are not banned")), nil
		}
		return calling(func(ctx context.Context) error { return o.apply.Unban(ctx, ref.ID, cause) }), nil
	}
	return act{}, fmt.Errorf("%s of a %s of our own: %w", e.Kind, ref.Kind, ErrUnsupported)
}

// onAlert opens an alert, or closes one that is over. The team is told of an alert
// once, when it is opened.
func (o *Outbox) onAlert(ctx context.Context, e store.Effect) (act, error) {
	var w policy.Warning
	if err := json.Unmarshal([]byte(e.Doc), &w); err != nil {
		return act{}, fmt.Errorf("warning of effect %s: %w", e.Key, err)
	}
	open, err := o.db.OpenAlert(ctx, w.Cause)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return act{}, err
	}
	told := act{call: func(ctx context.Context) (string, error) {
		if w.Over || open.Seq != 0 || o.Tell == nil {
			return "kept", nil
		}
		return "told", o.Tell(ctx, w, e.Customer)
	}}
	told.record = func(ctx context.Context, tx *store.Tx, _ string) error {
		if w.Over {
			_, err := tx.CloseAlert(ctx, w.Cause, e.Actor)
			return err
		}
		_, err := tx.RaiseAlert(ctx, alertOf(w, e.Customer, e.Object))
		return err
	}
	return told, nil
}

func alertOf(w policy.Warning, customer, object string) store.Alert {
	return store.Alert{
		Cause: w.Cause, Kind: w.Kind, Title: w.Title, Details: w.Details, DueBy: w.DueBy, Customer: customer, Object: object,
	}
}

// Raise opens or closes alerts about the service itself, such as a sweep that is
// late: what no policy sees. It keeps all and tells of those that are new; one that
// could not be told stays open, and the error says so.
func (o *Outbox) Raise(ctx context.Context, warnings []policy.Warning) error {
	var failures []error
	for _, w := range warnings {
		opened := false
		err := o.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			if w.Over {
				_, err = tx.CloseAlert(ctx, w.Cause, "over")
				return err
			}
			opened, err = tx.RaiseAlert(ctx, alertOf(w, "", ""))
			return err
		})
		if err == nil && opened && o.Tell != nil {
			err = o.Tell(ctx, w, "")
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("alert %s: %w", w.Cause, err))
		}
	}
	return errors.Join(failures...)
}
