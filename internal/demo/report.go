package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// Report is the outcome of a run. Its JSON form is stable.
type Report struct {
	Seed      uint64           `json:"seed"`
	Days      int              `json:"days"`
	Customers int              `json:"customers"`
	Providers map[string]Score `json:"providers"`
	// InStep is the percentage of objects on which the ledger and the truth
	// agree; Naive the naive handler's, of the objects that it keeps.
	InStep     float64      `json:"in_step_percent"`
	Naive      float64      `json:"naive_in_step_percent"`
	Webhooks   Webhooks     `json:"webhooks"`
	Drift      Drift        `json:"drift"`
	Effects    effectCounts `json:"effects"`
	APICalls   int          `json:"api_calls"`
	Mismatches []Mismatch   `json:"mismatches"`
}

// Score is how many objects of a provider there are, and how many are in step.
type Score struct {
	Objects int `json:"objects"`
	InStep  int `json:"in_step"`
}

// Webhooks counts deliveries.
type Webhooks struct {
	// Sent counts events by endpoint, Dropped those that never came, Duplicated
	// extra copies, Delivered attempts that were answered.
	Sent       int `json:"sent"`
	Dropped    int `json:"dropped"`
	Duplicated int `json:"duplicated"`
	Delivered  int `json:"delivered"`
	// Acked counts events that were answered with 2xx, each once; Stored how many
	// of them are in the inbox.
	Acked  int `json:"acked"`
	Stored int `json:"stored"`
}

// Drift counts what reconciliation found that no webhook had told.
type Drift struct {
	Found  int64 `json:"found"`
	Healed int64 `json:"healed"`
	Open   int64 `json:"open"`
}

// OK reports whether everything is as it must be.
func (r Report) OK() bool {
	return len(r.Mismatches) == 0 && r.Webhooks.Stored == r.Webhooks.Acked &&
		r.Effects.Done == r.Effects.Expected && r.Effects.Duplicated == 0 && r.Effects.Missing == 0
}

// day is the score at the end of a day, in the midst of everything.
type day struct {
	number       int
	tally        tally
	webhooks     Webhooks
	late         int
	drift        Drift
	effects      int
	inStep, dumb float64
}

func percent(part, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(part) / float64(of)
}

// score compares everything with the truth as it is now.
func (w *world) score(ctx context.Context, number int) (day, error) {
	d := day{number: number}
	if err := w.ledger.refresh(ctx); err != nil {
		return d, err
	}
	for _, a := range w.accounts {
		t, _ := w.compare(a)
		d.tally.objects += t.objects
		d.tally.inStep += t.inStep
		d.tally.naive += t.naive
		d.tally.naiveInStep += t.naiveInStep
		stats := a.truth.Stats()
		d.webhooks.add(stats)
		d.late += stats.Faults[sim.FaultDelay] + stats.Faults[sim.FaultReorder] + stats.Faults[sim.FaultBurst]
		d.effects += len(a.truth.Effects())
	}
	d.inStep, d.dumb = percent(d.tally.inStep, d.tally.objects), percent(d.tally.naiveInStep, d.tally.naive)
	var err error
	d.drift, err = w.driftCounts(ctx)
	return d, err
}

func (h *Webhooks) add(stats sim.Stats) {
	h.Sent += stats.Sent
	h.Dropped += stats.Dropped
	h.Duplicated += stats.Duplicated
	h.Delivered += stats.Delivered
	h.Acked += len(stats.AckedEvents)
}

// driftCounts counts in what the ledger was found to differ from the truth. That a
// customer has two subscriptions, or told the provider of an address that the shop does
// not know, is true, if not good.
func (w *world) driftCounts(ctx context.Context) (Drift, error) {
	counts, err := w.db.DriftCounts(ctx)
	if err != nil {
		return Drift{}, err
	}
	for _, kind := range []string{"duplicate", "email_differs"} {
		rows, err := w.db.Drift(ctx, store.DriftFilter{Kind: kind, Limit: 1_000_000})
		if err != nil {
			return Drift{}, err
		}
		for _, d := range rows {
			counts[d.State]--
		}
	}
	return Drift{Found: counts["open"] + counts["healed"], Healed: counts["healed"], Open: counts["open"]}, nil
}

// quiet reports whether all is in step at this moment and nothing is left to do.
func (w *world) quiet(ctx context.Context) (bool, error) {
	if err := w.ledger.refresh(ctx); err != nil {
		return false, err
	}
	for _, a := range w.accounts {
		if _, wrong := w.compare(a); len(wrong) > 0 {
			return false, nil
		}
	}
	for _, check := range []func(context.Context) ([]Mismatch, error){w.judgeWork, w.judgeAccess} {
		if wrong, err := check(ctx); err != nil || len(wrong) > 0 {
			return false, err
		}
	}
	return true, nil
}

