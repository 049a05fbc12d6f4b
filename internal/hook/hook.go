// Package hook tells the application, at its endpoints, how things stand with its
// customers, what messages are due, and what needs a person.
//
// It owns sending: what is sent, signed by Standard Webhooks, to whom, and what to do
// about an endpoint that does not take it. It decides nothing: that a customer's state
// changed is noted by package apply, in the transaction that changed it.
//
// # State, not events
//
// A delivery of [StateChanged] is a row of work, one for each endpoint and customer,
// and level-triggered like all of them: what is sent is read from the ledger when it
// is sent. Ten changes cost one or two deliveries; an endpoint that was away for a day
// gets each customer's newest state once. The sequence in it is the number of the last
// change that it shows, so the receiver keeps the highest and drops the rest.
//
// The webhook's id is made from what is sent: a crash between the delivery and the
// note of it has the same id sent again.
package hook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/store"
)

// The types of events.
const (
	// StateChanged carries all that the application needs to know of a customer.
	StateChanged = "customer.state_changed"
	// MessageDue carries a message that the application's own mailer is to send.
	MessageDue = "message.due"
	// AlertRaised carries what needs a person.
	AlertRaised = "alert.raised"
	// Test carries nothing; it is sent when a person asks for it, whatever Events says.
	Test = "endpoint.test"
)

// Events lists the types that an endpoint can choose from.
func Events() []string { return []string{StateChanged, MessageDue, AlertRaised} }

// Endpoint is an address of the application's.
type Endpoint struct {
	// Name is what people call it; the default is the URL's host.
	Name string
	URL  string
	// Events are the types to send; none: all.
	Events []string
	// Secrets sign what is sent, each as "whsec_" and 24 to 64 bytes in base64. With
	// several there are several signatures, so that they can be changed one after the
	// other.
	Secrets []string
	// AllowPrivate permits addresses that only we can reach: of this machine and of
	// private networks.
	AllowPrivate bool
	// Transport replaces the network, along with its refusal of private addresses; for
	// tests and for who has ways of their own out.
	Transport http.RoundTripper
}

// State is how things stand with a customer.
type State struct {
	// Sequence is the number of the last change that it shows.
	Sequence int64
	// Doc is the state as JSON.
	Doc json.RawMessage
}

// Config is what Hooks work with.
type Config struct {
	DB        *store.DB
	Endpoints []Endpoint
	// State reads how things stand with a customer; the error is [store.ErrNotFound]
	// for one whom nobody knows.
	State func(ctx context.Context, customer string) (State, error)
	// Alert renders an alert as JSON.
	Alert func(a store.Alert) (json.RawMessage, error)
	// Wake is told that a queue has work.
	Wake func(queue string)
	Log  *slog.Logger
	// Observe, if set, is told how each delivery ended: delivered, failed, disabled.
	Observe func(endpoint, event, result string)
	// Version is told to the endpoints.
	Version string
}

// Hooks tell the application's endpoints.
type Hooks struct {
	Config
	endpoints []*endpoint
}

// New prepares hooks. The error says which endpoint cannot be meant.
func New(c Config) (*Hooks, error) {
	if c.Observe == nil {
		c.Observe = func(string, string, string) {}
	}
	h := &Hooks{Config: c}
	for i, configured := range c.Endpoints {
		e, err := h.open(configured)
		if err != nil {
			return nil, fmt.Errorf("endpoint %d: %w", i+1, err)
		}
		if other := h.named(e.Name); other != nil {
			return nil, fmt.Errorf("endpoint %d: another is named %s already: give each a name of its own", i+1, e.Name)
		}
		h.endpoints = append(h.endpoints, e)
	}
	return h, nil
}

// Taking names the endpoints that take a type of events.
func (h *Hooks) Taking(event string) []string {
	var names []string
	for _, e := range h.endpoints {
		if e.takes(event) {
			names = append(names, e.Name)
		}
	}
	return names
}

func (h *Hooks) named(name string) *endpoint {
	for _, e := range h.endpoints {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// envelope is the body of a webhook, as Standard Webhooks has it.
type envelope struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// hook is one webhook to be sent.
type hook struct {
	id       string
	event    string
	customer string
	sequence int64
	body     []byte
}

// seal makes a webhook of data. The id, which is told apart from others by its kind
// and parts, is one of visible characters without a full stop, which separates it from
// the time in what is signed.
func seal(event string, at time.Time, data json.RawMessage, kind string, parts ...string) (hook, error) {
	body, err := json.Marshal(envelope{Type: event, Timestamp: at.UTC(), Data: data})
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hook{id: kind + "_" + hex.EncodeToString(sum[:16]), event: event, body: body}, err
}

// errNothing says that there is nothing to tell any more.
var errNothing = errors.New("there is nothing to tell")

// compose makes what a row of work is about.
func (h *Hooks) compose(ctx context.Context, key string) (hook, error) {
	kind, about, _ := strings.Cut(key, " ")
	switch kind {
	case store.HookState:
		return h.state(ctx, about)
	case store.HookAlert:
		return h.alert(ctx, about)
	}
	return hook{}, fmt.Errorf("%w: %q is none of ours", errNothing, kind)
}

// state is how things stand with a customer now.
func (h *Hooks) state(ctx context.Context, customer string) (hook, error) {
	state, err := h.State(ctx, customer)
	if errors.Is(err, store.ErrNotFound) {
		return hook{}, errNothing
	}
	if err != nil {
		return hook{}, fmt.Errorf("read the state of the customer: %w", err)
	}
	made, err := seal(StateChanged, h.DB.Now(), state.Doc, "state", customer, strconv.FormatInt(state.Sequence, 10))
	made.customer, made.sequence = customer, state.Sequence
	return made, err
}

// alert is an alert, as it is now.
func (h *Hooks) alert(ctx context.Context, number string) (hook, error) {
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return hook{}, fmt.Errorf("%w: %q is no alert", errNothing, number)
	}
	a, err := h.DB.AlertNumbered(ctx, seq)
	if errors.Is(err, store.ErrNotFound) {
		return hook{}, errNothing
	}
	if err != nil {
		return hook{}, err
	}
	doc, err := h.Alert(a)
	if err != nil {
		return hook{}, err
	}
	made, err := seal(AlertRaised, a.RaisedAt, doc, "alert", number)
	made.customer, made.sequence = a.Customer, seq
	return made, err
}

// takes reports whether an endpoint wants a type of events.
func (e *endpoint) takes(event string) bool {
	return len(e.Events) == 0 || slices.Contains(e.Events, event)
}
