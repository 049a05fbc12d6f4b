// Package fraud finds customers who try stolen cards, and puts an end to it: a ban,
// the money back, the subscriptions canceled, or an alert for somebody to look.
//
// Rules are expressions over [Facts]. What is shipped ([Shipped]) does what is
// usually wanted; a section of the configuration changes it, adds to it, or exempts
// customers. A rule is judged whenever something happens to a customer, and again
// right before anything is done because of it: of whom it is no longer true, or who
// was exempted meanwhile, nothing more is done to.
//
// # Cases
//
// One cause is one case. While a customer goes on trying cards, there is one ban and
// one alert, not one for each try, for each run or for each provider. In one case a
// payment is refunded once, a subscription canceled once. When a person lifts a ban,
// what had led to it is settled: tries from before no longer count, and only what
// happens afterwards can lead to another case, in which what was undone or came back is
// stopped again.
//
// # What lifting a ban undoes
//
// Access is back at once, for it follows from the facts; what was still to be done
// is dropped. A cancellation that the ban set and whose time has not come is taken back,
// where the provider can; one that was there before, or that somebody else set, is not
// touched. Money that went back and subscriptions that ended stay so, for no provider
// revives them: an alert lists them, and the customer can buy again.
package fraud

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// Name implements [policy.Policy].
func (*Policy) Name() string { return "fraud" }

// React tells customers, if so configured, that they were banned or no longer are,
// and the team what the end of a ban did not undo. All else is found by Review.
func (p *Policy) React(change policy.Change, known policy.Known) []policy.Action {
	ref := known.Customer.Ref
	switch {
	case ref == "" || change.ID != "" && change.Kind != "":
	case change.Has("banned") && known.Customer.Ban != nil:
		reason := ""
		if ours(known.Customer.Ban.By) {
			reason = notify.ReasonChecks
		}
		return p.say(ref, "banned", reason, known.Customer.Ban.At)
	case change.Has("unbanned") && known.Customer.Ban == nil && known.Customer.Cleared != nil:
		c := *known.Customer.Cleared
		return append(p.say(ref, "unbanned", "", c.At), leftover(known, c)...)
	}
	return nil
}

func (p *Policy) say(ref, template, reason string, at time.Time) []policy.Action {
	if !p.settings.Tell {
		return nil
	}
	n := notify.Notice{Template: template, Channel: notify.Email, Date: at, Reason: reason}
	return []policy.Action{policy.On(policy.Own, billing.KindCustomer, ref, policy.Say, template+"."+stamp(at), n)}
}

// Review implements [policy.Reviewer]. Time alone calls for nothing, for tries only
// ever grow old; except where the provider's clock is ahead of ours.
func (p *Policy) Review(known policy.Known, now time.Time) ([]policy.Action, time.Time) {
	if known.Customer.Ref == "" {
		return nil, time.Time{}
	}
	c := &cases{Policy: p, known: known, now: now, facts: factsOf(known, now), done: map[string]bool{}}
	c.exempted = c.exempts()
	if by := known.Customer.Ban; by != nil && ours(by.By) && !c.exempted {
		c.stop(p.after(by.Reason), by.At.Add(-p.settings.Refund))
	}
	c.barred()
	c.undo()
	for _, r := range p.rules {
		c.judge(r)
	}
	for _, w := range known.Warnings {
		c.warned(w)
	}
	return c.actions, billing.Earliest(c.facts.ahead, c.next)
}

// ours reports whether this policy banned.
func ours(by string) bool { return by == "fraud" || by == "policy:fraud" }

// cases is one review under way.
type cases struct {
	*Policy
	known    policy.Known
	now      time.Time
	facts    Facts
	exempted bool
	// next is when to look again; zero: nothing waits.
	next time.Time
	// because are the accounts that what is being judged is from.
	because []string
	actions []policy.Action
	done    map[string]bool
}

// add asks for an action, once. What is done because of what happened at an account is
// held back where that is; to tell somebody is not.
func (c *cases) add(a policy.Action) {
	if !c.done[a.Key] {
		c.done[a.Key] = true
		if a.Kind != policy.Alert {
			a.Because = c.because
		}
		c.actions = append(c.actions, a)
	}
}

