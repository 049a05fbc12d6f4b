package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// TestStanding: what a review calls for is said once in each channel, with proof;
// the next step takes the place of the one before; what is paid is over.
func TestStanding(t *testing.T) {
	nudged(t, policy.Enforce, nudge{}, func(t *testing.T, s *shop, out *post) {
		if got := out.letters(); got != "nudge.1 to user_1@example.com" {
			t.Errorf("at once: %q", got)
		}
		if got := s.shown(t); got != "nudge.1" {
			t.Errorf("shown at once: %q", got)
		}
		s.Pass(t, 20*time.Hour)
		if got := out.letters(); got != "" {
			t.Errorf("too early: %q", got)
		}
		s.Pass(t, 5*time.Hour)
		if got := out.letters(); got != "nudge.2 to user_1@example.com" {
			t.Errorf("after a day: %q", got)
		}
		if got := s.shown(t); got != "nudge.2" {
			t.Errorf("shown after a day: %q", got)
		}
		s.pays(t)
		if got, status := s.shown(t), s.status(t); got != "" || status != billing.SubscriptionActive {
			t.Errorf("paid, %s, and shown: %q", status, got)
		}
		messages, err := s.DB.Messages(t.Context(), store.MessageFilter{Customer: "user_1", Channel: notify.Email, Limit: 10})
		check(t, err)
		if len(messages) != 2 || messages[1].Template != "nudge.1" || messages[1].Recipient != "user_1@example.com" || messages[1].Receipt != "r" || messages[1].SentAt.IsZero() {
			t.Errorf("proof: %+v", messages)
		}
		if got := fmt.Sprint(out.told); got != "[step 1 user_1]" {
			t.Errorf("the team was told %s", got)
		}
		alerts, err := s.DB.Alerts(t.Context(), store.AlertFilter{Open: true, Limit: 10})
		if err != nil || len(alerts) != 1 || alerts[0].Times != 2 || alerts[0].Title != "step 2" {
			t.Errorf("alerts: %+v, %v", alerts, err)
		}
		empty, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "empty.db"), Now: s.Clock.Now, Volatile: true})
		check(t, err)
		defer func() { check(t, empty.Close()) }()
		report, err := apply.Audit(t.Context(), s.DB, empty)
		if err != nil || len(report.Mismatches) != 0 {
			t.Errorf("audit: %+v %v", report, err)
		}
	})
}

// TestReachedLater: what could not be said for want of an address is said when there is
// one, if it is still called for, and once.
func TestReachedLater(t *testing.T) {
	nudged(t, policy.Observe, nudge{}, func(t *testing.T, s *shop, out *post) {
		set := func(email string) {
			_, err := s.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: email}, apply.Cause{Trigger: apply.Request})
			check(t, err)
		}
		set("")
		check(t, s.Apply.SetMode(t.Context(), "policy/nudge", policy.Enforce, apply.Cause{Trigger: apply.Request, Actor: "test"}))
		s.Pass(t, time.Hour)
		if got := s.said(t, store.EffectDropped); out.letters() != "" || !strings.Contains(got, "message:1:email") {
			t.Fatalf("without an address: dropped %q", got)
		}
		set("late@example.com")
		s.Pass(t, 2*time.Minute)
		if got := out.letters(); got != "nudge.1 to late@example.com" {
			t.Errorf("with an address: %q", got)
		}
		set("")
		s.Pass(t, 30*time.Hour) // the second step
		s.pays(t)
		set("late@example.com")
		s.Pass(t, time.Hour)
		if got := out.letters(); got != "" {
			t.Errorf("paid: %q", got)
		}
	})
}

