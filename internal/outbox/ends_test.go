package outbox_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

func readAll(resp *http.Response) (string, error) {
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func kind(name string) effect {
	for _, e := range effects() {
		if e.kind == name {
			return e
		}
	}
	return effect{}
}

// TestNoLongerCalledFor: what has become pointless is dropped without a call, at
// the second look; that an object was deleted is believed at the first.
func TestNoLongerCalledFor(t *testing.T) {
	for name, tt := range map[string]struct {
		kind string
		then func(t *testing.T, s *shop)
	}{
		"pause of what ended":    {outbox.Pause, func(t *testing.T, s *shop) { check(t, s.CancelNow(s.subscription)) }},
		"uncancel of what ended": {outbox.Uncancel, func(t *testing.T, s *shop) { check(t, s.CancelNow(s.subscription)) }},
		"trial of what ended":    {outbox.ExtendTrial, func(t *testing.T, s *shop) { check(t, s.CancelNow(s.subscription)) }},
		"refund of what was":     {outbox.Refund, func(t *testing.T, s *shop) { _, err := s.Refund(s.payment, 0); check(t, err) }},
		"mail to who is gone":    {outbox.PushEmail, func(t *testing.T, s *shop) { check(t, s.DeleteCustomer(s.customer)) }},
		"accepting what is decided": {outbox.AcceptDispute, func(t *testing.T, s *shop) {
			check(t, s.RuleDispute(strings.Split(kind(outbox.AcceptDispute).object(s), "/")[2], "won"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := kind(tt.kind)
			s := e.ready(t, triggertest.SQLite(t, quiet))
			s.ask(t, e, "key 1")
			tt.then(t, s)
			s.Net.Calls()
			s.Step(t)
			once := map[bool]string{false: store.EffectDue, true: store.EffectDropped}[tt.kind == outbox.PushEmail]
			if got := s.state(t, "key 1"); got.State != once {
				t.Errorf("after one look %+v", got)
			}
			s.Pass(t, time.Minute)
			got := s.state(t, "key 1")
			if got.State != store.EffectDropped || got.Result == "" || got.DoneAt.IsZero() {
				t.Errorf("ended as %+v", got)
			}
			if calls := s.writes(); len(calls) != 0 {
				t.Errorf("calls: %v", calls)
			}
		})
	}
}

// TestOtherwiseThanWished: paused, but until another day; to end, but much later.
// That is not what was asked for.
func TestOtherwiseThanWished(t *testing.T) {
	t.Run("pause", func(t *testing.T) {
		s := open(t, triggertest.SQLite(t, quiet))
		check(t, s.Pause(s.subscription, "void", triggertest.Start.Add(5*day)))
		s.Pass(t, time.Minute)
		s.ask(t, kind(outbox.Pause), "key 1")
		s.Step(t)
		if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened("pause") != 1 {
			t.Errorf("%+v, happened %d times", got, s.happened("pause"))
		}
		s.ask(t, effect{kind: outbox.Pause, object: subscriptionOf}, "for good")
		s.Step(t)
		if got := s.state(t, "for good"); got.State != store.EffectDone || s.happened("pause") != 2 {
			t.Errorf("%+v, happened %d times", got, s.happened("pause"))
		}
	})
	t.Run("cancel", func(t *testing.T) {
		s := open(t, triggertest.SQLite(t, quiet))
		s.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			resp, err := pass()
			if err != nil || req.Method != http.MethodGet || !strings.HasPrefix(req.URL.Path, "/v1/subscriptions/") {
				return resp, err
			}
			body, err := readAll(resp)
			var object map[string]any
			if err := errors.Join(err, json.Unmarshal([]byte(body), &object)); err != nil {
				return nil, err
			}
			if object["cancel_at"] == nil {
				object["cancel_at"] = triggertest.Start.AddDate(1, 0, 0).Unix()
			}
			doc, err := json.Marshal(object)
			return triggertest.Answer(req, http.StatusOK, string(doc)), err
		})
		s.ask(t, kind(outbox.CancelAtPeriodEnd), "key 1")
		s.Step(t)
		if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened("cancel_at_period_end") != 1 {
			t.Errorf("%+v, happened %d times", got, s.happened("cancel_at_period_end"))
		}
	})
}

// TestRefunds: in parts, each with its own key; never more than there is.
func TestRefunds(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		refund := func(key string, details outbox.Details) store.Effect {
			t.Helper()
			s.ask(t, effect{kind: outbox.Refund, object: paymentOf, details: details}, key)
			s.Pass(t, time.Minute)
			return s.state(t, key)
		}
		for _, tt := range []struct {
			key     string
			details outbox.Details
			state   string
			left    int64
		}{
			{"a", outbox.Details{Amount: 1000, Currency: "EUR", Reason: "duplicate"}, store.EffectDone, 1900},
			{"a", outbox.Details{Amount: 500}, store.EffectDone, 1900}, // asked already
			{"b", outbox.Details{Amount: 400}, store.EffectDone, 1500},
			{"more than is left", outbox.Details{Amount: 1501}, store.EffectFailed, 1500},
			{"negative", outbox.Details{Amount: -5}, store.EffectFailed, 1500},
			{"other currency", outbox.Details{Amount: 100, Currency: "USD"}, store.EffectFailed, 1500},
			{"no reason of Stripe's", outbox.Details{Amount: 100, Reason: "the screen was green"}, store.EffectDone, 1400},
			{"Stripe's, in words", outbox.Details{Amount: 100, Reason: "Requested by customer"}, store.EffectDone, 1300},
			{"the rest", outbox.Details{}, store.EffectDone, 0},
			{"nothing left", outbox.Details{}, store.EffectDropped, 0},
			{"nothing left of it", outbox.Details{Amount: 1}, store.EffectDropped, 0},
		} {
			got := refund(tt.key, tt.details)
			if got.State != tt.state || (got.Error != "") != (tt.state == store.EffectFailed) {
				t.Errorf("%s: %+v", tt.key, got)
			}
			row, err := s.DB.Object(t.Context(), paymentOf(s))
			check(t, err)
			p, err := billing.ParseObject(billing.KindPayment, []byte(row.Doc))
			check(t, err)
			if left := p.(billing.Payment).Amount.Amount - p.(billing.Payment).Refunded; left != tt.left {
				t.Errorf("%s: %d left, want %d", tt.key, left, tt.left)
			}
		}
		if n := s.happened("refund"); n != 5 {
			t.Errorf("%d refunds", n)
		}
		if got := s.state(t, "no reason of Stripe's"); !strings.Contains(got.Doc, "the screen was green") {
			t.Errorf("the reason is not kept: %s", got.Doc)
		}
		if got, want := reasons(t, s), []string{"", "", "", "duplicate", "requested_by_customer"}; !slices.Equal(got, want) {
			t.Errorf("Stripe was told %q, want %q", got, want)
		}
		if got := s.state(t, "a"); !strings.HasPrefix(got.Result, "stripe/refund/re_") {
			t.Errorf("result %q", got.Result)
		}
	})
}

