// Package notify is the seam for messages to people: what is to be said goes in as
// a [Notice], is rendered into a [Message], and leaves through a [Channel].
//
// A notice holds facts, never words: amounts, dates, the class of a decline. The
// words are templates, found by the notice's name and the customer's locale. Who
// asks for a notice is a policy; that it is said once is package outbox's to see
// to: a message's ID is the business key of its effect.
//
// Package notifytest checks what a channel has to keep.
package notify

import (
	"context"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// The channels that policies may ask for.
const (
	Email = "email"
	SMS   = "sms"
	InApp = "inapp"
)

// Links that a notice can offer. They are minted when they are clicked, behind a
// signed address of our own; see [Notice.Link].
const (
	// LinkPayment leads to the provider's page for changing the payment method.
	LinkPayment = "payment"
	// LinkPortal leads to the provider's page for managing the subscription, where
	// it can be canceled.
	LinkPortal = "portal"
	// LinkCancel leads straight to the cancellation of the subscription, where the
	// provider has a page for that, and else to where LinkPortal leads.
	LinkCancel = "cancel"
)

// Notice is what is to be said to a customer. It is kept with its effect as JSON
// and rendered when it is sent, so that it is in the customer's language of then.
// Fields that a template does not need are left out.
type Notice struct {
	// Template names what is said, such as "payment_failed.1".
	Template string `json:"template"`
	// Channel is [Email], [SMS] or [InApp].
	Channel string `json:"channel"`
	// DueAt is when it was to be said, UTC; said much later, it says that it is late.
	DueAt time.Time `json:"due_at,omitzero"`
	// Thread is equal for notices that belong together, such as all about one failed
	// charge: mails are threaded by it, and a notice in the application is over when
	// another of its thread is said.
	Thread string `json:"thread,omitempty"`

	// Plan is the id of the plan that it is about, as configured.
	Plan string `json:"plan,omitempty"`
	// Amount is what will be, was or could not be charged, or went back.
	Amount *billing.Money `json:"amount,omitempty"`
	// Estimated: the amount is the subscription's own, before discounts and tax,
	// for the provider gave no preview of the invoice.
	Estimated bool `json:"estimated,omitempty"`
	// Was is the amount before a change of price.
	Was *billing.Money `json:"was,omitempty"`
	// Interval is how often the charge repeats.
	Interval billing.Interval `json:"interval,omitzero"`
	// Date is the day that matters: of the charge, of the refund, of the pause.
	Date time.Time `json:"date,omitzero"`
	// Next is when it is tried, charged or resumed next; zero: not by itself.
	Next time.Time `json:"next,omitzero"`
	// Until is when access ends, or ended; zero: it goes on.
	Until time.Time `json:"until,omitzero"`
	// Card is what was charged or will be.
	Card *billing.Card `json:"card,omitempty"`
	// NoMore: nothing more will be charged for what it is about, for that has ended or
	// will by itself. Without it no such thing is promised.
	NoMore bool `json:"no_more,omitempty"`
	// Reason is why, in a closed vocabulary of the template's: for a failed payment
	// the class of its decline.
	Reason string `json:"reason,omitempty"`
	// Link is one of the Link constants; empty: no button.
	Link string `json:"link,omitempty"`
	// Reference is the provider's number of the invoice or payment. What is said of a
	// refund has that of the refund, once its words are made.
	Reference string `json:"reference,omitempty"`
	// Back is how much of a payment had gone back with the refund that it is about, in
	// minor units of Amount's currency: it tells one refund of a payment from the next.
	Back int64 `json:"back,omitempty"`
}

// Recipient is who a message goes to.
type Recipient struct {
	// Customer is the application's reference.
	Customer string
	Name     string
	Email    string
	// Copy is one more address that gets the mail, empty for none.
	Copy string
	// Phone is in E.164 form, as in +4915112345678.
	Phone string
	// TimeZone is an IANA name; empty: UTC.
	TimeZone string
}

// Message is a notice in words, for one recipient and channel.
type Message struct {
	// ID is the business key of the effect. A channel that can be asked to treat two
	// sendings with one ID as one is asked to.
	ID       string
	Template string
	// Locale is that of the words, which may be a fallback.
	Locale string
	To     Recipient
	// Thread is [Notice.Thread].
	Thread string

	Subject string
	Text    string
	HTML    string
	// Short is the text of an SMS.
	Short string
	// Title, Body and Action are for a notice in the application; Action labels the
	// button that leads to URL.
	Title       string
	Body        string
	Action      string
	URL         string
	Attachments []Attachment
	// Notice holds the facts that the words were made of.
	Notice Notice
}

// Attachment is a file of a mail.
type Attachment struct {
	Name string
	// Type is the media type, such as "application/pdf".
	Type string
	Data []byte
}

// Channel carries messages to people. Implementations are safe for concurrent
// use; no error carries a secret, a body or a full address.
type Channel interface {
	// Name is one of the channel constants, or the application's own word.
	Name() string
	// Send hands a message over and returns how the other side names it, if it does.
	// A failure is an [*Error].
	Send(ctx context.Context, m Message) (receipt string, err error)
}

// Finder is implemented by channels that can be asked whether a message went out.
// Without it a message whose sending was cut off is sent again with the same ID.
type Finder interface {
	Found(ctx context.Context, id string) (receipt string, found bool, err error)
}

// ErrorKind says what a failure to send means.
type ErrorKind string

const (
	// Refused: it will not be taken, however often it is tried: no such mailbox.
	Refused ErrorKind = "refused"
	// Unavailable: it was certainly not taken; later it may be.
	Unavailable ErrorKind = "unavailable"
	// Unknown: it may have been taken.
	Unknown ErrorKind = "unknown"
)

// Error is a failure to send.
type Error struct {
	Kind ErrorKind
	// RetryAfter is how long the other side asks to wait; zero: it does not say.
	RetryAfter time.Duration
	// Once: the other side knows messages by their ids and acts on each once, so that
	// one of which it is not known whether it arrived may be sent again and again.
	Once bool
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return string(e.Kind) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
