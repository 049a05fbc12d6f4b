package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// step is a request and what its answer must be like.
type step struct {
	request, body string
	headers       []string
	status        int
	has, lacks    []string
	// names are read from the answer.
	names map[string]string
	// then lets time pass, so that what was asked for is carried out.
	then time.Duration
}

// scenario is a story: what is there before, what is asked, and exactly what came
// of it: rows of the audit trail, effects, and what the provider really did.
type scenario struct {
	before   func(w *world)
	steps    []step
	changes  []string
	effects  []string
	provider []string
}

func subscribed(w *world) { w.subscribe("user_1") }

const (
	invalid  = `"code":"invalid"`
	notFound = `"code":"not_found"`
)

var scenarios = map[string]scenario{
	"a customer is described, described again, and described wrongly": {
		steps: []step{
			{request: "GET /v1/customers/user_1", status: 404, has: []string{notFound, "PUT"}},
			{request: "PUT /v1/customers/user_1", body: `{"email":"dana@kern.test","locale":"de-AT","time_zone":"Europe/Vienna","attributes":{"kyc":true},"covered":["kern.test"]}`, status: 200,
				has: []string{`"ref":"user_1"`, `"email":"dana@kern.test"`, `"attributes":{"kyc":true}`, `"banned":null`}},
			{request: "PUT /v1/customers/user_1", body: `{"email":"dana@kern.test","locale":"de-AT","time_zone":"Europe/Vienna","attributes":{"kyc":true},"covered":["kern.test"]}`, status: 200},
			{request: "PUT /v1/customers/user_1", body: `{"email":"d@kern.test"}`, status: 200, has: []string{`"locale":""`, `"attributes":{}`, `"covered":[]`}},
			{request: "PUT /v1/customers/user_1", body: `{"emial":"x@y.test"}`, status: 422, has: []string{invalid, `"field":"body.emial"`}},
			{request: "PUT /v1/customers/user_1", body: `{"email":"nobody"}`, status: 422, has: []string{"body.email", "dana@example.com"}},
			{request: "PUT /v1/customers/user_1", body: `{"email":"dana\u0007@kern.test"}`, status: 422, has: []string{"body.email", "dana@example.com"}},
			{request: "PUT /v1/customers/user_1", body: `{"covered":["kern.test","` + strings.Repeat("x", 201) + `"]}`, status: 422, has: []string{"body.covered", "number 2", "200"}},
			{request: "PUT /v1/customers/user_1", body: `{"covered":[""]}`, status: 422, has: []string{"body.covered", "number 1", "empty"}},
			{request: "GET /v1/check?customer=user_1&customer=user_2&feature=pro", status: 422, has: []string{"query.customer", "once"}},
			{request: "GET /v1/check?customer=user_1&feature=pro&feature=api", status: 422, has: []string{"query.feature", "once"}},
			{request: "GET /v1/events?ref=sub_1", status: 422, has: []string{"query.ref"}},
			{request: "GET /v1/events?limit=1&limit=2", status: 422, has: []string{"query.limit", "once"}},
			{request: "PUT /v1/customers/user_1", body: `{"locale":"!"}`, status: 422, has: []string{"body.locale"}},
			{request: "PUT /v1/customers/user_1", body: `{"time_zone":"Mars/Olympus"}`, status: 422, has: []string{"body.time_zone"}},
			{request: "PUT /v1/customers/user_1", body: `{"email":1}`, status: 422, has: []string{"body.email", "expected string"}},
			{request: "PUT /v1/customers/user_1", body: `{"email":`, status: 400, has: []string{`"code":"malformed"`}},
			{request: "PUT /v1/customers/user_1", status: 400, has: []string{"body is required"}},
			{request: "PUT /v1/customers/%20user", body: `{}`, status: 422, has: []string{"path.ref"}},
			{request: "GET /v1/customers/user_1", status: 200, has: []string{`"email":"d@kern.test"`}},
			{request: "PUT /v1/customers/a%2Fb", body: `{}`, status: 200, has: []string{`"ref":"a/b"`}},
			{request: "GET /v1/customers/a%2Fb/timeline", status: 200, has: []string{`"customer_set"`, `"trigger":"request"`, `"actor":"key:`}, lacks: []string{apiKey}},
		},
		changes: []string{"settings customer_set request by key", "settings customer_set request by key", "settings customer_set request by key"},
	},
	"a changed address is passed on to the provider": {
		before: subscribed,
		steps: []step{
			{request: "PUT /v1/customers/user_1", body: `{"email":"new@kern.test"}`, status: 200, then: time.Minute},
			{request: "GET /v1/effects?kind=push_email", status: 200, has: []string{`"state":"done"`, `"actor":"policy:hygiene"`, `"email":"new@kern.test"`}},
		},
		changes:  []string{"customer updated effect", "settings customer_set request by key"},
		effects:  []string{"push_email done"},
		provider: []string{"email"},
	},
	"a check answers for whoever it is asked about": {
		before: subscribed,
		steps: []step{
			{request: "GET /v1/check?customer=user_1&feature=pro", status: 200, has: []string{`"allowed":true`, `"reason":"active"`, `"until":"2026-04-01T12:00:00Z"`, `"provider":"stripe"`, `"kind":"subscription"`, `"id":"{sub}"`, `"stale":false`}},
			{request: "GET /v1/check?customer=user_1&feature=export", status: 200, has: []string{`"allowed":true`}},
			{request: "GET /v1/check?customer=user_1&feature=day", status: 200, has: []string{`"allowed":false`, `"reason":"no_purchase"`, `"until":null`, `"source":null`}},
			{request: "GET /v1/check?customer=stranger&feature=pro", status: 200, has: []string{`"allowed":false`}},
			{request: "GET /v1/check?customer=user_1", status: 422, has: []string{"query.feature"}},
			{request: "GET /v1/check?feature=pro", status: 422, has: []string{"query.customer"}},
			{request: "GET /v1/check?customer=user_1&entitlement=pro", status: 422, has: []string{"query.feature"}},
			{request: "GET /v1/check?customer=user_1&feature=pro&_=1&_=2", status: 200, has: []string{`"allowed":true`}},
			{request: "GET /v1/check?customer=&feature=pro", status: 200, has: []string{`"allowed":false`, `"reason":"no_purchase"`, `"source":null`, `"customer":""`}},
			{request: "GET /v1/check?customer=user_1%20&feature=pro", status: 200, has: []string{`"allowed":false`, `"reason":"no_purchase"`}},
			{request: "GET /v1/check?customer=" + strings.Repeat("u", 201) + "&feature=pro", status: 200, has: []string{`"allowed":false`, `"reason":"no_purchase"`}},
			{request: "GET /v1/customers/user_1/entitlements", status: 200, has: []string{`"feature":"pro"`, `"feature":"export"`, `"feature":"day"`}},
			{request: "GET /v1/customers/stranger/entitlements", status: 404, has: []string{notFound}},
		},
	},
	"access is given by hand and taken back": {
		steps: []step{
			{request: "POST /v1/customers/user_1/grants", body: `{"plan":"pro","until":"2026-03-02T12:00:00Z","reason":"beta"}`, status: 201, names: map[string]string{"grant": "id"},
				has: []string{`"plan":"pro"`, `"feature":null`, `"by":"key:`}},
			{request: "GET /v1/check?customer=user_1&feature=export", status: 200, has: []string{`"allowed":true`, `"reason":"granted"`, `"until":"2026-03-02T12:00:00Z"`, `"provider":null`, `"id":"{grant}"`}},
			{request: "GET /v1/customers/user_1/grants", status: 200, has: []string{"{grant}"}},
			{request: "DELETE /v1/customers/user_1/grants/{grant}", status: 200, has: []string{`"revoked_at":"2026-03-01T12:00:00Z"`}},
			{request: "DELETE /v1/customers/user_1/grants/{grant}", status: 200},
			{request: "GET /v1/check?customer=user_1&feature=export", status: 200, has: []string{`"allowed":false`, `"reason":"grant_expired"`}},
			{request: "DELETE /v1/customers/user_2/grants/{grant}", status: 404, has: []string{notFound}},
			{request: "POST /v1/customers/user_1/grants", body: `{"plan":"gold"}`, status: 422, has: []string{`no plan \"gold\"`}},
			{request: "POST /v1/customers/user_1/grants", body: `{}`, status: 422, has: []string{"ame a feature or a plan"}},
			{request: "POST /v1/customers/user_1/grants", body: `{"feature":"x","until":"2026-01-01T00:00:00Z"}`, status: 422, has: []string{"is past"}},
			{request: "POST /v1/customers/user_1/grants", body: `{"feature":"two words"}`, status: 422, has: []string{"without spaces"}},
			{request: "POST /v1/customers/user_1/grants", body: `{"feature":"x","until":"tomorrow"}`, status: 422, has: []string{"body.until"}},
		},
		changes: []string{
			"access access_changed request by key", "access access_changed request by key", "access access_changed request by key", "access access_changed request by key",
			"grant granted request by key", "grant revoked request by key", "settings customer_set request by key",
		},
	},
	"a customer with a subscription gets no second one": {
		before: subscribed,
		steps: []step{
			{request: "POST /v1/checkouts", body: `{"customer":"user_1","plan":"pro","success_url":"https://app.test","cancel_url":"https://app.test"}`, status: 409,
				has: []string{`"code":"subscribed"`, `"portal_url":"https://`, "{sub}"}},
			{request: "GET /v1/checkouts/{checkout}", status: 200, has: []string{`"status":"complete"`, `"payment_status":"paid"`, `"subscription":"{sub}"`}},
			{request: "GET /v1/checkouts/chk_none", status: 404, has: []string{notFound}},
		},
		provider: []string{"portal_link"},
	},
	"a checkout that cannot be": {
		steps: []step{
			{request: "POST /v1/checkouts", body: `{"customer":"user_1","plan":"gold","success_url":"https://app.test","cancel_url":"https://app.test"}`, status: 422, has: []string{`no plan \"gold\"`}},
			{request: "POST /v1/checkouts", body: `{"customer":"user_1","plan":"pro","success_url":"app","cancel_url":"https://app.test"}`, status: 422, has: []string{"uccess_url"}},
			{request: "POST /v1/checkouts", body: `{"customer":"user_1","plan":"pro","cancel_url":"https://app.test"}`, status: 422, has: []string{"success_url"}},
			{request: "POST /v1/checkouts", body: `{"customer":"user_1","plan":"pro","provider":"paypal","success_url":"https://app.test","cancel_url":"https://app.test"}`, status: 422, has: []string{"paypal"}},
			{request: "POST /v1/checkouts", body: `{"customer":"user_1","plan":"pro","quantity":0,"success_url":"https://app.test","cancel_url":"https://app.test"}`, status: 422, has: []string{"body.quantity"}},
		},
	},
	"a cancellation is scheduled, taken back, and scheduled again": {
		before: subscribed,
		steps: []step{
			{request: "POST /v1/subscriptions/{sub}/cancel", status: 202, has: []string{`"kind":"cancel_at_period_end"`, `"state":"due"`}, names: map[string]string{"effect": "id", "key": "key"}},
			{request: "POST /v1/subscriptions/{sub_id}/cancel", body: `{}`, status: 202, has: []string{"{effect}"}, then: time.Minute},
			{request: "GET /v1/effects/{effect}", status: 200, has: []string{`"state":"done"`}},
			{request: "GET /v1/subscriptions/{sub}", status: 200, has: []string{`"cancel_at":"2026-04-01T12:00:00Z"`, `"status":"active"`}},
			{request: "POST /v1/subscriptions/{sub}/cancel", body: `{"undo":true}`, status: 202, has: []string{`"kind":"uncancel"`}, then: time.Minute},
			{request: "GET /v1/subscriptions/{sub}", status: 200, has: []string{`"cancel_at":null`}},
			{request: "POST /v1/subscriptions/{sub}/cancel", body: `{"at":"period_end"}`, status: 202, lacks: []string{`"id":"{effect}"`}, then: time.Minute},
			{request: "GET /v1/subscriptions/{sub}", status: 200, has: []string{`"cancel_at":"2026-04-01T12:00:00Z"`}},
			{request: "POST /v1/subscriptions/{sub}/cancel", body: `{"at":"now","undo":true}`, status: 422, has: []string{"not both"}},
			{request: "POST /v1/subscriptions/{sub}/cancel", body: `{"at":"tomorrow"}`, status: 422, has: []string{"body.at"}},
			{request: "POST /v1/subscriptions/sub_none/cancel", status: 404, has: []string{notFound, "reconcile"}},
		},
		changes: []string{
			"access access_changed effect", "access access_changed effect", "access access_changed effect", "access access_changed effect", "access access_changed effect", "access access_changed effect",
			"subscription cancel_scheduled effect", "subscription cancel_scheduled effect", "subscription cancel_withdrawn effect",
		},
		effects:  []string{"cancel_at_period_end done", "cancel_at_period_end done", "uncancel done"},
		provider: []string{"cancel_at_period_end", "cancel_at_period_end", "uncancel"},
	},
	"a subscription is canceled at once": {
		before: subscribed,
		steps: []step{
			{request: "POST /v1/subscriptions/{sub}/cancel", body: `{"at":"now"}`, status: 202, then: time.Minute},
			{request: "GET /v1/check?customer=user_1&feature=pro", status: 200, has: []string{`"allowed":false`, `"reason":"ended"`}},
		},
		changes:  []string{"access access_changed effect", "access access_changed effect", "subscription ended effect"},
		effects:  []string{"cancel done"},
		provider: []string{"cancel"},
	},
	"a subscription pauses and resumes": {
		before: subscribed,
		steps: []step{
			{request: "POST /v1/subscriptions/{sub}/pause", body: `{"until":"2026-01-01T00:00:00Z"}`, status: 422, has: []string{"is past"}},
			{request: "POST /v1/subscriptions/{sub}/pause", body: `{"until":"2026-05-01T00:00:00Z"}`, status: 202, has: []string{`"until":"2026-05-01T00:00:00Z"`}, then: time.Minute},
			{request: "GET /v1/subscriptions/{sub}", status: 200, has: []string{`"status":"paused"`, `"provider_status":"active"`, `"until":"2026-05-01T00:00:00Z"`}},
			{request: "POST /v1/subscriptions/{sub}/resume", status: 202, then: time.Minute},
			{request: "GET /v1/subscriptions/{sub}", status: 200, has: []string{`"status":"active"`, `"pause":null`}},
		},
		changes: []string{
			"access access_changed effect", "access access_changed effect", "access access_changed effect", "access access_changed effect",
			"subscription paused effect", "subscription resumed effect",
		},
		effects:  []string{"pause done", "resume done"},
		provider: []string{"pause", "resume"},
	},
	"a refund that is asked for twice happens once": {
		before: subscribed,
		steps: []step{
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":500,"reason":"duplicate"}`, status: 202, has: []string{`"state":"due"`}, names: map[string]string{"effect": "id"}},
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":500}`, status: 202, has: []string{`"id":"{effect}"`}, then: time.Hour},
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":500}`, status: 200, has: []string{`"id":"{effect}"`, `"state":"done"`}, then: time.Hour},
			{request: "GET /v1/payments/{pay_id}", status: 200, has: []string{`"refunded":500`, `"amount":2900`, `"currency":"EUR"`}},
		},
		changes:  []string{"payment refunded effect", "refund recorded+linked effect"},
		effects:  []string{"refund done"},
		provider: []string{"refund 500"},
	},
	"refunds with keys of their own happen each": {
		before: subscribed,
		steps: []step{
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":500}`, headers: []string{"Idempotency-Key: one"}, status: 202},
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":500}`, headers: []string{"Idempotency-Key: two"}, status: 202, then: time.Hour},
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":2500}`, status: 422, has: []string{"1900 that are left"}},
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":0}`, status: 422, has: []string{"body.amount"}},
			{request: "POST /v1/payments/{pay}/refund", body: `{"reason":"` + strings.Repeat("w", 501) + `"}`, status: 422, has: []string{"body.reason"}},
			{request: "POST /v1/payments/{pay}/refund", body: `{"reason":"the screen was green"}`, status: 202, has: []string{`"reason":"the screen was green"`}, then: time.Hour},
			{request: "POST /v1/payments/{pay}/refund", body: `{"reason":"another"}`, status: 200, has: []string{`"state":"done"`, `"reason":"the screen was green"`}},
			{request: "POST /v1/payments/{pay}/refund", body: `{"amount":1}`, status: 409, has: []string{`"code":"refunded"`}},
			{request: "GET /v1/check?customer=user_1&feature=pro", status: 200, has: []string{`"allowed":false`, `"reason":"refunded"`}},
		},
		changes: []string{
			"access access_changed effect", "access access_changed effect",
			"payment refunded effect", "payment refunded effect", "payment refunded effect",
			"refund recorded+linked effect", "refund recorded+linked effect", "refund recorded+linked effect",
		},
		effects:  []string{"refund done", "refund done", "refund done"},
		provider: []string{"refund 1900", "refund 500", "refund 500"},
	},
	"a purchase that nobody knows is linked by hand": {
		before: func(w *world) {
			w.must("PUT /v1/customers/user_1", `{"email":"dana@kern.test"}`)
			cus := w.stripe.CreateCustomer("dana@kern.test")
			sub, err := w.stripe.CreateSubscription(stripe.NewSubscription{Customer: cus, Price: w.names["pro_price"], Card: stripe.CardGood, Metadata: map[string]string{"user_id": "u9", "trivet_token": "chk_old.of-another-ledger"}})
			w.name("sub", sub)
			if err != nil {
				w.t.Fatal(err)
			}
			w.pass(10 * time.Minute)
		},
		steps: []step{
			{request: "GET /v1/unlinked", status: 200, has: []string{"{sub}@stripe", `"email":"dana@kern.test"`, `"suggestions":["user_1"]`, `"amount":{"amount":2900,"currency":"EUR"}`, `"metadata.user_id":"u9"`}, lacks: []string{"another-ledger"}},
			{request: "GET /v1/drift?kind=unlinked", status: 200, has: []string{`"state":"open"`}, names: map[string]string{"drift": "data.0.id"}},
			{request: "POST /v1/drift/{drift}/heal", status: 200, has: []string{"/v1/unlinked/{sub}@stripe/link"}},
			{request: "POST /v1/unlinked/{sub}@stripe/link", body: `{"customer":""}`, status: 422},
			{request: "POST /v1/unlinked/sub_none/link", body: `{"customer":"user_1"}`, status: 404},
			{request: "POST /v1/unlinked/{sub}@stripe/link", body: `{"customer":"user_1"}`, status: 200, has: []string{`"customer":"user_1"`}},
			{request: "POST /v1/unlinked/{sub}@stripe/link", body: `{"customer":"user_1"}`, status: 200},
			{request: "POST /v1/unlinked/{sub}@stripe/link", body: `{"customer":"user_2"}`, status: 409, has: []string{`"code":"linked"`, "user_1"}},
			{request: "GET /v1/check?customer=user_1&feature=pro", status: 200, has: []string{`"allowed":true`}},
			{request: "GET /v1/unlinked", status: 200, has: []string{`"data":[]`}},
			{request: "GET /v1/drift?kind=unlinked", status: 200, has: []string{`"state":"healed"`}},
		},
		changes: []string{
			"access access_changed request by key", "access access_changed request by key", "customer linked follow",
			"invoice linked follow", "payment linked follow", "subscription linked request by key",
		},
	},
	"lists come in pages": {
		before: func(w *world) {
			for _, ref := range []string{"a", "b", "c", "d", "e"} {
				w.must("PUT /v1/customers/"+ref, `{}`)
			}
		},
		steps: []step{
			{request: "GET /v1/customers?limit=2", status: 200, has: []string{`"ref":"a"`, `"ref":"b"`}, lacks: []string{`"ref":"c"`}, names: map[string]string{"next": "next"}},
			{request: "GET /v1/customers?limit=2&after={next}", status: 200, has: []string{`"ref":"c"`, `"ref":"d"`}, lacks: []string{`"ref":"b"`}, names: map[string]string{"next": "next"}},
			{request: "GET /v1/customers?limit=2&after={next}", status: 200, has: []string{`"ref":"e"`, `"next":null`}},
			{request: "GET /v1/customers?limit=0", status: 422, has: []string{"query.limit"}},
			{request: "GET /v1/customers?limit=201", status: 422, has: []string{"query.limit"}},
			{request: "GET /v1/customers?limit=many", status: 422, has: []string{"query.limit"}},
			{request: "GET /v1/customers?after=!", status: 422, has: []string{"cursor"}},
			{request: "GET /v1/events?after=YWJj", status: 422, has: []string{"cursor"}},
			{request: "GET /v1/customers?page=2", status: 422, has: []string{"query.page"}},
		},
	},
}