// reasons are what Stripe was told of the refunds, sorted.
func reasons(t *testing.T, s *shop) (all []string) {
	t.Helper()
	rows, err := s.DB.Objects(t.Context(), store.ObjectFilter{Kind: string(billing.KindRefund), Limit: 100})
	check(t, err)
	for _, row := range rows {
		object, err := billing.ParseObject(billing.KindRefund, []byte(row.Doc))
		check(t, err)
		all = append(all, object.(billing.Refund).Reason)
	}
	slices.Sort(all)
	return all
}

// TestExhausted: nobody ever learns how it ended. That is not called failed.
func TestExhausted(t *testing.T) {
	for name, tt := range map[string]struct {
		strike roundTrip
		state  string
	}{
		"no answer": {func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			return onWrite(-1, triggertest.Down)(req, pass)
		}, store.EffectUnknown},
		"too many calls": {onWrite(-1, answering(http.StatusTooManyRequests, "{}")), store.EffectDue},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, triggertest.SQLite(t, quiet))
			s.ask(t, kind(outbox.CancelAtPeriodEnd), "key 1")
			s.Net.Strike(tt.strike)
			s.Pass(t, 5*day)
			if got := s.state(t, "key 1"); got.State != tt.state || got.Error == "" || !got.DoneAt.IsZero() {
				t.Errorf("%+v", got)
			}
			dead, err := s.DB.Dead(t.Context(), 0, 10)
			if err != nil || len(dead) != 1 || dead[0].Key != "key 1" {
				t.Errorf("dead: %+v %v", dead, err)
			}
		})
	}
}

