package fraud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/policy"
)

// Rule says what to do about customers of whom an expression is true.
type Rule struct {
	// Name is a word that stands in reasons, keys and alerts.
	Name string `setting:"name"`
	// When is an expression over the [Facts].
	When string `setting:"when"`
	// Do lists what is done: "alert", "ban", "refund" and "cancel".
	Do []string `setting:"do"`
	// Text says in plain words what it is about; empty: the expression.
	Text string `setting:"text"`
}

// What a rule can do.
const (
	doAlert  = policy.Alert
	doBan    = policy.Ban
	doRefund = policy.Refund
	doCancel = "cancel"
)

var doings = []string{doAlert, doBan, doRefund, doCancel}

// noDomains: what a stranger who tries cards does not take the trouble of.
const noDomains = "(attributes.verified_domains ?? 0) == 0"

// Shipped are the rules that there are unless the section says shipped = false.
// A rule of the section with the name of one of them takes its place.
func Shipped() []Rule {
	return []Rule{
		{
			Name: "declines", When: "declines_30d >= 5 && " + noDomains, Do: []string{doBan, doRefund, doCancel, doAlert},
			Text: "five or more cards were declined within 30 days, and no domain is verified",
		},
		{
			Name: "declines_known", When: "declines_30d >= 5 && !(" + noDomains + ")", Do: []string{doAlert},
			Text: "five or more cards of a customer with verified domains were declined within 30 days",
		},
		{Name: "cards", When: "cards_30d >= 3", Do: []string{doAlert}, Text: "three or more cards were tried within 30 days"},
		{Name: "shared_banned", When: "shared_banned > 0", Do: []string{doAlert}, Text: "a banned customer paid with the same card or account"},
		{Name: "shared", When: "shared_score >= 60 && shared_banned == 0", Do: []string{doAlert}, Text: "several customers pay with the same card or account"},
	}
}

// rule is one that was compiled.
type rule struct {
	Rule
	when policy.Condition[Facts]
	// reads are the facts that it speaks of.
	reads []string
}

// why says in words what a rule is about.
func (r Rule) why() string { return cmp.Or(r.Text, r.When) }

// reasonPrefix begins the reason of each of our bans.
const reasonPrefix = "fraud: "

// longestReason is how many characters the reason of a ban may have; a rule without a
// text gives its expression, which may have more.
const longestReason = 500

// reason is the reason of a ban by the rule.
func (r Rule) reason() string {
	reason := []rune(reasonPrefix + strings.TrimSpace(r.why()))
	return strings.TrimSpace(string(reason[:min(len(reason), longestReason)]))
}

func (r Rule) does(what string) bool { return slices.Contains(r.Do, what) }

// compile checks a rule.
func (r Rule) compile() (rule, error) {
	switch {
	case !isWord(r.Name):
		return rule{}, fmt.Errorf("the rule %q needs a name of small letters, digits and _, such as \"declines\"", r.Name)
	case len(r.Do) == 0:
		return rule{}, fmt.Errorf("rule %s does nothing: give it do = [\"alert\"], or any of %s", r.Name, strings.Join(doings, ", "))
	}
	if err := checkDoings("rule "+r.Name, r.Do); err != nil {
		return rule{}, err
	}
	when, err := policy.ParseCondition[Facts](r.When)
	if err != nil {
		return rule{}, fmt.Errorf("rule %s: %w", r.Name, err)
	}
	return rule{r, when, when.Reads()}, nil
}

func checkDoings(where string, do []string) error {
	for _, what := range do {
		if !slices.Contains(doings, what) {
			return fmt.Errorf("%s: there is no %q to do: use %s", where, what, strings.Join(doings, ", "))
		}
	}
	return nil
}

func isWord(text string) bool {
	return text != "" && len(text) <= 64 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
