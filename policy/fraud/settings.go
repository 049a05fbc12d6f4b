package fraud

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/policy"
)

const (
	day = 24 * time.Hour
	// longestRefund is as far back as any provider refunds.
	longestRefund = 180 * day
)

// Settings are the keys of [policy.fraud]. Begin with [Defaults].
type Settings struct {
	// Shipped: the rules of [Shipped] apply beside those of the section.
	Shipped bool `setting:"shipped"`
	// Rules are the section's own, [[policy.fraud.rules]].
	Rules []Rule `setting:"rules"`
	// Exempt is an expression: of whom it is true, nothing is done but an alert.
	Exempt string `setting:"exempt"`
	// Refund is how far back from the latest try the payments of a fraud are refunded.
	Refund time.Duration `setting:"refund"`
	// Warning lists what is done about an early fraud warning: "refund" of the payment,
	// "cancel" of the subscription that it paid, "ban", "alert"; empty: nothing.
	Warning []string `setting:"warning"`
	// Tell writes to customers that they were banned, or no longer are.
	Tell bool `setting:"tell"`
}

// Defaults are the settings of a section that says nothing.
func Defaults() Settings {
	return Settings{
		Shipped: true, Exempt: "attributes.kyc == true || attributes.trusted == true", Refund: 30 * day,
		Warning: []string{doRefund, doCancel, doAlert},
	}
}

// Decode reads the section [policy.fraud].
func Decode(section map[string]any) (Settings, error) {
	s := Defaults()
	if _, named := section["warning"]; named {
		s.Warning = nil // the list replaces the one it has
	}
	err := policy.Decode(section, &s)
	return s, err
}

// New compiles the rules. An expression that is none, or that speaks of what is no
// fact, is an error that lists the facts.
func New(s Settings) (*Policy, error) {
	p := &Policy{settings: s}
	if s.Refund <= 0 || s.Refund > longestRefund {
		return nil, fmt.Errorf("refund: %s is out of range: choose something up to 180d", s.Refund)
	}
	if err := checkDoings("warning", s.Warning); err != nil {
		return nil, err
	}
	if s.Exempt != "" {
		exempt, err := policy.ParseCondition[Facts](s.Exempt)
		if err != nil {
			return nil, fmt.Errorf("exempt: %w", err)
		}
		p.exempt = &exempt
	}
	rules := slices.Clone(s.Rules)
	if s.Shipped {
		for _, r := range Shipped() {
			if !slices.ContainsFunc(s.Rules, func(own Rule) bool { return own.Name == r.Name }) {
				rules = append(rules, r)
			}
		}
	}
	seen := map[string]bool{}
	for _, r := range rules {
		compiled, err := r.compile()
		if err != nil {
			return nil, err
		}
		if seen[r.Name] {
			return nil, fmt.Errorf("two rules have the name %q: give each its own", r.Name)
		}
		seen[r.Name] = true
		p.rules = append(p.rules, compiled)
	}
	return p, nil
}

// Policy finds fraud.
type Policy struct {
	settings Settings
	rules    []rule
	exempt   *policy.Condition[Facts] // nil: nobody is
}

// stop is what is done about a customer beside a ban.
type stop struct{ refund, cancel bool }

// warningReason is the reason of a ban for an early fraud warning.
const warningReason = "fraud: the card network warned of a payment"

// after is what is done about whom the policy has banned, for as long as they are:
// what the rule that banned says, although it may no longer be true. A rule is known
// by the reason that it gave. If none gave this one, because the settings are others
// by now, only what everything that bans would do is done.
func (p *Policy) after(reason string) stop {
	var same, all []Rule
	for _, r := range append(slices.Clone(p.rules), rule{Rule: Rule{Text: strings.TrimPrefix(warningReason, reasonPrefix), Do: p.settings.Warning}}) {
		if !r.does(doBan) {
			continue
		}
		all = append(all, r.Rule)
		if r.reason() == reason {
			same = append(same, r.Rule)
		}
	}
	if len(same) == 0 {
		same = all
	}
	every := func(what string) bool {
		return len(same) > 0 && !slices.ContainsFunc(same, func(r Rule) bool { return !r.does(what) })
	}
	return stop{every(doRefund), every(doCancel)}
}