func TestScenarios(t *testing.T) {
	for name, sc := range scenarios {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, database string) { play(t, newWorld(t, database), sc) })
		})
	}
}

// play carries out a scenario.
func play(t *testing.T, w *world, sc scenario) {
	if sc.before != nil {
		sc.before(w)
	}
	_, change := w.changes(0)
	_, effect := w.effects(0)
	done := len(w.stripe.Effects())
	for _, s := range sc.steps {
		r := w.do(s.request, s.body, s.headers...)
		w.expect(s, r)
		for name, path := range s.names {
			w.name(name, r.field(path))
		}
		if s.then > 0 {
			w.pass(s.then)
		}
	}
	changes, _ := w.changes(change)
	if diff := cmp.Diff(sc.changes, changes); diff != "" {
		t.Errorf("audit trail (-want +got):\n%s", diff)
	}
	effects, _ := w.effects(effect)
	if diff := cmp.Diff(sc.effects, effects); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	var acted []string
	for _, e := range w.stripe.Effects()[done:] {
		acted = append(acted, strings.TrimSuffix(fmt.Sprintf("%s %d", e.Op, e.Amount), " 0"))
	}
	slices.Sort(acted)
	if diff := cmp.Diff(sc.provider, acted); diff != "" {
		t.Errorf("what the provider did (-want +got):\n%s", diff)
	}
	w.audited()
}

// expect compares an answer with what a step says of it.
func (w *world) expect(s step, r response) {
	w.t.Helper()
	if r.status != s.status {
		w.t.Errorf("%s %s: %d, want %d: %s", s.request, s.body, r.status, s.status, r.body)
	}
	if r.status >= 400 && (r.field("code") == nil || r.field("code") == "" || !strings.HasSuffix(r.body, "}\n")) {
		w.t.Errorf("%s: a problem without code: %s", s.request, r.body)
	}
	for _, text := range s.has {
		for name, value := range w.names {
			text = strings.ReplaceAll(text, "{"+name+"}", value)
		}
		if !strings.Contains(r.body, text) {
			w.t.Errorf("%s: the answer lacks %s: %s", s.request, text, r.body)
		}
	}
	for _, text := range s.lacks {
		for name, value := range w.names {
			text = strings.ReplaceAll(text, "{"+name+"}", value)
		}
		if strings.Contains(r.body, text) {
			w.t.Errorf("%s: the answer has %s: %s", s.request, text, r.body)
		}
	}
}
