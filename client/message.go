package client

import (
	"context"
	"strconv"
	"time"
)

// Message is the proof of what was said to a customer.
type Message struct {
	ID string `json:"id"`
	// Effect is the key of the effect that it was; see [Client.Effect].
	Effect   string `json:"effect"`
	Customer string `json:"customer"`
	Template string `json:"template"`
	// Channel is "email", "sms", "inapp" or one of the application's own.
	Channel string `json:"channel"`
	// Locale is that of the words.
	Locale    string `json:"locale"`
	Recipient string `json:"recipient"`
	Thread    string `json:"thread"`
	Subject   string `json:"subject"`
	// Body is the text as it was sent.
	Body string `json:"body"`
	// Receipt is how the other side names it, if it does.
	Receipt string    `json:"receipt"`
	SentAt  time.Time `json:"sent_at"`
}

// MessageFilter selects messages; empty fields do not.
type MessageFilter struct {
	Customer, Template, Channel string
}

// Messages lists what was said to customers and when, newest first.
func (c *Client) Messages(ctx context.Context, f MessageFilter, l List) (Page[Message], error) {
	q := l.query()
	set(q, "customer", f.Customer)
	set(q, "template", f.Template)
	set(q, "channel", f.Channel)
	var answer Page[Message]
	err := c.get(ctx, "/v1/messages", q, &answer)
	return answer, err
}

// Notice is what the application is to show its customer.
type Notice struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Template string `json:"template"`
	// Thread is equal for notices that belong together; of each thread one is shown.
	Thread string `json:"thread"`
	Title  string `json:"title"`
	Body   string `json:"body"`
	// Action labels the button that leads to URL; both nil: no button.
	Action *string   `json:"action"`
	URL    *string   `json:"url"`
	SaidAt time.Time `json:"said_at"`
	// OverAt is when it was no longer to be shown; nil: it still is.
	OverAt *time.Time `json:"over_at"`
}

// Notices lists what the application is to show a customer, newest first; if all
// are wanted, also those that are over.
func (c *Client) Notices(ctx context.Context, customer string, all bool, l List) (Page[Notice], error) {
	q := l.query()
	if all {
		q.Set("all", "true")
	}
	var answer Page[Notice]
	err := c.get(ctx, at("customers", customer, "notices"), q, &answer)
	return answer, err
}

// Dismiss puts a notice away, as the customer asked.
func (c *Client) Dismiss(ctx context.Context, customer, notice string) (Notice, error) {
	var answer Notice
	err := c.post(ctx, at("customers", customer, "notices", notice, "dismiss"), "", struct{}{}, &answer)
	return answer, err
}

// Alert is what needs a person.
type Alert struct {
	ID string `json:"id"`
	// Cause is equal for what a person settles in one go; Kind a word to filter by.
	Cause    string  `json:"cause"`
	Kind     string  `json:"kind"`
	Title    string  `json:"title"`
	Details  string  `json:"details"`
	Customer *string `json:"customer"`
	// Object is the id of what it is about.
	Object *string `json:"object"`
	// DueBy is when it is too late; nil: no such time.
	DueBy *time.Time `json:"due_by"`
	// State is open or closed.
	State    string    `json:"state"`
	RaisedAt time.Time `json:"raised_at"`
	// LastAt is when it was last raised, Times how often.
	LastAt   time.Time  `json:"last_at"`
	Times    int64      `json:"times"`
	ClosedAt *time.Time `json:"closed_at"`
	ClosedBy *string    `json:"closed_by"`
}

// AlertFilter selects alerts; zero fields do not.
type AlertFilter struct {
	// Open selects those that are open, or those that are closed; nil: both.
	Open *bool
	Kind string
}

// Alerts lists what needs a person, newest first.
func (c *Client) Alerts(ctx context.Context, f AlertFilter, l List) (Page[Alert], error) {
	q := l.query()
	if f.Open != nil {
		q.Set("open", strconv.FormatBool(*f.Open))
	}
	set(q, "kind", f.Kind)
	var answer Page[Alert]
	err := c.get(ctx, "/v1/alerts", q, &answer)
	return answer, err
}

// CloseAlert says that an alert is dealt with.
func (c *Client) CloseAlert(ctx context.Context, id string) (Alert, error) {
	var answer Alert
	err := c.post(ctx, at("alerts", id, "close"), "", struct{}{}, &answer)
	return answer, err
}
