package billing

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GrantKind says what buying a plan gives.
type GrantKind string

// The ways in which a plan is bought.
const (
	// GrantSubscription: access while a subscription is good.
	GrantSubscription GrantKind = "period"
	// GrantPass: access for a calendar period after a one-time payment; passes stack.
	GrantPass GrantKind = "pass"
	// GrantForever: access without end after a one-time payment.
	GrantForever GrantKind = "forever"
	// GrantCredits: a balance to be consumed.
	GrantCredits GrantKind = "credits"
)

// Plan is something the merchant sells, and the provider prices that mean it.
type Plan struct {
	ID       string
	Name     string
	Features []string
	// Prices maps the name of a provider account to the ids of its prices.
	Prices map[string][]string
	// Kind says what buying it gives; empty means [GrantSubscription].
	Kind GrantKind
	// Pass is the length of one pass; only for [GrantPass].
	Pass CalendarPeriod
	// Credits is the balance one purchase adds; only for [GrantCredits].
	Credits int64
}

// Gives reports whether the plan includes the feature. A plan's own id counts
// as a feature of it.
func (p Plan) Gives(feature string) bool {
	return p.ID == feature || slices.Contains(p.Features, feature)
}

// boughtOnce reports whether a one-time payment buys the plan.
func (p Plan) boughtOnce() bool {
	return p.Kind == GrantPass || p.Kind == GrantForever || p.Kind == GrantCredits
}

// Catalog finds plans by price. Build it with [NewCatalog].
type Catalog struct {
	plans   []Plan
	byPrice map[priceKey]int
	byID    map[string]int
}

type priceKey struct{ account, price string }

// NewCatalog indexes plans. It returns an error if two plans share an id, if one
// price means two plans, or if a purchase of a plan would give nothing. In the
// catalog every plan has a kind.
func NewCatalog(plans []Plan) (Catalog, error) {
	c := Catalog{plans: slices.Clone(plans), byPrice: map[priceKey]int{}, byID: map[string]int{}}
	for i, plan := range c.plans {
		if plan.ID == "" {
			return Catalog{}, fmt.Errorf("plan number %d has no id: give it one", i+1)
		}
		if _, taken := c.byID[plan.ID]; taken {
			return Catalog{}, fmt.Errorf("two plans have the id %q: give each its own", plan.ID)
		}
		if err := plan.check(); err != nil {
			return Catalog{}, fmt.Errorf("plan %q: %w", plan.ID, err)
		}
		c.byID[plan.ID] = i
		c.plans[i].Kind = cmp.Or(plan.Kind, GrantSubscription)
		if err := c.price(i); err != nil {
			return Catalog{}, err
		}
	}
	return c, nil
}

// check reports what would make a purchase of the plan give nothing.
func (p Plan) check() error {
	switch p.Kind {
	case "", GrantSubscription, GrantForever:
	case GrantPass:
		if p.Pass.Years < 0 || p.Pass.Months < 0 || p.Pass.Days < 0 || p.Pass.Time < 0 || p.Pass == (CalendarPeriod{}) {
			return fmt.Errorf("its pass has no length: give it a period such as P1M")
		}
		if p.Pass.Time%time.Second != 0 {
			return fmt.Errorf("its pass has parts of a second: give it whole seconds")
		}
	case GrantCredits:
		if p.Credits <= 0 {
			return fmt.Errorf("it gives %d credits: give a number above 0", p.Credits)
		}
	default:
		return fmt.Errorf("%q is no kind of plan: use %q, %q, %q or %q",
			p.Kind, GrantSubscription, GrantPass, GrantForever, GrantCredits)
	}
	return nil
}

// price indexes the prices of plan number i.
func (c Catalog) price(i int) error {
	plan := c.plans[i]
	for account, prices := range plan.Prices {
		for _, price := range prices {
			if price == "" {
				return fmt.Errorf("plan %q has an empty price for %s: name the provider's price or leave it out", plan.ID, account)
			}
			key := priceKey{account, price}
			if other, taken := c.byPrice[key]; taken && other != i {
				return fmt.Errorf("price %s of %s is in two plans, %q and %q: leave it in one", price, account, c.plans[other].ID, plan.ID)
			}
			c.byPrice[key] = i
		}
	}
	return nil
}

// Plans lists all plans in their configured order.
func (c Catalog) Plans() []Plan { return c.plans }

// HasCredits reports whether any plan is one of credits.
func (c Catalog) HasCredits() bool {
	return slices.ContainsFunc(c.plans, func(p Plan) bool { return p.Kind == GrantCredits })
}

