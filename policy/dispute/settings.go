package dispute

import (
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/policy"
)

const day = 24 * time.Hour

// What can be done about a chargeback.
const (
	// Accept concedes it: the money is gone, and the fee with some providers smaller.
	Accept = "accept"
	// Alert tells the team, Evidence too, with all that our records say for us.
	Alert    = "alert"
	Evidence = "evidence"
)

// The messages that customers can be sent.
var messages = []string{"dispute_opened", "dispute_won", "dispute_lost"}

// Settings are the keys of [policy.dispute]. Begin with [Defaults].
type Settings struct {
	// Do is what is done about a chargeback of which no rule is true: [Accept],
	// [Alert] or [Evidence].
	Do string `setting:"do"`
	// Rules are tried in their order, [[policy.dispute.rules]]; the first that is true
	// decides.
	Rules []Rule `setting:"rules"`
	// Remind raises a second alert so long before it is too late to answer; 0: none.
	Remind time.Duration `setting:"remind"`
	// Cancel ends the subscription whose payment was conceded or lost.
	Cancel bool `setting:"cancel"`
	// Tell lists the messages that the customer gets: "dispute_opened",
	// "dispute_won", "dispute_lost".
	Tell []string `setting:"tell"`
}

// Rule says what to do about chargebacks of which an expression over [Facts] is true.
type Rule struct {
	When string `setting:"when"`
	Do   string `setting:"do"`
}

// Facts are what rules speak of.
type Facts struct {
	// Amount is what is contested, in minor units of Currency.
	Amount   int64  `expr:"amount"`
	Currency string `expr:"currency"`
	// Reason is the provider's word, such as "fraudulent".
	Reason string `expr:"reason"`
	// Account is the name of the provider account, Provider its kind.
	Account  string `expr:"account"`
	Provider string `expr:"provider"`
	// Plan is the id of the plan that was paid for; empty: not known.
	Plan string `expr:"plan"`
	// Payments counts the customer's payments that nobody contests; Disputes the
	// customer's chargebacks, this one included.
	Payments int `expr:"payments"`
	Disputes int `expr:"disputes"`
	// Refunded: all of the payment has gone back already.
	Refunded bool `expr:"refunded"`
	// Attributes are what the application says of its customer.
	Attributes map[string]any `expr:"attributes"`
}

// Defaults are the settings of a section that says nothing: nothing is conceded, a
// person gets the evidence, is reminded three days before it is too late, and the
// customer hears nothing from us.
func Defaults() Settings { return Settings{Do: Evidence, Remind: 3 * day, Cancel: true} }

// Decode reads the section [policy.dispute].
func Decode(section map[string]any) (Settings, error) {
	s := Defaults()
	err := policy.Decode(section, &s)
	return s, err
}

// Policy answers disputes.
type Policy struct {
	settings Settings
	rules    []rule
}

type rule struct {
	when policy.Condition[Facts]
	do   string
}

// New checks the settings and compiles the rules.
func New(s Settings) (*Policy, error) {
	p := &Policy{settings: s}
	if err := checkDo("do", s.Do); err != nil {
		return nil, err
	}
	if s.Remind < 0 || s.Remind > 30*day {
		return nil, fmt.Errorf("remind: %s is out of range: choose something up to 30d, or 0s for none", s.Remind)
	}
	for _, template := range s.Tell {
		if !slices.Contains(messages, template) {
			return nil, fmt.Errorf("tell: there is no %q: use any of %q", template, messages)
		}
	}
	for i, r := range s.Rules {
		where := fmt.Sprintf("rule number %d", i+1)
		when, err := policy.ParseCondition[Facts](r.When)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if err := checkDo(where, r.Do); err != nil {
			return nil, err
		}
		p.rules = append(p.rules, rule{when, r.Do})
	}
	return p, nil
}

func checkDo(where, do string) error {
	if do != Accept && do != Alert && do != Evidence {
		return fmt.Errorf("%s: there is no %q to do: use %q, %q or %q", where, do, Accept, Alert, Evidence)
	}
	return nil
}
