package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/sim"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// moves tells what an answer to a migration says, customer by customer.
func moves(r response) (told []string) {
	for i := 0; ; i++ {
		at := func(name string) any { return r.field(fmt.Sprintf("moves.%d.%s", i, name)) }
		if at("customer") == nil {
			slices.Sort(told)
			return told
		}
		text := fmt.Sprintf("%s %s %s until %.10s", at("customer"), at("plan"), at("state"), at("until"))
		if at("canceling") == true {
			text += ", ends"
		}
		if at("effect") != nil {
			text += ", is canceled"
		}
		if (at("grant") == nil) != (at("state") == "to_give") {
			text += ", with the wrong grant"
		}
		told = append(told, text)
	}
}

// TestMigrate: the customers of an account are moved, some by each request, once,
// whatever is asked how often; and the move is taken back.
func TestMigrate(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database, func(c *trivet.Config) { c.Pull, c.Hot, c.Full = 24*time.Hour, 24*time.Hour, 100*24*time.Hour })
		for i := range 5 {
			w.subscribe(fmt.Sprint("user_", i))
		}
		subscriptionOf := func(customer string) string {
			t.Helper()
			id, _ := w.must("GET /v1/customers/"+customer+"/subscriptions", "").field("data.0.provider_id").(string)
			return id
		}
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(w.stripe.CancelNow(subscriptionOf("user_3")))
		check(w.stripe.PortalCancel(subscriptionOf("user_4")))
		w.pass(time.Minute)
		all := func(body string) (told []string) {
			t.Helper()
			for after, pages := "", 0; ; pages++ {
				r := w.must("POST /v1/migrations", fmt.Sprintf(body, after))
				told = append(told, moves(r)...)
				next, more := r.field("next").(string)
				if !more {
					if pages < 2 {
						t.Errorf("%d pages", pages+1)
					}
					slices.Sort(told)
					return told
				}
				after = next
			}
		}
		expect := func(when string, got []string, state, end string) {
			t.Helper()
			want := []string{}
			for _, user := range []string{"user_0", "user_1", "user_2"} {
				want = append(want, user+" pro "+state+" until 2026-04-15"+end)
			}
			want = append(want, "user_4 pro "+state+" until 2026-04-15, ends")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", when, diff)
			}
		}
		const ask = `{"from":"stripe","grace":"14d","reason":"we leave","limit":2,"after":%q`
		_, before := w.changes(0)
		expect("a dry run", all(ask+`,"cancel":true,"dry_run":true}`), "to_give", "")
		if told, _ := w.changes(before); len(told) > 0 {
			t.Errorf("a dry run has done %q", told)
		}
		expect("at first", all(ask+`}`), "given", "")
		told, last := w.changes(before)
		if want := slices.Repeat([]string{"grant granted request by key"}, 4); !slices.Equal(told[len(told)-4:], want) {
			t.Errorf("the trail says %q", told)
		}
		if r := w.must("GET /v1/customers/user_1/grants", ""); r.field("data.0.from") != "stripe" || r.field("data.0.reason") != "we leave" || r.field("data.1") != nil {
			t.Errorf("%s", r.body)
		}
		expect("again", all(ask+`}`), "stands", "")
		expect("and with an end", all(ask+`,"cancel":true}`), "stands", ", is canceled")
		if told, _ := w.changes(last); len(told) > 0 {
			t.Errorf("asking again has done %q", told)
		}
		w.pass(time.Hour)
		expect("when they end", all(ask+`,"cancel":true}`), "stands", ", ends")
		canceled := 0
		for _, e := range w.stripe.Effects() {
			if e.Op == sim.OpCancelAtPeriodEnd {
				canceled++
			}
		}
		if canceled != 3 {
			t.Errorf("%d are canceled", canceled)
		}
		w.pass(40 * 24 * time.Hour) // past the end of what was paid for, within the grace
		if r := w.must("GET /v1/check?customer=user_1&feature=export", ""); r.field("reason") != "migration" || r.field("allowed") != true || r.field("source.kind") != "grant" {
			t.Errorf("%s", r.body)
		}
		if r := w.must("POST /v1/migrations", `{"from":"stripe","undo":true,"customer":"user_1","dry_run":true}`); !slices.Equal(moves(r), []string{"user_1 pro to_revoke until 2026-04-15"}) {
			t.Errorf("%s", r.body)
		}
		if r := w.must("POST /v1/migrations", `{"from":"stripe","undo":true,"customer":"user_1"}`); !slices.Equal(moves(r), []string{"user_1 pro revoked until 2026-04-15"}) {
			t.Errorf("%s", r.body)
		}
		if r := w.must("GET /v1/check?customer=user_1&feature=export", ""); r.field("allowed") != false || r.field("reason") != "grant_expired" {
			t.Errorf("%s", r.body)
		}
		if r := w.must("POST /v1/migrations", `{"from":"stripe","undo":true}`); len(moves(r)) != 3 {
			t.Errorf("%s", r.body)
		}
		if r := w.must("POST /v1/migrations", `{"from":"stripe","undo":true}`); len(moves(r)) != 0 {
			t.Errorf("%s", r.body)
		}
		w.audited()
	})
}