// TestAskedAgain: who asks once more for what ran out of tries gets it, once.
func TestAskedAgain(t *testing.T) {
	s := open(t, triggertest.SQLite(t, quiet))
	s.ask(t, kind(outbox.Refund), "key 1")
	s.Net.Strike(triggertest.Down)
	s.PassDeaf(t, 5*day)
	s.Net.Strike(nil)
	s.Pass(t, day)
	if got := s.state(t, "key 1"); got.State != store.EffectDue {
		t.Fatalf("before: %+v", got)
	}
	for range 3 {
		s.ask(t, kind(outbox.Refund), "key 1")
		s.Pass(t, time.Hour)
	}
	if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened("refund") != 1 {
		t.Errorf("asked again: %+v, refunded %d times", got, s.happened("refund"))
	}
}

// TestUnknownIsNeverFailed: the call may have acted; that later looks are refused
// says nothing about it.
func TestUnknownIsNeverFailed(t *testing.T) {
	for name, status := range map[string]int{"refused": http.StatusBadRequest, "denied": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			s := open(t, triggertest.SQLite(t, quiet))
			s.ask(t, kind(outbox.Refund), "key 1")
			s.Net.Strike(onWrite(1, lost))
			s.Step(t)
			s.Net.Strike(answering(status, `{"error":{"type":"invalid_request_error"}}`))
			s.PassDeaf(t, 5*day)
			if got := s.state(t, "key 1"); got.State != store.EffectUnknown {
				t.Errorf("%+v", got)
			}
			if s.happened("refund") != 1 {
				t.Error("it did not happen")
			}
		})
	}
}

