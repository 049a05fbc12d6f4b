// Package team brings alerts to the people who run the service: to Slack, Discord,
// Teams, Telegram and whatever else the shoutrrr library knows, to a web hook, or by
// mail.
//
// It owns what an address means and that none of it shows in an error: most of these
// addresses are secrets. When something is an alert is for policies to say.
package team

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptrace"
	"net/mail"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/trivetdev/trivet/notify"
)

// Name is the channel's name.
const Name = "team"

// timeout bounds one alert.
const timeout = 20 * time.Second

// Mail sends a message to the team by mail, its ID, title and body; see [New].
type Mail func(ctx context.Context, to string, m notify.Message) error

// Channel sends alerts to one address.
type Channel struct {
	// kind names the service without its secrets, for errors.
	kind string
	send func(ctx context.Context, m notify.Message) error
}

// New makes a channel of an address:
//
//   - https://hooks.slack.com/… or https://discord.com/api/webhooks/…, as these
//     services show them;
//   - any other https:// address, which gets a POST of {"id", "title", "text"}, the
//     text beginning with the title, as Mattermost and others read it;
//   - mailto:ops@example.com, if send is not nil;
//   - an address in the form of the shoutrrr library, such as
//     telegram://token@telegram?chats=@ops or teams://…
//
// Errors do not repeat the address.
func New(address string, send Mail) (*Channel, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("the address for alerts is none: write it as https://hooks.example.com/… or mailto:ops@example.com")
	}
	switch {
	case u.Scheme == "mailto":
		return mailed(u, send)
	case u.Scheme == "https" && u.Host == "hooks.slack.com":
		token := strings.ReplaceAll(strings.Trim(strings.TrimPrefix(u.Path, "/services"), "/"), "/", "-")
		return shouted("slack", "slack://hook:"+token+"@webhook")
	case u.Scheme == "https" && (u.Host == "discord.com" || u.Host == "discordapp.com"):
		id, token, found := strings.Cut(strings.Trim(strings.TrimPrefix(u.Path, "/api/webhooks"), "/"), "/")
		if !found {
			return nil, errors.New("the Discord address is not a web hook's: copy it from the channel's integrations")
		}
		return shouted("discord", "discord://"+token+"@"+id)
	case u.Scheme == "https" || u.Scheme == "http":
		return &Channel{kind: "web hook", send: hook(address)}, nil
	}
	return shouted(u.Scheme, address)
}

func mailed(u *url.URL, send Mail) (*Channel, error) {
	to, err := mail.ParseAddress(u.Opaque)
	switch {
	case err != nil:
		return nil, errors.New("the mail address for alerts is none: write it as mailto:ops@example.com")
	case send == nil:
		return nil, errors.New("alerts by mail need a mail server: set [mail] smtp and from")
	}
	return &Channel{kind: "mail", send: func(ctx context.Context, m notify.Message) error { return send(ctx, to.Address, m) }}, nil
}

// shouted sends through the library.
func shouted(kind, address string) (*Channel, error) {
	// The library writes to its logger what it sends and where to.
	sender, err := shoutrrr.NewSender(log.New(io.Discard, "", 0), address)
	if err != nil {
		return nil, fmt.Errorf("the address for alerts by %s is not complete, or %s is not known: "+
			"see the services of shoutrrr for how it is written", kind, kind)
	}
	sender.Timeout = timeout
	return &Channel{kind: kind, send: func(ctx context.Context, m notify.Message) error { return shout(ctx, sender, m) }}, nil
}

// shout sends; the library takes no context, so one that ends is only not waited for.
func shout(ctx context.Context, sender *router.ServiceRouter, m notify.Message) error {
	params := types.Params{}
	params.SetTitle(m.Title)
	text := m.Body
	if text == "" {
		text = m.Title
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(sender.Send(text, &params)...) }()
	select {
	case err := <-done:
		if err != nil {
			return &notify.Error{Kind: notify.Unknown, Err: errors.New("the alert did not go through")}
		}
		return nil
	case <-ctx.Done():
		return &notify.Error{Kind: notify.Unknown, Err: ctx.Err()}
	}
}

// hook posts JSON to a web address.
func hook(address string) func(context.Context, notify.Message) error {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context, m notify.Message) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		var written atomic.Bool
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
		body, err := json.Marshal(map[string]string{"id": m.ID, "title": m.Title, "text": strings.TrimSpace(m.Title + "\n" + m.Body)})
		if err != nil {
			return &notify.Error{Kind: notify.Refused, Err: errors.New("the alert cannot be written")}
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
		if err != nil {
			return &notify.Error{Kind: notify.Refused, Err: errors.New("the request cannot be made")}
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(request)
		switch {
		case err != nil && written.Load():
			return &notify.Error{Kind: notify.Unknown, Err: errors.New("it was sent the alert and did not answer")}
		case err != nil:
			return &notify.Error{Kind: notify.Unavailable, Err: errors.New("it cannot be reached")}
		}
		_ = answer.Body.Close()
		return sort(answer.StatusCode)
	}
}

// sort says what an answer means.
func sort(code int) error {
	e := &notify.Error{Kind: notify.Refused, Err: fmt.Errorf("it answers %d", code)}
	switch {
	case code/100 == 2:
		return nil
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		e.Kind = notify.Unavailable
	case code == http.StatusRequestTimeout, code/100 == 5:
		e.Kind = notify.Unknown
	}
	return e
}

// Name implements [notify.Channel].
func (c *Channel) Name() string { return Name }

// Alert sends an alert: a title in one line and a text, which may be empty. The id
// tells alerts apart and is equal for one that is told again.
func (c *Channel) Alert(ctx context.Context, id, title, text string) error {
	_, err := c.Send(ctx, notify.Message{ID: id, Title: title, Body: text})
	return err
}

// Send implements [notify.Channel]: it sends the message's title and body, to the
// team, whoever it is for.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	err := ctx.Err()
	if err == nil {
		err = c.send(ctx, m)
	}
	if err == nil {
		return "", nil
	}
	kind, after := notify.Unavailable, time.Duration(0)
	if e, ok := errors.AsType[*notify.Error](err); ok {
		kind, after, err = e.Kind, e.RetryAfter, e.Err
	}
	return "", &notify.Error{Kind: kind, RetryAfter: after, Err: fmt.Errorf("alert by %s: %w", c.kind, err)}
}
