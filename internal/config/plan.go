package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/placeholder"
)

// Plan is something a customer can have: a [[plan]].
type Plan struct {
	ID       string
	Name     string // by default the ID
	Features []string
	// Prices are the providers' price ids that mean this plan, by account name.
	Prices map[string][]string
	Grants Grant
}

// GrantKind is what a purchase of a plan gives.
type GrantKind string

// The kinds of grant.
const (
	GrantPeriod  GrantKind = "period"  // as long as the subscription's paid period
	GrantPass    GrantKind = "pass"    // a fixed time from the purchase; passes stack
	GrantForever GrantKind = "forever" // no end
	GrantCredits GrantKind = "credits" // a balance
)

// Grant is what a purchase of a plan gives, and how much of it.
type Grant struct {
	Kind GrantKind
	// Years, Months and Days are calendar units of a pass, so that a month
	// bought on the 3rd ends on the 3rd. Time is what comes below a day.
	Years, Months, Days int
	Time                time.Duration
	Credits             int64 // of GrantCredits, above 0
}

var (
	iso8601 = regexp.MustCompile(`^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,4})D)?` +
		`(T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,4})S)?)?$`)
	planID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// parseGrant reads "period", "forever", "credits=100" or an ISO 8601 duration
// such as P1Y or P30D.
func parseGrant(text string) (Grant, error) {
	if kind := GrantKind(text); kind == GrantPeriod || kind == GrantForever {
		return Grant{Kind: kind}, nil
	}
	if amount, ok := strings.CutPrefix(text, "credits="); ok {
		n, err := strconv.ParseInt(amount, 10, 64)
		if err != nil || n <= 0 {
			return Grant{}, fmt.Errorf("%q gives no credits: write a whole number above 0, as in credits=100", text)
		}
		return Grant{Kind: GrantCredits, Credits: n}, nil
	}
	if m := iso8601.FindStringSubmatch(text); m != nil && !strings.HasSuffix(text, "T") {
		g := Grant{
			Kind: GrantPass, Years: number(m[1]), Months: number(m[2]), Days: 7*number(m[3]) + number(m[4]),
			Time: time.Duration(number(m[6]))*time.Hour + time.Duration(number(m[7]))*time.Minute +
				time.Duration(number(m[8]))*time.Second,
		}
		if g != (Grant{Kind: GrantPass}) {
			return g, nil
		}
	}
	return Grant{}, fmt.Errorf("%q is no grant: write period, forever, credits=100, or an ISO 8601 duration such as P1Y or P30D", text)
}

// number reads a group of iso8601, which holds at most four digits or nothing.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func (r *reader) plans() []Plan {
	var all []Plan
	ids := map[string]bool{}
	owner := map[string]string{} // account and price to the plan that has it
	for _, s := range r.numbered("plan") {
		p := s.plan()
		switch {
		case p.ID == "":
			s.bad("id", "is missing: every [[plan]] needs one, as in id = \"pro\"")
		case !planID.MatchString(p.ID):
			s.bad("id", "%q may hold only letters, digits, dots, dashes and underscores", p.ID)
		case ids[p.ID]:
			s.bad("id", "%q is used by another plan: give each its own", p.ID)
		}
		ids[p.ID] = true
		r.prices(s, p, owner)
		all = append(all, p)
	}
	return all
}

func (s section) plan() Plan {
	p := Plan{ID: s.text("id"), Name: s.text("name"), Features: s.texts("features"), Prices: map[string][]string{}}
	if p.Name == "" {
		p.Name = p.ID
	}
	prices := s.sub("prices")
	for _, account := range prices.keys() {
		p.Prices[account] = prices.texts(account)
	}
	p.Grants = Grant{Kind: GrantPeriod}
	if text := s.text("grants"); text != "" {
		g, err := parseGrant(text)
		if err != nil {
			s.bad("grants", "%v", err)
		}
		p.Grants = g
	}
	return p
}

// prices checks that the accounts exist and that no price means two plans.
func (r *reader) prices(s section, p Plan, owner map[string]string) {
	for _, account := range s.sub("prices").keys() {
		key := "prices." + account
		if !r.knows(s, key, account) {
			continue
		}
		for _, price := range p.Prices[account] {
			if placeholder.Is(price) {
				s.bad(key, "%q is a placeholder: copy the id of the price from the provider's dashboard, or take it out", price)
			}
			if other, taken := owner[account+" "+price]; taken {
				s.bad(key, "%s already means plan %q: a price can mean only one plan", price, other)
			}
			owner[account+" "+price] = p.ID
		}
	}
}

// knows reports an account that there is not, which key names.
func (r *reader) knows(s section, key, account string) bool {
	if _, ok := r.table("providers." + account); ok {
		return true
	}
	found := "there is no account of that name"
	if !strings.HasSuffix(key, "."+account) {
		found = fmt.Sprintf("there is no account %q", account)
	}
	if accounts := r.names("providers"); len(accounts) > 0 {
		s.bad(key, "%s: %s", found, didYouMean(account, accounts))
	} else {
		s.bad(key, "%s: add [providers.%s]", found, account)
	}
	return false
}

// account reads a key that names an account; empty if nothing is set.
func (r *reader) account(s section, key string) string {
	name := s.text(key)
	if name != "" && r.knows(s, key, name) {
		return name
	}
	return ""
}
