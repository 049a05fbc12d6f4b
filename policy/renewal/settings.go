package renewal

import (
	"fmt"
	"time"

	"github.com/trivetdev/trivet/policy"
)

// Settings are the keys of [policy.renewal]. Begin with [Defaults]. Every time is
// counted back from the charge, and moved into the window of the packs.
type Settings struct {
	// Packs are the packs of rules to keep, see [Packs].
	Packs []string `setting:"packs"`
	// Trial is when the end of a trial or a promotion is announced.
	Trial time.Duration `setting:"trial"`
	// Renewal is when a renewal is announced, for subscriptions whose interval is
	// longer than LongerThan (30 days to the month, 365 to the year).
	Renewal    time.Duration `setting:"renewal"`
	LongerThan time.Duration `setting:"longer_than"`
	// PriceChange is when a change of price is announced that lies ahead.
	PriceChange time.Duration `setting:"price_change"`
	// Yearly is "on", "off" or "auto": remind once a year of subscriptions that renew
	// more often, if a pack asks for it.
	Yearly string `setting:"yearly"`
	// Providers switches the policy on or off by account or kind of provider.
	Providers policy.Providers `setting:"providers"`
}

// Defaults are the settings of a section that says nothing: all packs that there
// are, trials 7 days ahead, renewals of more than half a year 21 days, changes of
// price 30 days.
func Defaults() Settings {
	return Settings{
		Packs: []string{"visa", "mastercard", "us-ca"}, Trial: 7 * day, Renewal: 21 * day, LongerThan: 180 * day, PriceChange: 30 * day, Yearly: "auto",
	}
}

// check reports what is wrong with the settings, and finds the packs.
func (s Settings) check() ([]Pack, error) {
	packs, err := choose(s.Packs)
	if err != nil {
		return nil, err
	}
	if err := policy.OneOf("yearly", s.Yearly, []string{"auto", "on", "off"}); err != nil {
		return nil, err
	}
	for _, wish := range []struct {
		setting string
		before  time.Duration
		event   Event
		length  time.Duration
	}{
		{"trial", s.Trial, TrialEnd, 32 * day},
		{"renewal", s.Renewal, Renewal, 365 * day},
		{"price_change", s.PriceChange, PriceChange, 365 * day},
	} {
		if wish.before <= 0 || wish.before > 90*day {
			return nil, fmt.Errorf("%s: %s before the charge is out of range: choose something up to 90d, such as %q", wish.setting, wish.before, "7d")
		}
		if moved := inWindow(packs, wish.event, wish.length, wish.before); moved != wish.before {
			earliest, latest := window(packs, wish.event, wish.length)
			return nil, fmt.Errorf("%s: %s before the charge breaks a rule of the packs, which want it %s: choose a time of these, or drop the pack that you need not keep",
				wish.setting, days(wish.before), span(earliest, latest))
		}
	}
	if s.LongerThan < 0 {
		return nil, fmt.Errorf("longer_than: %s is negative: write how long an interval must be for its renewals to be announced, such as %q", s.LongerThan, "180d")
	}
	for _, pack := range packs {
		for _, rule := range pack.Rules {
			if rule.Event == Renewal && rule.LongerThan < s.LongerThan {
				return nil, fmt.Errorf("longer_than: %s leaves out renewals that pack %q wants announced: choose at most %s, or drop the pack", days(s.LongerThan), pack.Name, days(rule.LongerThan))
			}
		}
	}
	if s.Yearly == "off" && asks(packs, Yearly) {
		return nil, fmt.Errorf("yearly: a pack of %q asks for a yearly reminder: write %q, or drop the pack", s.Packs, "auto")
	}
	return packs, nil
}

// remind reports whether there is a yearly reminder.
func (s Settings) remind(packs []Pack) bool {
	return s.Yearly == "on" || s.Yearly == "auto" && asks(packs, Yearly)
}

func span(earliest, latest time.Duration) string {
	if earliest == latest {
		return "exactly " + days(latest) + " before"
	}
	if earliest == 0 {
		return "at least " + days(latest) + " before"
	}
	return "between " + days(earliest) + " and " + days(latest) + " before"
}

// days writes a duration as the configuration does.
func days(d time.Duration) string {
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

// Decode reads the section [policy.renewal].
func Decode(section map[string]any) (Settings, error) {
	s := Defaults()
	err := policy.Decode(section, &s)
	return s, err
}

var _ policy.Reviewer = (*Policy)(nil)

// NamedAccounts implements [policy.AccountNamer].
func (p *Policy) NamedAccounts() map[string][]string {
	return map[string][]string{"providers": p.settings.Providers.Names()}
}