// TestPaidMeanwhile: a message whose channel was away is dropped if it is no longer
// called for when the channel is back.
func TestPaidMeanwhile(t *testing.T) {
	nudged(t, policy.Observe, nudge{}, func(t *testing.T, s *shop, out *post) {
		away := &notify.Error{Kind: notify.Unavailable, Err: errors.New("away")}
		for range 50 {
			out.fail = append(out.fail, away)
		}
		check(t, s.Apply.SetMode(t.Context(), "policy/nudge", policy.Enforce, apply.Cause{Trigger: apply.Request, Actor: "test"}))
		s.Pass(t, 2*time.Minute)
		s.pays(t)
		out.mu.Lock()
		out.fail = nil
		out.mu.Unlock()
		s.Pass(t, 24*time.Hour)
		if got := out.letters(); got != "" {
			t.Errorf("said although it was paid: %q", got)
		}
		if got := s.said(t, store.EffectDropped); !strings.Contains(got, ":email") {
			t.Errorf("dropped: %q", got)
		}
	})
}

// TestModesAtRunTime: what was held back moves on when the mode is switched, as far
// as it is still called for, and nothing is done after it is switched back.
func TestModesAtRunTime(t *testing.T) {
	nudged(t, policy.Observe, nudge{}, func(t *testing.T, s *shop, out *post) {
		person := apply.Cause{Trigger: apply.Request, Actor: "test"}
		if got := s.said(t, store.EffectWithheld); !strings.Contains(got, "message:1:email") || out.letters() != "" || s.shown(t) != "" || len(out.told) != 0 {
			t.Errorf("observing: %q", got)
		}
		check(t, s.Apply.SetMode(t.Context(), "policy/nudge", policy.Assist, person))
		s.Pass(t, time.Minute)
		if got := s.said(t, store.EffectProposed); !strings.Contains(got, "message:1:email") || out.letters() != "" {
			t.Errorf("assisting: %q", got)
		}
		check(t, s.Apply.SetMode(t.Context(), "policy/nudge", policy.Enforce, person))
		s.Pass(t, 2*time.Minute)
		if got := out.letters(); got != "nudge.1 to user_1@example.com" {
			t.Errorf("enforcing: %q", got)
		}
		check(t, s.Apply.SetMode(t.Context(), "global", policy.Observe, person))
		s.Pass(t, 26*time.Hour)
		if got := s.said(t, store.EffectWithheld); !strings.Contains(got, "message:2:email") || out.letters() != "" {
			t.Errorf("observing again: %q", got)
		}
		changes, err := s.DB.Changes(t.Context(), store.ChangeFilter{Subject: store.SubjectSwitch, Limit: 10})
		if err != nil || len(changes) != 3 || changes[0].ID != "global" || changes[0].Actor != "test" {
			t.Errorf("the switches in the audit trail: %+v, %v", changes, err)
		}
		var invalid *apply.Invalid
		for scope, mode := range map[string]policy.Mode{"policy/none": policy.Assist, "provider/none": policy.Assist, "global": "on", "x": ""} {
			if err := s.Apply.SetMode(t.Context(), scope, mode, person); !errors.As(err, &invalid) {
				t.Errorf("%s %s: %v", scope, mode, err)
			}
		}
	})
}

