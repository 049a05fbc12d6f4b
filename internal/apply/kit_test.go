package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/provider"
)

// world is a provider in memory: what is true, and how it answers.
type world struct {
	mu      sync.Mutex
	truth   map[provider.Ref]provider.Snapshot
	fetches map[provider.Ref]int
	// delay, if set, runs between reading the truth and answering, with the number
	// of the fetch: a slow answer is an old answer.
	delay func(ref provider.Ref, n int)
	// fault, if set, may answer with an error instead.
	fault func(ref provider.Ref, n int) error
	// shown is what events show, by body.
	shown map[string]provider.Version
}

func newWorld() *world {
	return &world{truth: map[provider.Ref]provider.Snapshot{}, fetches: map[provider.Ref]int{}}
}

func (w *world) Account() string       { return "stripe" }
func (w *world) Kinds() []billing.Kind { return billing.Kinds() }

func (w *world) Abilities() map[provider.Ability]provider.Support { return nil }

func (w *world) Verify(context.Context, http.Header, []byte, time.Time) (provider.Delivery, error) {
	return provider.Delivery{}, errors.New("not part of these tests")
}

func (w *world) List(context.Context, provider.Query) (provider.Page, error) {
	return provider.Page{}, errors.New("not part of these tests")
}

func (w *world) Fetch(_ context.Context, ref provider.Ref) (provider.Snapshot, error) {
	w.mu.Lock()
	w.fetches[ref]++
	n, delay, fault := w.fetches[ref], w.delay, w.fault
	snapshot, there := w.truth[ref]
	w.mu.Unlock()
	if fault != nil {
		if err := fault(ref, n); err != nil {
			return provider.Snapshot{}, err
		}
	}
	if delay != nil {
		delay(ref, n)
	}
	if !there {
		return provider.Snapshot{}, &provider.Error{Account: "stripe", Op: "fetch " + ref.String(), Kind: provider.NotFound}
	}
	return snapshot, nil
}

// Shown implements [provider.Shower]: all events of these tests are about sub_1.
func (w *world) Shown(body []byte) (provider.Ref, provider.Version) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return sub1, w.shown[string(body)]
}

// say makes something true.
func (w *world) say(snapshots ...provider.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range snapshots {
		w.truth[s.Ref] = s
	}
}

func (w *world) forget(ref provider.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.truth, ref)
}

func (w *world) now(ref provider.Ref) provider.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.truth[ref]
}

func (w *world) fetched(ref provider.Ref) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetches[ref]
}

// house is an applier with its engine on a fresh database.
type house struct {
	*apply.Applier
	t      testing.TB
	db     *store.DB
	world  *world
	clock  *storetest.Clock
	engine *work.Engine
}

// both runs a test on both databases.
func both(t *testing.T, config apply.Config, test func(t *testing.T, h *house)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, url string) { test(t, open(t, url, storetest.NewClock(), config)) })
}

// open makes one process; open one address twice to play two.
func open(t testing.TB, url string, clock *storetest.Clock, config apply.Config) *house {
	t.Helper()
	return furnish(t, storetest.Open(t, url, clock.Now), clock, config)
}

func furnish(t testing.TB, db *store.DB, clock *storetest.Clock, config apply.Config) *house {
	t.Helper()
	h := &house{t: t, clock: clock, world: newWorld(), db: db}
	config.DB, config.Drivers, config.Log = h.db, map[string]provider.Driver{"stripe": h.world}, slog.New(slog.DiscardHandler)
	if len(config.Catalog.Plans()) == 0 {
		config.Catalog = catalog(t)
	}
	if config.Rules == (billing.Rules{}) {
		config.Rules = billing.DefaultRules()
	}
	if config.Wake == nil {
		config.Wake = func(queue string) { h.engine.Wake(queue) }
	}
	if h.db.Dialect() == "postgres" && config.Flushers == 0 {
		config.Flushers = 3
	}
	h.Applier = apply.New(config)
	h.engine = work.New(h.db, slog.New(slog.DiscardHandler), h.Queue(8))
	t.Cleanup(h.Close)
	return h
}

