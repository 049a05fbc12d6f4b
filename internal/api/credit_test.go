package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// packs sells ten credits for the price of a day.
func packs(c *trivet.Config) {
	c.Plans[1] = billing.Plan{ID: "pack", Features: []string{"export", "print"}, Prices: c.Plans[1].Prices, Kind: billing.GrantCredits, Credits: 10}
}

// buyPack lets a customer buy ten credits.
func buyPack(w *world) {
	made := w.must("POST /v1/checkouts", `{"customer":"user_1","plan":"pack","success_url":"https://app.test/in","cancel_url":"https://app.test/out"}`)
	if done, err := w.stripe.PayCheckout(fmt.Sprint(made.field("provider_id")), stripe.CardGood); err != nil || !done {
		w.t.Fatal(done, err)
	}
	w.pass(10 * time.Minute)
}

const consume, give = "POST /v1/customers/user_1/credits/consume", "POST /v1/customers/user_1/credits/give"

var creditScenarios = map[string]scenario{
	"credits are used, all that is asked for or none": {
		before: buyPack,
		steps: []step{
			{request: "GET /v1/customers/user_1/credits", status: 200, has: []string{`{"plan":"pack","bought":10,"used":0,"left":10}`}},
			{request: consume, body: `{"feature":"print","reason":"page 1"}`, status: 200, has: []string{`"reason":"credits"`, `"used":1`, `"from":[{"plan":"pack","used":1,"left":9}]`}},
			{request: consume, body: `{"plan":"pack","amount":4}`, status: 200, has: []string{`"left":5`}, headers: []string{"Idempotency-Key: job 7"}},
			{request: consume, body: `{"plan":"pack","amount":4}`, status: 200, has: []string{`"left":5`}, headers: []string{"Idempotency-Key: job 7"}},
			{request: consume, body: `{"feature":"print","amount":6}`, status: 409, has: []string{`"code":"no_credits"`, "5 are left"}},
			{request: "GET /v1/customers/user_1/state", status: 200, has: []string{`"credits":[{"plan":"pack","bought":10,"used":5,"left":5}]`}},
			{request: "GET /v1/check?customer=user_1&feature=print", status: 200, has: []string{`"allowed":true`, `"reason":"credits"`}},
			{request: consume, body: `{"feature":"print","amount":5}`, status: 200, has: []string{`"left":0`}},
			{request: "GET /v1/check?customer=user_1&feature=print", status: 200, has: []string{`"allowed":false`, `"reason":"no_credits"`}},
			{request: consume, body: `{"feature":"print"}`, status: 409, has: []string{`"code":"no_credits"`}},
			{request: give, body: `{"plan":"pack","amount":2,"reason":"page 1 was blank"}`, status: 200, has: []string{`{"plan":"pack","bought":10,"used":8,"left":2}`}},
			{request: "GET /v1/check?customer=user_1&feature=print", status: 200, has: []string{`"allowed":true`}},
			{request: "GET /v1/customers/user_1/timeline?limit=100", status: 200, has: []string{`"credits_used"`, `"credits_given"`, "page 1 was blank"}},
		},
		changes: []string{
			// export, print and the plan itself as a feature: used up, and there again
			"access access_changed request by key", "access access_changed request by key", "access access_changed request by key",
			"access access_changed request by key", "access access_changed request by key", "access access_changed request by key",
			"credits credits_given request by key", "credits credits_used request by key", "credits credits_used request by key", "credits credits_used request by key",
		},
	},
	"who has a feature by other means uses no credits": {
		before: func(w *world) { buyPack(w); w.subscribe("user_1") },
		steps: []step{
			{request: consume, body: `{"feature":"export","amount":3}`, status: 200, has: []string{`"reason":"active"`, `"used":0`, `"from":[]`}},
			{request: consume, body: `{"feature":"print","amount":3}`, status: 200, has: []string{`"used":3`}},
			{request: consume, body: `{"plan":"pack","amount":3}`, status: 200, has: []string{`"used":3`, `"left":4`}},
		},
		changes: []string{"credits credits_used request by key", "credits credits_used request by key"},
	},
	"credits are given to whom nobody has heard of": {
		steps: []step{
			{request: consume, body: `{"feature":"print"}`, status: 404, has: []string{notFound, "PUT"}},
			{request: "GET /v1/customers/user_1/credits", status: 404, has: []string{notFound}},
			{request: give, body: `{"plan":"pack","amount":3,"reason":"welcome"}`, status: 200, has: []string{`"bought":0`, `"left":3`}},
			{request: "GET /v1/check?customer=user_1&feature=print", status: 200, has: []string{`"reason":"credits"`, `"kind":"credits"`, `"id":"pack"`}},
			{request: consume, body: `{"feature":"print","amount":3}`, status: 200, has: []string{`"left":0`}},
			{request: "GET /v1/check?customer=user_1&feature=print", status: 200, has: []string{`"reason":"no_purchase"`}},
			{request: consume, body: `{"feature":"print"}`, status: 409, has: []string{`"code":"no_purchase"`}},
		},
		changes: []string{
			"access access_changed request by key", "access access_changed request by key", "access access_changed request by key",
			"access access_changed request by key", "access access_changed request by key", "access access_changed request by key",
			"credits credits_given request by key", "credits credits_used request by key", "settings customer_set request by key",
		},
	},
	"what makes no sense is refused": {
		before: buyPack,
		steps: []step{
			{request: consume, body: `{}`, status: 422, has: []string{"feature", "plan"}},
			{request: consume, body: `{"feature":"print","plan":"pack"}`, status: 422},
			{request: consume, body: `{"feature":"pro"}`, status: 422, has: []string{`o plan of credits gives the feature \"pro\"`}},
			{request: consume, body: `{"plan":"pro"}`, status: 422, has: []string{"gives no credits"}},
			{request: consume, body: `{"plan":"gold"}`, status: 422, has: []string{`no plan \"gold\"`}},
			{request: consume, body: `{"feature":"print","amount":0}`, status: 422, has: []string{"body.amount"}},
			{request: consume, body: `{"feature":"print","amount":-1}`, status: 422, has: []string{"body.amount"}},
			{request: consume, body: `{"feature":"print","amount":1.5}`, status: 422, has: []string{"body.amount"}},
			{request: give, body: `{"plan":"pack","amount":9000000000000000}`, status: 422, has: []string{"amount"}},
			{request: give, body: `{"amount":3}`, status: 422, has: []string{"property plan"}},
			{request: "POST /v1/customers/%20x/credits/give", body: `{"plan":"pack"}`, status: 422},
			{request: "GET /v1/customers/user_1/credits", status: 200, has: []string{`"left":10`}},
		},
	},
	"a banned customer uses none": {
		before: func(w *world) { buyPack(w); w.must("POST /v1/customers/user_1/ban", `{"reason":"fraud"}`) },
		steps:  []step{{request: consume, body: `{"feature":"print"}`, status: 409, has: []string{`"code":"banned"`}}},
	},
}

func TestCredits(t *testing.T) {
	for name, sc := range creditScenarios {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, database string) { play(t, newWorld(t, database, packs), sc) })
		})
	}
}

// TestFlawCreditsGoNegative: of many uses at once exactly as many succeed as there are
// credits.
func TestFlawCreditsGoNegative(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database, packs)
		buyPack(w)
		var together sync.WaitGroup
		answers := make([]response, 25)
		for i := range answers {
			together.Go(func() { answers[i] = w.do(consume, `{"feature":"print"}`) })
		}
		together.Wait()
		used := 0
		for _, r := range answers {
			switch {
			case r.status == 200:
				used++
			case r.status != 409 || !strings.Contains(r.body, "no_credits"):
				t.Errorf("%d: %s", r.status, r.body)
			}
		}
		if left := w.must("GET /v1/customers/user_1/credits", ""); used != 10 || !strings.Contains(left.body, `"used":10,"left":0`) {
			t.Errorf("%d were used: %s", used, left.body)
		}
		w.audited()
	})
}