// TestProposals: a person accepts or rejects; what is no longer called for is
// withdrawn.
func TestProposals(t *testing.T) {
	nudged(t, policy.Assist, nudge{bans: true}, func(t *testing.T, s *shop, out *post) {
		if got := fmt.Sprint(out.told); got != "[step 1 user_1]" {
			t.Errorf("the team, who have to decide, were told %s", got)
		}
		person := apply.Cause{Trigger: apply.Request, Actor: "key:ops"}
		key := func(what string) string {
			effects, err := s.DB.Effects(t.Context(), store.EffectFilter{State: store.EffectProposed, Limit: 100})
			check(t, err)
			for _, e := range effects {
				if strings.HasPrefix(e.Key, what) {
					return e.Key
				}
			}
			t.Fatalf("nobody proposes %s", what)
			return ""
		}
		_, err := s.Apply.Decide(t.Context(), key("message"), true, person)
		check(t, err)
		if _, err := s.Apply.Decide(t.Context(), "message:nothing", true, person); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a proposal that there is not: %v", err)
		}
		s.Pass(t, 2*time.Minute)
		if letters, shown := out.letters(), s.shown(t); (letters == "") == (shown == "") {
			t.Errorf("one of two was accepted; sent %q, shown %q", letters, shown)
		}
		s.Pass(t, 75*time.Hour)
		ban := key("ban")
		if answer, err := s.Apply.Check(t.Context(), "user_1", "pro"); err != nil || !answer.Allowed {
			t.Errorf("banned by a proposal: %+v %v", answer, err)
		}
		_, err = s.Apply.Decide(t.Context(), ban, true, person)
		check(t, err)
		s.Pass(t, time.Minute)
		if answer, err := s.Apply.Check(t.Context(), "user_1", "pro"); err != nil || answer.Reason != billing.ReasonBanned {
			t.Errorf("the ban was accepted: %+v %v", answer, err)
		}
		check(t, s.Apply.Unban(t.Context(), "user_1", person))
		if answer, err := s.Apply.Check(t.Context(), "user_1", "pro"); err != nil || !answer.Allowed {
			t.Errorf("the ban was taken back: %+v %v", answer, err)
		}
		s.pays(t)
		if got := s.said(t, store.EffectProposed); got != "" {
			t.Errorf("still proposed although it was paid: %s", got)
		}
	})
}

// TestMessageOnce: what certainly did not leave is sent again, what may have left
// too, under the same id; what is refused is not.
func TestMessageOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		kind  notify.ErrorKind
		lost  bool
		times int
		state string
	}{
		"away at first":       {notify.Unavailable, false, 1, store.EffectDone},
		"taken, no answer":    {notify.Unknown, true, 2, store.EffectDone},
		"no answer":           {notify.Unknown, false, 1, store.EffectDone},
		"no such mailbox":     {notify.Refused, false, 0, store.EffectFailed},
		"no kind of a reason": {"", false, 1, store.EffectDone},
	} {
		t.Run(name, func(t *testing.T) {
			nudged(t, policy.Observe, nudge{}, func(t *testing.T, s *shop, out *post) {
				out.lost, out.fail = tt.lost, []error{&notify.Error{Kind: tt.kind, Err: errors.New("misfortune")}}
				if tt.kind == "" {
					out.fail = []error{errors.New("misfortune")}
				}
				check(t, s.Apply.SetMode(t.Context(), "policy/nudge", policy.Enforce, apply.Cause{Trigger: apply.Request, Actor: "test"}))
				s.Pass(t, 10*time.Minute)
				ids := map[string]bool{}
				for _, m := range out.sent {
					ids[m.ID] = true
				}
				if len(out.sent) != tt.times || len(ids) > 1 {
					t.Errorf("arrived %d times under %v", len(out.sent), ids)
				}
				effects, err := s.DB.Effects(t.Context(), store.EffectFilter{State: tt.state, Kind: policy.Say, Limit: 10})
				check(t, err)
				if !strings.Contains(fmt.Sprint(effects), "1:email") {
					t.Errorf("not among the %s: %+v", tt.state, effects)
				}
			})
		})
	}
}