// report holds everything against the truth.
func (w *world) report(ctx context.Context) (Report, error) {
	r := Report{Seed: w.Seed, Days: w.Days, Customers: w.Customers, Providers: map[string]Score{}, Mismatches: []Mismatch{}}
	if err := w.ledger.refresh(ctx); err != nil {
		return r, err
	}
	var total tally
	for _, a := range w.accounts {
		t, wrong := w.compare(a)
		r.Providers[a.name] = Score{Objects: t.objects, InStep: t.inStep}
		r.Mismatches = append(r.Mismatches, wrong...)
		total.objects, total.inStep = total.objects+t.objects, total.inStep+t.inStep
		total.naive, total.naiveInStep = total.naive+t.naive, total.naiveInStep+t.naiveInStep
		stats := a.truth.Stats()
		r.Webhooks.add(stats)
		for _, n := range stats.Calls {
			r.APICalls += n
		}
	}
	r.InStep, r.Naive = percent(total.inStep, total.objects), percent(total.naiveInStep, total.naive)
	var err error
	if r.Drift, err = w.driftCounts(ctx); err != nil {
		return r, err
	}
	var wrong []Mismatch
	if r.Effects, wrong, err = w.judgeEffects(ctx); err != nil {
		return r, err
	}
	r.Mismatches = append(r.Mismatches, wrong...)
	for _, judge := range []func(context.Context) ([]Mismatch, error){w.judgeWork, w.judgeAccess, w.judgeTrail} {
		wrong, err := judge(ctx)
		if err != nil {
			return r, err
		}
		r.Mismatches = append(r.Mismatches, wrong...)
	}
	r.Webhooks.Stored, wrong, err = w.judgeInbox(ctx)
	r.Mismatches = append(r.Mismatches, wrong...)
	return r, err
}

// judgeInbox looks for every event that was acknowledged.
func (w *world) judgeInbox(ctx context.Context) (stored int, wrong []Mismatch, err error) {
	inbox, err := w.inbox(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, a := range w.accounts {
		for _, id := range a.truth.Stats().AckedEvents {
			state, found := inbox[[2]string{a.name, id}]
			if !found {
				wrong = append(wrong, Mismatch{Provider: a.name, Kind: "event", ID: id, Ledger: "not stored", Truth: "acknowledged"})
				continue
			}
			stored++
			if state != store.EventDone && state != store.EventIgnored {
				wrong = append(wrong, Mismatch{Provider: a.name, Kind: "event", ID: id, Field: "state", Ledger: state, Truth: "should be done"})
			}
		}
	}
	return stored, wrong, nil
}

// inbox reads the states of all stored events, by account and the provider's id.
func (w *world) inbox(ctx context.Context) (map[[2]string]string, error) {
	states := map[[2]string]string{}
	for before := int64(0); ; {
		rows, err := w.db.Events(ctx, store.EventFilter{Before: before, Limit: 500})
		if err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
		if len(rows) == 0 {
			return states, nil
		}
		for _, e := range rows {
			states[[2]string{e.Account, e.EventID}] = e.State
		}
		before = rows[len(rows)-1].Seq
	}
}

// judgeWork looks for work that is left over.
func (w *world) judgeWork(ctx context.Context) (wrong []Mismatch, err error) {
	counts, err := w.db.WorkCounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, queue := range []string{store.QueueLook, store.QueueEffect} {
		for _, state := range []string{"ready", "running"} {
			if n := counts[[2]string{queue, state}]; n > 0 {
				wrong = append(wrong, Mismatch{Kind: "work", ID: queue, Field: state, Ledger: digits(n), Truth: "nothing is left to do"})
			}
		}
	}
	effects, err := w.db.EffectCounts(ctx)
	if err != nil {
		return wrong, err
	}
	for _, state := range []string{store.EffectDue, store.EffectUnknown} {
		if n := effects[state]; n > 0 {
			wrong = append(wrong, Mismatch{Kind: "work", ID: "effects", Field: state, Ledger: digits(n), Truth: "nothing is left to do"})
		}
	}
	dead, err := w.judgeDead(ctx)
	return append(wrong, dead...), err
}

// judgeDead looks for work that was given up. Only what the provider rightly
// refuses may be: an effect that was moot.
func (w *world) judgeDead(ctx context.Context) (wrong []Mismatch, err error) {
	moot := map[string]bool{}
	for _, wish := range w.wishes.all {
		moot[wish.key] = wish.moot != ""
	}
	rows, err := w.db.Dead(ctx, 0, 1000)
	for _, row := range rows {
		if row.Queue != store.QueueEffect || !moot[row.Key] {
			wrong = append(wrong, Mismatch{Kind: "work", ID: row.Key, Field: "dead", Ledger: row.Error, Truth: "should not be given up"})
		}
	}
	return wrong, err
}

// judgeTrail replays the audit trail into an empty ledger, which must become the
// one that is kept.
func (w *world) judgeTrail(ctx context.Context) (wrong []Mismatch, err error) {
	empty, err := store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(w.folder, "replay.db"), Now: w.clock.Now, Volatile: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	report, err := apply.Audit(ctx, w.db, empty)
	for _, m := range report.Mismatches {
		wrong = append(wrong, Mismatch{
			Provider: m.Account, Kind: "audit " + m.Subject, ID: m.ID, Ledger: cmp.Or(m.Ledger, "nothing"), Truth: "the trail has " + cmp.Or(m.Trail, "nothing"),
		})
	}
	return wrong, err
}
