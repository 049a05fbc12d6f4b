package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// nudge is a policy that has something to say while a subscription is past due: at
// once by mail and in the application, and once more after a day. It bans after
// three.
type nudge struct{ bans bool }

func (nudge) Name() string { return "nudge" }

func (nudge) React(policy.Change, policy.Known) []policy.Action { return nil }

func (p nudge) Review(known policy.Known, now time.Time) (actions []policy.Action, next time.Time) {
	for _, s := range known.Facts.Subscriptions {
		if s.Object.Status != billing.SubscriptionPastDue {
			continue
		}
		step, after := "1", 24*time.Hour
		if !now.Before(s.Object.PastDueSince.Add(after)) {
			step, after = "2", 72*time.Hour
		}
		if at := s.Object.PastDueSince.Add(after); at.After(now) {
			next = at
		} else if p.bans {
			actions = append(actions, policy.On(policy.Own, billing.KindCustomer, known.Customer.Ref, policy.Ban, "", policy.Details{Reason: "does not pay"}))
		}
		for _, channel := range []string{notify.Email, notify.InApp} {
			actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, policy.Say, step+":"+channel,
				notify.Notice{Template: "nudge." + step, Channel: channel, Thread: "nudge:" + s.ID}))
		}
		actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, policy.Alert, step, policy.Warning{
			Cause: "past due:" + s.ID, Kind: "dunning", Title: "step " + step,
		}))
	}
	return actions, next
}

var quietTelling = triggertest.Options{
	Quiet: true, Outbox: func(c *outbox.Config) { c.Tell = (&post{}).tell }, // tests put their own in its place
}

// post is a messenger whose only channel keeps what it is given.
type post struct {
	mu   sync.Mutex
	sent []notify.Message
	fail []error
	// lost: what fails arrives all the same.
	lost bool
	told []string
	// deaf: the team cannot be told.
	deaf bool
}

func (p *post) Compose(_ context.Context, e store.Effect, n notify.Notice, known policy.Known) (notify.Message, error) {
	if known.Customer.Email == "" {
		return notify.Message{}, &outbox.Unsayable{Why: "no address is known"}
	}
	return notify.Message{
		ID: e.Key, Template: n.Template, Locale: "en", Thread: n.Thread, Subject: n.Template, Text: "text", Title: n.Template, Body: "body",
		To: notify.Recipient{Customer: known.Customer.Ref, Email: known.Customer.Email, Copy: known.Customer.ReceiptEmail},
	}, nil
}

func (p *post) Channel(name string) notify.Channel {
	if name == notify.Email {
		return p
	}
	return nil
}

func (*post) Name() string { return notify.Email }

func (p *post) Send(_ context.Context, m notify.Message) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if len(p.fail) > 0 {
		err, p.fail = p.fail[0], p.fail[1:]
	}
	if err == nil || p.lost {
		p.sent = append(p.sent, m)
	}
	return "r", err
}

func (p *post) tell(_ context.Context, w policy.Warning, customer string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf {
		return errors.New("deaf")
	}
	p.told = append(p.told, w.Title+" "+customer)
	return nil
}

// letters names what was sent since last asked.
func (p *post) letters() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, m := range p.sent {
		names = append(names, m.Template+" to "+m.To.Email)
	}
	p.sent = nil
	return strings.Join(names, ", ")
}

// nudged opens a shop with the policy in a mode, whose customer falls behind. The
// card stays bad until the test changes it.
func nudged(t *testing.T, mode policy.Mode, p nudge, test func(t *testing.T, s *shop, post *post)) {
	t.Helper()
	for _, database := range []string{"sqlite", "postgres"} {
		out := &post{}
		options := triggertest.Options{
			Quiet: true, Policies: []policy.Policy{p}, Modes: policy.Modes{Policies: map[string]policy.Mode{"nudge": mode}},
			Outbox: func(c *outbox.Config) { c.Messenger, c.Tell = out, out.tell },
		}
		run := func(t *testing.T, h *triggertest.House) {
			s := open(t, h)
			_, err := s.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: "user_1@example.com", ReceiptEmail: "books@example.com"}, apply.Cause{Trigger: apply.Request})
			check(t, err)
			check(t, s.NewCard(s.customer, world.CardDeclined))
			for range 40 * 24 {
				if s.status(t) == billing.SubscriptionPastDue {
					break
				}
				s.Pass(t, time.Hour)
			}
			if s.status(t) != billing.SubscriptionPastDue {
				t.Fatalf("the customer did not fall behind: %s", s.status(t))
			}
			s.Pass(t, 3*time.Minute)
			test(t, s, out)
		}
		t.Run(database, func(t *testing.T) { triggertest.On(t, database, options, run) })
	}
}

func (s *shop) status(t *testing.T) billing.SubscriptionStatus {
	t.Helper()
	for _, o := range s.Objects(t, store.ObjectFilter{Kind: "subscription"}) {
		return billing.SubscriptionStatus(o.Status)
	}
	return ""
}

// pays gives the customer a good card and pays what is owed.
func (s *shop) pays(t *testing.T) {
	t.Helper()
	check(t, s.NewCard(s.customer, world.CardGood))
	s.Pass(t, 10*24*time.Hour)
}

func (s *shop) said(t *testing.T, state string) string {
	t.Helper()
	effects, err := s.DB.Effects(t.Context(), store.EffectFilter{State: state, Policy: "nudge", Limit: 100})
	check(t, err)
	var keys []string
	for _, e := range effects {
		kind, _, _ := strings.Cut(e.Key, ":")
		keys = append(keys, kind+e.Key[strings.LastIndexByte(e.Key[:len(e.Key)-6], ':'):])
	}
	return strings.Join(keys, " ")
}

func (s *shop) shown(t *testing.T) string {
	t.Helper()
	notices, err := s.DB.Notices(t.Context(), "user_1", false, 0, 10)
	check(t, err)
	var titles []string
	for _, n := range notices {
		titles = append(titles, n.Title)
	}
	return strings.Join(titles, ", ")
}

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
		if len(messages) != 2 || messages[1].Template != "nudge.1" || messages[1].Recipient != "user_1@example.com, books@example.com" || messages[1].Receipt != "r" || messages[1].SentAt.IsZero() {
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
		_, err = s.Apply.Decide(t.Context(), key("alert"), false, person)
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
