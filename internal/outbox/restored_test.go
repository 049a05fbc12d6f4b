package outbox_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
)

// TestARestoredLedgerRepeatsNothing: an effect was due when the backup was made, and
// was carried out afterwards. The ledger that is put back believes that nobody ever
// tried, and the provider has forgotten the idempotency key; it happens once all the
// same, and the ledger comes to be in step.
func TestARestoredLedgerRepeatsNothing(t *testing.T) {
	for _, e := range effects() {
		t.Run(e.kind, func(t *testing.T) {
			h := triggertest.SQLite(t, quiet)
			s := e.ready(t, h)
			s.ask(t, e, "key 1")
			backup := filepath.Join(t.TempDir(), "backup.db")
			_, err := store.Backup(t.Context(), strings.TrimPrefix(h.URL, "sqlite:"), backup)
			check(t, err)
			s.Step(t)
			if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened(e.op) != 1 {
				t.Fatalf("before: %+v, happened %d times", got, s.happened(e.op))
			}
			s.Clock.Advance(2 * day) // a provider keeps idempotency keys for one
			s.Net.Calls()
			h.Restore(t, backup)
			if got := s.state(t, "key 1"); got.State != store.EffectDue {
				t.Fatalf("the ledger is not the one of then: %+v", got)
			}
			s.Step(t)
			s.Pass(t, 5*time.Minute)
			if got := s.state(t, "key 1"); got.State != store.EffectDone && got.State != store.EffectDropped {
				t.Errorf("ended as %+v", got)
			}
			if n := s.happened(e.op); n != 1 {
				t.Errorf("happened %d times: %v", n, s.writes())
			}
		})
	}
}
