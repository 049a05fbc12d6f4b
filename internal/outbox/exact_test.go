package outbox_test

import (
	"context"
	"errors"
	"net/http"
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

// teller is a policy that announces every renewal two days before.
type teller struct{ notice notify.Notice }

func (teller) Name() string { return "teller" }

func (teller) React(policy.Change, policy.Known) []policy.Action { return nil }

func (p teller) Review(known policy.Known, now time.Time) (actions []policy.Action, next time.Time) {
	for _, s := range known.Facts.Subscriptions {
		due := s.Object.PeriodEnd.AddDate(0, 0, -2)
		if due.After(now) {
			next = billing.Earliest(next, due)
			continue
		}
		n := p.notice
		price, was := s.Object.Amount, billing.Money{Amount: 1, Currency: s.Object.Amount.Currency}
		n.Channel, n.Estimated, n.Amount, n.Was = notify.Email, true, &price, &was
		if n.Template == "soon" {
			n.Date = s.Object.PeriodEnd
		} else {
			n.Date = s.Object.PeriodEnd.AddDate(0, 1, 0) // not the next charge
		}
		actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, policy.Say, n.Date.Format(time.DateOnly), n))
	}
	return actions, next
}

// ear keeps the notices that were to be put into words.
type ear struct {
	post
	heard []notify.Notice
}

func (e *ear) Compose(ctx context.Context, effect store.Effect, n notify.Notice, known policy.Known) (notify.Message, error) {
	e.heard = append(e.heard, n)
	return e.post.Compose(ctx, effect, n, known)
}

// TestExactAmounts: what a notice says of the next charge is asked for when it is sent.
// The subscription costs 29.00 and, with 19 percent tax, is charged with 34.51.
func TestExactAmounts(t *testing.T) {
	preview := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/create_preview") }
	refused := func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
		if !preview(r) {
			return next()
		}
		return triggertest.Answer(r, http.StatusBadRequest, `{"error":{"type":"invalid_request_error","code":"odd"}}`), nil
	}
	var away int
	for name, test := range map[string]struct {
		template string
		net      roundTrip
		amount   int64
		exact    bool
	}{
		"the next charge":      {template: "soon", amount: 3451, exact: true},
		"a later charge":       {template: "later", amount: 2900},
		"the provider refuses": {template: "soon", net: refused, amount: 2900},
		"the provider is away for long": {template: "soon", amount: 3451, exact: true, net: func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
			if away++; preview(r) && away < 40 {
				return nil, errors.New("no route to host")
			}
			return next()
		}},
	} {
		for _, database := range []string{"sqlite", "postgres"} {
			out := &ear{}
			options := triggertest.Options{
				Quiet: true, Policies: []policy.Policy{teller{notify.Notice{Template: test.template}}}, Modes: policy.Modes{Policies: map[string]policy.Mode{"teller": policy.Enforce}},
				Outbox: func(c *outbox.Config) { c.Messenger, c.Tell = out, out.tell },
			}
			away = 0
			t.Run(name+" "+database, func(t *testing.T) {
				triggertest.On(t, database, options, func(t *testing.T, h *triggertest.House) {
					h.SetTax(19)
					s := open(t, h)
					_, err := s.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: "user_1@example.com"}, apply.Cause{Trigger: apply.Request})
					check(t, err)
					s.Pass(t, 27*24*time.Hour)
					h.Net.Strike(test.net)
					s.Pass(t, 3*24*time.Hour)
					if len(out.heard) == 0 || len(out.sent) != 1 {
						t.Fatalf("%d notices were put into words, %d sent", len(out.heard), len(out.sent))
					}
					said := out.heard[len(out.heard)-1]
					was := int64(1)
					if test.exact {
						was = 3451 // the month that runs
					}
					if said.Amount.Amount != test.amount || said.Estimated == test.exact || said.Was.Amount != was {
						t.Errorf("%+v was said, estimated %v, instead of %+v", said.Amount, said.Estimated, said.Was)
					}
				})
			})
		}
	}
}