// TestNotVisibleYet: an object that was just made may not be shown for some
// seconds. What is to be done about it is not forgotten, and nobody loses access
// over it.
func TestNotVisibleYet(t *testing.T) {
	s := open(t, triggertest.SQLite(t, quiet))
	s.ask(t, kind(outbox.CancelAtPeriodEnd), "key 1")
	s.Net.Strike(answering(http.StatusNotFound, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`))
	s.PassDeaf(t, 15*time.Second)
	if got := s.state(t, "key 1"); got.State != store.EffectDue {
		t.Errorf("meanwhile %+v", got)
	}
	if answer, err := s.Apply.Check(t.Context(), "user_1", "export"); err != nil || !answer.Allowed {
		t.Errorf("meanwhile access is %+v %v", answer, err)
	}
	s.Net.Strike(nil)
	s.Pass(t, time.Hour)
	if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened("cancel_at_period_end") != 1 {
		t.Errorf("ended as %+v", got)
	}
}

// TestNeverSeen: what the provider does not show is not dropped, however often it
// was looked for; it ends with the tries, and asking again tries again.
func TestNeverSeen(t *testing.T) {
	s := open(t, triggertest.SQLite(t, quiet))
	never := effect{kind: outbox.CancelNow, object: func(*shop) string { return "stripe/subscription/sub_never" }}
	s.ask(t, never, "key 1")
	for _, tt := range []struct {
		after time.Duration
		state string
	}{{time.Hour, store.EffectDue}, {2*day - time.Hour, store.EffectDue}, {2 * day, store.EffectFailed}} {
		s.Pass(t, tt.after)
		if got := s.state(t, "key 1"); got.State != tt.state || !strings.Contains(got.Error, apply.ErrNotVisible.Error()) {
			t.Errorf("%s later: %+v", tt.after, got)
		}
	}
	if dead, err := s.DB.Dead(t.Context(), 0, 10); err != nil || !slices.ContainsFunc(dead, func(w store.Work) bool { return w.Key == "key 1" }) {
		t.Errorf("dead: %+v %v", dead, err)
	}
	s.Net.Calls()
	s.ask(t, never, "key 1")
	s.Step(t)
	if got, calls := s.state(t, "key 1"), s.Net.Calls(); got.State != store.EffectDue || !slices.Contains(calls, "GET /v1/subscriptions/sub_never") {
		t.Errorf("asked again: %+v, calls %v", got, calls)
	}
}

// TestHidden: for hours the provider says that there is no such payment. The
// refund is made once it shows it.
func TestHidden(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		s.ask(t, kind(outbox.Refund), "key 1")
		s.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, "/v1/payment_intents/") {
				return answering(http.StatusNotFound, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`)(req, pass)
			}
			return pass()
		})
		s.Pass(t, 6*time.Hour)
		if got := s.state(t, "key 1"); got.State != store.EffectDue || got.Error == "" {
			t.Errorf("meanwhile %+v", got)
		}
		s.Net.Strike(nil)
		s.Pass(t, 3*time.Hour)
		if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened("refund") != 1 {
			t.Errorf("ended as %+v, happened %d times", got, s.happened("refund"))
		}
	})
}

// TestRefusedThenMended: asking again for what the provider refused tries again,
// once; what is done or dropped stays.
func TestRefusedThenMended(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s := kind(outbox.Collect).ready(t, h)
		check(t, s.NewCard(s.customer, world.CardDeclined))
		s.ask(t, kind(outbox.Collect), "key 1")
		s.Pass(t, 2*day) // the provider repeats an answer for a day
		if got := s.state(t, "key 1"); got.State != store.EffectFailed {
			t.Fatalf("before: %+v", got)
		}
		check(t, s.NewCard(s.customer, world.CardGood))
		tried := s.happened(sim.OpPayInvoice)
		for range 3 {
			s.ask(t, kind(outbox.Collect), "key 1")
			s.Pass(t, time.Hour)
			if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Error != "" || s.happened(sim.OpPayInvoice) != tried+1 {
				t.Errorf("asked again: %+v, tried %d times, then %d", got, tried, s.happened(sim.OpPayInvoice))
			}
		}
		s.ask(t, effect{kind: outbox.Refund, object: paymentOf}, "all")
		s.ask(t, effect{kind: outbox.Refund, object: paymentOf}, "nothing left")
		for range 2 {
			s.Pass(t, time.Hour)
			if got := s.state(t, "nothing left"); got.State != store.EffectDropped {
				t.Errorf("asked again for nothing: %+v", got)
			}
			s.ask(t, effect{kind: outbox.Refund, object: paymentOf}, "nothing left")
		}
	})
}

// TestAccountAway: an account that is missing from the configuration for longer
// than an effect has tries. The effect waits, and is carried out when it is back.
func TestAccountAway(t *testing.T) {
	options := quiet
	options.Accounts = []string{"stripe", "stripe_eu"}
	triggertest.Each(t, options, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		s.ask(t, kind(outbox.Refund), "key 1")
		kept := s.Accounts["stripe"]
		delete(s.Accounts, "stripe")
		s.Restart(t)
		s.Pass(t, 5*day)
		if got := s.state(t, "key 1"); got.State != store.EffectDue || got.Error == "" || !got.DoneAt.IsZero() {
			t.Errorf("meanwhile %+v", got)
		}
		if row, err := s.DB.WorkNamed(t.Context(), store.QueueEffect, "key 1"); err != nil || row.State != "ready" || row.Failures != 0 {
			t.Errorf("meanwhile %+v %v", row, err)
		}
		s.Accounts["stripe"] = kept
		s.Restart(t)
		s.Pass(t, 10*time.Minute)
		if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Error != "" || s.happened("refund") != 1 {
			t.Errorf("ended as %+v, happened %d times", got, s.happened("refund"))
		}
	})
}

