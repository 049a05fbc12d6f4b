package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
)

// Mailer is a channel that hands messages over to the application, which sends them.
type Mailer struct {
	hooks    *Hooks
	endpoint *endpoint
	channel  string
}

// Mailer makes the channel of a name that hands over to the one endpoint that takes
// [MessageDue]: at two, two mailers would send.
func (h *Hooks) Mailer(channel string) (*Mailer, error) {
	names := h.Taking(MessageDue)
	switch len(names) {
	case 1:
		return &Mailer{h, h.named(names[0]), channel}, nil
	case 0:
		return nil, fmt.Errorf("messages by %s are to be handed over, and no endpoint takes %s: add an [[endpoint]] whose events name it", channel, MessageDue)
	}
	return nil, fmt.Errorf("messages by %s are to be handed over to one endpoint, and %s take %s: give all but one of them events without it",
		channel, strings.Join(names, " and "), MessageDue)
}

// Name implements [notify.Channel].
func (m *Mailer) Name() string { return m.channel }

// message is what the data of [MessageDue] is.
type message struct {
	// Key is equal for equal messages.
	Key         string        `json:"key"`
	Channel     string        `json:"channel"`
	Template    string        `json:"template"`
	Locale      string        `json:"locale"`
	To          to            `json:"to"`
	Thread      string        `json:"thread"`
	Subject     string        `json:"subject"`
	Text        string        `json:"text"`
	HTML        string        `json:"html"`
	URL         string        `json:"url"`
	Attachments []attachment  `json:"attachments"`
	Data        notify.Notice `json:"data"`
}

type to struct {
	Customer string `json:"customer"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Copy     string `json:"copy"`
	Phone    string `json:"phone"`
	TimeZone string `json:"time_zone"`
}

type attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data []byte `json:"data"`
}

// Send implements [notify.Channel]. What arrived twice, because nobody knows how the
// first sending ended, has one id.
func (m *Mailer) Send(ctx context.Context, composed notify.Message) (receipt string, err error) {
	off, err := m.hooks.disabled(ctx, m.endpoint)
	if err != nil {
		return "", &notify.Error{Kind: notify.Unavailable, Err: err}
	}
	if off {
		m.hooks.Observe(m.endpoint.Name, MessageDue, "disabled")
		return "", &notify.Error{Kind: notify.Unavailable, RetryAfter: fail.Wait(time.Hour), Err: errDisabled}
	}
	w, err := m.seal(composed)
	if err != nil {
		return "", &notify.Error{Kind: notify.Refused, Err: err}
	}
	status, err := m.hooks.post(ctx, m.endpoint, w)
	if status == http.StatusGone {
		if err := m.disable(ctx); err != nil {
			return "", &notify.Error{Kind: notify.Unavailable, Err: err}
		}
	}
	if err != nil {
		m.hooks.Observe(m.endpoint.Name, MessageDue, "failed")
		return "", said(err)
	}
	m.hooks.Observe(m.endpoint.Name, MessageDue, "delivered")
	return "handed over to " + m.endpoint.Name + " as " + w.id, nil
}

func (m *Mailer) seal(c notify.Message) (hook, error) {
	body := message{
		Key: c.ID, Channel: m.channel, Template: c.Template, Locale: c.Locale, To: to(c.To), Thread: c.Thread,
		Subject: c.Subject, Text: c.Text, HTML: c.HTML, URL: c.URL, Attachments: []attachment{}, Data: c.Notice,
	}
	if m.channel == notify.SMS {
		body.Subject, body.Text, body.HTML = "", c.Short, ""
	} else {
		for _, file := range c.Attachments {
			body.Attachments = append(body.Attachments, attachment(file))
		}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return hook{}, err
	}
	return seal(MessageDue, m.hooks.DB.Now(), data, "msg", c.ID)
}

func (m *Mailer) disable(ctx context.Context) error {
	err := m.hooks.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return disable(ctx, tx, m.endpoint) })
	if err == nil {
		m.hooks.Wake(store.QueueTask)
	}
	return err
}
