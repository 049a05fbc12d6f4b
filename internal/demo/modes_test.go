package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dispute"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/duplicate"
	"github.com/trivetdev/trivet/policy/fraud"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/policy/renewal"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// written is a request to a provider that may change something there.
type written struct {
	account, method, path, key, body string
	at                               time.Time
}

// month is a world in some mode, with all that left it.
type month struct {
	*testing.T
	*world
	writes []written
	// orders are the moments at which the application asked for a checkout.
	orders map[time.Time]bool
	told   []string
}

// careful are worlds of a month on all providers with every fault, and the policies
// at their least timid: they would ban, refund, cancel and concede.
func careful(t *testing.T, seed uint64, mode policy.Mode) Options {
	t.Helper()
	concede, fierce, loud := dispute.Defaults(), fraud.Defaults(), dunning.Defaults()
	concede.Do = dispute.Accept
	fierce.Rules = []fraud.Rule{{Name: "twice", When: "payments >= 2", Do: []string{policy.Alert, policy.Ban, policy.Refund, policy.CancelNow}}}
	loud.SMS = true
	o := Options{Seed: seed, Days: 30, Customers: 25, Mode: mode}
	add := func(p policy.Policy, err error) {
		if err != nil {
			t.Fatal(err)
		}
		o.policies = append(o.policies, p)
	}
	add(hygiene.New(hygiene.Defaults()))
	add(renewal.New(renewal.Defaults()))
	add(dunning.New(loud))
	add(dispute.New(concede))
	add(duplicate.New(duplicate.Defaults()))
	add(fraud.New(fierce))
	return o
}

// pass lets a month pass, with something planned for it, and wants all in step.
func pass(t *testing.T, o Options, plan func(*month)) *month {
	t.Helper()
	m := &month{T: t, orders: map[time.Time]bool{}}
	o.tap, o.tell = m.tap, func(_ context.Context, w policy.Warning, customer string) error {
		m.told = append(m.told, w.Cause+" "+customer)
		return nil
	}
	var err error
	if m.world, err = newWorld(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.close(); err != nil {
			t.Error(err)
		}
	})
	m.desk.client.Transport = tapped{m.hooks, func(r *http.Request) {
		if r.URL.Path == "/v1/checkouts" {
			m.orders[m.clock.Now()] = true
		}
	}}
	if plan != nil {
		plan(m)
	}
	r, err := m.run(t.Context(), func(context.Context, day) error { return nil })
	if err != nil {
		t.Fatalf("%v\nreplay: %s", err, m.replay())
	}
	proven(t, m.world, r)
	return m
}

// tap keeps what may change something at a provider. A token that is asked for opens
// the door and changes nothing behind it.
func (m *month) tap(account string, at time.Time, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/oauth2/token") {
		return
	}
	q := written{account: account, method: r.Method, path: r.URL.Path, at: at, key: r.Header.Get("Idempotency-Key") + r.Header.Get("Paypal-Request-Id")}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			m.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		q.body = string(body)
	}
	m.writes = append(m.writes, q)
}

// reason says which request of the application a write carries out; empty: none.
func (m *month) reason(q written) string {
	named := func(key string) bool {
		return key != "" && (key == q.key || q.key == "" && strings.Contains(q.body, key))
	}
	for _, wish := range m.wishes.all {
		switch {
		case wish.account.name != q.account:
		case named(wish.key):
			return wish.op
		case q.key != "", q.at.Before(wish.asked), !wish.ended.IsZero() && q.at.After(wish.ended):
		case carries(q, wish):
			return wish.op
		}
	}
	if step := strings.Split(q.path, "/"); step[len(step)-1] == "capture" && m.made(q.account+"/checkout/"+step[len(step)-2]) {
		return sim.OpCapture
	}
	if !m.orders[q.at] {
		return ""
	}
	if strings.Contains(q.path, "portal") { // whoever has a subscription is sent there
		return sim.OpPortalLink
	}
	for _, key := range append(strings.FieldsFunc(q.body, func(r rune) bool { return r == '"' }), q.key) {
		if strings.HasPrefix(key, "chk_") {
			if _, err := m.db.CheckoutNamed(m.Context(), key); err == nil { // its making was not confirmed
				return sim.OpCheckoutCreate
			}
		}
	}
	return ""
}

// made reports whether a checkout is one that the application had us make.
func (m *month) made(key string) bool {
	object, err := m.db.Object(m.Context(), key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		m.Error(err)
	}
	return strings.Contains(object.Claims, `"`+provider.ClaimToken+`"`)
}

