package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/inbox"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

func delivered(id string, refs ...string) provider.Delivery {
	d := provider.Delivery{ID: id, Type: "x", CreatedAt: storetest.Start(), Body: []byte(`{"id":"` + id + `"}`)}
	for _, r := range refs {
		d.Refs = append(d.Refs, provider.Ref{Account: "stripe", Kind: billing.KindSubscription, ID: r})
	}
	return d
}

// Sixty-four connections, each event delivered three times at once, in all with
// one that no database likes to store: each is there once, nobody is told wrong.
func TestManyConnections(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		var woken atomic.Int64
		in := inbox.New(db, 3, func(queue string) {
			if queue == store.QueueLook {
				woken.Add(1)
			}
		})
		defer in.Close()
		const events = 300
		var fresh atomic.Int64
		var all sync.WaitGroup
		work := make(chan string, 3*events)
		for i := range 3 * events {
			id := fmt.Sprint("evt_", i%events)
			if i%events == 7 {
				id = "evt\x00\xff" + strings.Repeat("x", 3000)
			}
			work <- id
		}
		close(work)
		for range 64 {
			all.Go(func() {
				for id := range work {
					is, err := in.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivered(id, "sub_"+id), http.Header{})
					if err != nil {
						t.Errorf("%.20q: %v", id, err)
					}
					if is {
						fresh.Add(1)
					}
				}
			})
		}
		all.Wait()
		count, err := db.CountEvents(t.Context(), store.EventFilter{State: store.EventReceived})
		if err != nil || count != events || fresh.Load() != events || woken.Load() == 0 {
			t.Errorf("%d rows, %d told to be new, %d wake-ups, %v", count, fresh.Load(), woken.Load(), err)
		}
	})
}

// Who goes away while their event is stored is told so; the event is stored all
// the same, and when it comes again it is a duplicate.
func TestGoneBeforeTheAnswer(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		in := inbox.New(db, 1, func(string) {})
		defer in.Close()
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
				defer cancel()
				if _, err := in.Add(ctx, "stripe", store.ArrivalWebhook, "", delivered(fmt.Sprint(i), "sub"), nil); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("event %d: %v", i, err)
				}
			})
		}
		all.Wait()
		for i := range 200 {
			if _, err := in.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivered(fmt.Sprint(i), "sub"), nil); err != nil {
				t.Errorf("event %d when it came again: %v", i, err)
			}
		}
		if count, err := db.CountEvents(t.Context(), store.EventFilter{}); err != nil || count != 200 {
			t.Errorf("%d rows, %v", count, err)
		}
	})
}

// The server is away for a moment: what was acknowledged is there, what was not
// can come again.
func TestServerAway(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{Durable: true})
	db := storetest.Open(t, server.Database(t), nil)
	in := inbox.New(db, 3, func(string) {})
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var acked []string
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				id := fmt.Sprint("evt_", i, "_", j)
				if _, err := in.Add(t.Context(), "stripe", store.ArrivalWebhook, "", delivered(id, "sub"), nil); err == nil {
					mu.Lock()
					acked = append(acked, id)
					mu.Unlock()
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	cancel()
	all.Wait()
	for _, id := range acked {
		if _, err := db.EventNamed(t.Context(), id); err != nil {
			t.Fatalf("%s was acknowledged: %v", id, err)
		}
	}
	if len(acked) == 0 {
		t.Error("nothing was acknowledged")
	}
}

// BenchmarkIntake stores events of 3 KB from 64 goroutines.
func BenchmarkIntake(b *testing.B) {
	for name, url := range map[string]string{"sqlite": storetest.SQLite(b), "postgres": pgtest.Start(b, pgtest.Options{Durable: true}).URL()} {
		b.Run(name, func(b *testing.B) {
			db := storetest.Durable(b, url, nil)
			in := inbox.New(db, 2, func(string) {})
			defer in.Close()
			body := []byte(strings.Repeat("0123456789abcdef", 192))
			run := time.Now().UnixNano()
			var n atomic.Int64
			b.SetParallelism(32) // times GOMAXPROCS, which is 2
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					d := delivered(fmt.Sprint("evt_", run, "_", i), fmt.Sprint("sub_", run, "_", i))
					d.Body = body
					if _, err := in.Add(b.Context(), "stripe", store.ArrivalWebhook, "", d, nil); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
