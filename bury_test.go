package trivet_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// swapped is a driver whose key was exchanged for that of another account while the
// service runs: it opens something else, where nothing of ours is.
type swapped struct {
	keyed
	empty bool
	lost  string
}

func (s *swapped) CheckKey(ctx context.Context) (string, error) { return s.keyed.CheckKey(ctx) }

func (s *swapped) Fetch(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	if s.empty || ref.ID == s.lost {
		return provider.Snapshot{}, &provider.Error{Account: "stripe", Op: "fetch", Kind: provider.NotFound}
	}
	return s.Driver.Fetch(ctx, ref)
}

// vague is the same with a provider that tells only the environment of a key.
type vague struct{ *swapped }

func (vague) TellsEnvironmentOnly() bool { return true }

// TestNobodyBuriesWithAnotherAccountsKey: whatever a person confirms, nothing is
// buried unless the key is known to open the account whose objects the ledger holds.
func TestNobodyBuriesWithAnotherAccountsKey(t *testing.T) {
	for name, database := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(t.TempDir(), "trivet.db") },
		"postgres": func() string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, database())
			h.Check(h.Close())
			key := &swapped{keyed: keyed{Driver: h.driver, opens: "acct_1"}}
			var driver provider.Driver = key
			restart := func() {
				t.Helper()
				h.serve(func(c *trivet.Config) { c.CheckKeys, c.Providers = true, []provider.Driver{driver} })
			}
			restart()
			h.until(0)
			h.buy("pro", world.CardGood, opening.Add(14*day))
			h.until(day)
			bury := func() (status int, code string, buried int) {
				t.Helper()
				var answer struct {
					Code   string
					Buried []struct{ Object string }
				}
				status = h.Call(http.MethodPost, "/v1/drift/bury", `{"provider":"stripe","objects":[{"subject":"subscription","object":"`+h.only("subscription")+`"}]}`, &answer)
				return status, answer.Code, len(answer.Buried)
			}
			expect := func(when string, status int, code string, buried int) {
				t.Helper()
				if s, c, n := bury(); s != status || c != code || n != buried {
					t.Errorf("%s: %d %q, %d buried", when, s, c, n)
				}
			}
			key.empty = true
			key.opens = "acct_2"
			expect("the key opens another account", http.StatusConflict, "unproven", 0)
			key.opens = ""
			expect("the key does not tell, and opens nothing of ours", http.StatusConflict, "unproven", 0)
			key.err = &provider.Error{Account: "stripe", Op: "check the key", Kind: provider.Denied, Err: errors.New("no")}
			expect("the key is refused", http.StatusBadGateway, "provider", 0)
			key.err = nil
			// The same with a provider that tells nothing but the environment.
			h.Check(h.Close())
			key.opens, driver = "acct_1", vague{key}
			restart()
			expect("the key tells its environment alone", http.StatusConflict, "unproven", 0)
			h.Check(h.Close())
			driver = key
			restart()
			h.expect("access", h.access(), "00d00:00:01 yes trialing")

			key.empty, key.lost = false, h.only("subscription")
			key.opens = ""
			expect("the key does not tell, and opens what else is ours", http.StatusOK, "", 1)
			h.expect("access", h.access(), "00d00:00:01 yes trialing", "01d00:00:00 no no_purchase")
			changes, err := h.Ledger.Changes(t.Context(), store.ChangeFilter{Subject: string(billing.KindSubscription), Limit: 1})
			h.Check(err)
			if len(changes) != 1 || !strings.HasPrefix(changes[0].Actor, "key:") || changes[0].Trigger != "request" || changes[0].Event != "bury" {
				t.Errorf("the trail says %+v", changes)
			}
		})
	}
}
