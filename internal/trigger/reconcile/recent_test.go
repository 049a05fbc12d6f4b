package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/provider"
)

// shelf is a provider without webhooks and events: invoices, newest first, ten a
// page, each of which is a payment too; and subscriptions.
type shelf struct {
	invoices, subscriptions int
	// paid says which invoices are paid.
	paid  map[int]bool
	lists []string
	fail  error
	// away: what is read between sweeps fails, so that sweeps alone compare.
	away bool
	// recalled is told what the caller of each list has of the invoices.
	recalled func(provider.Query, map[provider.Ref]provider.Memory)
}

func (s *shelf) Account() string { return "shelf" }
func (s *shelf) Kinds() []billing.Kind {
	return []billing.Kind{billing.KindSubscription, billing.KindInvoice, billing.KindPayment}
}
func (s *shelf) Bundled() []billing.Kind { return []billing.Kind{billing.KindPayment} }
func (s *shelf) Recent() []billing.Kind {
	return []billing.Kind{billing.KindInvoice, billing.KindSubscription}
}
func (s *shelf) Abilities() map[provider.Ability]provider.Support { return nil }
func (s *shelf) Verify(context.Context, http.Header, []byte, time.Time) (provider.Delivery, error) {
	return provider.Delivery{}, errors.New("no webhooks")
}

func (s *shelf) ref(kind billing.Kind, n int) provider.Ref {
	return provider.Ref{Account: "shelf", Kind: kind, ID: strconv.Itoa(n)}
}

func (s *shelf) invoice(n int) provider.Snapshot {
	status, payment := billing.InvoiceOpen, billing.PaymentPending
	if s.paid[n] {
		status, payment = billing.InvoicePaid, billing.PaymentSucceeded
	}
	return provider.Snapshot{
		Ref: s.ref(billing.KindInvoice, n), Object: billing.Invoice{Status: status, Subscription: "1"},
		Beside: []provider.Snapshot{{Ref: s.ref(billing.KindPayment, n), Object: billing.Payment{Status: payment}}},
	}
}

func (s *shelf) Fetch(_ context.Context, ref provider.Ref) (provider.Snapshot, error) {
	n, _ := strconv.Atoi(ref.ID)
	switch {
	case ref.Kind == billing.KindInvoice && n <= s.invoices:
		return s.invoice(n), nil
	case ref.Kind == billing.KindPayment && n <= s.invoices:
		return s.invoice(n).Beside[0], nil
	}
	return provider.Snapshot{}, &provider.Error{Account: "shelf", Op: "fetch", Kind: provider.NotFound}
}

func (s *shelf) List(ctx context.Context, q provider.Query) (page provider.Page, err error) {
	if s.fail != nil {
		return page, s.fail
	}
	if s.away && q.Recall == nil {
		return page, &provider.Error{Account: "shelf", Op: "list", Kind: provider.Unavailable}
	}
	if s.recalled != nil && q.Recall != nil {
		var refs []provider.Ref
		for n := range s.invoices + 1 {
			refs = append(refs, s.ref(billing.KindInvoice, n))
		}
		known, err := q.Recall(ctx, refs)
		if err != nil {
			return page, err
		}
		s.recalled(q, known)
	}
	s.lists = append(s.lists, string(q.Kind)+" "+q.After)
	all := map[billing.Kind]int{billing.KindInvoice: s.invoices, billing.KindSubscription: s.subscriptions}[q.Kind]
	skip, _ := strconv.Atoi(q.After)
	for n := all - skip; n > max(0, all-skip-10); n-- {
		if q.Kind == billing.KindInvoice {
			page.Snapshots = append(page.Snapshots, s.invoice(n))
		} else {
			page.Snapshots = append(page.Snapshots, provider.Snapshot{Ref: s.ref(q.Kind, n), Object: billing.Subscription{Status: billing.SubscriptionActive}})
		}
	}
	if skip+10 < all {
		page.Next = strconv.Itoa(skip + 10)
	}
	return page, nil
}

// asked takes the lists that were asked for.
func (s *shelf) asked() []string {
	asked := s.lists
	s.lists = nil
	return asked
}

// library reconciles a shelf on a database.
type library struct {
	*shelf
	t      *testing.T
	db     *store.DB
	clock  *storetest.Clock
	engine *work.Engine
}

func libraries(t *testing.T, test func(*library)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, url string) {
		l := &library{t: t, clock: storetest.NewClock(), shelf: &shelf{invoices: 45, subscriptions: 3, paid: map[int]bool{}}}
		l.db = storetest.Open(t, url, l.clock.Now)
		catalog, err := billing.NewCatalog(nil)
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		a := apply.New(apply.Config{DB: l.db, Drivers: map[string]provider.Driver{"shelf": l.shelf}, Catalog: catalog, Rules: billing.DefaultRules(), Log: log})
		t.Cleanup(a.Close)
		r := reconcile.New(reconcile.Config{
			DB: l.db, Apply: a, Wake: func(queue string) { l.engine.Wake(queue) }, Log: log, Recent: 5 * time.Minute, Hot: never, Full: 30 * time.Hour,
		})
		l.engine = work.New(l.db, log, a.Queue(2), r.Queue(2))
		if err := r.Schedule(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(l)
	})
}

