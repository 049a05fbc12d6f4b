package dunning

import (
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/policy"
)

const (
	day = 24 * time.Hour
	// mostTries is what card networks allow within 30 days.
	mostTries = 15
	// leastGap is the shortest time between two tries.
	leastGap = day
)

// Settings are the keys of [policy.dunning]. Begin with [Defaults].
type Settings struct {
	// Steps are when the customer is told that a charge failed, counted from the first
	// failure.
	Steps []time.Duration `setting:"steps"`
	// Final is how long before the end of access the last warning is given.
	Final time.Duration `setting:"final"`
	// Card and Pass are how long before its end an expiring card, and a pass, are
	// told of.
	Card []time.Duration `setting:"card"`
	Pass []time.Duration `setting:"pass"`
	// Late is how long after the end of access or of a pass it is still told.
	Late time.Duration `setting:"late"`
	// InApp puts what is urgent into the application too, SMS sends the last warning
	// as a text message.
	InApp bool `setting:"inapp"`
	SMS   bool `setting:"sms"`
	// Without are templates that are not sent, such as "paused".
	Without []string `setting:"without"`
	// Receipts are the accounts, or kinds of providers, whose payments and refunds
	// get receipts from us: those that send none themselves.
	Receipts []string `setting:"receipts"`
	// Retry tries open invoices again where the provider does not: every RetryEvery,
	// until an invoice has seen Tries tries, the provider's included.
	Retry      bool          `setting:"retry"`
	RetryEvery time.Duration `setting:"retry_every"`
	Tries      int           `setting:"tries"`
	// Providers switches the policy on or off by account or kind of provider.
	Providers policy.Providers `setting:"providers"`
}

// Defaults are the settings of a section that says nothing. They suit seven days
// of grace: two hours and three days after the failure, two days before access
// ends, and at its end.
func Defaults() Settings {
	return Settings{
		Steps: []time.Duration{2 * time.Hour, 3 * day}, Final: 2 * day, Card: []time.Duration{30 * day, 7 * day}, Pass: []time.Duration{7 * day, day},
		Late: 14 * day, InApp: true, RetryEvery: 3 * day, Tries: 8,
	}
}

// Decode reads the section [policy.dunning].
func Decode(section map[string]any) (Settings, error) {
	s := Defaults()
	// A list replaces the one it has: mapstructure would fill in what is missing.
	for key, list := range map[string]*[]time.Duration{"steps": &s.Steps, "card": &s.Card, "pass": &s.Pass} {
		if _, named := section[key]; named {
			*list = nil
		}
	}
	err := policy.Decode(section, &s)
	return s, err
}

// check reports what is wrong with the settings.
func (s Settings) check() error {
	if err := ordered("steps", s.Steps, 90*day, 1); err != nil {
		return err
	}
	for setting, before := range map[string][]time.Duration{"card": s.Card, "pass": s.Pass} {
		before = slices.Clone(before)
		slices.Reverse(before)
		if err := ordered(setting, before, 90*day, -1); err != nil {
			return err
		}
	}
	for setting, d := range map[string]time.Duration{"final": s.Final, "late": s.Late} {
		if d < time.Hour || d > 90*day {
			return fmt.Errorf("%s: %s is out of range: choose something from 1h to 90d", setting, d)
		}
	}
	for _, template := range s.Without {
		if err := policy.OneOf("without", template, templates); err != nil {
			return err
		}
	}
	if s.Retry && s.RetryEvery < leastGap {
		return fmt.Errorf("retry_every: %s is too often for the card networks: choose %q or more", s.RetryEvery, "24h")
	}
	if s.Retry && (s.Tries < 1 || s.Tries > mostTries) {
		return fmt.Errorf("tries: %d is out of range: card networks allow %d tries of a card within 30 days, the provider's own included; 8 is a good number", s.Tries, mostTries)
	}
	return nil
}

// ordered checks a list of times, each later than the one before. Up is 1 for a
// list that is written in this order, -1 for one that is written the other way.
func ordered(setting string, list []time.Duration, most time.Duration, up int) error {
	last := time.Duration(0)
	for _, d := range list {
		switch {
		case d <= last && up > 0:
			return fmt.Errorf("%s: %s does not come after %s: write them from the first to the last, such as [\"2h\", \"3d\"]", setting, d, last)
		case d <= last:
			return fmt.Errorf("%s: %s and %s are in the wrong order: write the longest time first, such as [\"30d\", \"7d\"]", setting, last, d)
		case d > most:
			return fmt.Errorf("%s: %s is too long: choose at most 90d", setting, d)
		}
		last = d
	}
	return nil
}

// NamedAccounts implements [policy.AccountNamer].
func (p *Policy) NamedAccounts() map[string][]string {
	return map[string][]string{"receipts": p.settings.Receipts, "providers": p.settings.Providers.Names()}
}
