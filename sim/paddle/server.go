package paddle

import (
	"cmp"
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
	sim.Account
	cfg   Config
	world *sim.World
	mu    sync.Locker // the world's
	clock *sim.Clock
	// now is how far the world has come; the clock may be ahead of it.
	now    time.Time
	faults *sim.Faults

	// all finds any resource by id, tables those of one kind in order.
	all    map[string]resource
	tables map[string]*table
	ids    *sim.IDs
	req    request
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
	cfg.PaymentLink = cmp.Or(cfg.PaymentLink, "https://shop.test/pay")
	s := &Server{
		cfg: cfg, all: map[string]resource{}, tables: map[string]*table{}, ids: sim.NewIDs(cfg.Seed),
	}
	s.world = sim.NewWorld(sim.Setup{Name: "paddle", Seed: cfg.Seed, Clock: cfg.Clock, Chaos: cfg.Chaos, Log: cfg.Log}, &s.now)
	s.Account, s.mu, s.clock, s.faults = s.world.Account(), s.world, s.world.Clock(), s.world.Faults
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

// Calm ends all faults and the rates of Life, so that the world can settle.
// What is under way (retries, delayed deliveries, refunds to be approved) goes
// on.
func (s *Server) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Calm()
	s.cfg.Rates = Life{}
}

// effect records that the API call in hand really changed something. What life
// does by itself is nobody's effect. Its key is the X-Transit-Id of the call, which is
// all that a call to Paddle can carry besides its parameters.
func (s *Server) effect(op, object string, amount int64, currency string) {
	if s.req.id == "" {
		return
	}
	s.world.Effect(sim.Effect{Op: op, Object: object, Amount: amount, Currency: currency, Key: s.req.transit})
}

func (s *Server) enter() (leave func()) { return s.world.Enter() }

// at schedules run for a time; a past time means next.
func (s *Server) at(t time.Time, run func()) { s.world.At(t, run) }

func (s *Server) in(d time.Duration, run func()) { s.at(s.now.Add(d), run) }
