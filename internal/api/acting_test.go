package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
)

// greeter is a policy that greets whoever has a subscription that goes on, by mail
// and in the application, and wants a person to look at it.
type greeter struct{}

func (greeter) Name() string { return "greeter" }

func (greeter) React(policy.Change, policy.Known) []policy.Action { return nil }

func (greeter) Review(known policy.Known, _ time.Time) (actions []policy.Action, next time.Time) {
	for _, s := range known.Facts.Subscriptions {
		if s.Object.Status != billing.SubscriptionActive || !s.Object.CancelAt.IsZero() {
			continue
		}
		for _, channel := range []string{notify.Email, notify.InApp} {
			actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, policy.Say, channel,
				notify.Notice{Template: "welcome", Channel: channel, Thread: "hello"}))
		}
		actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, policy.Alert, "", policy.Warning{
			Cause: "new:" + s.ID, Kind: "greeting", Title: "somebody is new", DueBy: s.Object.PeriodEnd,
		}))
	}
	return actions, next
}

// letters is a messenger with one channel, which takes all mails.
type letters struct{ mint outbox.Mint }

func (l *letters) UseLinks(mint outbox.Mint) { l.mint = mint }

func (l *letters) Compose(_ context.Context, e store.Effect, n notify.Notice, known policy.Known) (notify.Message, error) {
	return notify.Message{
		ID: e.Key, Template: n.Template, Locale: "en", Thread: n.Thread, Subject: "Welcome", Text: "Hello.", Title: "Welcome", Body: "Hello.",
		Action: "Go on", URL: l.mint(known.Customer.Ref, "", e.Object, notify.LinkPortal, time.Time{}),
		To: notify.Recipient{Customer: known.Customer.Ref, Email: known.Customer.Ref + "@kern.test"},
	}, nil
}

func (l *letters) Channel(name string) notify.Channel {
	if name == notify.Email {
		return l
	}
	return nil
}

func (*letters) Name() string { return notify.Email }

func (*letters) Send(context.Context, notify.Message) (string, error) { return "queued as 1", nil }

func greeting(c *trivet.Config) {
	c.Policies, c.Messenger = []policy.Policy{hygiene.Policy{}, greeter{}}, &letters{}
}

const (
	decided   = `"code":"decided"`
	newMail   = `{"email":"new@kern.test"}`
	setByKey  = "settings customer_set request by key"
	switched  = "switch switched request by key"
	accessKey = "access access_changed request by key"
)

