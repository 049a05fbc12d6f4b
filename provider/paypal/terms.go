package paypal

import (
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// plan is what a subscription was made from.
type plan struct {
	ID          string
	Cycles      []billingCycle `json:"billing_cycles"`
	Preferences struct {
		Threshold int `json:"payment_failure_threshold"`
		// AutoBill adds what is outstanding to the next charge; nil: not told.
		AutoBill *bool `json:"auto_bill_outstanding"`
	} `json:"payment_preferences"`
}

type billingCycle struct {
	Tenure    string `json:"tenure_type"`
	Sequence  int
	Total     int `json:"total_cycles"`
	Frequency struct {
		Unit  string `json:"interval_unit"`
		Count int    `json:"interval_count"`
	}
	Pricing struct {
		Version int
		Fixed   *amount `json:"fixed_price"`
	} `json:"pricing_scheme"`
}

// regular is the cycle that is charged for in the end; nil if the plan has none.
func (p plan) regular() *billingCycle {
	for i, c := range p.Cycles {
		if c.Tenure == "REGULAR" {
			return &p.Cycles[i]
		}
	}
	return nil
}

// trials lists the cycles before the regular one, free or cheaper, in their order.
func (p plan) trials() (all []billingCycle) {
	for _, c := range p.Cycles {
		if c.Tenure == tenureTrial {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b billingCycle) int { return a.Sequence - b.Sequence })
	return all
}

// tenureTrial is PayPal's word for cycles before the regular ones, be they free or not.
const tenureTrial = "TRIAL"

// charged reports whether a cycle costs anything; a free one has no price at all, or one
// of zero.
func (c *billingCycle) charged() bool {
	if c.Pricing.Fixed == nil {
		return false
	}
	m, err := c.Pricing.Fixed.money()
	return err == nil && m.Amount > 0
}

// interval is a cycle's length in our words; zero for a unit that nobody knows.
func (c *billingCycle) interval() billing.Interval {
	if c == nil {
		return billing.Interval{}
	}
	count := int64(max(1, c.Frequency.Count))
	switch c.Frequency.Unit {
	case "DAY", "WEEK", "MONTH", "YEAR":
		return billing.Interval{Unit: strings.ToLower(c.Frequency.Unit), Count: count}
	}
	return billing.Interval{}
}

// terms are the dates of a subscription: from when it is charged for, how often,
// and what comes free before.
type terms struct {
	created, start time.Time
	// base is when the first cycle begins that is charged for. Those at an introductory
	// price begin at intro, and at regular the first after them.
	base time.Time
	// regular is zero where no cycle is at an introductory price; see [terms.full].
	regular  time.Time
	intro    []time.Time
	trial    bool
	interval billing.Interval
}

// full is when the first regular cycle begins.
func (t terms) full() time.Time {
	if t.regular.IsZero() {
		return t.base
	}
	return t.regular
}

// deferred is how long after its creation the start of a subscription must be
// to have been put off: the time between is free.
const deferred = time.Hour

func termsOf(s *subscription, p plan) terms {
	t := terms{created: s.CreateTime, start: s.StartTime, base: s.StartTime, interval: p.regular().interval()}
	if t.start.IsZero() {
		t.start, t.base = t.created, t.created
	}
	t.trial = t.start.After(t.created.Add(deferred))
	for _, c := range p.trials() {
		if len(t.intro) == 0 && !c.charged() {
			t.trial = true
			t.base = c.interval().After(t.base, max(1, c.Total))
			continue
		}
		from := t.full()
		for n := range min(max(1, c.Total), mostCycles) {
			t.intro = append(t.intro, c.interval().After(from, n))
		}
		t.regular = c.interval().After(from, max(1, c.Total))
	}
	return t
}

// boundary is when the cycle number n begins that is charged for, counted from 0.
func (t terms) boundary(n int) time.Time {
	if n < len(t.intro) {
		return t.intro[n]
	}
	return t.interval.After(t.full(), n-len(t.intro))
}

// mostCycles bounds the reckoning: a hundred years of days.
const mostCycles = 36500

// boundaryAfter is the first beginning of a cycle after a time; zero if the rhythm
// is not known.
func (t terms) boundaryAfter(at time.Time) time.Time {
	n := t.cycleAt(at)
	if n < 0 {
		return time.Time{}
	}
	return t.boundary(n)
}

// cycleAt is the number of the first cycle that begins after a time; negative if
// the rhythm is not known.
func (t terms) cycleAt(at time.Time) int {
	if t.interval.Unit == "" || t.base.IsZero() {
		return -1
	}
	longest := map[string]time.Duration{"day": 1, "week": 7, "month": 31, "year": 366}[t.interval.Unit] * 24 * time.Hour
	n := 0
	if at.After(t.full()) {
		n = len(t.intro) + int(at.Sub(t.full())/longest)/int(t.interval.Count) // from below
	}
	for ; n < mostCycles; n++ {
		if t.boundary(n).After(at) {
			return n
		}
	}
	return -1
}

// slack is how much before the end of a cycle a payment may be and still be for
// the next one: PayPal charges some time around the date.
func (t terms) slack() time.Duration {
	least := t.interval.After(t.full(), 1).Sub(t.full())
	if n := len(t.intro); n > 0 {
		least = min(least, t.full().Sub(t.intro[n-1]))
	}
	return min(24*time.Hour, least/2)
}

// covered is until when a payment made at a time pays; zero if that cannot be
// said.
func (t terms) covered(paid time.Time) time.Time {
	if paid.IsZero() || t.interval.Unit == "" {
		return time.Time{}
	}
	return t.boundaryAfter(paid.Add(t.slack()))
}

// Who pays by card is charged within the hour of the date, and an eCheck takes three
// days.
const (
	punctual = 12 * time.Hour
	clearing = 3*24*time.Hour + punctual
)

// clearedLate reports whether a payment may have been sent in the cycle before the one
// in which it came: an eCheck that was on its way.
func (t terms) clearedLate(paid time.Time) bool {
	into := paid.Sub(t.periodStart(t.covered(paid)))
	return into > punctual && into <= clearing
}

// periodStart is when the period began that ends at a time.
func (t terms) periodStart(end time.Time) time.Time {
	n := t.cycleAt(end.Add(-t.slack()))
	switch {
	case end.IsZero() || n < 0:
		return time.Time{}
	case n > 0:
		return t.boundary(n - 1)
	case t.start.Before(t.base): // in a trial that the plan has
		return t.start
	}
	return t.created
}
