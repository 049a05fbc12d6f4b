// Package sms sends the short text of messages through an SMS gateway that takes
// HTTP requests.
//
// It owns the request, what the gateway's answers mean, and the two rules of
// decency: only to numbers in international form, and only between 8 in the morning
// and 8 in the evening where the customer is; of one whose time zone nobody told, where
// the number may ring. Whether somebody wants SMS at all is
// for who fills in the recipient: see [Consent].
package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"text/template"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
)

// defaultTimeout bounds a request.
const defaultTimeout = 20 * time.Second

// Options describes the gateway.
type Options struct {
	// URL takes a POST request.
	URL string
	// Body is a Go template of the request's body, with .To .From .Text .ID and the
	// functions json and query, which quote for each. Empty: a form with To, From and
	// Body, as Twilio takes it.
	Body string
	// Type is the body's media type; empty: a form's, or JSON's where Body begins
	// with a brace.
	Type string
	// Header is sent along, such as an Authorization.
	Header map[string]string
	// User and Password are for basic authentication; empty: none.
	User, Password string
	// From is the sender's number or name.
	From string
	// Receipt is the name of the answer's JSON field that identifies the message;
	// empty: "sid", "id" or "message_id", whichever there is.
	Receipt string
	Timeout time.Duration
	// Client is for tests and proxies; nil: one of its own.
	Client *http.Client
	// Now is the clock for the quiet hours; nil: the real one.
	Now func() time.Time
}

// Twilio returns the options for Twilio.
func Twilio(account, token, from string) Options {
	return Options{
		URL:  "https://api.twilio.com/2010-04-01/Accounts/" + url.PathEscape(account) + "/Messages.json",
		User: account, Password: token, From: from, Receipt: "sid",
	}
}

// Channel sends SMS.
type Channel struct {
	o    Options
	body *template.Template
}

// New checks the options. Errors repeat no secret.
func New(o Options) (*Channel, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("the SMS gateway is no web address: write it as https://gateway.example.com/send")
	}
	if o.From == "" {
		return nil, errors.New("SMS need a sender: set from to your number, as in +15551234567, or to a name that the gateway knows")
	}
	if o.Body == "" {
		o.Body = "To={{query .To}}&From={{query .From}}&Body={{query .Text}}"
	}
	if o.Type == "" {
		o.Type = "application/x-www-form-urlencoded"
		if strings.HasPrefix(strings.TrimSpace(o.Body), "{") {
			o.Type = "application/json"
		}
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Client == nil {
		o.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // what the field promises when it is nil
	}
	body, err := template.New("body").Funcs(template.FuncMap{"json": quote, "query": url.QueryEscape}).Parse(o.Body)
	if err != nil {
		return nil, fmt.Errorf("the SMS gateway's body: %w", err)
	}
	if err := body.Execute(io.Discard, fields{}); err != nil {
		return nil, fmt.Errorf("the SMS gateway's body: %w", err)
	}
	return &Channel{o: o, body: body}, nil
}

// fields are what the template of the body sees.
type fields struct{ To, From, Text, ID string }

func quote(text string) (string, error) {
	b, err := json.Marshal(text)
	return string(b), err
}

// e164 is an international number.
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Consent returns the number that a customer may be written to at: the attribute
// phone, if it is one in E.164 form and the attribute sms is true. Empty: none.
func Consent(c billing.Customer) string {
	number, _ := c.Attributes["phone"].(string)
	if wanted, _ := c.Attributes["sms"].(bool); !wanted || !e164.MatchString(number) {
		return ""
	}
	return number
}

// Name implements [notify.Channel].
func (c *Channel) Name() string { return notify.SMS }

