package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// Driver connects the service to one provider account.
//
// Implementations are safe for concurrent use and keep no state between calls
// beyond caches of credentials. Every failure of a call to the provider is an
// [*Error]; no error carries a secret or a body.
type Driver interface {
	// Account is the configured name, such as "stripe"; it is stored beside
	// every record and never changes.
	Account() string

	// Verify authenticates a webhook and reads the names in it. The body is
	// trusted for names only, never for amounts or states. The error is a
	// [*Rejection] if the request is not one that this account's provider sent
	// just now; the caller then writes nothing.
	//
	// An event that the service has no use for verifies to a delivery without
	// refs. Verify does no I/O except where the scheme needs a certificate.
	Verify(ctx context.Context, header http.Header, body []byte, now time.Time) (Delivery, error)

	// Fetch returns the provider's present account of an object, with
	// [Snapshot.Gone] set if the provider says that it was deleted. It returns an
	// [*Error] of kind [NotFound] if the provider has no such object, which may
	// only mean that it is not visible yet.
	Fetch(ctx context.Context, ref Ref) (Snapshot, error)

	// List returns one page of the objects of a kind, every status included.
	// Following [Page.Next] until it is empty visits every object that existed
	// throughout; objects made meanwhile may be missed or come twice.
	List(ctx context.Context, query Query) (Page, error)

	// Kinds lists the kinds of objects that this provider has and that [List]
	// can visit, owners before what they own.
	Kinds() []billing.Kind

	// Abilities says what the provider can be asked to do, and how. What is not in
	// it is [Absent]; the method of a capability that belongs to it returns an
	// [*Error] of kind [Unsupported].
	Abilities() map[Ability]Support
}

// Delivery is what a webhook, or an event from the provider's list of past
// events, says has happened. Only the names in it are used.
type Delivery struct {
	// ID is the provider's id of the event; where it gives none, a digest.
	ID string
	// Type is the provider's own name of the event.
	Type string
	// CreatedAt is the provider's time of the event; zero if it does not say.
	CreatedAt time.Time
	// Refs are the objects to look at; the first is what the event is about.
	// Empty for events that the service has no use for.
	Refs []Ref
	// Claims say whose objects are, where the provider says so in its events and
	// nowhere else (Lemon Squeezy's custom data): what [Snapshot.Claims] would say,
	// by object. It is the one thing besides names that is taken from a body: a
	// token proves itself, and which other claims count is configured (bind). The
	// service keeps them; drivers that fill this in implement [Teller].
	Claims map[Ref]map[string]string
	// Body is the event as it came. Set only for listed events; the caller of
	// [Driver.Verify] has it already.
	Body []byte
}

// Snapshot is a provider's account of one object at one moment.
type Snapshot struct {
	Ref Ref
	// Object is what the provider says, in our words; nil if Gone.
	Object billing.Object
	// Gone: the provider says that the object was deleted.
	Gone bool
	// Owner is the provider's id of the customer whom the object belongs to;
	// empty if it belongs to none.
	Owner string
	// Claims say whom the object belongs to in the application's words, by the
	// place they were found in: "token" (our checkout's token), "metadata.NAME",
	// "client_reference_id". Which of them count is configured (bind).
	Claims map[string]string
	// Parent is the object that a subscription or a payment came of and whose
	// customer is its own too (a subscription's order); zero if none. Objects of other
	// kinds name what they hang on themselves.
	Parent Ref
	// Version is how the provider's record looked, for [Driver.Fetch]: whether it can
	// be from before an event. Zero: it may be.
	Version Version
	// Related are objects worth a look when this one changed: the payments of an
	// invoice, the payment of a refund.
	Related []Ref
	// Attempts are the tries to pay that the provider tells of with a payment: of a
	// payment that was asked for, all whose outcome is known; in a list it may be
	// the latest alone. Their account is the snapshot's, whatever they say.
	Attempts []billing.Attempt
	// Beside are other objects that the same record of the provider tells of just as
	// fully, such as the payment that an invoice also is. They are kept along with
	// it, so that one call serves for all. They have nothing beside them.
	Beside []Snapshot
}

// ClaimToken is the claim that carries the token of one of our checkouts.
const ClaimToken = "token"

// Query asks for one page of objects.
type Query struct {
	Kind billing.Kind
	// Owner limits the list to one customer of the provider; empty: all.
	Owner string
	// After is the [Page.Next] of the page before; empty: the first page.
	After string
	// Recall, if set, tells what the caller has of objects; those that it has not are
	// left out. It is for drivers whose provider's lists do not say all of an object, so
	// that they need not read every one by itself.
	Recall func(ctx context.Context, refs []Ref) (map[Ref]Memory, error)
}

// Memory is what the caller of [Driver.List] has of an object.
type Memory struct {
	// Seen: it was compared with the provider since the list was begun.
	Seen bool
	// FirstAt is when the caller first had it, ChangedAt when what it has of it last
	// changed.
	FirstAt, ChangedAt time.Time
}

// Page is one page of a list.
type Page struct {
	// Snapshots are of the kind that was asked for, and of kinds that come along with
	// it; see [Bundler].
	Snapshots []Snapshot
	// Unread are objects of the page that could not be read, so that one of them
	// does not keep the others from being read. The caller fetches each by
	// itself, which tells what is wrong.
	Unread []Ref
	// Next continues the list; empty on the last page.
	Next string
}

// EventLister is implemented by drivers whose provider can list past events.
type EventLister interface {
	Driver
	// Events returns one page of events, oldest first, that were created at or
	// after since. It may repeat events and never omits one that is old enough
	// to be listed.
	Events(ctx context.Context, since time.Time, after string) (EventPage, error)
}

// EventPage is one page of past events, oldest first.
type EventPage struct {
	Deliveries []Delivery
	// Next continues the list; empty on the last page.
	Next string
}
