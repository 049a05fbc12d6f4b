package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/stripe"
)

const (
	secret = "whsec_for_the_benchmark" //nolint:gosec // it opens nothing
	apiKey = "key_for_the_benchmark"
)

// fake verifies as Stripe does, and answers for a provider: at once, or after a
// delay.
type fake struct {
	*stripe.Driver
	delay atomic.Int64
	round atomic.Int64 // raised, every object is another
}

// Fetch implements provider.Driver.
func (f *fake) Fetch(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	if delay := time.Duration(f.delay.Load()); delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return provider.Snapshot{}, ctx.Err()
		}
	}
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, int(f.round.Load()), 0)
	number := strings.TrimPrefix(ref.ID, "sub_")
	return provider.Snapshot{
		Ref: ref, Owner: "cus_" + number, Claims: map[string]string{"metadata.user_id": "user_" + number},
		Object: billing.Subscription{
			Status: billing.SubscriptionActive, ProviderStatus: "active", Price: "price_1", Quantity: 1,
			Items:  []billing.Item{{Price: "price_1", Quantity: 1}},
			Amount: billing.Money{Amount: 2900, Currency: "EUR"}, Interval: billing.Interval{Unit: "month", Count: 1},
			PeriodStart: began, PeriodEnd: began.AddDate(0, 1, 0), LatestInvoice: "in_" + number,
		},
	}, nil
}

// List implements provider.Driver: nothing is to be swept here.
func (f *fake) List(context.Context, provider.Query) (provider.Page, error) {
	return provider.Page{}, nil
}

// Events implements provider.EventLister.
func (f *fake) Events(context.Context, time.Time, string) (provider.EventPage, error) {
	return provider.EventPage{}, nil
}

// server is a service behind a real listener.
type server struct {
	service *trivet.Service
	driver  *fake
	http    *http.Server
	address string
	ledger  *store.DB
	stop    context.CancelFunc
	running sync.WaitGroup
}

func start(ctx context.Context, database string) (*server, error) {
	d, err := stripe.New(stripe.Config{Account: "stripe", SecretKey: "sk_test_for_the_benchmark", WebhookSecrets: []string{secret}})
	if err != nil {
		return nil, err
	}
	s := &server{driver: &fake{Driver: d}}
	s.service, err = trivet.New(ctx, trivet.Config{
		PublicURL: "http://127.0.0.1", Database: database, Providers: []provider.Driver{s.driver},
		Plans: []billing.Plan{{ID: "pro", Kind: billing.GrantSubscription, Prices: map[string][]string{"stripe": {"price_1"}}}},
		Bind:  map[string][]string{"stripe": {"token", "metadata.user_id"}}, APIKeys: []string{apiKey},
		Workers: 64,
	})
	if err != nil {
		return nil, err
	}
	if s.ledger, err = store.Open(ctx, store.Options{URL: database, Now: time.Now}); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.address = listener.Addr().String()
	s.http = &http.Server{Handler: s.service.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// work runs the engine until close.
func (s *server) work(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	s.running.Go(func() { _ = s.service.Run(ctx) })
}

func (s *server) close() {
	_ = s.http.Close()
	if s.stop != nil {
		s.stop()
	}
	s.running.Wait()
	_ = s.ledger.Close()
	_ = s.service.Close()
}

// intake measures how fast webhooks are stored, beside bare inserts.
func intake(ctx context.Context, t target, length time.Duration) error {
	for _, connections := range []int{1, 16, 64} {
		if err := bare(ctx, t, connections, length); err != nil {
			return err
		}
		if err := plain(ctx, t, connections, length); err != nil {
			return err
		}
		if err := webhooks(ctx, t, connections, length); err != nil {
			return err
		}
	}
	return nil
}

// post sends webhooks from as many connections, one after the other on each.
func post(address string, connections int, length time.Duration) ([]time.Duration, time.Duration, error) {
	wires := make([]*wire, connections)
	for i := range wires {
		var err error
		if wires[i], err = dial(address); err != nil {
			return nil, 0, err
		}
		defer wires[i].conn.Close() //nolint:errcheck // thrown away
	}
	return load(connections, length, func(worker, call int) error {
		now := time.Now()
		body := event(fmt.Sprintf("evt_%d_%d", worker, call), fmt.Sprintf("sub_%d", (worker*7919+call)%5000), now)
		return wires[worker].send("POST /webhooks/stripe HTTP/1.1\r\nHost: bench\r\nStripe-Signature: "+sign(secret, now, body)+"\r\n", body)
	})
}

func webhooks(ctx context.Context, t target, connections int, length time.Duration) error {
	database, err := t.fresh(ctx, fmt.Sprintf("intake%d", connections))
	if err != nil {
		return err
	}
	s, err := start(ctx, database)
	if err != nil {
		return err
	}
	defer s.close()
	took, real, err := post(s.address, connections, length)
	show(fmt.Sprintf("webhook stored, %d connections", connections), took, real)
	if err != nil {
		return err
	}
	stored, err := s.ledger.CountEvents(ctx, store.EventFilter{})
	if err == nil && int(stored) != len(took) {
		err = fmt.Errorf("%d answered 200, %d stored", len(took), stored)
	}
	return err
}

// fill looks at objects for the first time, then again when every one changed.
func fill(ctx context.Context, t target, objects int) (*server, error) {
	database, err := t.fresh(ctx, "ledger")
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, database)
	if err != nil {
		return nil, err
	}
	for round, name := range []string{"first looks applied", "changes applied", "looks without a change"} {
		if round < 2 {
			s.driver.round.Store(int64(round))
		}
		if err := s.raise(ctx, objects); err != nil {
			return nil, err
		}
		began := time.Now()
		if round == 0 {
			s.work(ctx)
		}
		if err := s.settled(ctx); err != nil {
			return nil, err
		}
		took := time.Since(began)
		fmt.Printf("  %-34s %10.0f\n", name, float64(objects)/took.Seconds())
	}
	return s, nil
}

func (s *server) raise(ctx context.Context, objects int) error {
	return s.ledger.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		wants := make([]store.Want, objects)
		for i := range wants {
			wants[i] = store.Want{Queue: store.QueueLook, Key: fmt.Sprintf("stripe/subscription/sub_%d", i), Cause: "request"}
		}
		return tx.Raise(ctx, numbers[0], wants)
	})
}

