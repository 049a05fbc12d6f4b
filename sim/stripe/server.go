package stripe

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// APIVersion is the version whose shapes the simulator renders.
const APIVersion = "2026-03-25.dahlia"

// Config describes one simulated Stripe account. The zero value of each field
// but Clock works.
type Config struct {
	Seed  uint64
	Clock *sim.Clock
	Chaos sim.Chaos
	// SecretKey is the API key that callers must send; "sk_test_sim" or
	// "sk_live_sim" when empty. The same key of the other mode is known too,
	// and sees nothing.
	SecretKey string
	// WebhookSecrets sign deliveries to WebhookURL, one v1 signature each; more
	// than one is a rotation in progress. {"whsec_sim"} when empty.
	WebhookSecrets []string
	// WebhookURL receives all events; "" leaves only the endpoints that are
	// registered by API.
	WebhookURL string
	// WebhookVersion is the API version of the events posted to WebhookURL;
	// APIVersion when empty. Before 2025-03-31 they have the shapes of old, as
	// an endpoint gets them that was made long ago: what a receiver fetches then
	// differs from what it was sent.
	WebhookVersion string
	// Live makes this the live mode.
	Live bool
	// PublicURL is where the hosted pages are served, without a slash at the
	// end; "https://checkout.stripe.com" when empty.
	PublicURL string
	// Rates is what customers and people at the dashboard do by themselves.
	Rates Life
	// AfterRetries is what becomes of a subscription whose retries are used
	// up: "cancel" (also when empty), "unpaid" or "past_due".
	AfterRetries string
	// Log gets one line for each API call and delivery at debug level; nil for
	// none.
	Log *slog.Logger
}

// Server is one simulated Stripe account. All its methods are safe for
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
	// tax is a percentage on top of every invoice.
	tax float64
	// muted is set while history is made that nobody will hear of.
	muted bool

	// all finds any resource by id, tables those of one kind in order.
	all    map[string]resource
	tables map[string]*table
	ids    *sim.IDs
	// answers are kept by idempotency key.
	answers map[string]*answer
	req     request
	// guests decides what belongs to no customer.
	guests  *sim.Stream
	handler http.Handler
}

// request is the API call being carried out; empty while life goes on by
// itself.
type request struct {
	id  string
	key string
	// write is set for calls that may change something: they see no stale
	// reads.
	write bool
	// blind is set for a key of the other mode.
	blind bool
}

// New makes an account with nothing in it.
func New(cfg Config) *Server {
	mode := "test"
	if cfg.Live {
		mode = "live"
	}
	cfg.SecretKey = cmp.Or(cfg.SecretKey, "sk_"+mode+"_sim")
	if len(cfg.WebhookSecrets) == 0 {
		cfg.WebhookSecrets = []string{"whsec_sim"}
	}
	cfg.PublicURL = cmp.Or(cfg.PublicURL, "https://checkout.stripe.com")
	s := &Server{
		cfg: cfg, all: map[string]resource{}, tables: map[string]*table{}, ids: sim.NewIDs(cfg.Seed),
		answers: map[string]*answer{},
	}
	s.world = sim.NewWorld(sim.Setup{Name: "stripe", Seed: cfg.Seed, Clock: cfg.Clock, Chaos: cfg.Chaos, Log: cfg.Log}, &s.now)
	s.Account, s.mu, s.clock, s.faults = s.world.Account(), s.world, s.world.Clock(), s.world.Faults
	s.guests = sim.NewStream(cfg.Seed, 1)
	s.handler = s.routes()
	s.startLife()
	return s
}

// Handler serves the API under /v1, the hosted checkout under /c/pay/ and the
// billing portal under /p/session/.
func (s *Server) Handler() http.Handler { return s.handler }

// SecretKey is the API key that callers must use.
func (s *Server) SecretKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.SecretKey
}

// RollKey replaces the API key: calls with the one before get a 401 from now
// on.
func (s *Server) RollKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.SecretKey = key
}

// RollWebhookSecrets replaces the secrets that sign deliveries to WebhookURL.
// During a rotation Stripe signs with the old and the new one: pass both.
func (s *Server) RollWebhookSecrets(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.WebhookSecrets = secrets
}

// SetPublicURL says where the hosted pages are served, once that is known.
func (s *Server) SetPublicURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.PublicURL = url
}

// SetWebhookURL says where events are to be posted from now on.
func (s *Server) SetWebhookURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.WebhookURL = url
}

// Calm ends all faults and the rates of Life, so that the world can settle.
// What is under way (retries, delayed deliveries, open disputes) goes on.
func (s *Server) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Calm()
	s.cfg.Rates = Life{}
}

// effect records that the API call in hand really changed something. What life
// does by itself is nobody's effect.
func (s *Server) effect(op, object string, amount int64, currency, businessKey string) {
	if s.req.id == "" {
		return
	}
	key := businessKey
	if key == "" {
		key = s.req.key
	}
	s.world.Effect(sim.Effect{Op: op, Object: object, Amount: amount, Currency: currency, Key: key})
}

func (s *Server) enter() (leave func()) { return s.world.Enter() }

// at schedules run for a time; a past time means next.
func (s *Server) at(t time.Time, run func()) { s.world.At(t, run) }

func (s *Server) in(d time.Duration, run func()) { s.at(s.now.Add(d), run) }
