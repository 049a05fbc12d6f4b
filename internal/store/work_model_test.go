package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// modelRow is a row of work as the rules have it, with nothing of a database.
type modelRow struct {
	id, wanted, token  int64
	attempts, failures int64
	state, lane        string
	due, lease         time.Time
}

// workModel holds the rows beside a database that is told the same.
type workModel struct {
	t     *rapid.T
	ctx   context.Context
	db    *store.DB
	clock *storetest.Clock
	rows  map[string]*modelRow
	given []store.Claim // every claim ever given, held or lost
}

const modelQueue = "q"

// laneOf makes the first three keys share a lane.
func laneOf(key string) string {
	if key < "k3" {
		return "shared"
	}
	return ""
}

func (m *workModel) raise(t *rapid.T) {
	key := rapid.SampledFrom([]string{"k0", "k1", "k2", "k3", "k4"}).Draw(t, "key")
	var due time.Time
	if after := rapid.IntRange(0, 3).Draw(t, "due after"); after > 0 {
		due = m.clock.Now().Add(time.Duration(after) * 4 * time.Second)
	}
	var number, before int64
	m.write(func(ctx context.Context, tx *store.Tx) error {
		drawn, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		number = drawn[0]
		return tx.Raise(ctx, number, []store.Want{{Queue: modelQueue, Key: key, Lane: laneOf(key), DueAt: due}})
	})
	before = number + 1 // ids are drawn after it
	if due.IsZero() {
		due = m.clock.Now()
	}
	r := m.rows[key]
	if r == nil {
		r = &modelRow{id: before, state: "idle", lane: laneOf(key)}
		if r.lane == "" {
			r.lane = key
		}
		m.rows[key] = r
	}
	r.wanted = number
	switch {
	case r.state == "idle" || r.state == "dead":
		r.state, r.due, r.attempts, r.failures = "ready", due, 0, 0
	case r.state == "ready" && r.attempts == 0 && due.Before(r.due):
		r.due = due
	}
}

// claimable lists the keys that may be claimed, in the order of claiming.
func (m *workModel) claimable() []string {
	var keys []string
	for key, r := range m.rows {
		if r.state != "ready" {
			continue
		}
		behind := false
		for _, other := range m.rows {
			if other.lane == r.lane && (other.state == "running" || other.state == "ready" && other.id < r.id) {
				behind = true
			}
		}
		if !behind {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if c := m.rows[a].due.Compare(m.rows[b].due); c != 0 {
			return c
		}
		return int(m.rows[a].id - m.rows[b].id)
	})
	return keys
}

