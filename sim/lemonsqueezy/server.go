package lemonsqueezy

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Config describes one simulated account, in one of its two modes. The zero value
// of each field works.
type Config struct {
	Seed  uint64
	Clock *sim.Clock
	Chaos sim.Chaos
	// APIKey is what callers must send; "ls_test_sim" or "ls_live_sim" when empty.
	// OtherKey is the key of the other mode, to which nothing exists; empty: none.
	APIKey   string
	OtherKey string
	// WebhookSecret signs deliveries to WebhookURL; "ls_secret_sim" when empty.
	WebhookSecret string
	// WebhookURL receives all events; "" leaves only the webhooks registered by
	// API.
	WebhookURL string
	// Live makes this the live mode.
	Live bool
	// Currency is the store's; "USD" when empty.
	Currency string
	// Variables lets the return address of a checkout expand [order_id] and
	// [order_identifier]. Whether the real one does is not documented.
	Variables bool
	// PublicURL is where the hosted pages are served, without a slash at the end;
	// "https://shop.lemonsqueezy.com" when empty.
	PublicURL string
	// ExpireUnpaid is after what time the store's dunning rules end a subscription
	// whose retries are used up; 14 days when zero.
	ExpireUnpaid time.Duration
	// Rates is what customers and people at the dashboard do by themselves.
	Rates Life
	// Log gets one line for each API call and delivery at debug level; nil for
	// none.
	Log *slog.Logger
}

// Server is one simulated account. All its methods are safe for concurrent use;
// the world is deterministic for a seed when driven from one goroutine.
type Server struct {
	sim.Account
	cfg   Config
	world *sim.World
	mu    sync.Locker // the world's
	clock *sim.Clock
	// now is how far the world has come; the clock may be ahead of it.
	now    time.Time
	faults *sim.Faults

	tables map[string]*table
	// calling is set while an API call is carried out, writing while that call may
	// change something: it sees no stale reads.
	calling, writing bool
	// blind is set for a key of the other mode.
	blind bool
	// guests decides what belongs to no customer.
	guests  *sim.Stream
	handler http.Handler
}

// New makes an account with two stores and nothing sold in them. The first store
// is the one that Truth speaks of.
func New(cfg Config) *Server {
	mode := "test"
	if cfg.Live {
		mode = "live"
	}
	cfg.APIKey = cmp.Or(cfg.APIKey, "ls_"+mode+"_sim")
	cfg.WebhookSecret = cmp.Or(cfg.WebhookSecret, "ls_secret_sim")
	cfg.Currency = cmp.Or(cfg.Currency, "USD")
	cfg.PublicURL = cmp.Or(cfg.PublicURL, "https://shop.lemonsqueezy.com")
	cfg.ExpireUnpaid = cmp.Or(cfg.ExpireUnpaid, 14*24*time.Hour)
	s := &Server{
		cfg: cfg, tables: map[string]*table{},
		guests: sim.NewStream(cfg.Seed, 1),
	}
	s.world = sim.NewWorld(sim.Setup{Name: "lemon squeezy", Seed: cfg.Seed, Clock: cfg.Clock, Chaos: cfg.Chaos, Log: cfg.Log}, &s.now)
	s.Account, s.mu, s.clock, s.faults = s.world.Account(), s.world, s.world.Clock(), s.world.Faults
	s.add(&store{head: s.newHead(typeStore, 0), name: "Shop", currency: cfg.Currency})
	s.add(&store{head: s.newHead(typeStore, 0), name: "Another shop", currency: cfg.Currency})
	s.handler = s.routes()
	s.startLife()
	return s
}

// Handler serves the API under /v1 and the hosted pages under /checkout and
// /billing.
func (s *Server) Handler() http.Handler { return s.handler }

// APIKey is the key that callers must use.
func (s *Server) APIKey() string { return s.cfg.APIKey }

// Now is how late it is in this world.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Store is the number of the store that Truth speaks of.
func (s *Server) Store() string { return "1" }

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

// RollWebhookSecret replaces the secret that signs deliveries to WebhookURL. There
// is one at a time: nothing is signed with both.
func (s *Server) RollWebhookSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.WebhookSecret = secret
}

// Calm ends all faults and the rates of Life, so that the world can settle. What
// is under way (retries, delayed deliveries) goes on.
func (s *Server) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Calm()
	s.cfg.Rates = Life{}
}

// effect records that the API call in hand really changed something. What life
// does by itself is nobody's effect. Only a checkout carries the caller's key: no other
// write of this API can.
func (s *Server) effect(op, object string, amount int64, key string) {
	if !s.calling {
		return
	}
	s.world.Effect(sim.Effect{Op: op, Object: object, Amount: amount, Currency: s.cfg.Currency, Key: key})
}

func (s *Server) enter() (leave func()) { return s.world.Enter() }

// at schedules run for a time; a past time means next.
func (s *Server) at(t time.Time, run func()) { s.world.At(t, run) }

func (s *Server) in(d time.Duration, run func()) { s.at(s.now.Add(d), run) }
