package cli

import (
	"context"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// liver is a driver whose key says whether it is for live mode.
type liver interface{ Live() bool }

func mode(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// mistaken says why the account that a key opens is not the one whose objects the
// ledger holds; empty if it is, or nobody knows. What is wrong with the database itself
// is told elsewhere.
func (e examiner) mistaken(p config.Provider, opens string) string {
	seen, err := e.look()
	if err != nil {
		return ""
	}
	return store.Mistaken(p.Name, opens, seen.Identities[p.Name])
}

// keyOpens compares the mode that a key says it is for with that of the objects that
// the ledger holds, where the provider could not be asked whose it is.
func (e examiner) keyOpens(p config.Provider, mode string) []finding {
	seen, err := e.look()
	if err != nil {
		return nil
	}
	if why := store.MistakenMode(p.Name, mode, seen.Identities[p.Name]); why != "" {
		return one(wrong, "providers."+p.Name, why, "the service would not start")
	}
	return nil
}

// keyTaken asks a provider for whom, and in which mode, it takes the key.
func (e examiner) keyTaken(ctx context.Context, p config.Provider, checker provider.KeyChecker) []finding {
	subject := "providers." + p.Name
	account, err := checker.CheckKey(ctx)
	live, tells := checker.(liver)
	switch {
	case err != nil && provider.KindOf(err) == provider.Denied:
		return one(wrong, subject, "the provider refuses the key", "compare it with the dashboard, and see that it is of the right environment")
	case err != nil:
		return one(wrong, subject, "whether the provider takes the key cannot be told: "+err.Error(), "see that this machine reaches it")
	case account != "":
		if why := e.mistaken(p, account); why != "" {
			return one(wrong, subject, why, "the service would not start")
		}
		return one(fine, subject, "the key is taken, for "+account, "")
	case !tells:
		return one(fine, subject, "the key is taken", "")
	}
	if found := e.keyOpens(p, mode(live.Live())); len(found) > 0 {
		return found
	}
	if p.Environment != "" {
		return one(fine, subject, "the key is taken, in the "+p.Environment+" environment", "")
	}
	return one(fine, subject, "the key is taken, in "+mode(live.Live())+" mode", "")
}

// keyEnds looks at when a key stops working.
func keyEnds(subject string, at, now time.Time) []finding {
	const soon = 30 * 24 * time.Hour
	switch {
	case at.IsZero() || at.After(now.Add(soon)):
		return nil
	case at.After(now):
		return one(doubted, subject, "the key expires at "+stamp(at), "make a new one in the dashboard")
	}
	return one(wrong, subject, "the key has expired, at "+stamp(at), "make a new one in the dashboard")
}
