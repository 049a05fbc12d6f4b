package crash

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/stripe"
)

const (
	secretKey     = "sk_test_crash0000000000"
	webhookSecret = "whsec_crash00000000000000000000"
)

const (
	// haste is how much faster than ours the provider's time runs: it sends a
	// webhook up to four seconds after its event.
	haste = 10
	// skew is by how much its clock is behind ours at first, and may be ahead of
	// ours at last: signatures are good for five minutes in both directions.
	skew = 4 * time.Minute
	// senders is how many webhooks are on their way at once.
	senders = 12
)

// world is the provider: a simulated Stripe on a loopback listener, and the
// people who use it.
type world struct {
	*stripe.Server
	t     testing.TB
	clock *sim.Clock
	api   *httptest.Server
	// amnesia makes the provider forget idempotency keys, as Stripe does after a
	// day: then only looking before acting keeps an effect from happening twice.
	amnesia bool
	calls   atomic.Int64

	// gate is held for reading while a webhook is on its way.
	gate   sync.RWMutex
	mu     sync.Mutex
	hooks  []string // where webhooks go, in turn
	turn   int
	client *http.Client
	// cut counts webhooks that were sent and got no answer.
	cut atomic.Int64
	// owners tells whose the provider's customers are.
	owners map[string]string
}

func newWorld(t testing.TB, seed uint64, chaos sim.Chaos) *world {
	t.Helper()
	began := time.Now()
	clock := sim.NewClock(began.Add(-skew))
	w := &world{t: t, clock: clock, owners: map[string]string{}, client: &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}}
	w.Server = stripe.New(stripe.Config{
		Seed: seed, Clock: clock, Chaos: chaos, SecretKey: secretKey, WebhookSecrets: []string{webhookSecret},
		WebhookURL: "http://service.test/webhooks/stripe",
	})
	w.AddCatalog()
	w.api = httptest.NewServer(http.HandlerFunc(w.serve))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			now := time.Now()
			w.Advance(now.Add(min((haste-1)*now.Sub(began)-skew, skew)))
			rest(ctx, 10*time.Millisecond)
		}
	})
	for range senders {
		all.Go(func() {
			for ctx.Err() == nil {
				w.Deliver(ctx, w.post)
				rest(ctx, 10*time.Millisecond)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		all.Wait()
		w.client.CloseIdleConnections()
		w.api.Close()
	})
	return w
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// serve answers the service's calls.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	n := w.calls.Add(1)
	if key := r.Header.Get("Idempotency-Key"); key != "" && w.amnesia {
		r.Header.Set("Idempotency-Key", key+"#"+strconv.FormatInt(n, 10))
	}
	w.Handler().ServeHTTP(rw, r)
}

// sendTo says where webhooks go from now on.
func (w *world) sendTo(processes ...*process) {
	var hooks []string
	for _, p := range processes {
		hooks = append(hooks, p.address()+"/webhooks/stripe")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks = hooks
}

func (w *world) hook() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.hooks) == 0 {
		return ""
	}
	w.turn++
	return w.hooks[w.turn%len(w.hooks)]
}

// post delivers a webhook, again and again until it is acknowledged: what Stripe
// does within three days, in seconds.
func (w *world) post(r *http.Request) (int, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err
	}
	for r.Context().Err() == nil {
		if status := w.try(r, body); status == http.StatusOK {
			return status, nil
		}
		rest(r.Context(), 25*time.Millisecond)
	}
	return 0, r.Context().Err()
}

func (w *world) try(signed *http.Request, body []byte) (status int) {
	w.gate.RLock()
	defer w.gate.RUnlock()
	hook := w.hook()
	if hook == "" {
		return 0
	}
	req, err := http.NewRequestWithContext(signed.Context(), http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return 0
	}
	req.Header = signed.Header
	resp, err := w.client.Do(req)
	if err != nil {
		w.cut.Add(1)
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		w.t.Errorf("a webhook is answered with %s", resp.Status)
	}
	return resp.StatusCode
}

// acked lists the events that were acknowledged.
func (w *world) acked() []string { return w.Stats().AckedEvents }

// hold keeps all webhooks back until the returned function is called; those that
// are on their way arrive first.
func (w *world) hold() (release func()) {
	w.gate.Lock()
	return w.gate.Unlock
}

// delivered reports whether every event has been acknowledged.
func (w *world) delivered() bool {
	stats := w.Stats()
	return stats.Sent-stats.Dropped == len(stats.AckedEvents)
}

// live lets people act until the returned function is called.
func (w *world) live(seed uint64) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	r := rand.New(rand.NewPCG(seed, 1))
	var done sync.WaitGroup
	done.Go(func() {
		var subscriptions []bought
		for ctx.Err() == nil {
			if len(subscriptions) < 5 || r.IntN(3) == 0 {
				subscriptions = append(subscriptions, w.buy())
			}
			w.fiddle(r, subscriptions[r.IntN(len(subscriptions))])
			rest(ctx, time.Duration(r.IntN(50))*time.Millisecond)
		}
	})
	return func() { cancel(); done.Wait() }
}

// bought is a subscription and whose it is.
type bought struct{ customer, subscription string }

var people atomic.Int64

// buy makes a customer with a paid subscription.
func (w *world) buy() bought {
	n := people.Add(1)
	user := fmt.Sprintf("user_%d", n)
	b := bought{customer: w.CreateCustomer(fmt.Sprintf("buyer%d@example.com", n))}
	w.mu.Lock()
	w.owners[b.customer] = user
	w.mu.Unlock()
	var err error
	b.subscription, err = w.CreateSubscription(stripe.NewSubscription{
		Customer: b.customer, Price: "price_pro_month", Card: stripe.CardGood,
		Metadata: map[string]string{"user_id": user},
	})
	if err != nil {
		w.t.Error(err)
	}
	return b
}

// fiddle does something to a subscription. What makes no sense is refused, as at
// the dashboard.
func (w *world) fiddle(r *rand.Rand, b bought) {
	switch r.IntN(7) {
	case 0:
		_ = w.Change(b.subscription, "price_basic_month", 1+r.Int64N(5))
	case 1:
		_ = w.Pause(b.subscription, "void", time.Time{})
	case 2:
		_ = w.Resume(b.subscription)
	case 3:
		_ = w.CancelNow(b.subscription)
	case 4:
		_ = w.PortalCancel(b.subscription)
	case 5:
		_ = w.SetEmail(b.customer, fmt.Sprintf("moved%d@example.com", r.IntN(1000)))
	case 6:
		_, _ = w.Refund(w.payment(b), 100)
	}
}

// payment is a payment of a customer's.
func (w *world) payment(b bought) string {
	for _, o := range w.Truth() {
		if o.Kind == sim.KindPayment && o.Customer == b.customer {
			return o.ID
		}
	}
	return ""
}
