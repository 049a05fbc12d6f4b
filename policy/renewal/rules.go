package renewal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// day is 24 hours: rules count days backwards from the moment of a charge.
const day = 24 * time.Hour

// Event is what a notice is about; it is part of the key under which it is said
// once.
type Event string

// The events that rules speak of.
const (
	// TrialEnd: the first charge after a trial.
	TrialEnd Event = "trial"
	// PromotionEnd: the first charge at the full price.
	PromotionEnd Event = "promotion"
	// Renewal: a charge of a subscription that renews seldom.
	Renewal Event = "renewal"
	// PriceChange: the first charge at another price.
	PriceChange Event = "price_change"
	// Yearly: one more year of a subscription that renews more often.
	Yearly Event = "yearly"
)

// Content is something that a notice has to tell.
type Content string

// What rules ask notices to tell.
const (
	Product    Content = "product"
	Amount     Content = "amount"
	OldAmount  Content = "old_amount"
	Date       Content = "date"
	Frequency  Content = "frequency"
	CancelLink Content = "cancel_link"
)

// Rule is what a card network or a law asks for, as far as it can be timed. It is a
// reading of the source, not legal advice.
type Rule struct {
	Event Event
	// LongerThan is how long the trial or promotion must be, or the interval between
	// two charges, for the rule to apply; zero: always.
	LongerThan time.Duration
	// Earliest and Latest bound the window before the charge in which the notice
	// must go out: not more than Earliest before it, and at least Latest. An Earliest
	// of zero means that it is never too early.
	Earliest, Latest time.Duration
	// Contents are what it must tell.
	Contents []Content
	// Note says what the window does not.
	Note string
}

// Pack is the rules of one source.
type Pack struct {
	// Name is how the configuration calls it.
	Name string
	// Source is where the rules were read, Since when they came into force.
	Source, Since string
	// Missing says why the pack cannot be used; empty: it can.
	Missing string
	Rules   []Rule
}

// Packs lists all packs by name.
func Packs() []Pack {
	return []Pack{
		{
			Name: "mastercard", Since: "2022-09-22",
			Source: "Mastercard Transaction Processing Rules, subscription and negative-option merchants, as told by Braintree, Nets and Stripe",
			Rules: []Rule{
				{Event: TrialEnd, LongerThan: 7 * day, Earliest: 7 * day, Latest: 3 * day, Contents: []Content{Date, Amount, CancelLink}},
				{Event: Renewal, LongerThan: 180 * day, Earliest: 30 * day, Latest: 7 * day, Contents: []Content{Date, Amount, CancelLink}},
			},
		},
		{
			Name: "us-ca", Since: "2025-07-01",
			Source: "California Automatic Renewal Law, Business and Professions Code 17600-17606, as amended by AB 2863",
			Rules: []Rule{
				{Event: TrialEnd, LongerThan: 31 * day, Earliest: 21 * day, Latest: 3 * day, Contents: []Content{Product, Date, Amount, Frequency, CancelLink}},
				{Event: PromotionEnd, LongerThan: 31 * day, Earliest: 21 * day, Latest: 3 * day, Contents: []Content{Product, Date, Amount, Frequency, CancelLink}},
				{Event: Renewal, LongerThan: 364 * day, Earliest: 45 * day, Latest: 15 * day, Contents: []Content{Product, Date, Amount, Frequency, CancelLink}},
				{Event: PriceChange, Earliest: 30 * day, Latest: 7 * day, Contents: []Content{Amount, OldAmount, Date, CancelLink}},
				{Event: Yearly, Contents: []Content{Product, Frequency, Amount, CancelLink}, Note: "once a year, to every subscriber"},
			},
		},
		{
			Name: "visa", Since: "2020-04-18",
			Source: "Visa Core Rules, updated policy for subscription merchants offering free trials or introductory promotions",
			Rules: []Rule{
				{Event: TrialEnd, Latest: 7 * day, Contents: []Content{Date, Amount, Frequency, CancelLink}, Note: "a trial shorter than that: when it begins"},
				{Event: PromotionEnd, Latest: 7 * day, Contents: []Content{Date, Amount, Frequency, CancelLink}},
				{Event: PriceChange, Latest: 7 * day, Contents: []Content{Date, Amount, CancelLink}},
			},
		},
		{Name: "de", Missing: "the notices that German law asks for before a contract goes on have not been verified"},
		{Name: "fr-chatel", Missing: "the window of the Loi Chatel (three months to one month before the end of a yearly contract) has not been verified"},
		{Name: "in-rbi", Missing: "the notice 24 hours before each debit under the RBI's e-mandate rules has not been verified, and banks send it themselves"},
		{Name: "uk-dmcc", Missing: "the reminders of the Digital Markets, Competition and Consumers Act are expected for spring 2027, and their dates are left to later regulations"},
	}
}

// choose finds packs by their names.
func choose(names []string) ([]Pack, error) {
	var chosen []Pack
	all := Packs()
	for _, name := range names {
		i := slices.IndexFunc(all, func(p Pack) bool { return p.Name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("packs: there is no pack of rules %q: use %s, or none", name, usable(all))
		case all[i].Missing != "":
			return nil, fmt.Errorf("packs: %q has no rules yet: %s. Take it out of packs and see to these notices yourself, or use %s",
				name, all[i].Missing, usable(all))
		case slices.ContainsFunc(chosen, func(p Pack) bool { return p.Name == name }):
			return nil, fmt.Errorf("packs: %q is named twice: name it once", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func usable(all []Pack) string {
	var names []string
	for _, p := range all {
		if p.Missing == "" {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}

// window is where the rules that apply to an event overlap, in time before the
// charge: from earliest, zero for never too early, to latest. Where they do not
// overlap it is the moment of the rule that wants to be heard first, for a notice
// that comes early harms nobody.
func window(packs []Pack, event Event, length time.Duration) (earliest, latest time.Duration) {
	for _, pack := range packs {
		for _, rule := range pack.Rules {
			if rule.Event != event || length <= rule.LongerThan {
				continue
			}
			latest = max(latest, rule.Latest)
			if rule.Earliest != 0 && (earliest == 0 || rule.Earliest < earliest) {
				earliest = rule.Earliest
			}
		}
	}
	if earliest != 0 && earliest < latest {
		earliest = latest
	}
	return earliest, latest
}

// inWindow moves a wish, in time before the charge, into the window of the rules.
func inWindow(packs []Pack, event Event, length, wish time.Duration) time.Duration {
	earliest, latest := window(packs, event, length)
	wish = max(wish, latest)
	if earliest != 0 {
		wish = min(wish, earliest)
	}
	return wish
}

// asks reports whether a pack asks for notices of an event.
func asks(packs []Pack, event Event) bool {
	return slices.ContainsFunc(packs, func(p Pack) bool {
		return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.Event == event })
	})
}

// length is how long an interval is, as rules count: 30 days to the month, 365 to
// the year.
func length(i billing.Interval) time.Duration {
	days := map[string]int64{"day": 1, "week": 7, "month": 30, "year": 365}[i.Unit]
	if i.Unit == "month" && i.Count%12 == 0 {
		return time.Duration(i.Count/12*365) * day // twelve months are a year
	}
	return time.Duration(days*min(i.Count, 10_000)) * day
}
