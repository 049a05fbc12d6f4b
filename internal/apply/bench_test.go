package apply_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/provider"
)

// BenchmarkApply works looks of which each finds something new, at a provider
// that answers at once: claim, fetch, fold, decide access, record, finish.
func BenchmarkApply(b *testing.B) {
	for name, url := range map[string]string{"sqlite": storetest.SQLite(b), "postgres": pgtest.Start(b, pgtest.Options{Durable: true}).URL()} {
		b.Run(name, func(b *testing.B) {
			config := trusting
			done, seen := make(chan bool), atomic.Int64{}
			config.Seen = func(apply.Trigger, bool) {
				if seen.Add(1) == int64(b.N) {
					close(done)
				}
			}
			clock := storetest.NewClock()
			h := furnish(b, storetest.Durable(b, url, clock.Now), clock, config)
			engine := work.New(h.db, slog.New(slog.DiscardHandler), h.Queue(64))
			var refs []provider.Ref
			for i := range b.N {
				s := snap(fmt.Sprint("sub_", b.N, "_", i), subscribed(billing.SubscriptionActive), ownedBy(""), claiming("metadata.user_id", fmt.Sprint("u", i)))
				h.world.say(s)
				if refs = append(refs, s.Ref); len(refs) == 1000 || i == b.N-1 {
					h.raise("webhook", refs...)
					refs = refs[:0]
				}
			}
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			b.ResetTimer()
			running.Go(func() { engine.Run(ctx, time.Second) })
			<-done
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "applies/s")
			b.StopTimer()
			cancel()
			running.Wait()
		})
	}
}
