package redirect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// choose fills in the account and the price.
func (r *Redirect) choose(q *Request, facts billing.Facts) (billing.Plan, provider.Checkouter, error) {
	plan, known := r.Apply.Catalog.ByID(q.Plan)
	if !known {
		return plan, nil, &Invalid{fmt.Sprintf("there is no plan %q: see [[plan]] in the configuration", q.Plan)}
	}
	if q.Account == "" {
		account, err := r.seller(plan, q.Price, facts)
		if err != nil {
			return plan, nil, err
		}
		q.Account = account
	}
	prices := plan.Prices[q.Account]
	if len(prices) == 0 {
		return plan, nil, &Invalid{fmt.Sprintf("plan %q has no price at %q: see its prices in the configuration", q.Plan, q.Account)}
	}
	if q.Price == "" {
		q.Price = prices[0]
	}
	if found, mapped := r.Apply.Catalog.ByPrice(q.Account, q.Price); !mapped || found.ID != plan.ID {
		return plan, nil, &Invalid{fmt.Sprintf("price %q is not one of plan %q at %q", q.Price, q.Plan, q.Account)}
	}
	checkouter, able := r.Apply.Drivers[q.Account].(provider.Checkouter)
	if !able {
		return plan, nil, &Invalid{fmt.Sprintf("%q makes no checkouts", q.Account)}
	}
	return plan, checkouter, nil
}

// seller is the account that sells a plan to a customer where the request names none.
func (r *Redirect) seller(plan billing.Plan, price string, facts billing.Facts) (string, error) {
	sells := r.sellers(plan, price)
	if len(sells) == 0 {
		if price != "" && len(r.sellers(plan, "")) > 0 {
			return "", &Invalid{fmt.Sprintf("price %q is not one of plan %q: see its prices in the configuration", price, plan.ID)}
		}
		return "", &Invalid{fmt.Sprintf("plan %q has no price at an account that makes checkouts: see its prices in the configuration", plan.ID)}
	}
	stays := slices.DeleteFunc(slices.Clone(sells), func(account string) bool { return r.left(account, facts) })
	if len(stays) == 0 { // nowhere to be moved to: the refusal of the old account says why
		stays = sells
	}
	if account := buysAt(stays, facts); account != "" {
		return account, nil
	}
	switch {
	case slices.Contains(stays, r.Default):
		return r.Default, nil
	case len(stays) == 1:
		return stays[0], nil
	}
	return "", &Invalid{fmt.Sprintf("plan %q is sold through %s: say which with \"provider\", or set checkout = %q (or another of them) in the configuration for all who buy nowhere yet",
		plan.ID, strings.Join(stays, " and "), stays[0])}
}

// sellers are the accounts that make checkouts and sell the plan, at the price if one
// is named, sorted.
func (r *Redirect) sellers(plan billing.Plan, price string) (all []string) {
	for _, account := range slices.Sorted(maps.Keys(r.Apply.Drivers)) {
		if _, able := r.Apply.Drivers[account].(provider.Checkouter); !able || len(plan.Prices[account]) == 0 {
			continue
		}
		if found, mapped := r.Apply.Catalog.ByPrice(account, price); price == "" || mapped && found.ID == plan.ID {
			all = append(all, account)
		}
	}
	return all
}

// left reports whether the customer is being moved away from an account.
func (r *Redirect) left(account string, facts billing.Facts) bool {
	return slices.ContainsFunc(facts.Grants, func(grant billing.Grant) bool {
		return grant.From == account && facts.Bridging(r.Apply.Catalog, grant, account, r.DB.Now())
	})
}

// buysAt is the one of the accounts where the customer buys: where they have a
// subscription that is alive, else where they bought last. Empty if they never did.
func buysAt(accounts []string, facts billing.Facts) (account string) {
	var last time.Time
	lives := false
	for _, held := range facts.Subscriptions {
		s := held.Object
		if s.Status == billing.SubscriptionPending {
			continue // begun, and not bought
		}
		if live, at := s.Live(), s.StartedAt; slices.Contains(accounts, held.Account) && (live && !lives || live == lives && later(account, at, last)) {
			account, last, lives = held.Account, at, live
		}
	}
	if lives {
		return account
	}
	for _, held := range facts.Payments {
		if at := held.Object.PaidAt; !at.IsZero() && slices.Contains(accounts, held.Account) && later(account, at, last) {
			account, last = held.Account, at
		}
	}
	return account
}

// later reports whether a moment comes after the last one of an account, if there is
// an account.
func later(account string, at, last time.Time) bool { return account == "" || at.After(last) }