// exempts reports whether nothing is to be done. Whoever cannot be judged is spared.
func (c *cases) exempts() bool {
	if c.exempt == nil {
		return false
	}
	yes, err := c.exempt.Holds(c.facts)
	if err != nil {
		c.broken("exempt", c.settings.Exempt, err)
		return true
	}
	return yes
}

// broken tells that an expression cannot be evaluated: one alert for the expression,
// however many customers it concerns.
func (c *cases) broken(name, text string, err error) {
	c.add(alert(c.known.Customer.Ref, "broken."+name, policy.Warning{
		Cause: "fraud:broken:" + name, Kind: "fraud", Title: "the fraud expression " + name + " cannot be evaluated for some customers",
		Details: fmt.Sprintf("%s\nwith the attributes of %s: %v\nMake sure that the attribute is always of one type, or allow for others in the expression.", text, c.known.Customer.Ref, err),
	}))
}

// judge applies a rule.
func (c *cases) judge(r rule) {
	yes, err := r.when.Holds(c.facts)
	if err != nil {
		c.broken(r.Name, r.When, err)
		return
	}
	if !yes || c.exempted && !r.does(doAlert) {
		return
	}
	c.because = c.facts.because(r)
	defer func() { c.because = nil }()
	ref, occasion := c.known.Customer.Ref, r.Name+c.occasion()
	if r.does(doBan) && !c.exempted {
		c.add(policy.On(policy.Own, billing.KindCustomer, ref, policy.Ban, occasion, policy.Details{Reason: r.reason()}))
	}
	if !c.exempted {
		latest := c.facts.latest
		if latest.IsZero() {
			latest = c.now
		}
		c.stop(stop{r.does(doRefund), r.does(doCancel)}, latest.Add(-c.settings.Refund))
	}
	if r.does(doAlert) {
		c.add(alert(ref, occasion, policy.Warning{
			Cause: "fraud:" + r.Name + ":" + ref, Kind: "fraud", Title: ref + ": " + r.why(), Details: c.details(),
		}))
	}
}

// again tells what is done after a ban was lifted from what was done before: an
// undone cancellation has to be asked for again when the next ban comes. It is the same
// before a ban and while it stands.
func (c *cases) again() string {
	if cleared := c.known.Customer.Cleared; cleared != nil {
		return after(cleared.At)
	}
	return ""
}

// after tells a case by when the ban before it was lifted; empty: there was none.
func after(lifted time.Time) string {
	if lifted.IsZero() {
		return ""
	}
	return "." + stamp(lifted)
}

// occasion tells one case of a customer from the next: when the latest ban was
// lifted, and the month of the newest try that counts.
func (c *cases) occasion() string {
	occasion := c.again()
	if !c.facts.latest.IsZero() {
		occasion += "." + c.facts.latest.UTC().Format("2006-01")
	}
	return occasion
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

func alert(ref, occasion string, w policy.Warning) policy.Action {
	return policy.On(policy.Own, billing.KindCustomer, ref, policy.Alert, occasion, w)
}

// details are the facts that a person needs.
func (c *cases) details() string {
	f := c.facts
	text := fmt.Sprintf("declined tries by card in 30 days: %d\ncards in 30 days: %d\nother customers with the same card or account: %d, banned: %d\n"+
		"early fraud warnings: %d\nchargebacks: %d\npayments: %d", f.Declines30d, f.Cards30d, f.SharedPayers, f.SharedBanned, f.Warnings, f.Disputes, f.Payments)
	var others []string
	for _, s := range c.known.Shared {
		if !slices.Contains(others, s.Customer) {
			others = append(others, s.Customer)
		}
	}
	if slices.Sort(others); len(others) > 0 {
		text += "\nthe others: " + strings.Join(others[:min(len(others), 20)], ", ")
	}
	if c.exempted {
		text += "\nThe customer is exempt: nothing was done."
	}
	return text
}
