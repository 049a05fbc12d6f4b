package hygiene

import (
	"fmt"

	"github.com/trivetdev/trivet/policy"
)

// Settings are the keys of [policy.hygiene]. Begin with [Defaults].
type Settings struct {
	// ExtendTrial moves the end of a trial to the end of the pass that runs, and Tell
	// writes to the customer when they are first charged.
	ExtendTrial bool `setting:"extend_trial"`
	Tell        bool `setting:"tell"`
	// Prices tells of prices that mean no plan.
	Prices bool `setting:"prices"`
	// Methods tells of ways to pay that are not in the list that is shipped, nor in
	// Known.
	Methods bool     `setting:"methods"`
	Known   []string `setting:"known"`
}

// Defaults are the settings of a section that says nothing.
func Defaults() Settings {
	return Settings{ExtendTrial: true, Tell: true, Prices: true, Methods: true}
}

// Decode reads the section [policy.hygiene].
func Decode(section map[string]any) (Settings, error) {
	s := Defaults()
	err := policy.Decode(section, &s)
	return s, err
}

// KnownMethods are the ways to pay that the settings add to those that are shipped.
func (p Policy) KnownMethods() []string { return p.settings.Known }

// New makes a policy that sees to all.
func New(s Settings) (Policy, error) {
	for _, method := range s.Known {
		if method == "" {
			return Policy{}, fmt.Errorf("known: a way to pay has a name, such as \"pix\"")
		}
	}
	return Policy{s}, nil
}