// ours reports whether an effect carries out what the application asked for: taking the
// money of a checkout, or going on when a pause is over that it gave an end.
func (m *month) ours(e store.Effect) bool {
	return e.Kind == policy.Capture && m.made(e.Object) || e.Kind == policy.Resume
}

// carries reports whether a write without a key of ours does what was wished for.
func carries(q written, w *wish) bool {
	object := w.object[strings.LastIndexByte(w.object, '-')+1:] // a number at Lemon Squeezy, whose kind is in the path
	inPath := slices.Contains(strings.Split(q.path, "/"), object)
	switch w.op {
	case sim.OpCancel, sim.OpCancelAtPeriodEnd:
		return inPath && (strings.HasSuffix(q.path, "/cancel") || q.method == http.MethodDelete)
	case sim.OpUncancel:
		return inPath && (strings.Contains(q.body, `"scheduled_change":null`) || strings.Contains(q.body, `"cancelled":false`)) //nolint:misspell // as Lemon Squeezy spells it
	case sim.OpPause:
		return inPath && (strings.HasSuffix(q.path, "/pause") || strings.Contains(q.body, `"pause":{`))
	case sim.OpResume:
		return inPath && (strings.HasSuffix(q.path, "/resume") || strings.Contains(q.body, `"pause":null`))
	case sim.OpRefund:
		return inPath && strings.HasSuffix(q.path, "/refund")
	case sim.OpEmail:
		return inPath && strings.Contains(q.body, strconv.Quote(w.email))
	}
	return false
}

// nothingWritten wants every write until a time to be one that the application asked
// for; none at all would show that nobody looked.
func (m *month) nothingWritten(until time.Time) {
	m.Helper()
	seen := map[string]int{}
	for _, q := range m.writes {
		if !q.at.Before(until) {
			continue
		}
		why := m.reason(q)
		if seen[why]++; why == "" {
			m.Errorf("nobody asked for %s %s %s at %s, key %q: %.200s", q.account, q.method, q.path, q.at, q.key, q.body)
		}
	}
	if seen[sim.OpCheckoutCreate] == 0 || len(seen) < 2 {
		m.Errorf("the application wrote next to nothing: %v", seen)
	}
}