// TestAMailServerThatNeverAnswers takes every mail and drops the line before it says
// so: nobody gets one mail forty times, and it is not said to have failed either.
func TestAMailServerThatNeverAnswers(t *testing.T) {
	nudged(t, policy.Observe, nudge{}, func(t *testing.T, s *shop, out *post) {
		out.lost = true
		for range 100 {
			out.fail = append(out.fail, &notify.Error{Kind: notify.Unknown, Err: errors.New("the connection broke")})
		}
		check(t, s.Apply.SetMode(t.Context(), "policy/nudge", policy.Enforce, apply.Cause{Trigger: apply.Request, Actor: "test"}))
		s.Pass(t, 24*time.Hour)
		per := map[string]int{}
		for _, m := range out.sent {
			per[m.ID]++
		}
		if len(per) == 0 {
			t.Fatal("nothing was sent")
		}
		for id, n := range per {
			if n < 2 || n > 4 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
		effects, err := s.DB.Effects(t.Context(), store.EffectFilter{State: store.EffectUnknown, Kind: policy.Say, Limit: 10})
		check(t, err)
		if !strings.Contains(fmt.Sprint(effects), "1:email") {
			t.Errorf("not among those of which nobody knows: %+v", effects)
		}
	})
}

// TestTheTeamIsTold: of an alert once, however often it is raised; of one that could
// not be told when that is possible; and of one that is over by then not at all.
func TestTheTeamIsTold(t *testing.T) {
	for _, over := range []bool{false, true} {
		triggertest.Each(t, quietTelling, func(t *testing.T, h *triggertest.House) {
			out := &post{deaf: true}
			h.Outbox.Tell = out.tell
			w := policy.Warning{Cause: "sweep", Kind: "sweep", Title: "late"}
			check(t, h.Outbox.Raise(t.Context(), []policy.Warning{w}))
			h.Pass(t, time.Minute)
			out.mu.Lock()
			out.deaf = false
			out.mu.Unlock()
			w.Over = over
			check(t, h.Outbox.Raise(t.Context(), []policy.Warning{w, w}))
			h.Pass(t, 30*time.Minute)
			if want := map[bool]string{false: "[late ]", true: "[]"}[over]; fmt.Sprint(out.told) != want {
				t.Errorf("over is %v: the team was told %v, want %s", over, out.told, want)
			}
		})
	}
}

// TestARefundInVainIsNotCounted: one that certainly did not happen leaves room for
// others under the cap, and needs room itself when it is tried again.
func TestARefundInVainIsNotCounted(t *testing.T) {
	options := quiet
	options.Outbox = func(c *outbox.Config) { c.Caps = outbox.Caps{Refunds: 1} }
	triggertest.Each(t, options, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		s.Net.Strike(onWrite(1, answering(http.StatusTooManyRequests, `{"error":{"type":"invalid_request_error"}}`)))
		s.refund(t, "refund:1", 100)
		s.Step(t)
		if got := s.state(t, "refund:1"); got.State != store.EffectDue || !got.AttemptedAt.IsZero() || got.Money != 0 {
			t.Errorf("refused for now: %+v", got)
		}
		s.Pass(t, 5*time.Minute)
		s.refund(t, "refund:2", 101)
		s.Pass(t, 5*time.Minute)
		if first, second := s.state(t, "refund:1"), s.state(t, "refund:2"); first.State != store.EffectDone || second.State != store.EffectDue {
			t.Errorf("%+v\n%+v", first, second)
		}
	})
}

// TestDecidedAnew: a proposal that was accepted, and dropped because nothing called
// for it any more, is a proposal again when something does.
func TestDecidedAnew(t *testing.T) {
	nudged(t, policy.Assist, nudge{bans: true}, func(t *testing.T, s *shop, _ *post) {
		s.Pass(t, 75*time.Hour)
		effects, err := s.DB.Effects(t.Context(), store.EffectFilter{Kind: policy.Ban, Limit: 2})
		if err != nil || len(effects) != 1 || effects[0].State != store.EffectProposed {
			t.Fatalf("%+v %v", effects, err)
		}
		key := effects[0].Key
		_, err = s.Apply.Decide(t.Context(), key, true, apply.Cause{Trigger: apply.Request, Actor: "key:ops"})
		check(t, err)
		check(t, s.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.SetEffect(ctx, key, store.EffectDropped, store.NotCalledFor, "")
		}))
		check(t, s.Apply.Turn(t.Context(), []string{"user_1"}, apply.Cause{Trigger: apply.Time}))
		s.Pass(t, 5*time.Minute)
		if got := s.state(t, key); got.State != store.EffectProposed || got.DecidedBy != "" {
			t.Errorf("called for again: %+v", got)
		}
	})
}