func (m *workModel) claim(t *rapid.T) {
	limit := rapid.IntRange(1, 3).Draw(t, "limit")
	lease := time.Duration(rapid.IntRange(1, 10).Draw(t, "lease")) * time.Second
	claims, err := m.db.Claim(m.ctx, modelQueue, limit, lease)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, key := range m.claimable() {
		if !m.rows[key].due.After(m.clock.Now()) && len(want) < limit {
			want = append(want, key)
		}
	}
	var got []string
	for _, c := range claims {
		got = append(got, c.Key)
		r := m.rows[c.Key]
		if r == nil || c.Token <= r.token || c.Token <= r.wanted {
			t.Fatalf("claimed %+v of %+v: the token must be newer than everything", c, r)
		}
		r.state, r.token, r.lease = "running", c.Token, m.clock.Now().Add(lease)
		r.attempts++
		if c.Attempts != r.attempts || c.Failures != r.failures {
			t.Fatalf("claimed %+v, want attempts %d, failures %d", c, r.attempts, r.failures)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("claimed %v, want %v", got, want)
	}
	m.given = append(m.given, claims...)
}

// end ends one of the claims ever given in one of the ways there are.
func (m *workModel) end(t *rapid.T) {
	if len(m.given) == 0 {
		return // nothing was claimed
	}
	c := rapid.SampledFrom(m.given).Draw(t, "claim")
	r := m.rows[c.Key]
	ours := r.state == "running" && r.token == c.Token
	now := m.clock.Now()
	var next time.Time
	if rapid.Bool().Draw(t, "again") {
		next = now.Add(5 * time.Second)
	}
	op := rapid.SampledFrom([]string{"finish", "fail", "wait", "release", "hold", "extend"}).Draw(t, "op")
	err := m.db.Write(m.ctx, func(ctx context.Context, tx *store.Tx) error {
		switch op {
		case "finish":
			return tx.Finish(ctx, []store.Claim{c}, next)
		case "fail":
			return tx.Fail(ctx, c, "fault", next)
		case "wait":
			return tx.Wait(ctx, c, "away", now.Add(5*time.Second))
		case "release":
			return tx.Release(ctx, c)
		case "hold":
			held, err := tx.Hold(ctx, []store.Claim{c})
			if err == nil && held[c.ID] != ours {
				return fmt.Errorf("held: %v, want %v", held[c.ID], ours)
			}
		}
		return nil
	})
	if op == "extend" {
		err = m.db.Extend(m.ctx, []store.Claim{c}, 20*time.Second)
	}
	if lost := !ours && op != "hold" && op != "extend"; lost != errors.Is(err, store.ErrLost) || !lost && err != nil {
		t.Fatalf("%s of %+v (ours: %v): %v", op, c, ours, err)
	}
	if ours {
		r.ended(op, now, next)
	}
}

func (r *modelRow) ended(op string, now, next time.Time) {
	again := r.wanted > r.token
	switch op {
	case "extend":
		r.lease = now.Add(20 * time.Second)
		return
	case "hold":
		return
	case "release":
		r.attempts--
	case "wait":
		r.due = now.Add(5 * time.Second)
	case "fail":
		switch {
		case !next.IsZero():
			r.due = next
			r.failures++
		case again:
			r.due, r.attempts, r.failures = now, 0, 0
		default:
			r.failures++
			r.due, r.state = now, "dead"
			return
		}
	case "finish":
		r.attempts, r.failures, r.due = 0, 0, now
		if !again && next.IsZero() {
			r.state = "idle"
			return
		}
		if !again {
			r.due = next
		}
	}
	r.state = "ready"
}

func (m *workModel) expire(t *rapid.T) {
	count, err := m.db.Expire(m.ctx)
	var want int64
	for _, r := range m.rows {
		if r.state == "running" && !r.lease.After(m.clock.Now()) {
			r.state = "ready"
			want++
		}
	}
	if err != nil || count != want {
		t.Fatalf("%d leases ran out, %v; want %d", count, err, want)
	}
}

func (m *workModel) pass(t *rapid.T) {
	m.clock.Pass(time.Duration(rapid.IntRange(1, 8).Draw(t, "seconds")) * time.Second)
}

// check compares everything.
func (m *workModel) check(t *rapid.T) {
	for key, want := range m.rows {
		got, err := m.db.WorkNamed(m.ctx, modelQueue, key)
		if err != nil {
			t.Fatal(err)
		}
		if got.State != want.state || got.Token != want.token || got.Attempts != want.attempts || got.Failures != want.failures ||
			want.state == "ready" && !got.DueAt.Equal(want.due) {
			t.Fatalf("%s is %+v,\nwant %+v", key, got, *want)
		}
	}
	at, found, err := m.db.Due(m.ctx, modelQueue)
	var due time.Time
	for _, key := range m.claimable()[:min(1, len(m.claimable()))] {
		due = m.rows[key].due
	}
	if err != nil || found != !due.IsZero() || !at.Equal(due) {
		t.Fatalf("next due is %v (%v), %v; want %v", at, found, err, due)
	}
	dues, err := m.db.Dues(m.ctx, []string{"nobody's", modelQueue})
	if one, waits := dues[modelQueue]; err != nil || waits != found || !one.Equal(at) || len(dues) > 1 {
		t.Fatalf("of two queues %v, %v; of this one %v (%v)", dues, err, at, found)
	}
}

func (m *workModel) write(do func(ctx context.Context, tx *store.Tx) error) {
	if err := m.db.Write(m.ctx, do); err != nil {
		m.t.Fatal(err)
	}
}

// Whatever is done to rows of work, in any order, by those who hold them and by
// those who no longer do, they are as the rules say.
func TestWorkIsAsTheRulesSay(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, clock.Now, func(t *testing.T, db *store.DB) {
		rapid.Check(t, func(rt *rapid.T) {
			if err := db.Exec(t.Context(), "delete from work"); err != nil {
				rt.Fatal(err)
			}
			m := &workModel{t: rt, ctx: t.Context(), db: db, clock: clock, rows: map[string]*modelRow{}}
			rt.Repeat(map[string]func(*rapid.T){
				"raise": m.raise, "claim": m.claim, "end": m.end, "expire": m.expire, "pass": m.pass, "": m.check,
			})
		})
	})
}
