package redirect_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// rewrite changes the form of a request on its way.
func rewrite(req *http.Request, change func(url.Values)) error {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	change(form)
	text := form.Encode()
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return nil
}

// TestBadRequests: each is refused with a reason, before anything is recorded or
// asked of the provider.
func TestBadRequests(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true, Accounts: []string{"stripe", "stripe_eu"}})
	before := h.Count(t)
	for name, tt := range map[string]struct {
		change func(*redirect.Request)
		says   string
	}{
		"no customer":          {func(q *redirect.Request) { q.Customer = "" }, "customer reference"},
		"no plan":              {func(q *redirect.Request) { q.Plan = "" }, "no plan"},
		"unknown plan":         {func(q *redirect.Request) { q.Plan = "gold" }, `no plan "gold"`},
		"ambiguous":            {func(q *redirect.Request) { q.Account = "" }, `say which with "provider"`},
		"unknown account":      {func(q *redirect.Request) { q.Account = "paypal" }, `no price at "paypal"`},
		"price of another":     {func(q *redirect.Request) { q.Price = h.Big }, "is not one of plan"},
		"price of nobody":      {func(q *redirect.Request) { q.Price = "price_x" }, "is not one of plan"},
		"no success page":      {func(q *redirect.Request) { q.SuccessURL = "" }, "success_url"},
		"script":               {func(q *redirect.Request) { q.SuccessURL = "javascript://x/%0aalert(1)" }, "success_url"},
		"relative":             {func(q *redirect.Request) { q.CancelURL = "/pricing" }, "cancel_url"},
		"without scheme":       {func(q *redirect.Request) { q.CancelURL = "//app.test/pricing" }, "cancel_url"},
		"none of it":           {func(q *redirect.Request) { q.Quantity = -1 }, "quantity"},
		"too many":             {func(q *redirect.Request) { q.Quantity = 10001 }, "quantity"},
		"trial over":           {func(q *redirect.Request) { q.TrialEnd = triggertest.Start }, "trial_end"},
		"trial for ever":       {func(q *redirect.Request) { q.TrialEnd = triggertest.Start.AddDate(2, 0, 1) }, "trial_end"},
		"trial of a one-timer": {func(q *redirect.Request) { q.Plan, q.TrialEnd = "day", triggertest.Start.Add(7*day) }, "trial_end"},
	} {
		request := ask("user_1", "pro")
		request.Account = "stripe"
		tt.change(&request)
		_, err := h.Redirect.Begin(t.Context(), request)
		var invalid *redirect.Invalid
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.says)
		}
	}
	if after := h.Count(t); after["checkouts"] != before["checkouts"] || after["customers"] != 0 {
		t.Errorf("rows %v", after)
	}
	if calls := h.Net.Calls(); len(calls) != 0 {
		t.Errorf("calls %v", calls)
	}
}

// subscribed gives a customer a subscription through a checkout.
func subscribed(t *testing.T, h *triggertest.House, customer string) (subscription string) {
	t.Helper()
	checkout := begin(t, h, ask(customer, "pro"))
	if paid, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil || !paid {
		t.Fatal(paid, err)
	}
	h.Pass(t, time.Minute)
	facts, _, err := h.Apply.Facts(t.Context(), customer)
	if err != nil || len(facts.Subscriptions) != 1 {
		t.Fatalf("%+v %v", facts, err)
	}
	return facts.Subscriptions[0].ID
}

func owner(t *testing.T, h *triggertest.House, id string) string {
	t.Helper()
	truth, known := h.TruthOf(id)
	if !known {
		t.Fatal("no " + id)
	}
	return truth.Customer
}