// TestWrongRequests are refused when they are made, or fail with a reason.
func TestWrongRequests(t *testing.T) {
	s := open(t, triggertest.SQLite(t, quiet))
	before := s.Count(t)
	for name, e := range map[string]store.Effect{
		"no object":       {Key: "k", Kind: outbox.Refund},
		"unknown account": {Key: "k", Kind: outbox.Refund, Object: "paypal/payment/x"},
		"unknown kind":    {Key: "k", Kind: "explode", Object: paymentOf(s)},
		"no key":          {Kind: outbox.Refund, Object: paymentOf(s)},
	} {
		if _, err := s.Outbox.Request(t.Context(), e, outbox.Details{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if after := s.Count(t); after["effects"] != before["effects"] || after["work"] != before["work"] {
		t.Errorf("rows: %v", after)
	}
	s.ask(t, effect{kind: outbox.Refund, object: subscriptionOf}, "refund of a subscription")
	s.Step(t)
	if got := s.state(t, "refund of a subscription"); got.State != store.EffectFailed || got.Error == "" {
		t.Errorf("%+v", got)
	}
	if calls := s.writes(); len(calls) != 0 {
		t.Errorf("calls: %v", calls)
	}
}

// TestObserve: in observe mode it is recorded what would have been done, and not
// done, now or later.
func TestObserve(t *testing.T) {
	for _, enforce := range []bool{false, true} {
		options := quiet
		options.Policies = []policy.Policy{hygiene.Policy{}}
		options.Modes = policy.Modes{Policies: map[string]policy.Mode{"hygiene": map[bool]policy.Mode{false: policy.Observe, true: policy.Enforce}[enforce]}}
		triggertest.Each(t, options, func(t *testing.T, h *triggertest.House) {
			s := open(t, h)
			set := func(email string) {
				_, err := s.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: email}, apply.Cause{Trigger: apply.Request})
				check(t, err)
				s.Pass(t, day)
			}
			set("new@example.com")
			set("new@example.com")
			all, err := s.DB.Effects(t.Context(), store.EffectFilter{Limit: 10})
			check(t, err)
			want := map[bool]string{false: store.EffectWithheld, true: store.EffectDone}[enforce]
			if len(all) != 1 || all[0].State != want || all[0].Actor != "policy:hygiene" || all[0].Customer != "user_1" {
				t.Errorf("effects: %+v", all)
			}
			if n := s.happened("email"); n != map[bool]int{false: 0, true: 1}[enforce] {
				t.Errorf("happened %d times", n)
			}
		})
	}
}

// TestOrderOfAddresses: two addresses after each other; the first meets an
// outage. The provider ends with the second.
func TestOrderOfAddresses(t *testing.T) {
	options := quiet
	options.Policies = []policy.Policy{hygiene.Policy{}}
	triggertest.Each(t, options, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		s.Net.Strike(onWrite(1, answering(http.StatusTooManyRequests, "{}")))
		for _, email := range []string{"first@example.com", "second@example.com"} {
			_, err := s.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: email}, apply.Cause{Trigger: apply.Request})
			check(t, err)
			s.Step(t)
		}
		s.Pass(t, time.Hour)
		if truth, _ := s.TruthOf(s.customer); truth.Fields["email"] != "second@example.com" {
			t.Errorf("the provider has %s", truth.Fields["email"])
		}
	})
}