func catalog(t testing.TB) billing.Catalog {
	t.Helper()
	c, err := billing.NewCatalog([]billing.Plan{
		{ID: "pro", Features: []string{"api"}, Prices: map[string][]string{"stripe": {"price_pro"}}},
		{ID: "life", Features: []string{"export"}, Kind: billing.GrantForever, Prices: map[string][]string{"stripe": {"price_life"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: "stripe", Kind: kind, ID: id}
}

// snap makes a snapshot of an object of the provider's customer cus_1.
func snap(id string, object billing.Object, changes ...func(*provider.Snapshot)) provider.Snapshot {
	s := provider.Snapshot{Ref: ref(object.Kind(), id), Object: object}
	if object.Kind() != billing.KindCustomer {
		s.Owner = "cus_1"
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func claiming(name, value string) func(*provider.Snapshot) {
	return func(s *provider.Snapshot) { s.Claims = map[string]string{name: value} }
}

func ownedBy(owner string) func(*provider.Snapshot) {
	return func(s *provider.Snapshot) { s.Owner = owner }
}

func related(refs ...provider.Ref) func(*provider.Snapshot) {
	return func(s *provider.Snapshot) { s.Related = refs }
}

// subscribed makes a subscription to price_pro in a state.
func subscribed(status billing.SubscriptionStatus) billing.Subscription {
	return billing.Subscription{
		Status: status, ProviderStatus: string(status), Price: "price_pro", Quantity: 1,
		Items: []billing.Item{{Price: "price_pro", Quantity: 1}}, PeriodStart: storetest.Start(), PeriodEnd: storetest.Start().AddDate(0, 1, 0),
	}
}

func paid(price string) billing.Payment {
	return billing.Payment{
		Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: 900, Currency: "EUR"}, PaidAt: storetest.Start(),
		Items: []billing.Item{{Price: price, Quantity: 1}},
	}
}

// mine makes objects of cus_1 belong to a customer of the application.
func mine(customer string) provider.Snapshot {
	return snap("cus_1", billing.ProviderCustomer{Email: "a@b.test"}, claiming("metadata.user_id", customer))
}

// trusting accepts metadata.user_id as a name.
var trusting = apply.Config{Bind: map[string][]string{"stripe": {provider.ClaimToken, "metadata.user_id"}}}

func (h *house) look(refs ...provider.Ref) []apply.Outcome {
	h.t.Helper()
	outcomes, err := h.Refs(h.t.Context(), apply.Cause{Trigger: apply.Request}, refs...)
	if err != nil {
		h.t.Fatal(err)
	}
	return outcomes
}

var eventCount int

// webhook stores an event about references; nothing is looked at yet.
func (h *house) webhook(refs ...provider.Ref) (id string) {
	h.t.Helper()
	return h.told(h.clock.Now(), "{}", refs...)
}

// told stores an event that happened at a time, with a body.
func (h *house) told(at time.Time, body string, refs ...provider.Ref) (id string) {
	h.t.Helper()
	eventCount++
	id = fmt.Sprint("evt_", eventCount)
	e := store.Event{
		Account: "stripe", EventID: id, Type: "x", Arrival: store.ArrivalWebhook, Headers: "{}", Body: []byte(body), CreatedAt: at,
	}
	for _, r := range refs {
		e.Refs = append(e.Refs, r.String())
	}
	if _, err := h.db.Receive(h.t.Context(), []store.Event{e}); err != nil {
		h.t.Fatal(err)
	}
	return id
}

// step works all that is due.
func (h *house) step() {
	h.t.Helper()
	if _, err := h.engine.Step(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) begin() int64 {
	h.t.Helper()
	n, err := h.db.Number(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// page writes what a list said when it was asked for at a number.
func (h *house) page(begun int64, event string, snapshots ...provider.Snapshot) []apply.Outcome {
	h.t.Helper()
	outcomes, failed, err := h.Write(h.t.Context(), apply.Page{Cause: apply.Cause{Trigger: apply.Sweep, Event: event}, Begun: begun, Snapshots: snapshots})
	if err != nil || len(failed) > 0 {
		h.t.Fatal(failed, err)
	}
	return outcomes
}

// held reads a row of the ledger; the zero row if there is none.
func (h *house) held(r provider.Ref) store.Object {
	h.t.Helper()
	o, err := h.db.Object(h.t.Context(), r.String())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		h.t.Fatal(err)
	}
	return o
}

func (h *house) wantStatus(r provider.Ref, status string) {
	h.t.Helper()
	if o := h.held(r); o.Status != status || o.Gone {
		h.t.Errorf("%s is %q (gone: %v), want %q", r, o.Status, o.Gone, status)
	}
}

func (h *house) wantEvent(id, state string) {
	h.t.Helper()
	if e, err := h.db.EventNamed(h.t.Context(), id); err != nil || e.State != state {
		h.t.Errorf("event %s is %q, %v; want %q", id, e.State, err, state)
	}
}

func (h *house) wantAccess(customer, feature string, allowed bool) {
	h.t.Helper()
	answer, err := h.Check(h.t.Context(), customer, feature)
	if err != nil || answer.Allowed != allowed {
		h.t.Errorf("may %s use %s? %+v, %v; want %v", customer, feature, answer.Decision, err, allowed)
	}
	stored, err := h.db.AccessOf(h.t.Context(), customer)
	if err != nil {
		h.t.Error(err)
	}
	kept := billing.Decision{}
	for _, a := range stored {
		if a.Feature == feature {
			if err := json.Unmarshal([]byte(a.Doc), &kept); err != nil {
				h.t.Error(err)
			}
		}
	}
	if kept.Allowed != allowed {
		h.t.Errorf("stored for %s and %s: %+v; want allowed %v", customer, feature, kept, allowed)
	}
}

// audit checks that the trail accounts for all that the ledger says, and that
// each object's changes follow one from the other.
func (h *house) audit() {
	h.t.Helper()
	report, err := apply.Audit(h.t.Context(), h.db, storetest.Open(h.t, storetest.SQLite(h.t), h.clock.Now))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range report.Mismatches {
		h.t.Errorf("the trail says of %s %s:\n%s\nand the ledger\n%s", m.Subject, m.ID, m.Trail, m.Ledger)
	}
	changes, err := h.db.Changes(h.t.Context(), store.ChangeFilter{Forward: true, Limit: 100_000})
	if err != nil {
		h.t.Fatal(err)
	}
	last := map[string]string{}
	for _, c := range changes {
		name := c.Subject + " " + c.Account + " " + c.ID
		var was any
		if before := last[name]; before != "" {
			was = json.RawMessage(before)
		}
		diff, err := billing.Diff(was, json.RawMessage(c.After))
		if err != nil {
			h.t.Fatal(err)
		}
		told, err := json.Marshal(diff)
		if err != nil {
			h.t.Fatal(err)
		}
		if was != nil && c.Diff != string(told) { // the first of all has no difference to tell
			h.t.Errorf("change %d of %s does not follow from the one before:\ntold %s\nis   %s", c.Seq, name, c.Diff, told)
		}
		last[name] = c.After
	}
}

func (h *house) drift() string {
	h.t.Helper()
	rows, err := h.db.Drift(h.t.Context(), store.DriftFilter{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for i := len(rows) - 1; i >= 0; i-- {
		d := rows[i]
		all = append(all, strings.TrimSuffix(d.Kind+" "+d.Object+" "+d.State+" "+d.Impact, " "))
	}
	return strings.Join(all, "; ")
}

// poison gives the customer "bad" the name at which the policy heard panics.
func poison(ctx context.Context, tx *store.Tx) error {
	rows, err := tx.LockCustomers(ctx, []string{"bad"})
	if err != nil {
		return err
	}
	rows[0].Doc = `{"ref":"bad","name":"poison"}`
	return tx.PutCustomers(ctx, rows)
}