// acting are the stories of how far the service may go by itself, and of what it
// says.
var acting = map[string]struct {
	config func(*trivet.Config)
	scenario
}{
	"what is proposed is accepted, once": {scenario: scenario{
		before: subscribed,
		steps: []step{
			{request: "GET /v1/mode", status: 200, has: []string{
				`{"scope":"global","configured":"enforce","switched":null,"rollout":null}`, `{"scope":"policy/hygiene","configured":null,"switched":null,"rollout":null}`,
				`{"provider":"stripe","policy":"hygiene","mode":"enforce","rollout_mode":null}`, `{"provider":"trivet","policy":"hygiene","mode":"enforce"`, `"brake":{"on":false,"by":null,"at":null}`,
			}},
			{request: "PUT /v1/mode", body: `{"scope":"policy/hygiene","mode":"assist"}`, status: 200, has: []string{
				`{"scope":"policy/hygiene","configured":null,"switched":{"mode":"assist","by":"key:`, `"at":"2026-03-01T12:10:00Z"}`, `{"provider":"stripe","policy":"hygiene","mode":"assist"`,
			}},
			{request: "PUT /v1/mode", body: `{"scope":"policy/hygiene","mode":"assist"}`, status: 200},
			{request: "PUT /v1/customers/user_1", body: newMail, status: 200, then: time.Hour},
			{request: "GET /v1/proposals?customer=user_1&kind=push_email", status: 200, has: []string{`"kind":"push_email"`, `"state":"proposed"`, `"actor":"policy:hygiene"`, `"decided_by":null`},
				names: map[string]string{"proposal": "data.0.id"}},
			{request: "POST /v1/proposals/{proposal}/accept", status: 202, has: []string{`"state":"due"`, `"decided_by":"key:`}, then: time.Minute},
			{request: "POST /v1/proposals/{proposal}/accept", status: 409, has: []string{decided, "was quicker and accepted it; its state is done"}},
			{request: "POST /v1/proposals/{proposal}/reject", status: 409, has: []string{decided, "GET /v1/effects/{proposal}"}},
			{request: "GET /v1/proposals", status: 200, has: []string{`"data":[]`}},
			{request: "POST /v1/proposals/ef_999999/accept", status: 404, has: []string{notFound, "GET /v1/proposals"}},
			{request: "POST /v1/proposals/nothing/reject", status: 404, has: []string{notFound}},
		},
		changes:  []string{"customer updated effect", "proposal accepted request by key", setByKey, switched},
		effects:  []string{"push_email done"},
		provider: []string{"email"},
	}},
	"what is rejected stays undone": {scenario: scenario{
		before: subscribed,
		steps: []step{
			{request: "PUT /v1/mode", body: `{"scope":"provider/stripe","mode":"assist"}`, status: 200},
			{request: "PUT /v1/customers/user_1", body: newMail, status: 200, then: time.Minute},
			{request: "GET /v1/proposals", status: 200, names: map[string]string{"proposal": "data.0.id"}},
			{request: "POST /v1/proposals/{proposal}/reject", headers: []string{"Idempotency-Key: one"}, status: 200, has: []string{`"state":"rejected"`, `"decided_by":"key:`}},
			{request: "POST /v1/proposals/{proposal}/reject", headers: []string{"Idempotency-Key: one"}, status: 200, has: []string{`"state":"rejected"`}},
			{request: "POST /v1/proposals/{proposal}/accept", status: 409, has: []string{decided, "rejected it at 2026-03-01T12:11:00Z; it is not done"}, then: 48 * time.Hour},
			{request: "GET /v1/effects?state=rejected", status: 200, has: []string{"{proposal}"}},
		},
		changes: []string{"proposal rejected request by key", setByKey, switched},
		effects: []string{"push_email rejected"},
	}},
	"who only observes does nothing": {
		config: func(c *trivet.Config) { c.Modes.Global = policy.Observe },
		scenario: scenario{
			before: subscribed,
			steps: []step{
				{request: "GET /v1/mode", status: 200, has: []string{`{"scope":"global","configured":"observe"`}},
				{request: "PUT /v1/customers/user_1", body: newMail, status: 200, then: 48 * time.Hour},
				{request: "GET /v1/effects?state=withheld", status: 200, has: []string{`"kind":"push_email"`}, names: map[string]string{"effect": "data.0.id"}},
				{request: "POST /v1/proposals/{effect}/accept", status: 409, has: []string{decided, "its state is withheld"}},
			},
			changes: []string{setByKey},
			effects: []string{"push_email withheld"},
		},
	},
	"modes that there are not": {
		config: func(c *trivet.Config) {
			c.Modes = policy.Modes{Global: policy.Assist, Policies: map[string]policy.Mode{"hygiene": policy.Observe}, Rollout: map[string]int{"hygiene": 10}}
		},
		scenario: scenario{
			steps: []step{
				{request: "GET /v1/mode", status: 200, has: []string{
					`{"scope":"policy/hygiene","configured":"observe","switched":null,"rollout":10}`, `{"provider":"stripe","policy":"hygiene","mode":"observe","rollout_mode":"assist"}`,
				}},
				{request: "PUT /v1/mode", body: `{"scope":"provider/paypal","mode":"observe"}`, status: 422, has: []string{invalid, `use one of stripe`}},
				{request: "PUT /v1/mode", body: `{"scope":"policy/typo","mode":"observe"}`, status: 422, has: []string{invalid, `use one of hygiene`}},
				{request: "PUT /v1/mode", body: `{"scope":"brake","mode":"observe"}`, status: 422, has: []string{invalid, "use global"}},
				{request: "PUT /v1/mode", body: `{"scope":"global","mode":"off"}`, status: 422, has: []string{"body.mode"}},
				{request: "PUT /v1/mode", body: `{"scope":"global"}`, status: 422, has: []string{"body", "mode"}},
				{request: "DELETE /v1/mode/policy%2Ftypo", status: 422, has: []string{invalid, `use one of hygiene`}},
				{request: "DELETE /v1/mode/brake", status: 422, has: []string{invalid}},
				{request: "DELETE /v1/mode/global", status: 200},
				{request: "PUT /v1/mode", body: `{"scope":"global","mode":"enforce"}`, status: 200, has: []string{`"rollout_mode":"enforce"`}},
				{request: "DELETE /v1/mode/global", status: 200, has: []string{`{"scope":"global","configured":"assist","switched":null`}},
				{request: "PUT /v1/mode", body: `{"scope":"provider/stripe","mode":"enforce"}`, status: 200},
				{request: "DELETE /v1/mode/provider%2Fstripe", status: 200, has: []string{`{"scope":"provider/stripe","configured":null,"switched":null`}},
			},
			changes: []string{switched, switched, switched, switched},
		},
	},
	"the brake stops money, and nothing else": {scenario: scenario{
		before: subscribed,
		steps: []step{
			{request: "PUT /v1/brake", body: `{"on":true}`, status: 200, has: []string{`"brake":{"on":true,"by":"key:`, `"at":"2026-03-01T12:10:00Z"`}},
			{request: "PUT /v1/brake", body: `{}`, status: 422, has: []string{"body", "on"}},
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":500}`, status: 202, names: map[string]string{"effect": "id"}, then: time.Hour},
			{request: "GET /v1/effects/{effect}", status: 200, has: []string{`"state":"due"`, "the brake is on"}},
			{request: "PUT /v1/customers/user_1", body: newMail, status: 200, then: time.Minute},
			{request: "DELETE /v1/mode/brake", status: 422},
			{request: "PUT /v1/brake", body: `{"on":false}`, status: 200, has: []string{`"brake":{"on":false,"by":null,"at":null}`}, then: time.Hour},
			{request: "GET /v1/effects/{effect}", status: 200, has: []string{`"state":"done"`}},
		},
		changes: []string{
			"customer updated effect", "payment refunded effect", "refund recorded+linked effect", setByKey, switched, switched,
		},
		effects:  []string{"push_email done", "refund done"},
		provider: []string{"email", "refund 500"},
	}},
	"a customer is banned and let in again": {scenario: scenario{
		before: subscribed,
		steps: []step{
			{request: "POST /v1/customers/user_1/ban", body: `{"reason":" "}`, status: 422, has: []string{invalid, "A ban needs a reason"}},
			{request: "POST /v1/customers/user_1/ban", body: `{"reason":"stolen cards"}`, status: 200, has: []string{`"banned":{"at":"2026-03-01T12:10:00Z","reason":"stolen cards","by":"key:`}},
			{request: "POST /v1/customers/user_1/ban", body: `{"reason":"another"}`, status: 200, has: []string{`"reason":"stolen cards"`}},
			{request: "GET /v1/check?customer=user_1&feature=pro", status: 200, has: []string{`"allowed":false`, `"reason":"banned"`}},
			{request: "DELETE /v1/customers/user_1/ban", status: 200, has: []string{`"banned":null`}},
			{request: "DELETE /v1/customers/user_1/ban", status: 200},
			{request: "DELETE /v1/customers/stranger/ban", status: 404, has: []string{notFound}},
			{request: "GET /v1/customers/stranger", status: 404},
			{request: "POST /v1/customers/%20/ban", body: `{"reason":"r"}`, status: 422, has: []string{invalid}},
			{request: "GET /v1/check?customer=user_1&feature=pro", status: 200, has: []string{`"allowed":true`}, then: time.Hour},
		},
		changes: []string{
			accessKey, accessKey, accessKey, accessKey, accessKey, accessKey, "settings banned request by key", "settings unbanned request by key",
		},
	}},
	"what is shown is put away, what was said is proven": {config: greeting, scenario: scenario{
		before: subscribed,
		steps: []step{
			{request: "GET /v1/customers/user_1/notices", status: 200, names: map[string]string{"notice": "data.0.id"}, has: []string{
				`"template":"welcome"`, `"thread":"hello"`, `"title":"Welcome"`, `"action":"Go on"`, `"url":"https://billing.test/go/`, `"over_at":null`, `"next":null`}},
			{request: "POST /v1/customers/user_2/notices/{notice}/dismiss", status: 404, has: []string{notFound}},
			{request: "POST /v1/customers/user_1/notices/no_0/dismiss", status: 404, has: []string{notFound}},
			{request: "POST /v1/customers/user_1/notices/1/dismiss", status: 404, has: []string{notFound}},
			{request: "POST /v1/customers/user_1/notices/{notice}/dismiss", status: 200, has: []string{`"over_at":"2026-03-01T12:10:00Z"`}, then: time.Hour},
			{request: "POST /v1/customers/user_1/notices/{notice}/dismiss", status: 200, has: []string{`"over_at":"2026-03-01T12:10:00Z"`}},
			{request: "GET /v1/customers/user_1/notices", status: 200, has: []string{`"data":[]`}},
			{request: "GET /v1/customers/user_1/notices?all=true", status: 200, has: []string{"{notice}"}},
			{request: "GET /v1/customers/stranger/notices", status: 404, has: []string{notFound}},
			{request: "GET /v1/messages?customer=user_1&limit=1", status: 200, names: map[string]string{"next": "next"}},
			{request: "GET /v1/messages?customer=user_1&limit=1&after={next}", status: 200, has: []string{`"next":null`}},
			{request: "GET /v1/messages?channel=email&template=welcome", status: 200, lacks: []string{"inapp"}, has: []string{
				`"effect":"message:stripe/subscription/{sub_id}:email"`, `"recipient":"user_1@kern.test"`, `"receipt":"queued as 1"`, `"body":"Hello."`, `"locale":"en"`, `"sent_at":"2026-03-01T12:`}},
			{request: "GET /v1/messages?customer=stranger", status: 200, has: []string{`"data":[]`}},
			{request: "GET /v1/messages?to=x", status: 422, has: []string{"query.to"}},
		},
	}},
	"an alert is closed by a person": {config: greeting, scenario: scenario{
		before: subscribed,
		steps: []step{
			{request: "GET /v1/alerts?open=true&kind=greeting", status: 200, names: map[string]string{"alert": "data.0.id"}, has: []string{
				`"cause":"new:{sub_id}"`, `"title":"somebody is new"`, `"customer":"user_1"`, `"object":"{sub}"`, `"due_by":"2026-04-01T12:00:00Z"`, `"state":"open"`, `"times":1`, `"closed_by":null`}},
			{request: "GET /v1/alerts?open=false", status: 200, has: []string{`"data":[]`}},
			{request: "POST /v1/alerts/{alert}/close", status: 200, has: []string{`"state":"closed"`, `"closed_at":"2026-03-01T12:10:00Z"`, `"closed_by":"key:`}, then: time.Hour},
			{request: "POST /v1/alerts/{alert}/close", status: 200, has: []string{`"closed_at":"2026-03-01T12:10:00Z"`}},
			{request: "GET /v1/alerts?open=true", status: 200, has: []string{`"data":[]`}},
			{request: "GET /v1/alerts?open=false", status: 200, has: []string{"{alert}"}},
			{request: "GET /v1/alerts", status: 200, has: []string{"{alert}"}},
			{request: "GET /v1/alerts?open=yes", status: 422, has: []string{"query.open"}},
			{request: "POST /v1/alerts/al_999999/close", status: 404, has: []string{notFound, "GET /v1/alerts"}},
			{request: "POST /v1/alerts/x/close", status: 404, has: []string{notFound}},
		},
	}},
	"what is switched on moves what was held back": {
		config: func(c *trivet.Config) {
			greeting(c)
			c.Modes.Policies = map[string]policy.Mode{"greeter": policy.Observe}
		},
		scenario: scenario{
			before: subscribed,
			steps: []step{
				{request: "GET /v1/messages", status: 200, has: []string{`"data":[]`}},
				{request: "PUT /v1/mode", body: `{"scope":"policy/greeter","mode":"assist"}`, status: 200, then: time.Hour},
				{request: "GET /v1/proposals?kind=message", status: 200, names: map[string]string{"first": "data.1.id", "second": "data.0.id"}, has: []string{`"template":"welcome"`}},
				{request: "POST /v1/proposals/{first}/accept", status: 202, then: time.Minute},
				{request: "GET /v1/messages", status: 200, has: []string{`"channel":"email"`}, lacks: []string{`"channel":"inapp"`}},
				{request: "POST /v1/subscriptions/{sub}/cancel", status: 202, then: time.Hour},
				{request: "POST /v1/proposals/{second}/accept", status: 409, has: []string{decided, "withdrawn"}},
				{request: "GET /v1/effects/{second}", status: 200, has: []string{`"state":"dropped"`, "no longer called for"}},
			},
			changes: []string{
				"access access_changed effect", "access access_changed effect", "proposal accepted request by key", "subscription cancel_scheduled effect", switched,
			},
			effects:  []string{"cancel_at_period_end done"},
			provider: []string{"cancel_at_period_end"},
		},
	},
}