// Send implements [notify.Channel]. Within the quiet hours nothing is sent and the
// error says when they are over. The message's ID goes along as Idempotency-Key.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	refused := func(why string) (string, error) {
		return "", &notify.Error{Kind: notify.Refused, Err: errors.New(why)}
	}
	switch {
	case m.To.Phone == "":
		return refused("the customer has no number for SMS")
	case !e164.MatchString(m.To.Phone):
		return refused("the number is not in E.164 form, as in +4915112345678")
	case m.Short == "":
		return refused("the message has no short text")
	}
	if wait := quiet(c.o.Now(), places(m.To.TimeZone, m.To.Phone)); wait > 0 {
		return "", &notify.Error{Kind: notify.Unavailable, RetryAfter: wait, Err: errors.New("it is outside of 8 to 20 o'clock where the customer is")}
	}
	var body bytes.Buffer
	if err := c.body.Execute(&body, fields{To: m.To.Phone, From: c.o.From, Text: m.Short, ID: m.ID}); err != nil {
		return refused("the gateway's body cannot be made")
	}
	return c.post(ctx, body.Bytes(), m.ID)
}

// post makes the request. What is unclear is Unknown: the gateway may have taken
// what it was sent.
func (c *Channel) post(ctx context.Context, body []byte, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.URL, bytes.NewReader(body))
	if err != nil {
		return "", &notify.Error{Kind: notify.Refused, Err: errors.New("the request cannot be made")}
	}
	request.Header.Set("Content-Type", c.o.Type)
	request.Header.Set("Idempotency-Key", id)
	for name, value := range c.o.Header {
		request.Header.Set(name, value)
	}
	if c.o.User != "" {
		request.SetBasicAuth(c.o.User, c.o.Password)
	}
	answer, err := c.o.Client.Do(request)
	if err != nil {
		if written.Load() {
			return "", &notify.Error{Kind: notify.Unknown, Err: errors.New("the gateway was sent the message and did not answer")}
		}
		return "", &notify.Error{Kind: notify.Unavailable, Err: errors.New("the gateway cannot be reached")}
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10)) // a cut answer was an answer all the same
	return c.sort(answer, text)
}

// sort says what an answer means.
func (c *Channel) sort(answer *http.Response, text []byte) (string, error) {
	code := answer.StatusCode
	e := &notify.Error{Err: fmt.Errorf("the gateway answers %d%s", code, reasonIn(text))}
	switch {
	case code/100 == 2:
		return c.receipt(text), nil
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable, code == http.StatusTooEarly:
		e.Kind, e.RetryAfter = notify.Unavailable, retryAfter(answer.Header.Get("Retry-After"), c.o.Now())
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusPaymentRequired,
		code == http.StatusNotFound, code/100 == 3:
		// Our account or address is wrong, not the message; it waits until that is set right.
		e.Kind = notify.Unavailable
	case code == http.StatusRequestTimeout, code/100 == 5:
		e.Kind = notify.Unknown
	default:
		e.Kind = notify.Refused
	}
	return "", e
}

// reasonIn returns the gateway's error number, as Twilio and others give it: texts
// may repeat the number that was written to.
func reasonIn(text []byte) string {
	var answer struct {
		Code json.Number `json:"code"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.Code == "" {
		return ""
	}
	if _, err := answer.Code.Int64(); err != nil {
		return ""
	}
	return " (code " + answer.Code.String() + ")"
}

// longestReceipt bounds what is kept of a gateway's answer.
const longestReceipt = 200

// receipt finds the gateway's name of the message.
func (c *Channel) receipt(text []byte) string {
	var answer map[string]any
	if json.Unmarshal(text, &answer) != nil {
		return ""
	}
	for _, name := range []string{c.o.Receipt, "sid", "id", "message_id"} {
		switch value := answer[name].(type) {
		case string:
			return value[:min(len(value), longestReceipt)]
		case float64:
			return strconv.FormatFloat(value, 'f', -1, 64)
		}
	}
	return ""
}

func retryAfter(header string, now time.Time) time.Duration {
	const most = 30 * 24 * 60 * 60 // more is no answer, and overflows in the end
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(min(seconds, most)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
