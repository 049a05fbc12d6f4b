package paddle

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Config describes one simulated Paddle account. The zero value of each field
// but Clock works.
type Config struct {
	Seed  uint64
	Clock *sim.Clock
	Chaos sim.Chaos
	// APIKey is the key that callers must send; one with the prefix of the
	// environment when empty.
	APIKey string
	// WebhookSecrets sign notifications to WebhookURL, one h1 signature each; more
	// than one is a rotation in progress. One secret when empty.
	WebhookSecrets []string
	// WebhookURL receives all events; "" leaves only the destinations that are
	// registered by API.
	WebhookURL string
	// Sandbox makes this the sandbox: three attempts at a notification instead of
	// sixty, refunds approved every ten minutes.
	Sandbox bool
	// SignOnce signs a notification once and repeats that signature, old time and
	// all, at every attempt. Otherwise every attempt is signed afresh. Nobody
	// documents which of them Paddle does.
	SignOnce bool
	// PaymentLink is the merchant's default payment link, where Paddle.js opens the
	// checkout; "https://shop.test/pay" when empty. Its path is served by Handler.
	PaymentLink string
	// Rates is what customers, people at the dashboard and at Paddle do by
	// themselves.
	Rates Life
	// AfterRetries is what becomes of a subscription whose retries are used up:
	// "cancel" (also when empty) or "pause".
	AfterRetries string
	// Log gets one line for each API call and delivery at debug level; nil for
	// none.
	Log *slog.Logger
}

// Server is one simulated Paddle account. All its methods are safe for
// concurrent use; the world is deterministic for a seed when driven from one
// goroutine.
type Server struct {
	cfg   Config
	clock *sim.Clock
	log   *slog.Logger

	mu sync.Mutex
	// now is how far the world has come; the clock may be ahead of it.
	now    time.Time
	faults *sim.Faults
	// agenda is what life will do, post what is to be delivered.
	agenda sim.Timetable[func()]
	post   sim.Timetable[*delivery]

	// all finds any resource by id, tables those of one kind in order.
	all    map[string]resource
	tables map[string]*table
	// counts are the ids given out, by prefix.
	counts  map[string]uint64
	req     request
	effects []sim.Effect
	stats   sim.Stats
	acked   map[string]bool
	// guests decides what belongs to no customer.
	guests  *sim.Stream
	handler http.Handler
}

// request is the API call being carried out; empty while life goes on by itself.
type request struct {
	id string
	// transit is the caller's own name for the call (X-Transit-Id). Paddle does
	// nothing with it but keep it.
	transit string
	// write is set for calls that may change something: they see no stale reads.
	write bool
}

// New makes an account with nothing in it.
func New(cfg Config) *Server {
	if cfg.APIKey == "" {
		cfg.APIKey = "pdl_live_apikey_01simulated0000000000000000_sim"
		if cfg.Sandbox {
			cfg.APIKey = "pdl_sdbx_apikey_01simulated0000000000000000_sim"
		}
	}
	if len(cfg.WebhookSecrets) == 0 {
		cfg.WebhookSecrets = []string{"pdl_ntfset_01simulated_sim"}
	}
	if cfg.PaymentLink == "" {
		cfg.PaymentLink = "https://shop.test/pay"
	}
	if cfg.Clock == nil {
		cfg.Clock = sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, clock: cfg.Clock, log: cfg.Log, now: cfg.Clock.Now(),
		faults: sim.NewFaults(cfg.Seed, cfg.Chaos),
		all:    map[string]resource{}, tables: map[string]*table{}, counts: map[string]uint64{}, acked: map[string]bool{},
		stats: sim.Stats{Calls: map[string]int{}, Faults: map[string]int{}},
	}
	s.guests = sim.NewStream(cfg.Seed, 1)
	s.handler = s.routes()
	s.startLife()
	return s
}

// Handler serves the API, the checkout at the path of the payment link, and the
// customer portal under /portal/.
func (s *Server) Handler() http.Handler { return s.handler }

// APIKey is the key that callers must use.
func (s *Server) APIKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.APIKey
}

// RollKey replaces the API key: calls with the one before get a 403 from now on.
func (s *Server) RollKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.APIKey = key
}

// RollWebhookSecrets replaces the secrets that sign notifications to WebhookURL.
// During a rotation Paddle signs with the old and the new one: pass both.
func (s *Server) RollWebhookSecrets(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.WebhookSecrets = secrets
}

// SetPaymentLink says where the checkout is served, once that is known.
func (s *Server) SetPaymentLink(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.PaymentLink = url
}

// SetWebhookURL says where events are to be posted from now on.
func (s *Server) SetWebhookURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.WebhookURL = url
}

// Advance moves the clock to t and lets happen what is due until then.
// Notifications that fall due wait for Deliver.
func (s *Server) Advance(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp(t.UTC())
	s.clock.Set(t)
}

// NextAt returns when something is next due: a turn of life, or a delivery.
func (s *Server) NextAt() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.post.Next()
	if planned, found := s.agenda.Next(); found && (!ok || planned.Before(at)) {
		return planned, true
	}
	return at, ok
}

// Calm ends all faults and the rates of Life, so that the world can settle.
// What is under way (retries, delayed deliveries, refunds to be approved) goes
// on.
func (s *Server) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Calm()
	s.cfg.Rates = Life{}
}

// Stats returns the counts so far.
func (s *Server) Stats() sim.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats.Clone()
	out.Faults = s.faults.Fired()
	return out
}

// Effects returns the ledger of effects, in the order in which they happened.
// The key of an effect is the X-Transit-Id of the call, which is all that a call
// to Paddle can carry besides its parameters.
func (s *Server) Effects() []sim.Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sim.Effect(nil), s.effects...)
}

// effect records that the API call in hand really changed something. What life
// does by itself is nobody's effect.
func (s *Server) effect(op, object string, amount int64, currency string) {
	if s.req.id == "" {
		return
	}
	s.effects = append(s.effects, sim.Effect{
		At: s.now, Op: op, Object: object, Amount: amount, Currency: currency, Key: s.req.transit,
	})
}

// enter locks the world and lets it catch up with the clock.
func (s *Server) enter() (leave func()) {
	s.mu.Lock()
	s.catchUp(s.clock.Now())
	return s.mu.Unlock
}
