package providertest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// Harness is what the suite needs to know about a driver and its simulator.
type Harness struct {
	// New makes a simulated account and a driver that speaks to it through the
	// given wrapper of its round tripper.
	New func(t *testing.T, chaos sim.Chaos, wrap func(http.RoundTripper) http.RoundTripper) *World
	// Live is how the provider's own sandbox is reached, with the flag -live.
	Live Live
	// Charge makes an account in which one payment was made, of an amount in minor
	// units, and returns the payment's id; nothing else in it has another amount.
	Charge func(t *testing.T, amount billing.Money) (w *World, payment string)
	// Amounts are those that the suite lets be charged, each as crooked as the provider
	// takes it and a threefold of one that it gives back; Untaken says of JPY, KWD and
	// HUF why the provider takes none.
	Amounts []billing.Money
	Untaken map[string]string
	// Timeless: the provider signs no time, so that no webhook is ever stale.
	Timeless bool
	// Behind is how old a signature may be, Ahead how far in the future its time; zero:
	// less than an hour.
	Behind, Ahead time.Duration
	// Ownerless: the provider has no customers, so that nothing has an owner.
	Ownerless bool
	// EventTypes are the types of events that a lively month must have shown.
	EventTypes []string
	// Unfiltered are the kinds that the provider cannot list by owner.
	Unfiltered []billing.Kind
	// Fewest is how many pages, of the greatest size that the provider gives, cover
	// all objects of a world.
	Fewest func(w *World) int
	// Hidden tells the objects that a list by owner may miss, nil if none.
	Hidden func(sim.Object) bool
	// Unknown replaces known words in answers by words that nobody knows.
	Unknown []Replacement
	// Reply makes the body of an error as the provider would, around a text.
	Reply func(text string) string
}

// Replacement is a word in the answers about one kind of object, and another to
// put in its place.
type Replacement struct {
	Kind     billing.Kind
	From, To string
}

// World is one simulated account with the driver under test.
type World struct {
	Driver provider.Driver
	// Secrets are what must never show: the key, the webhook secrets.
	Secrets []string
	// WebhookSecrets are all accepted.
	WebhookSecrets []string
	// Sign signs a body; OtherMode turns an event into one of the other mode, nil
	// if the provider has none.
	Sign      func(body []byte, at time.Time, secret string) http.Header
	OtherMode func(body []byte) []byte

	// Account is the simulated one, Clock its time.
	Account Simulated
	Clock   *sim.Clock
	// Crowd makes n customers with subscriptions, invoices and payments.
	Crowd func(t *testing.T, n int)
	// Month lets a month go by in which everything happens.
	Month func(t *testing.T)
	Make  Makers

	net *net
}

// Simulated is a simulated account, of whichever provider.
type Simulated interface {
	Advance(t time.Time)
	Deliver(ctx context.Context, post func(*http.Request) (int, error)) int
	Truth() []sim.Object
	Effects() []sim.Effect
}

// Webhook is one delivery as it arrives.
type Webhook struct {
	Header http.Header
	Body   []byte
}

// Delivered takes what a simulated account has to deliver by now.
func Delivered(t *testing.T, account Simulated) []Webhook {
	t.Helper()
	var all []Webhook
	account.Deliver(t.Context(), func(req *http.Request) (int, error) {
		body, err := io.ReadAll(req.Body)
		all = append(all, Webhook{Header: req.Header, Body: body})
		return http.StatusOK, err
	})
	return all
}

// Latest is the newest object of a kind that belongs to a customer.
func Latest(t *testing.T, account Simulated, kind, customer string) string {
	t.Helper()
	id := ""
	for _, o := range account.Truth() {
		if o.Kind == kind && o.Customer == customer {
			id = o.ID
		}
	}
	if id == "" {
		t.Fatalf("the customer has no %s", kind)
	}
	return id
}

// Makers make objects to act upon, and return the provider's ids. A nil maker
// means that the provider has no such thing.
type Makers struct {
	Customer func(t *testing.T) string
	// Subscription is active and paid, Trial still in its trial, Lapsed paused
	// because the trial ended without a payment method.
	Subscription, Trial, Lapsed func(t *testing.T) string
	// Promotion is active with a discount or an introductory price that will end,
	// Scheduled active with another price to come.
	Promotion, Scheduled func(t *testing.T) string
	// Taxes puts a tax on what is charged from now on; nil: it is in the prices.
	Taxes func()
	// Payment is a succeeded one; its amount is [Makers.Amount].
	Payment func(t *testing.T) string
	Amount  billing.Money
	// Dispute is open; Invoice is open and can be collected.
	Dispute, Invoice func(t *testing.T) string
	// Approved is a checkout that the customer agreed to and whose money has still
	// to be captured.
	Approved func(t *testing.T) string
	// Price is of a subscription, Pass of a one-time payment.
	Price, Pass string
	// Pay lets the buyer pay a checkout.
	Pay func(t *testing.T, checkout string)
}