// CreditsFor reports whether a plan of credits gives the feature.
func (c Catalog) CreditsFor(feature string) bool {
	return slices.ContainsFunc(c.plans, func(p Plan) bool { return p.Kind == GrantCredits && p.Gives(feature) })
}

// ByID finds a plan by its id.
func (c Catalog) ByID(id string) (plan Plan, found bool) {
	i, found := c.byID[id]
	if !found {
		return Plan{}, false
	}
	return c.plans[i], true
}

// ByPrice finds the plan that a price of a provider account means.
func (c Catalog) ByPrice(account, price string) (plan Plan, found bool) {
	i, found := c.byPrice[priceKey{account, price}]
	if !found {
		return Plan{}, false
	}
	return c.plans[i], true
}

// Of finds the plan of a subscription of a provider account: of its first item
// whose price is a plan's.
func (c Catalog) Of(account string, s Subscription) (plan Plan, found bool) {
	for _, item := range s.bought() {
		if plan, found = c.ByPrice(account, item.Price); found {
			return plan, true
		}
	}
	return Plan{}, false
}

// PlansOf lists the plans whose prices a subscription at an account has, each once,
// in the order of its items. A price that is in no plan is left out.
func (c Catalog) PlansOf(account string, s Subscription) (plans []Plan) {
	for _, item := range s.bought() {
		plan, known := c.ByPrice(account, item.Price)
		if known && !slices.ContainsFunc(plans, func(p Plan) bool { return p.ID == plan.ID }) {
			plans = append(plans, plan)
		}
	}
	return plans
}

// Features lists every feature of every plan once, plan ids included.
func (c Catalog) Features() []string {
	var all []string
	known := map[string]bool{}
	for _, plan := range c.plans {
		for _, f := range append([]string{plan.ID}, plan.Features...) {
			if !known[f] {
				known[f] = true
				all = append(all, f)
			}
		}
	}
	return all
}

// lastMoment is the last that JSON can express (RFC 3339: years of four digits).
var lastMoment = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// CalendarPeriod is a length of time in calendar units, as ISO 8601 writes it:
// P1M, P1Y, P30D, P2W, PT12H.
type CalendarPeriod struct {
	Years, Months, Days int
	// Time is what comes on top of that, in whole seconds: 12 hours, say.
	Time time.Duration `json:",omitempty"`
}

var isoPeriod = regexp.MustCompile(`^P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?` +
	`(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?$`)

// ParsePeriod reads an ISO 8601 duration of whole years, months, weeks, days, hours,
// minutes and seconds.
func ParsePeriod(text string) (CalendarPeriod, error) {
	parts := isoPeriod.FindStringSubmatch(text)
	if parts == nil || strings.HasSuffix(text, "T") {
		return CalendarPeriod{}, fmt.Errorf("%q is not a period: write it like P1M, P1Y, P2W, P30D or PT12H", text)
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(parts[i]) // the pattern admits digits or nothing
		return n
	}
	period := CalendarPeriod{Years: number(1), Months: number(2), Days: 7*number(3) + number(4)}
	period.Time = time.Duration(number(5))*time.Hour + time.Duration(number(6))*time.Minute + time.Duration(number(7))*time.Second
	if period == (CalendarPeriod{}) {
		return CalendarPeriod{}, fmt.Errorf("%q is a period of no length: write it like P1M, P1Y, P2W, P30D or PT12H", text)
	}
	return period, nil
}

// After returns the end of n such periods that begin at start. A month ends on
// the same day of the month, or on the month's last day where that does not
// exist: one month after January 31 is February 28. Hours come after the calendar has
// been counted. An end past the year 9999 is cut off there.
func (p CalendarPeriod) After(start time.Time, n int) time.Time {
	n = min(n, mostPeriods)
	months := n * (12*p.Years + p.Months)
	year, month, day := start.Date()
	first := time.Date(year, month+time.Month(months), 1, start.Hour(), start.Minute(), start.Second(), start.Nanosecond(), start.Location())
	last := first.AddDate(0, 1, -1).Day()
	end := first.AddDate(0, 0, min(day, last)-1+n*p.Days)
	if p.Time > 0 { // in seconds, for a time.Duration ends after 292 years
		end = time.Unix(end.Unix()+int64(n)*int64(p.Time/time.Second), int64(end.Nanosecond())).In(start.Location())
	}
	if end.After(lastMoment) {
		return lastMoment
	}
	return end
}

// mostPeriods is more than enough days to get from any year past 9999, and few
// enough for the reckoning not to overflow.
const mostPeriods = 10_000 * 366
