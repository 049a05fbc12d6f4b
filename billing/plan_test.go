package billing_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

func TestNewCatalogRefuses(t *testing.T) {
	prices := func(account string, ids ...string) map[string][]string { return map[string][]string{account: ids} }
	tests := map[string]struct {
		plans []billing.Plan
		want  string
	}{
		"a plan without an id": {[]billing.Plan{{ID: "a"}, {}}, "plan number 2 has no id: give it one"},
		"two plans of one id":  {[]billing.Plan{{ID: "a"}, {ID: "b"}, {ID: "a"}}, `two plans have the id "a": give each its own`},
		"one price for two plans": {
			[]billing.Plan{{ID: "a", Prices: prices("stripe", "p1", "p2")}, {ID: "b", Prices: prices("stripe", "p2")}},
			`price p2 of stripe is in two plans, "a" and "b": leave it in one`,
		},
		"an empty price": {
			[]billing.Plan{{ID: "a", Prices: prices("stripe", "")}},
			`plan "a" has an empty price for stripe: name the provider's price or leave it out`,
		},
		"an unknown kind": {
			[]billing.Plan{{ID: "a", Kind: "lifetime"}},
			`plan "a": "lifetime" is no kind of plan: use "period", "pass", "forever" or "credits"`,
		},
		"a pass without a length":      {[]billing.Plan{{ID: "a", Kind: billing.GrantPass}}, `plan "a": its pass has no length: give it a period such as P1M`},
		"a pass of no time":            {[]billing.Plan{{ID: "a", Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Days: 1, Time: -time.Hour}}}, `plan "a": its pass has no length: give it a period such as P1M`},
		"a pass of a split second":     {[]billing.Plan{{ID: "a", Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Time: time.Millisecond}}}, `plan "a": its pass has parts of a second: give it whole seconds`},
		"a pass that ends before":      {[]billing.Plan{{ID: "a", Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Days: -1}}}, `plan "a": its pass has no length: give it a period such as P1M`},
		"credits that are none":        {[]billing.Plan{{ID: "a", Kind: billing.GrantCredits}}, `plan "a": it gives 0 credits: give a number above 0`},
		"credits that take themselves": {[]billing.Plan{{ID: "a", Kind: billing.GrantCredits, Credits: -5}}, `plan "a": it gives -5 credits: give a number above 0`},
	}
	for name, test := range tests {
		if _, err := billing.NewCatalog(test.plans); err == nil || err.Error() != test.want {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}

func TestCatalogFinds(t *testing.T) {
	pro := billing.Plan{ID: "pro", Features: []string{"api", "export"}, Prices: map[string][]string{"stripe": {"p1", "p1"}, "stripe_eu": {"p9"}}}
	team := billing.Plan{ID: "team", Features: []string{"api", "seats"}, Prices: map[string][]string{"stripe": {"p2"}, "stripe_eu": {"p1"}}}
	catalog, err := billing.NewCatalog([]billing.Plan{pro, team})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ account, price, want string }{
		{"stripe", "p1", "pro"}, {"stripe_eu", "p9", "pro"}, {"stripe", "p2", "team"},
		{"stripe_eu", "p1", "team"}, // the same id is another price elsewhere
		{"stripe", "p9", ""}, {"paypal", "p1", ""}, {"stripe", "", ""}, {"", "", ""},
	} {
		plan, found := catalog.ByPrice(test.account, test.price)
		if plan.ID != test.want || found != (test.want != "") {
			t.Errorf("price %q of %q: got %q, found %v, want %q", test.price, test.account, plan.ID, found, test.want)
		}
	}
	for id, want := range map[string]bool{"pro": true, "team": true, "api": false, "": false} {
		plan, found := catalog.ByID(id)
		if found != want || found && plan.ID != id {
			t.Errorf("plan %q: got %q, found %v", id, plan.ID, found)
		}
	}
	if got, want := catalog.Features(), []string{"pro", "api", "export", "team", "seats"}; !slices.Equal(got, want) {
		t.Errorf("features: got %q, want %q", got, want)
	}
	if got := len(catalog.Plans()); got != 2 {
		t.Errorf("got %d plans, want 2", got)
	}
	if _, found := (billing.Catalog{}).ByPrice("stripe", "p1"); found {
		t.Error("an empty catalog found a plan")
	}
}