// TestMigrateNobody: requests that make no sense do nothing and say why.
func TestMigrateNobody(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.subscribe("user_1")
	_, before := w.changes(0)
	for body, says := range map[string]string{
		`{}`:                             "required property from",
		`{"from":"paypal","grace":"7d"}`: `no provider account \"paypal\"`,
		`{"from":"stripe"}`:              "until",
		`{"from":"stripe","grace":"7d","until":"2027-01-01T00:00:00Z"}`: "either until",
		`{"from":"stripe","grace":"soon"}`:                              "like 14d",
		`{"from":"stripe","grace":"-7d"}`:                               "like 14d",
		`{"from":"stripe","grace":"0s"}`:                                "like 14d",
		`{"from":"stripe","until":"2020-01-01T00:00:00Z"}`:              "is past",
		`{"from":"stripe","grace":"7d","plan":"gold"}`:                  `no plan \"gold\"`,
		`{"from":"stripe","grace":"7d","customer":"nobody"}`:            "no customer",
		`{"from":"stripe","grace":"7d","after":"!"}`:                    "cursor",
		`{"from":"stripe","grace":"7d","undo":true}`:                    "leave out",
		`{"from":"stripe","undo":true,"cancel":true}`:                   "leave out",
		`{"from":"stripe","grace":"7d","limit":201}`:                    "limit",
	} {
		if r := w.do("POST /v1/migrations", body); r.status < 400 || r.status >= 500 || !strings.Contains(r.body, says) {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	for body, says := range map[string]string{
		`{"from":"stripe","until":"2027-01-01T00:00:00Z","feature":"export"}`:            "name the plan",
		`{"from":"stripe","until":"2027-01-01T00:00:00Z","plan":"pro","feature":"more"}`: "no feature",
		`{"from":"stripe","plan":"pro"}`:                                                 "until",
		`{"from":"strip","plan":"pro","until":"2027-01-01T00:00:00Z"}`:                   "strip",
	} {
		if r := w.do("POST /v1/customers/user_1/grants", body); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, says) {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	if told, _ := w.changes(before); len(told) > 0 {
		t.Errorf("something was done: %q", told)
	}
	// By hand it bridges the move of one whose subscription is over already.
	if err := w.stripe.CancelNow(w.names["sub_id"]); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	w.must("POST /v1/customers/user_1/grants", `{"from":"stripe","plan":"pro","until":"2026-04-01T00:00:00Z"}`)
	if r := w.must("GET /v1/check?customer=user_1&feature=export", ""); r.field("reason") != "migration" {
		t.Errorf("%s", r.body)
	}
	if _, err := w.stripe.CreateSubscription(stripe.NewSubscription{Customer: w.stripe.CreateCustomer("z@y.test"), Price: w.names["pro_price"], Card: stripe.CardGood}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	// A subscription that belongs to nobody moves nobody.
	if r := w.must("POST /v1/migrations", `{"from":"stripe","grace":"7d"}`); len(moves(r)) != 0 {
		t.Errorf("%s", r.body)
	}
}
