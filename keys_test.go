package trivet_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/provider"
	driver "github.com/trivetdev/trivet/provider/stripe"
)

// keyed is a driver whose key opens an account.
type keyed struct {
	*driver.Driver
	opens string
	err   error
	live  bool
}

func (k keyed) CheckKey(context.Context) (string, error) { return k.opens, k.err }

// TestAnotherAccountsKey: a key that opens another account than the one whose
// objects the ledger holds would bury them all. It is refused, and so is one that
// the provider does not take; one that cannot be checked, or does not tell, is not.
func TestAnotherAccountsKey(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "trivet.db"), "postgres": pgtest.URL(t)} {
		t.Run(name, func(t *testing.T) {
			open := func(k keyed) error {
				var err error
				key := "sk_test_1"
				if k.live {
					key = "sk_live_1"
				}
				k.Driver, err = driver.New(driver.Config{Account: "stripe", SecretKey: key})
				if err != nil {
					t.Fatal(err)
				}
				s, err := trivet.New(t.Context(), trivet.Config{
					PublicURL: "https://billing.test", Database: database, Volatile: true, Providers: []provider.Driver{k}, CheckKeys: true,
				})
				if err == nil {
					err = s.Close()
				}
				return err
			}
			down := &provider.Error{Account: "stripe", Op: "check the key", Kind: provider.Unavailable, Err: errors.New("down")}
			denied := &provider.Error{Account: "stripe", Op: "check the key", Kind: provider.Denied, Err: errors.New("no")}
			for i, step := range []struct {
				keyed
				refused string
			}{
				{keyed{err: denied}, "refuses the key"},
				{keyed{err: down}, ""},
				{keyed{opens: ""}, ""},
				{keyed{opens: "acct_1 in test mode"}, ""},
				{keyed{opens: "acct_1 in test mode"}, ""},
				{keyed{opens: "acct_2 in test mode"}, "the ledger holds the objects of acct_1 in test mode"},
				{keyed{opens: "acct_1 in live mode", live: true}, "the key opens acct_1 in live mode, and the ledger holds the objects of acct_1 in test mode: the two are never mixed: use another database"},
				{keyed{opens: "", live: true}, "use another database"},
				{keyed{err: down, live: true}, "use another database"},
				{keyed{err: down}, ""},
				{keyed{opens: "acct_1 in test mode"}, ""},
			} {
				err := open(step.keyed)
				if step.refused == "" && err != nil || step.refused != "" && (err == nil || !strings.Contains(err.Error(), step.refused)) {
					t.Errorf("step %d, %q: %v, want %q", i, step.opens, err, step.refused)
				}
			}
		})
	}
}

// expiring is a driver whose key says until when it is good.
type expiring struct {
	keyed
	at time.Time
}

func (e expiring) KeyExpires() time.Time { return e.at }

// TestKeyExpiry: a key is warned about in its last month, and one that does not say
// its end never.
func TestKeyExpiry(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		at     time.Time
		warned bool
	}{{time.Time{}, false}, {now.AddDate(0, 2, 0), false}, {now.AddDate(0, 0, 29), true}, {now.AddDate(0, 0, -1), true}} {
		d, err := driver.New(driver.Config{Account: "stripe", SecretKey: "sk_test_1"})
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		s, err := trivet.New(t.Context(), trivet.Config{
			PublicURL: "https://billing.test", Database: "sqlite:" + filepath.Join(t.TempDir(), "trivet.db"), Volatile: true, CheckKeys: true,
			Providers: []provider.Driver{expiring{keyed: keyed{Driver: d}, at: tt.at}}, Now: func() time.Time { return now },
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if warned := strings.Contains(log.String(), "the key expires soon"); warned != tt.warned {
			t.Errorf("a key until %v: warned %v\n%s", tt.at, warned, log.String())
		}
	}
}