// TestSecondSubscription: one that lives, or owes, blocks another and says where
// to mend it; one that is over or was never paid does not.
func TestSecondSubscription(t *testing.T) {
	for name, tt := range map[string]struct {
		become func(t *testing.T, h *triggertest.House, id string)
		status billing.SubscriptionStatus // empty: not blocked
	}{
		"active":    {func(*testing.T, *triggertest.House, string) {}, billing.SubscriptionActive},
		"canceling": {func(t *testing.T, h *triggertest.House, id string) { check(t, h.PortalCancel(id)) }, billing.SubscriptionActive},
		"paused":    {func(t *testing.T, h *triggertest.House, id string) { check(t, h.Pause(id, "void", time.Time{})) }, billing.SubscriptionPaused},
		"past due": {func(t *testing.T, h *triggertest.House, id string) {
			check(t, h.NewCard(owner(t, h, id), world.CardDeclined))
			h.Pass(t, 32*day)
		}, billing.SubscriptionPastDue},
		"canceled": {func(t *testing.T, h *triggertest.House, id string) { check(t, h.CancelNow(id)) }, ""},
		"canceled at its end": {func(t *testing.T, h *triggertest.House, id string) {
			check(t, h.PortalCancel(id))
			h.Pass(t, 32*day)
		}, ""},
		"deleted with its customer": {func(t *testing.T, h *triggertest.House, id string) { check(t, h.DeleteCustomer(owner(t, h, id))) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, quiet)
			id := subscribed(t, h, "user_1")
			tt.become(t, h, id)
			h.Pass(t, time.Minute)
			h.Net.Calls()
			_, err := h.Redirect.Begin(t.Context(), ask("user_1", "big"))
			var blocked *redirect.Blocked
			if tt.status == "" {
				if err != nil {
					t.Fatalf("blocked: %v", err)
				}
				return
			}
			if !errors.As(err, &blocked) {
				t.Fatalf("not blocked: %v", err)
			}
			if blocked.Subscription != id || blocked.Account != "stripe" || blocked.Status != tt.status || !strings.HasPrefix(blocked.PortalURL, "https://pay.test/p/session/") {
				t.Errorf("blocked by %+v", blocked)
			}
			if made, err := h.DB.CheckoutsOf(t.Context(), "user_1", 5); err != nil || len(made) != 1 {
				t.Errorf("%d checkouts, %v", len(made), err)
			}
			// A pass is no subscription, and other customers are other customers.
			begin(t, h, ask("user_1", "day"))
			begin(t, h, ask("user_2", "big"))
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestIncompleteDoesNotBlock: a subscription that still waits for its first
// payment must not keep the customer from trying again.
func TestIncompleteDoesNotBlock(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	first := begin(t, h, ask("user_1", "pro"))
	cus := h.CreateCustomer("user_1@example.com")
	sub, err := h.CreateSubscription(world.NewSubscription{Customer: cus, Price: h.Pro, Card: world.CardDeclined})
	check(t, err)
	h.Pass(t, time.Minute)
	refs := h.Objects(t, objectsOf("subscription"))
	if len(refs) != 1 || refs[0].ID != sub || refs[0].Status != string(billing.SubscriptionPending) {
		t.Fatalf("%+v", refs)
	}
	check(t, h.Apply.Link(t.Context(), refOf(refs[0]), "user_1", apply.Cause{Trigger: apply.Request}))
	if second := begin(t, h, ask("user_1", "pro")); second.ID == first.ID {
		t.Error("the same checkout")
	}
}

// TestPortalFails: the refusal stands though the link cannot be had.
func TestPortalFails(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	subscribed(t, h, "user_1")
	h.Net.Strike(triggertest.Down)
	_, err := h.Redirect.Begin(t.Context(), ask("user_1", "pro"))
	var blocked *redirect.Blocked
	if !errors.As(err, &blocked) || blocked.PortalURL != "" {
		t.Errorf("%v %+v", err, blocked)
	}
}

// TestKnownCustomerIsUsed: the second purchase is made by the same customer at
// the provider.
func TestKnownCustomerIsUsed(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	sub := subscribed(t, h, "user_1")
	checkout := begin(t, h, ask("user_1", "day"))
	if truth, _ := h.TruthOf(checkout.Object); truth.Customer != owner(t, h, sub) {
		t.Errorf("the checkout is for %q", truth.Customer)
	}
}

// TestPrepaidPass: who has paid for a month already is charged when it is over,
// if the pass gives all that the subscription does.
func TestPrepaidPass(t *testing.T) {
	for name, tt := range map[string]struct {
		plan   string
		passes int64
		want   time.Time
	}{
		"the same":             {"pro", 1, triggertest.Start.AddDate(0, 1, 0)},
		"more than the pass":   {"big", 1, time.Time{}},
		"no pass":              {"pro", 0, time.Time{}},
		"more than two years":  {"pro", 30, triggertest.Start.Add(time.Minute + 730*day)},
		"passes stack, a year": {"pro", 12, triggertest.Start.AddDate(1, 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, quiet)
			if tt.passes > 0 {
				request := ask("user_1", "day")
				request.Quantity = tt.passes
				if paid, err := h.PayCheckout(begin(t, h, request).Object, world.CardGood); err != nil || !paid {
					t.Fatal(paid, err)
				}
				h.Pass(t, time.Minute)
			}
			checkout := begin(t, h, ask("user_1", tt.plan))
			if !checkout.TrialEnd.Equal(tt.want) {
				t.Errorf("the trial ends %s, want %s", checkout.TrialEnd, tt.want)
			}
			if paid, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil || !paid {
				t.Fatal(paid, err)
			}
			if got := back(t, h, returnURL(t, h, checkout.Object)); got != arrival(checkout, redirect.Complete) {
				t.Error(got)
			}
			facts, _, err := h.Apply.Facts(t.Context(), "user_1")
			if err != nil || len(facts.Subscriptions) != 1 {
				t.Fatalf("%+v %v", facts, err)
			}
			if end := facts.Subscriptions[0].Object.TrialEnd; !end.Equal(tt.want) {
				t.Errorf("at the provider the trial ends %s, want %s", end, tt.want)
			}
		})
	}
}

// TestAskedTrial: a trial that is asked for counts, a pass or not.
func TestAskedTrial(t *testing.T) {
	h := triggertest.SQLite(t, quiet)
	request := ask("user_1", "pro")
	request.TrialEnd = triggertest.Start.Add(10 * day)
	if checkout := begin(t, h, request); !checkout.TrialEnd.Equal(request.TrialEnd) {
		t.Errorf("%+v", checkout)
	}
}