// nobodyTold wants the team to have heard of the service itself alone.
func (m *month) nobodyTold() {
	m.Helper()
	causes, err := m.db.OpenCauses(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	for _, cause := range append(causes, m.told...) {
		kind, _, _ := strings.Cut(cause, ":")
		if !slices.Contains([]string{"unlinked", "dead_effects", "dead_events", "dead_looks", "late_sweep", "unlinked_dispute"}, kind) {
			m.Errorf("the team was told %q", cause)
		}
	}
}

// asked are the effects that policies asked for.
func (m *month) asked(ctx context.Context) (all []store.Effect, err error) {
	for before := int64(0); ; {
		rows, err := m.db.Effects(ctx, store.EffectFilter{Before: before, Limit: 500})
		if err != nil || len(rows) == 0 {
			return all, err
		}
		for _, e := range rows {
			if before = e.Seq; e.Policy != "" {
				all = append(all, e)
			}
		}
	}
}

// says checks that a note of what would be done says what exactly.
func (m *month) says(e store.Effect) {
	m.Helper()
	var err error
	switch e.Kind {
	case policy.Say:
		var n notify.Notice
		if err = json.Unmarshal([]byte(e.Doc), &n); n.Template == "" || n.Channel == "" {
			err = errors.Join(err, errors.New("it names no message or no channel"))
		}
	case policy.Alert:
		var w policy.Warning
		if err = json.Unmarshal([]byte(e.Doc), &w); w.Cause == "" || w.Title == "" {
			err = errors.Join(err, errors.New("it has no cause or no title"))
		}
	case policy.PushEmail:
		var d policy.Details
		if err = json.Unmarshal([]byte(e.Doc), &d); d.Email == "" {
			err = errors.Join(err, errors.New("it has no address"))
		}
	default:
		err = json.Unmarshal([]byte(e.Doc), &policy.Details{})
	}
	if err != nil || e.Object == "" || e.Customer == "" || e.Actor != "policy:"+e.Policy {
		m.Errorf("%s %s on %q for %q by %s, %s: %v", e.Policy, e.Kind, e.Object, e.Customer, e.Actor, e.Doc, err)
	}
}

// caused counts, by policy, what happened in the truth that the policy has something
// to say about.
func (m *month) caused() map[string]int {
	n := map[string]int{}
	for _, a := range m.accounts {
		owners, _ := m.owners(a)
		for _, o := range a.truth.Truth() {
			if o.Kind == sim.KindDispute && m.ledger.rows[a.name+"/dispute/"+o.ID].Customer != "" {
				n["dispute"]++
			}
			if p := owners[o.Customer]; o.Kind == sim.KindCustomer && p != "" && m.renamed(p) {
				n["hygiene"]++
			}
		}
	}
	for _, wish := range m.wishes.all { // Paddle and Lemon Squeezy write to customers themselves
		if wish.op == sim.OpRefund && wish.count() > 0 && (wish.account.name == "stripe" || wish.account.name == "paypal") {
			n["dunning"]++
		}
	}
	return n
}

func (m *month) renamed(ref string) bool {
	return slices.ContainsFunc(m.people, func(p *person) bool { return p.ref == ref && p.emails > 0 })
}

// held is what policies would have done in some months.
type held struct {
	mu       sync.Mutex
	policies map[string]int
	kinds    map[string]int
}

// heldBack checks a month in which the service was to do nothing by itself: nothing
// went out to customers or, in mode observe, to the team, and all that would have is
// noted.
func (h *held) heldBack(m *month, states ...string) {
	m.Helper()
	if letters := m.box.Letters(); len(letters) > 0 {
		m.Errorf("%d messages went out, the first is %s by %s", len(letters), letters[0].ID, letters[0].Channel)
	}
	m.nothingWritten(m.clock.Now().Add(time.Second))
	if m.Mode == policy.Observe {
		m.nobodyTold()
	} else if len(m.told) == 0 {
		m.Error("the team was told nothing")
	}
	all, err := m.asked(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	policies := map[string]int{}
	for _, e := range all {
		policies[e.Policy]++
		switch {
		case m.ours(e), m.Mode == policy.Assist && e.Kind == policy.Alert: // which nothing holds back
			if e.State != store.EffectDone && e.State != store.EffectDropped && e.State != store.EffectDue {
				m.Errorf("%s is %s: %s", e.Key, e.State, e.Result)
			}
		case e.State == store.EffectDropped && e.Result != store.NotCalledFor || !slices.Contains(states, e.State):
			m.Errorf("%s is %s: %s", e.Key, e.State, e.Result)
		}
		m.says(e)
		h.mu.Lock()
		h.policies[e.Policy]++
		h.kinds[e.Kind]++
		h.mu.Unlock()
	}
	for name, n := range m.caused() {
		if n > 0 && policies[name] == 0 {
			m.Errorf("%d things happened that %s would have done something about, but nothing is noted", n, name)
		}
	}
}

// check wants each policy to have had a cause somewhere, and every kind of action
// that moves money, bars or writes to somebody to have been held back.
func (h *held) check(t *testing.T) {
	t.Helper()
	for _, name := range []string{"hygiene", "renewal", "dunning", "dispute", "duplicate", "fraud"} {
		if h.policies[name] == 0 {
			t.Errorf("%s would have done nothing: %v", name, h.policies)
		}
	}
	for _, kind := range []string{policy.Say, policy.Alert, policy.Ban, policy.Refund, policy.CancelNow, policy.PushEmail, policy.AcceptDispute} {
		if h.kinds[kind] == 0 {
			t.Errorf("nobody would have done a %s: %v", kind, h.kinds)
		}
	}
	t.Logf("held back: %v, %v", h.policies, h.kinds)
}

func TestObserveLetsNothingOut(t *testing.T) {
	h := &held{policies: map[string]int{}, kinds: map[string]int{}}
	t.Run("worlds", func(t *testing.T) {
		for _, seed := range []uint64{11, 12, 13, 14} {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				h.heldBack(pass(t, careful(t, seed, policy.Observe), nil), store.EffectWithheld)
			})
		}
	})
	h.check(t)
}

func TestAssistLetsNothingOutUntilAPersonSays(t *testing.T) {
	h := &held{policies: map[string]int{}, kinds: map[string]int{}}
	t.Run("worlds", func(t *testing.T) {
		for _, seed := range []uint64{11, 15} {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				m := pass(t, careful(t, seed, policy.Assist), nil)
				h.heldBack(m, store.EffectProposed, store.EffectDropped)
				var waiting struct {
					Data []struct{ Kind, State string }
				}
				if err := m.desk.call(t.Context(), http.MethodGet, "/v1/proposals?limit=200", "", nil, &waiting); err != nil || len(waiting.Data) == 0 {
					t.Errorf("%d proposals wait for a person, %v", len(waiting.Data), err)
				}
			})
		}
	})
	h.check(t)
}