// pass lets time go by, a minute at a time.
func (l *library) pass(d time.Duration) {
	l.t.Helper()
	for end := l.clock.Now().Add(d); ; l.clock.Pass(time.Minute) {
		if _, err := l.engine.Step(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
		if !l.clock.Now().Before(end) {
			return
		}
	}
}

func (l *library) status(kind billing.Kind, n int) string {
	l.t.Helper()
	o, err := l.db.Object(l.t.Context(), l.ref(kind, n).String())
	if err != nil {
		l.t.Fatal(err)
	}
	return o.Status
}

// TestRecent: the newest pages are read until two in a row have nothing new, every
// few minutes, and what is beside an object is kept with it.
func TestRecent(t *testing.T) {
	libraries(t, func(l *library) {
		l.pass(0)
		first := "[subscription  invoice  invoice 10 invoice 20 invoice 30 invoice 40]"
		if got := fmt.Sprint(l.asked()); got != first {
			t.Errorf("the first sweep asked for %s", got)
		}
		if got := l.status(billing.KindPayment, 1); got != "pending" {
			t.Errorf("the payment beside an invoice is %s", got)
		}
		l.pass(5 * time.Minute)
		quiet := "[invoice  invoice 10 subscription ]"
		if got := fmt.Sprint(l.asked()); got != quiet {
			t.Errorf("with nothing new, it asked for %s", got)
		}
		l.invoices++
		l.paid[46], l.paid[25] = true, true // the newest, and one on the third page
		l.pass(5 * time.Minute)
		if got := fmt.Sprint(l.asked()); got != "[invoice  invoice 10 invoice 20 invoice 30 invoice 40 subscription ]" {
			t.Errorf("with something new on the first and the third page, it asked for %s", got)
		}
		for _, n := range []int{46, 25} {
			if a, b := l.status(billing.KindInvoice, n), l.status(billing.KindPayment, n); a != "paid" || b != "succeeded" {
				t.Errorf("%d is %s and %s", n, a, b)
			}
		}
		l.paid[3] = true // too far down for this way to look
		l.pass(5 * time.Minute)
		if got := fmt.Sprint(l.asked()); got != quiet {
			t.Errorf("with nothing new where it looks, it asked for %s", got)
		}
		l.pass(31 * time.Hour)
		if got := l.status(billing.KindPayment, 3); got != "succeeded" {
			t.Errorf("after the next sweep it is %s", got)
		}
	})
}

// TestRecentWhileAway: a provider that is away is asked again, and the round goes on
// where it was.
func TestRecentWhileAway(t *testing.T) {
	libraries(t, func(l *library) {
		l.pass(0)
		l.asked()
		l.fail = &provider.Error{Account: "shelf", Op: "list", Kind: provider.Unavailable}
		l.invoices++
		l.pass(20 * time.Minute)
		l.fail = nil
		l.pass(15 * time.Minute)
		if got := l.status(billing.KindInvoice, 46); got != "open" {
			t.Errorf("it is %s", got)
		}
	})
}

// TestRecall: a driver may ask what the ledger has, and what of it the sweep that asks
// has compared already.
func TestRecall(t *testing.T) {
	libraries(t, func(l *library) {
		var seen []string
		l.recalled = func(q provider.Query, known map[provider.Ref]provider.Memory) {
			if q.Kind != billing.KindInvoice {
				return
			}
			n := 0
			for _, m := range known {
				if m.Seen {
					n++
				}
			}
			seen = append(seen, fmt.Sprint(n, " of ", len(known)))
			if m, has := known[l.ref(billing.KindInvoice, 40)]; has && (m.FirstAt.After(m.ChangedAt) || !m.FirstAt.Equal(storetest.Start()) || m.ChangedAt.Equal(m.FirstAt) == l.paid[40]) {
				l.t.Errorf("%+v", m)
			}
		}
		l.pass(0)
		if want := "[0 of 0 10 of 10 20 of 20 30 of 30 40 of 40]"; fmt.Sprint(seen) != want {
			t.Errorf("the first sweep has compared %v", seen)
		}
		l.paid[40] = true
		l.pass(10 * time.Minute) // is found among the newest
		seen, l.away = nil, true
		l.pass(31 * time.Hour)
		if want := "[0 of 45 10 of 45 20 of 45 30 of 45 40 of 45]"; fmt.Sprint(seen) != want {
			t.Errorf("the second sweep has compared %v", seen)
		}
	})
}

// TestBundledLeftovers: an object of a kind that is never listed by itself, and that
// no record has beside it any more, is looked at; one that is there is not.
func TestBundledLeftovers(t *testing.T) {
	libraries(t, func(l *library) {
		l.pass(0)
		l.invoices = 44 // the newest has vanished
		l.pass(31 * time.Hour)
		for _, kind := range []billing.Kind{billing.KindInvoice, billing.KindPayment} {
			gone, err := l.db.Object(t.Context(), l.ref(kind, 45).String())
			if err != nil || !gone.Gone {
				t.Errorf("the %s is %+v, %v", kind, gone, err)
			}
			kept, err := l.db.Object(t.Context(), l.ref(kind, 44).String())
			if err != nil || kept.Gone {
				t.Errorf("the %s is %+v, %v", kind, kept, err)
			}
		}
	})
}