func TestPlanGives(t *testing.T) {
	plan := billing.Plan{ID: "pro", Features: []string{"api"}}
	for feature, want := range map[string]bool{"pro": true, "api": true, "export": false, "": false, "API": false} {
		if got := plan.Gives(feature); got != want {
			t.Errorf("%q: got %v, want %v", feature, got, want)
		}
	}
}

func TestParsePeriod(t *testing.T) {
	type p = billing.CalendarPeriod
	for text, want := range map[string]p{
		"P1M": {Months: 1}, "P1Y": {Years: 1}, "P30D": {Days: 30}, "P2W": {Days: 14}, "P1W3D": {Days: 10},
		"P1Y2M3W4D": {Years: 1, Months: 2, Days: 25}, "P0Y1M": {Months: 1}, "P012M": {Months: 12},
		"PT12H": {Time: 12 * time.Hour}, "P1DT1H": {Days: 1, Time: time.Hour}, "PT1H30M5S": {Time: time.Hour + 30*time.Minute + 5*time.Second},
		"P999Y9999M9999W99999D": {Years: 999, Months: 9999, Days: 7*9999 + 99999},
	} {
		if got, err := billing.ParsePeriod(text); err != nil || got != want {
			t.Errorf("%q: got %v and error %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "P", "P0D", "P0Y0M0W0D", "1M", "p1m", "P1", "PM", "P-1M", "P1.5M", "P1M1Y", "PT", "P1DT", "PT0H", "PT1D", "PT1.5H", "P1H", " P1M", "P1M\n", "P1000Y", "P99999999999999999999D", "forever",
	} {
		if got, err := billing.ParsePeriod(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestPeriodAfter(t *testing.T) {
	tests := []struct {
		start, period string
		n             int
		want          string
	}{
		{"2026-01-15", "P1M", 1, "2026-02-15"},
		{"2026-01-31", "P1M", 1, "2026-02-28"},
		{"2026-01-31", "P1M", 2, "2026-03-31"}, // counted from the start, so the day comes back
		{"2026-01-31", "P1M", 3, "2026-04-30"},
		{"2026-01-31", "P1M", 12, "2027-01-31"},
		{"2024-01-31", "P1M", 1, "2024-02-29"},
		{"2024-02-29", "P1Y", 1, "2025-02-28"},
		{"2024-02-29", "P1Y", 4, "2028-02-29"},
		{"2100-01-31", "P1M", 1, "2100-02-28"}, // divisible by 100, no leap year
		{"2026-12-31", "P2M", 1, "2027-02-28"},
		{"2026-11-30", "P1Y3M", 1, "2028-02-29"},
		{"2026-01-31", "P1M1D", 1, "2026-03-01"},
		{"2026-03-01", "P30D", 1, "2026-03-31"},
		{"2024-02-28", "P2D", 1, "2024-03-01"},
		{"2026-03-01", "P2W", 3, "2026-04-12"},
		{"2026-03-01", "P1M", 0, "2026-03-01"},
	}
	for _, test := range tests {
		period, err := billing.ParsePeriod(test.period)
		if err != nil {
			t.Fatal(err)
		}
		if got := period.After(date(test.start), test.n); !got.Equal(date(test.want)) {
			t.Errorf("%d x %s after %s: got %s, want %s", test.n, test.period, test.start, got.Format(time.DateOnly), test.want)
		}
	}
}

func TestPeriodAfterKeepsTheTimeOfDay(t *testing.T) {
	start := time.Date(2026, 1, 31, 23, 59, 59, 999999999, time.UTC)
	want := time.Date(2026, 2, 28, 23, 59, 59, 999999999, time.UTC)
	if got := (billing.CalendarPeriod{Months: 1}).After(start, 1); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestPeriodAfterOfHours: the calendar first, then the hours, whatever the day.
func TestPeriodAfterOfHours(t *testing.T) {
	const layout = "2006-01-02 15:04:05"
	tests := []struct {
		start, period string
		n             int
		want          string
	}{
		{"2026-03-01 09:00:00", "PT12H", 1, "2026-03-01 21:00:00"},
		{"2026-03-01 09:00:00", "PT12H", 3, "2026-03-02 21:00:00"},
		{"2026-03-01 09:00:00", "PT24H", 2, "2026-03-03 09:00:00"},
		{"2026-03-01 09:00:00", "PT12H", 0, "2026-03-01 09:00:00"},
		{"2026-01-31 18:30:00", "P1DT12H", 1, "2026-02-02 06:30:00"},
		{"2026-01-31 18:30:00", "P1MT12H", 1, "2026-03-01 06:30:00"}, // February 28, and half a day
		{"2026-01-31 18:30:00", "P1MT12H", 2, "2026-04-01 18:30:00"},
		{"2026-12-31 23:59:30", "PT30S", 1, "2027-01-01 00:00:00"},
		{"2024-02-28 12:00:00", "PT36H", 1, "2024-03-01 00:00:00"},
	}
	for _, test := range tests {
		start, err := time.Parse(layout, test.start)
		if err != nil {
			t.Fatal(err)
		}
		period, err := billing.ParsePeriod(test.period)
		if err != nil {
			t.Fatal(err)
		}
		if got := period.After(start, test.n).Format(layout); got != test.want {
			t.Errorf("%d x %s after %s: got %s, want %s", test.n, test.period, test.start, got, test.want)
		}
	}
}

func TestPeriodAfterStaysWithinWhatJSONCanSay(t *testing.T) {
	for _, n := range []int{10_000, 1_000_000, math.MaxInt32, math.MaxInt} {
		for _, period := range []billing.CalendarPeriod{{Years: 1}, {Years: 999, Months: 9999, Days: 169992}, {Days: 3660}, {Time: 99999 * time.Hour}, {Years: 1, Time: time.Second}} {
			end := period.After(day(0), n)
			if _, err := end.MarshalJSON(); err != nil || end.Year() != 9999 {
				t.Errorf("%d x %v: got %v and error %v", n, period, end, err)
			}
		}
	}
}

var periods = rapid.Custom(func(t *rapid.T) billing.CalendarPeriod {
	if rapid.Bool().Draw(t, "a month") {
		return billing.CalendarPeriod{Months: 1}
	}
	period := billing.CalendarPeriod{
		Years: rapid.IntRange(0, 2).Draw(t, "years"), Months: rapid.IntRange(0, 14).Draw(t, "months"), Days: rapid.IntRange(0, 40).Draw(t, "days"),
		Time: time.Duration(rapid.IntRange(0, 50).Draw(t, "half hours")) * 30 * time.Minute,
	}
	if period == (billing.CalendarPeriod{}) {
		period.Days = 1
	}
	return period
})

var instants = rapid.Custom(func(t *rapid.T) time.Time {
	// Coarse steps make ties and month ends likely.
	hours := rapid.IntRange(0, 24*1500).Draw(t, "hours")
	return time.Date(2023, 12, 28, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
})

func TestMorePeriodsEndLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		period, start, n := periods.Draw(t, "period"), instants.Draw(t, "start"), rapid.IntRange(0, 50).Draw(t, "n")
		if end, next := period.After(start, n), period.After(start, n+1); !next.After(end) {
			t.Fatalf("%d end at %v, %d at %v", n, end, n+1, next)
		}
	})
}

func TestCatalogSaysWhatAPlanWithoutAKindIs(t *testing.T) {
	given := []billing.Plan{{ID: "pro", Prices: map[string][]string{"stripe": {"price_1"}}}}
	catalog, err := billing.NewCatalog(given)
	if err != nil {
		t.Fatal(err)
	}
	byID, _ := catalog.ByID("pro")
	byPrice, _ := catalog.ByPrice("stripe", "price_1")
	if byID.Kind != billing.GrantSubscription || byPrice.Kind != billing.GrantSubscription {
		t.Errorf("the kinds are %q and %q, want %q", byID.Kind, byPrice.Kind, billing.GrantSubscription)
	}
	if given[0].Kind != "" {
		t.Error("the caller's plans were changed")
	}
}
