package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// meant reports settings that can be read and mean nothing to what they are for: they
// would be found out by the first sale that they lose. The error is a [*config.Error]
// with all of them.
func meant(c *config.Config, built trivet.Config) error {
	drivers := map[string]provider.Driver{}
	for _, d := range built.Providers {
		drivers[d.Account()] = d
	}
	return together(slices.Concat(claimsMeant(c, drivers), pricesMeant(c, drivers), accountsMeant(c, built.Policies)))
}

// together makes one [*config.Error] of several; nil of none.
func together(wrong []error) error {
	var all config.Error
	for _, err := range wrong {
		if told, ok := errors.AsType[*config.Error](err); ok {
			all.Problems = append(all.Problems, told.Problems...)
		}
	}
	if len(all.Problems) == 0 {
		return nil
	}
	return &all
}

// claimsMeant reports what bind names and no object of the account carries.
func claimsMeant(c *config.Config, drivers map[string]provider.Driver) (all []error) {
	for _, p := range c.Providers {
		claimer, tells := drivers[p.Name].(provider.Claimer)
		if !tells {
			continue
		}
		known := append([]string{provider.ClaimToken}, claimer.ClaimNames()...)
		for _, name := range p.Bind {
			if !claimKnown(name, known) {
				all = append(all, c.Wrong("providers."+p.Name+".bind", "nothing at a %s account is called %q: %s", p.Kind, name, claimMeant(name, known)))
			}
		}
	}
	return all
}

// claimKnown reports whether a claim is one of those known, of which one that ends with
// a dot stands for all that go on after it.
func claimKnown(name string, known []string) bool {
	return slices.ContainsFunc(known, func(k string) bool {
		return name == k && !strings.HasSuffix(k, ".") || strings.HasSuffix(k, ".") && len(name) > len(k) && strings.HasPrefix(name, k)
	})
}

// claimMeant says which claim was probably meant.
func claimMeant(name string, known []string) string {
	family, rest, dotted := strings.Cut(name, ".")
	var families, shown []string
	for _, k := range known {
		if strings.HasSuffix(k, ".") {
			families = append(families, strings.TrimSuffix(k, "."))
			k += "…, as in " + k + "user_id"
		}
		shown = append(shown, k)
	}
	if meant := config.Closest(family, families); meant != "" && dotted && rest != "" {
		return "did you mean " + meant + "." + rest + "?"
	}
	if meant := config.Closest(name, known); meant != "" && !strings.HasSuffix(meant, ".") {
		return "did you mean " + meant + "?"
	}
	return "known are " + strings.Join(shown, ", ")
}

// pricesMeant reports prices that cannot be any of the account's.
func pricesMeant(c *config.Config, drivers map[string]provider.Driver) (all []error) {
	for i, plan := range c.Plans {
		for _, account := range slices.Sorted(maps.Keys(plan.Prices)) {
			checker, checks := drivers[account].(provider.PriceChecker)
			if !checks {
				continue
			}
			for _, price := range plan.Prices[account] {
				if err := checker.CheckPrice(price); err != nil {
					all = append(all, c.Wrong(fmt.Sprintf("plan.%d.prices.%s", i, account), "%v", err))
				}
			}
		}
	}
	return all
}

// accountsMeant reports accounts that the settings of policies name and that there
// are not. A kind of provider may be named whether or not an account of it is there.
func accountsMeant(c *config.Config, policies []policy.Policy) (all []error) {
	known := config.Kinds()
	for _, p := range c.Providers {
		if !slices.Contains(known, p.Name) {
			known = append(known, p.Name)
		}
	}
	for _, p := range policies {
		namer, names := p.(policy.AccountNamer)
		if !names {
			continue
		}
		named := namer.NamedAccounts()
		for _, setting := range slices.Sorted(maps.Keys(named)) {
			for _, account := range named[setting] {
				if !slices.Contains(known, account) {
					key := "policy." + p.Name() + "." + setting
					if c.Origins[key+"_"+account] != "" { // a variable of its own
						key += "_" + account
					}
					all = append(all, c.Wrong(key, "there is no account %q, nor such a kind of provider: %s", account, config.DidYouMean(account, known)))
				}
			}
		}
	}
	return all
}