// Run tests a driver: against its simulator or, with the flag -live, against the
// provider's own sandbox as far as that goes.
func Run(t *testing.T, h Harness) {
	if *live {
		RunLive(t, h.Live)
		return
	}
	t.Run("abilities", h.abilities)
	t.Run("signatures", h.signatures)
	t.Run("events", h.events)
	t.Run("shown", h.shown)
	t.Run("fetch", h.fetch)
	t.Run("list", h.list)
	t.Run("sweep", h.sweep)
	t.Run("not found", h.notFound)
	t.Run("failing reads", h.failingReads)
	t.Run("shifting pages", h.shiftingPages)
	t.Run("unknown words", h.unknownWords)
	t.Run("past events", h.pastEvents)
	t.Run("checkout", h.checkout)
	t.Run("writes", h.writes)
	t.Run("partial refunds", h.partialRefunds)
	t.Run("money", h.money)
	t.Run("payment update", h.paymentUpdate)
	t.Run("ahead", h.ahead)
	t.Run("preview", h.preview)
	t.Run("portal", h.portal)
	t.Run("endpoint", h.endpoint)
	t.Run("chaos", h.chaos)
}

func (h Harness) world(t *testing.T, chaos sim.Chaos) *World {
	t.Helper()
	n := &net{}
	w := h.New(t, chaos, func(next http.RoundTripper) http.RoundTripper {
		n.next = next
		return n
	})
	n.reply, n.secrets = h.Reply, w.Secrets
	w.net = n
	return w
}

func (w *World) ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: w.Driver.Account(), Kind: kind, ID: id}
}

// Now is the account's time.
func (w *World) Now() time.Time { return w.Clock.Now() }

// Advance lets time go by.
func (w *World) Advance(d time.Duration) { w.Account.Advance(w.Now().Add(d)) }

// Truth is what is true of the account.
func (w *World) Truth() []sim.Object { return w.Account.Truth() }

// Effects are what the account was asked for.
func (w *World) Effects() []sim.Effect { return w.Account.Effects() }

// Webhooks takes what is to be delivered by now and within seconds.
func (w *World) Webhooks(t *testing.T) []Webhook {
	t.Helper()
	w.Advance(5 * time.Second)
	return Delivered(t, w.Account)
}

// offered is the driver as one that has a capability; without it the test has nothing to
// look at, and says what the provider lacks.
func offered[T any](t *testing.T, w *World, lacks string) (capable T, has bool) {
	t.Helper()
	if capable, has = w.Driver.(T); !has {
		t.Log(lacks)
	}
	return capable, has
}

// fails checks that an error is of one of the kinds and shows nothing that it
// should not.
func (w *World) fails(t *testing.T, err error, kinds ...provider.ErrorKind) {
	t.Helper()
	if err == nil {
		t.Errorf("there is no error, want one of %v", kinds)
		return
	}
	w.discreet(t, err)
	if got := provider.KindOf(err); !slices.Contains(kinds, got) {
		t.Errorf("the error is %s, want one of %v: %v", got, kinds, err)
	}
}

// discreet checks that an error shows no secret and nothing of a body.
func (w *World) discreet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, hush := range append(slices.Clone(w.Secrets), inBody) {
		if strings.Contains(err.Error(), hush) {
			t.Errorf("an error shows %q: %v", hush, err)
		}
	}
}

// everything lists all objects of a kind, by id.
func (w *World) everything(t *testing.T, query provider.Query, between func()) map[string]provider.Snapshot {
	t.Helper()
	all := map[string]provider.Snapshot{}
	for ref, s := range w.whole(t, query, between) {
		if ref.Kind == query.Kind {
			all[ref.ID] = s
		}
	}
	return all
}

// whole reads all pages of a list, with what else comes along in it.
func (w *World) whole(t *testing.T, query provider.Query, between func()) map[provider.Ref]provider.Snapshot {
	t.Helper()
	all := map[provider.Ref]provider.Snapshot{}
	for {
		page, err := w.Driver.List(t.Context(), query)
		if err != nil {
			w.discreet(t, err)
			t.Fatalf("list %s: %v", query.Kind, err)
		}
		for _, s := range page.Snapshots {
			all[s.Ref] = s
		}
		if query.After = page.Next; query.After == "" {
			return all
		}
		if between != nil {
			between()
		}
	}
}