// settled waits until nothing is left to be looked at.
func (s *server) settled(ctx context.Context) error {
	for {
		counts, err := s.ledger.WorkCounts(ctx)
		if err != nil {
			return err
		}
		if n := counts[[2]string{store.QueueLook, "dead"}]; n > 0 {
			return fmt.Errorf("%d looks are dead", n)
		}
		if counts[[2]string{store.QueueLook, "ready"}]+counts[[2]string{store.QueueLook, "running"}] == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// check measures the one call that applications make all the time.
func (s *server) check(length time.Duration, objects int) error {
	const connections = 16
	wires := make([]*wire, connections)
	for i := range wires {
		var err error
		if wires[i], err = dial(s.address); err != nil {
			return err
		}
		defer wires[i].conn.Close() //nolint:errcheck // thrown away
	}
	took, real, err := load(connections, length, func(worker, call int) error {
		return wires[worker].send(fmt.Sprintf("GET /v1/check?customer=user_%d&feature=pro HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n",
			(worker*7919+call*31)%objects, apiKey), nil)
	})
	show(fmt.Sprintf("check, %d connections", connections), took, real)
	return err
}

// latency measures the time from a webhook to the state it leads to, with a
// provider that takes 50 ms to answer, at 100 events a second.
func (s *server) latency(length time.Duration) error {
	s.driver.delay.Store(int64(50 * time.Millisecond))
	s.driver.round.Add(1)
	ctx := context.Background()
	w, err := dial(s.address)
	if err != nil {
		return err
	}
	defer w.conn.Close() //nolint:errcheck // thrown away
	began := time.Now()
	var sent int
	for ; time.Since(began) < length; sent++ {
		time.Sleep(time.Until(began.Add(time.Duration(sent) * 10 * time.Millisecond)))
		now := time.Now()
		body := event(fmt.Sprintf("evt_latency_%d", sent), fmt.Sprintf("sub_%d", sent), now)
		if err := w.send("POST /webhooks/stripe HTTP/1.1\r\nHost: bench\r\nStripe-Signature: "+sign(secret, now, body)+"\r\n", body); err != nil {
			return err
		}
	}
	if err := s.settled(ctx); err != nil {
		return err
	}
	events, err := s.ledger.Events(ctx, store.EventFilter{State: store.EventDone, Limit: sent})
	if err != nil {
		return err
	}
	took := make([]time.Duration, len(events))
	for i, e := range events {
		took[i] = e.DoneAt.Sub(e.ReceivedAt)
	}
	show("event to applied, provider 50 ms", took, length)
	return nil
}

// create makes a database on a private server.
func create(ctx context.Context, server *pgtest.Server, name string) (string, error) {
	admin, err := sql.Open("pgx", server.URL())
	if err != nil {
		return "", err
	}
	defer admin.Close() //nolint:errcheck // nothing was written through it that counts
	if _, err := admin.ExecContext(ctx, "create database "+name); err != nil {
		return "", err
	}
	address, err := url.Parse(server.URL())
	if err != nil {
		return "", err
	}
	address.Path = "/" + name
	return address.String(), nil
}
