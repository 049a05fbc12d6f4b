package outbox_test

import (
	"context"
	"errors"
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
		To: notify.Recipient{Customer: known.Customer.Ref, Email: known.Customer.Email},
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
			_, err := s.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: "user_1@example.com"}, apply.Cause{Trigger: apply.Request})
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