func TestActing(t *testing.T) {
	for name, story := range acting {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, database string) {
				var change []func(*trivet.Config)
				if story.config != nil {
					change = append(change, story.config)
				}
				play(t, newWorld(t, database, change...), story.scenario)
			})
		})
	}
}

// TestTheButtonOfANotice: it leads to a page of ours, whose button leads to the
// provider's; the API's key is not asked for.
func TestTheButtonOfANotice(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database, greeting)
		w.subscribe("user_1")
		address, _ := w.must("GET /v1/customers/user_1/notices", "").field("data.0.url").(string)
		path, ours := strings.CutPrefix(address, "https://billing.test")
		if !ours {
			t.Fatalf("the button leads to %q", address)
		}
		done := len(w.stripe.Effects())
		if r := w.do("GET "+path, "", "Authorization: "); r.status != 200 || !strings.Contains(r.body, "<form") || len(w.stripe.Effects()) != done {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := w.do("POST "+path, "", "Authorization: "); r.status != 303 || !strings.HasPrefix(r.header.Get("Location"), "https://pay.test/p/session/") {
			t.Errorf("%d %s %s", r.status, r.header.Get("Location"), r.body)
		}
		if acted := w.stripe.Effects()[done:]; len(acted) != 1 || acted[0].Op != "portal_link" {
			t.Errorf("the provider did %v", acted)
		}
		if strings.Contains(w.log.String(), path) {
			t.Error("the log has the link")
		}
	})
}
