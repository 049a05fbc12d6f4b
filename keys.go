package trivet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// checkPatience bounds how long a provider that does not answer delays the start.
const checkPatience = 5 * time.Second

// expiryNotice is how long before its end a key is warned about.
const expiryNotice = 30 * 24 * time.Hour

// checkKeys asks every provider whether it takes our key, and returns the
// providers' own ids of the accounts that the keys open, where they tell. A
// provider that cannot be reached does not keep us from starting.
func (c *Config) checkKeys(ctx context.Context) (identities map[string]string, err error) {
	identities = map[string]string{}
	for _, d := range c.Providers {
		c.warnOfExpiry(d)
		checker, able := d.(provider.KeyChecker)
		if !able {
			continue
		}
		identity, err := checkKey(ctx, checker)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && provider.KindOf(err) == provider.Denied:
			return nil, fmt.Errorf("providers.%s: the provider refuses the key: copy it again from the provider's dashboard (%w)", d.Account(), err)
		case err != nil:
			c.Log.Warn("cannot check the key now; going on", "account", d.Account(), "error", err)
		case identity != "":
			identities[d.Account()] = identity
		}
	}
	return identities, nil
}

// warnOfExpiry says that a key is about to stop working.
func (c *Config) warnOfExpiry(d provider.Driver) {
	expirer, able := d.(provider.KeyExpirer)
	if !able {
		return
	}
	if at := expirer.KeyExpires(); !at.IsZero() && at.Sub(c.Now()) < expiryNotice {
		c.Log.Warn("the key expires soon or has expired: make a new one in the provider's dashboard", "account", d.Account(), "expires", at)
	}
}

func checkKey(ctx context.Context, checker provider.KeyChecker) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	return checker.CheckKey(ctx)
}

// recognize makes sure that the keys open the accounts whose objects the ledger
// holds: to another account's key every object seems to have vanished. The first
// time, it notes whose they are.
func (s *Service) recognize(ctx context.Context, identities map[string]string) error {
	for _, account := range slices.Sorted(maps.Keys(identities)) {
		var known string
		err := s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			known, err = tx.KeepCursor(ctx, store.IdentityOf(account), identities[account])
			return err
		})
		if err != nil {
			return err
		}
		if why := store.Mistaken(account, identities[account], known); why != "" {
			return fmt.Errorf("providers.%s: %s", account, why)
		}
	}
	if s.config.CheckKeys {
		return s.recognizeModes(ctx, identities)
	}
	return nil
}

// recognizeModes refuses a key for another mode than that of the objects that the ledger
// holds, where whose account it opens could not be learned and the key itself says the
// mode.
func (s *Service) recognizeModes(ctx context.Context, identities map[string]string) error {
	for _, d := range s.config.Providers {
		teller, tells := d.(interface{ Live() bool })
		if !tells || identities[d.Account()] != "" {
			continue
		}
		known, err := s.db.Cursor(ctx, store.IdentityOf(d.Account()))
		if err != nil {
			return err
		}
		mode := "test"
		if teller.Live() {
			mode = "live"
		}
		if why := store.MistakenMode(d.Account(), mode, known); why != "" {
			return fmt.Errorf("providers.%s: %s", d.Account(), why)
		}
	}
	return nil
}

// identify tells for [reconcile.Config] whether the key of an account opens the one
// whose objects the ledger holds. Unlike recognize it notes nothing: what a key that
// is not known yet opens proves nothing of what was there before.
func (s *Service) identify(ctx context.Context, account string) (known bool, err error) {
	for _, d := range s.config.Providers {
		checker, able := d.(provider.KeyChecker)
		if !able || d.Account() != account {
			continue
		}
		identity, err := checkKey(ctx, checker)
		if err != nil {
			return false, fmt.Errorf("the provider does not say whose the key of %s is: %w", account, err)
		}
		noted, err := s.db.Cursor(ctx, store.IdentityOf(account))
		if err != nil || noted == "" || identity == "" {
			return false, err
		}
		if noted != identity {
			return false, fmt.Errorf("the key of %s opens %s, and the ledger holds the objects of %s", account, identity, noted)
		}
		vague, able := d.(provider.EnvironmentTeller)
		return !able || !vague.TellsEnvironmentOnly(), nil
	}
	return false, nil
}

// confirmer makes the check that goes before a burial: does the key still open the
// account whose objects the ledger holds? Nil where keys are not checked.
func (s *Service) confirmer() func(ctx context.Context, account string) error {
	if !s.config.CheckKeys {
		return nil
	}
	return func(ctx context.Context, account string) error {
		for _, d := range s.config.Providers {
			checker, able := d.(provider.KeyChecker)
			if !able || d.Account() != account {
				continue
			}
			identity, err := checkKey(ctx, checker)
			if err != nil || identity == "" {
				return err
			}
			return s.recognize(ctx, map[string]string{account: identity})
		}
		return nil
	}
}
