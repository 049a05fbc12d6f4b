package crash

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// TestPostgresKilled crashes and recovers PostgreSQL under load, twice. The
// service lives through it.
func TestPostgresKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{Durable: true})
	h := newHouse(t, newWorld(t, 5, sim.Chaos{}), server.Database(t))
	p := h.start()
	stop := h.live(5)
	for range 2 {
		h.askAll()
		time.Sleep(400 * time.Millisecond)
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		acked := h.acked()
		time.Sleep(300 * time.Millisecond)
		if err := server.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.survived(acked)
	}
	stop()
	h.settle()
	h.alive(p)
	p.drain()
	h.check()
}

// alive fails if a process has ended.
func (h *house) alive(p *process) {
	h.t.Helper()
	select {
	case <-p.exited:
		h.t.Fatalf("the service did not live through it: %v", p.err)
	default:
	}
}

// TestOneOfTwoKilled runs two processes on one PostgreSQL. Both work; when one is
// killed, the other takes over.
func TestOneOfTwoKilled(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newWorld(t, 6, sim.Chaos{}), pgtest.URL(t))
	first, second := spawn(t, h.config), spawn(t, h.config) // both migrate
	h.sendTo(first, second)
	stop := h.live(6)
	h.askAll()
	time.Sleep(time.Second)
	for _, p := range []*process{first, second} {
		for _, metric := range []string{`trivet_webhooks_total{account="stripe",result="stored"}`, `trivet_work_seconds_count{queue="look"}`} {
			if p.metric(metric) == 0 {
				t.Errorf("%s is 0 in one of two processes: it does not share the work", metric)
			}
		}
	}
	first.kill()
	release := h.hold()
	acked := h.acked()
	held := h.running()
	h.survived(acked)
	release()
	h.sendTo(second)
	killed := time.Now()
	h.askAll()
	stop()
	h.settle()
	t.Logf("%d rows were held when one was killed; all was done %s later", held, time.Since(killed))
	h.alive(second)
	second.drain()
	h.check()
}

// TestStoppedPastItsLease stops one of two processes between the provider's
// answer and its writing, lets the other write something newer, and wakes it. Its
// late write is refused.
func TestStoppedPastItsLease(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newWorld(t, 7, sim.Chaos{}), pgtest.URL(t))
	other := h.start()
	b := h.buy()
	h.settle()
	other.drain()

	sleeper := h.start("apply.fetched=stop@1")
	h.email(b, "old@example.com")
	sleeper.reached("apply.fetched")
	other = h.start()
	h.email(b, "new@example.com")
	h.settle()
	before := h.row(b)
	if !strings.Contains(before.Doc, "new@example.com") {
		t.Fatalf("the other process has not written: %s", before.Doc)
	}
	h.refused(sleeper)
	if n := sleeper.metric(`trivet_work_failures_total{queue="look"}`); n != 1 {
		t.Errorf("%v looks are counted as failed by the one that woke up, want 1", n)
	}
	if after := h.row(b); after != before {
		t.Errorf("the late write changed %+v to %+v", before, after)
	}
	sleeper.drain()
	other.drain()
	h.check()
}

// TestStoppedWhileActing stops one of two processes before, and then after, the
// provider has carried out an effect. The other takes over; the first wakes and
// goes on. The effect happens once.
func TestStoppedWhileActing(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"outbox.marked", "outbox.called"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, newWorld(t, 8, sim.Chaos{}), pgtest.URL(t))
			sleeper := h.start(point + "=stop@1")
			h.askRefund()
			sleeper.reached(point)
			other := h.start()
			h.settle()
			h.refused(sleeper)
			sleeper.drain()
			h.settle()
			other.drain()
			h.check()
		})
	}
}

// email changes a customer's address at the provider.
func (h *house) email(b bought, address string) {
	h.t.Helper()
	if err := h.SetEmail(b.customer, address); err != nil {
		h.t.Fatal(err)
	}
}

// row is what the ledger says about a customer.
func (h *house) row(b bought) store.Object {
	h.t.Helper()
	o, err := h.database().Object(h.t.Context(), "stripe/customer/"+b.customer)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

// refused waits until a process that was woken says that it came too late.
func (h *house) refused(p *process) {
	h.t.Helper()
	p.signal(syscall.SIGCONT)
	p.eventually("says that it came too late", func() bool {
		return strings.Contains(p.log.String(), "refused a late write")
	})
}
