package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
	driver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
)

// house is a deployment: a database, a configuration, a provider, and whatever
// processes run on them.
type house struct {
	*world
	t      *testing.T
	config string
	url    string
	// asked holds the effects that were asked for, by business key.
	asked map[string]store.Effect
	// db is the database as this test sees it; nil until it is needed.
	db *store.DB
}

// onBoth runs a test on each kind of database. Every call of fresh makes an
// empty one.
func onBoth(t *testing.T, test func(t *testing.T, fresh func(t *testing.T) string)) {
	t.Helper()
	for name, fresh := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "trivet.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

// configuration is what the processes read. Webhooks alone bring events: one
// that was lost after it was acknowledged shall not come back by the list.
// There is no cap on refunds: on a fast machine more of them are asked for than a day
// has by default, and what waits for tomorrow does not settle.
const configuration = `
public_url = "https://billing.test"
listen = "127.0.0.1:0"
database = %q
api_keys = [%q]

[providers.stripe]
secret_key = %q
webhook_secrets = [%q]
base_url = %q
bind = ["metadata.user_id"]
ingest = "push"
rate = "5000/s"

[caps]
refunds = 0

[[plan]]
id = "pro"
name = "Pro"
features = ["export"]
prices.stripe = ["price_pro_month", "price_basic_month"]
`

func newHouse(t *testing.T, w *world, database string) *house {
	t.Helper()
	h := &house{world: w, t: t, url: database, config: filepath.Join(t.TempDir(), "trivet.toml"), asked: map[string]store.Effect{}}
	text := fmt.Sprintf(configuration, database, apiKey, secretKey, webhookSecret, w.api.URL)
	if err := os.WriteFile(h.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// step runs a part of a test under a name of its own.
func (h *house) step(name string, do func()) {
	outer := h.t
	outer.Run(name, func(t *testing.T) {
		h.t = t
		defer func() { h.t = outer }()
		do()
	})
}

// start runs a process, waits until it listens, and has webhooks sent to it.
func (h *house) start(orders ...string) *process {
	h.t.Helper()
	p := spawn(h.t, h.config, orders...)
	h.sendTo(p)
	return p
}

// database opens the database beside the processes.
func (h *house) database() *store.DB {
	h.t.Helper()
	if h.db == nil {
		db, err := store.Open(h.t.Context(), store.Options{URL: h.url, Now: time.Now, Connections: 4})
		if err != nil {
			h.t.Fatal(err)
		}
		h.world.t.Cleanup(func() {
			if err := db.Close(); err != nil {
				h.world.t.Error(err)
			}
		})
		h.db = db
	}
	return h.db
}

// ask records an effect as the API does, on an object that nobody else touches.
func (h *house) ask(kind string, details outbox.Details) {
	h.t.Helper()
	b := h.buy()
	ref := provider.Ref{Account: "stripe", Kind: "subscription", ID: b.subscription}
	switch kind {
	case outbox.Refund:
		ref.Kind, ref.ID = "payment", h.payment(b)
	case outbox.PushEmail:
		ref.Kind, ref.ID = "customer", b.customer
	}
	h.askAbout(ref, kind, details)
}

func (h *house) askAbout(ref provider.Ref, kind string, details outbox.Details) {
	h.t.Helper()
	doc, err := json.Marshal(details)
	if err != nil {
		h.t.Fatal(err)
	}
	e := store.Effect{
		Key: fmt.Sprintf("%s:%s:%d", kind, ref.ID, len(h.asked)), Kind: kind, Account: ref.Account,
		Object: ref.String(), Doc: string(doc), State: store.EffectDue, Actor: "test",
	}
	err = h.database().Write(h.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.AddEffects(ctx, []store.Effect{e})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.asked[e.Key] = e
}

// askAll asks for one effect of each kind.
func (h *house) askAll() {
	h.t.Helper()
	h.askRefund()
	h.ask(outbox.CancelAtPeriodEnd, outbox.Details{})
	h.ask(outbox.Pause, outbox.Details{})
	h.ask(outbox.PushEmail, outbox.Details{Email: fmt.Sprintf("pushed%d@example.com", len(h.asked))})
	h.ask(outbox.CancelNow, outbox.Details{})
}

// askRefund asks for a part of a payment back: what would happen twice if it were
// done twice, for nothing but its key tells two such refunds apart.
func (h *house) askRefund() {
	h.t.Helper()
	h.ask(outbox.Refund, outbox.Details{Amount: 700, Reason: "requested_by_customer"})
}

// survived compares what was acknowledged with what is stored, and tells the
// four numbers. Acknowledged is what had been before the process ended. Hold the
// webhooks back meanwhile.
func (h *house) survived(acked []string) {
	h.t.Helper()
	heads, err := h.database().EventHeads(h.t.Context(), store.EventFilter{Limit: 1_000_000})
	if err != nil {
		h.t.Fatal(err)
	}
	stored := map[string]int{}
	for _, e := range heads {
		stored[e.EventID]++
	}
	lost, twice := 0, 0
	for _, id := range acked {
		if stored[id] == 0 {
			lost++
		}
	}
	for _, n := range stored {
		if n > 1 {
			twice++
		}
	}
	h.t.Logf("%d acknowledged before the end, %d stored after it, %d lost, %d twice", len(acked), len(stored), lost, twice)
	if lost > 0 || twice > 0 {
		h.t.Errorf("%d events are lost and %d are stored twice", lost, twice)
	}
}

// waited is the longest that may pass, once nothing goes wrong any more, in which
// nothing has to be done. The service counts a claim of a process that was killed as a
// try, so a look that was under way at every kill, and fails once more, waits for
// 5 s × 2^kills. An effect that failed twice waits for 20 s; then it may find itself
// done, which it has to see again 30 s later. What an event tells is looked at once
// more 30 s after it. These may follow on one another. The claims of a process that is
// no more last to the end of their lease.
const waited = lease + (5<<kills+20+30+30)*time.Second/pace

// settle waits until everything was delivered and worked, for which there is time
// beside what may have to be waited for.
func (h *house) settle() {
	h.t.Helper()
	deadline := time.Now().Add(waited + 2*patience)
	for {
		delivered := h.delivered() // first, for what is delivered leads to work
		waits := h.waiting()
		if delivered && len(waits) == 0 {
			return
		}
		if time.Now().After(deadline) {
			stats := h.Stats()
			h.t.Fatalf("it does not settle: of %d webhooks %d are acknowledged; waiting: %s%s",
				stats.Sent-stats.Dropped, len(stats.AckedEvents), strings.Join(waits, ", "), h.late())
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// late says what the effects wait for that are not done.
func (h *house) late() (text string) {
	h.t.Helper()
	for key := range h.asked {
		row, err := h.database().WorkNamed(h.t.Context(), store.QueueEffect, key)
		if err != nil {
			text += fmt.Sprintf("\n%s: %v", key, err)
		} else if row.State != "idle" {
			text += fmt.Sprintf("\n%s is %s, due in %s after %d attempts and %d failures: %s", key, row.State, time.Until(row.DueAt), row.Attempts, row.Failures, row.Error)
		}
	}
	return text
}

// waiting names the rows of work that are not done; periodic tasks never are,
// but nobody may be at them either.
func (h *house) waiting() (names []string) {
	h.t.Helper()
	counts, err := h.database().WorkCounts(h.t.Context())
	if err != nil {
		return []string{err.Error()}
	}
	for name, n := range counts {
		if name[0] != store.QueueTask || name[1] != "ready" {
			names = append(names, fmt.Sprintf("%d %s %s", n, name[1], name[0]))
		}
	}
	slices.Sort(names)
	return names
}

// running counts the rows of work that somebody holds.
func (h *house) running() (n int64) {
	h.t.Helper()
	counts, err := h.database().WorkCounts(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for name, rows := range counts {
		if name[1] == "running" {
			n += rows
		}
	}
	return n
}

// check holds the settled and stopped service against the provider.
func (h *house) check() {
	h.t.Helper()
	h.survived(h.acked())
	h.inStep()
	h.once()
	h.tidy()
	h.audit()
}

// inStep compares every object of the ledger with what the provider says now.
func (h *house) inStep() {
	h.t.Helper()
	d, err := driver.New(driver.Config{
		Account: "stripe", SecretKey: secretKey, BaseURL: "https://api.stripe.test", Transport: sim.Transport(h.Handler()), Now: time.Now,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	held := map[string]store.Object{}
	for after := ""; ; {
		rows, err := h.database().Objects(h.t.Context(), store.ObjectFilter{After: after, Limit: 1000})
		if err != nil {
			h.t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			held[row.Key] = row
		}
		after = rows[len(rows)-1].Key
	}
	truth := h.Truth()
	for _, o := range truth {
		ref := provider.Ref{Account: "stripe", Kind: billing.Kind(o.Kind), ID: o.ID}
		row, found := held[ref.String()]
		delete(held, ref.String())
		snapshot, err := d.Fetch(h.t.Context(), ref)
		if err != nil {
			h.t.Fatal(err)
		}
		doc, err := json.Marshal(snapshot.Object)
		if err != nil {
			h.t.Fatal(err)
		}
		switch status := o.Fields["status"]; {
		case !found:
			h.t.Errorf("%s is not in the ledger", ref)
		case row.Doc != string(doc):
			h.t.Errorf("%s is %s in the ledger, and %s", ref, row.Doc, doc)
		case status != "" && row.Status != status: // told by the simulator itself, not by our driver
			h.t.Errorf("%s is %s in the ledger, and %s", ref, row.Status, status)
		case row.Customer != h.owners[o.Customer]:
			h.t.Errorf("%s belongs to %q in the ledger, and to %q", ref, row.Customer, h.owners[o.Customer])
		}
	}
	for key := range held {
		h.t.Errorf("%s is in the ledger alone", key)
	}
	h.t.Logf("%d objects compared", len(truth))
}

// once compares the effects that were asked for with the provider's own list of
// what was done to it.
func (h *house) once() {
	h.t.Helper()
	done := map[string]int{}
	for _, e := range h.Effects() {
		key, _, _ := strings.Cut(e.Key, "#")
		done[key]++
		if asked, known := h.asked[key]; !known {
			h.t.Errorf("nobody asked for %s of %s (%s)", e.Op, e.Object, e.Key)
		} else if e.Op != operation(asked.Kind) || !strings.HasSuffix(asked.Object, "/"+e.Object) {
			h.t.Errorf("effect %s became %s of %s", key, e.Op, e.Object)
		}
	}
	for key := range h.asked {
		if done[key] != 1 {
			h.t.Errorf("effect %s happened %d times", key, done[key])
		}
		e, err := h.database().Effect(h.t.Context(), key)
		if err != nil {
			h.t.Fatal(err)
		}
		if e.State != store.EffectDone {
			h.t.Errorf("effect %s is %s: %s", key, e.State, e.Error)
		}
	}
	h.t.Logf("%d effects compared", len(h.asked))
}

// operation is the simulator's name for a kind of effect.
func operation(kind string) string {
	if kind == outbox.PushEmail {
		return sim.OpEmail
	}
	return kind
}

// tidy looks for what an end has left lying about.
func (h *house) tidy() {
	h.t.Helper()
	if waits := h.waiting(); len(waits) > 0 {
		h.t.Errorf("work is left over: %s", strings.Join(waits, ", "))
	}
	states, err := h.database().EventCounts(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if n := states[store.EventReceived] + states[store.EventDead]; n > 0 {
		h.t.Errorf("events are left over: %v", states)
	}
}

// audit replays the audit trail.
func (h *house) audit() {
	h.t.Helper()
	empty, err := store.Open(h.t.Context(), store.Options{URL: "sqlite:" + filepath.Join(h.t.TempDir(), "replayed.db"), Now: time.Now, Volatile: true})
	if err != nil {
		h.t.Fatal(err)
	}
	report, err := apply.Audit(h.t.Context(), h.database(), empty)
	if err := errors.Join(err, empty.Close()); err != nil {
		h.t.Fatal(err)
	}
	for _, m := range report.Mismatches {
		h.t.Errorf("the audit trail and the ledger differ: %+v", m)
	}
	h.t.Logf("%d rows accounted for by %d changes", report.Rows, report.Changes)
}
