package demo

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// change is the moment in a month at which observe becomes enforce.
type change struct {
	at time.Time
	// before are the effects held back until then, by key.
	before map[string]store.Effect
	// truth is what was true then, by account, kind and id.
	truth map[string]map[string]string
	sent  int
}

// switched lets a month begin in observe mode and go on in enforce.
func switched(t *testing.T, seed uint64) (*month, *change) {
	c := &change{at: begins.AddDate(0, 0, 15), before: map[string]store.Effect{}, truth: map[string]map[string]string{}}
	m := pass(t, Options{Seed: seed, Days: 30, Customers: 25, Mode: policy.Observe}, func(m *month) {
		m.agenda.add(c.at, func(ctx context.Context) error {
			all, err := m.asked(ctx)
			if err != nil {
				return err
			}
			for _, e := range all {
				c.before[e.Key] = e
			}
			for _, a := range m.accounts {
				for _, o := range a.truth.Truth() {
					c.truth[a.name+"/"+o.Kind+"/"+o.ID] = maps.Clone(o.Fields)
				}
			}
			c.sent = len(m.box.Letters())
			return m.desk.setMode(ctx, policy.Enforce)
		})
	})
	return m, c
}

// turns counts what became of what was held back.
type turns struct {
	mu                                sync.Mutex
	once, stale, moved, fresh, others int
}

// standing checks a message that was held back and went out after the change: that it
// was true still.
func (c *change) standing(m *month, l posted) {
	m.Helper()
	var n notify.Notice
	if err := json.Unmarshal([]byte(l.effect.Doc), &n); err != nil {
		m.Fatal(err)
	}
	about := c.truth[l.effect.Object]
	switch n.Template {
	case "payment_failed.1", "payment_failed.2", "payment_failed.final", "action_required":
		if about["status"] != "past_due" {
			m.Errorf("%s went out, but at the change it was %s", l.effect.Key, about["status"])
		}
	case "trial_ending", "renewal_ahead", "promotion_ending", "price_change":
		if !n.Date.After(l.at) || about["status"] == "ended" {
			m.Errorf("%s went out at %s about %s, of what was %s", l.effect.Key, l.at, n.Date, about["status"])
		}
	case "pass_expiring":
		if !n.Until.After(l.at) {
			m.Errorf("%s went out at %s, but it was over at %s", l.effect.Key, l.at, n.Until)
		}
	case "pass_ended", "access_ended":
		if l.at.Sub(n.Until) > 7*24*time.Hour {
			m.Errorf("%s went out at %s, but it was over long since, at %s", l.effect.Key, l.at, n.Until)
		}
	default:
		m.Errorf("%s went out, which was held back", l.effect.Key)
	}
}

// posted is a message that was held back and went out.
type posted struct {
	effect store.Effect
	at     time.Time
}

// check holds a month against what docs/rollout.md says of switching.
func (c *change) check(m *month, count *turns) {
	m.Helper()
	m.nothingWritten(c.at)
	if c.sent > 0 {
		m.Errorf("%d messages went out before the change", c.sent)
	}
	all, err := m.asked(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	arrived := map[string]time.Time{}
	for _, l := range m.box.Letters() {
		arrived[l.ID] = l.At
	}
	threads := map[string]int{}
	count.mu.Lock()
	defer count.mu.Unlock()
	for _, e := range all {
		was, before := c.before[e.Key]
		at, sent := arrived[e.Key]
		switch {
		case m.ours(e): // in every mode
		case !before && e.State == store.EffectDone:
			count.fresh++
		case !before:
			count.others++
		case was.State != store.EffectWithheld:
			m.Errorf("%s was %s in observe mode", e.Key, was.State)
		case !e.Standing:
			// It was about something that happened once, while nobody was to hear of it.
			if count.once++; e.State != store.EffectWithheld {
				m.Errorf("%s was held back about what happened once, and became %s", e.Key, e.State)
			}
		case e.State == store.EffectWithheld:
			count.stale++
			c.missed(m, e)
		case sent:
			count.moved++
			c.standing(m, posted{e, at})
			var n notify.Notice
			if err := json.Unmarshal([]byte(e.Doc), &n); err != nil {
				m.Fatal(err)
			}
			thread := e.Customer + " " + n.Channel + " " + n.Thread
			if threads[thread]++; at.Sub(c.at) < 24*time.Hour && threads[thread] > 1 {
				m.Errorf("%s is one of several about one thing that went out at once: %s", e.Key, thread)
			}
		}
	}
}

// missed checks what stays held back: had it been called for at the change, it should
// have moved on.
func (c *change) missed(m *month, e store.Effect) {
	m.Helper()
	var n notify.Notice
	if e.Kind != policy.Say {
		return
	}
	if err := json.Unmarshal([]byte(e.Doc), &n); err != nil {
		m.Fatal(err)
	}
	about := c.truth[e.Object]
	const soon = 24 * time.Hour
	switch {
	case n.Template == "trial_ending" && about["status"] == "trialing" && about["cancel_at"] == "" && n.Date.Sub(c.at) > soon,
		n.Template == "pass_expiring" && about["status"] == "succeeded" && about["refunded"] == "0" && about["disputed"] == "" && n.Until.Sub(c.at) > soon:
		m.Errorf("%s is still held back, but was called for at the change: %v", e.Key, about)
	}
}

func TestFromObserveToEnforceWithoutAFlood(t *testing.T) {
	count := &turns{}
	t.Run("worlds", func(t *testing.T) {
		for _, seed := range []uint64{11, 12} {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				m, c := switched(t, seed)
				c.check(m, count)
			})
		}
	})
	if count.once == 0 || count.stale == 0 || count.moved == 0 || count.fresh == 0 {
		t.Errorf("happened once %d, stale %d, moved on %d, new %d: one of them was not tried", count.once, count.stale, count.moved, count.fresh)
	}
	t.Logf("happened once %d, stale %d, moved on %d, done since %d, not done %d", count.once, count.stale, count.moved, count.fresh, count.others)
}
