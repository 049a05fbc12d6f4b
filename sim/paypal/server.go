package paypal

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Config describes one simulated PayPal account. The zero value of each field
// works.
type Config struct {
	Seed  uint64
	Clock *sim.Clock
	Chaos sim.Chaos
	// ClientID and ClientSecret open the API; "client_sim" and "secret_sim" when
	// empty.
	ClientID, ClientSecret string
	// WebhookURL receives all events under the id WebhookID ("WH-SIM" when
	// empty); "" leaves only the webhooks that are registered by API.
	WebhookURL, WebhookID string
	// PublicURL is where the approval pages are served, without a slash at the
	// end; "https://www.paypal.test" when empty.
	PublicURL string
	// APIURL is the address of the API as links and certificate URLs show it;
	// "https://api-m.paypal.test" when empty.
	APIURL string
	// NoList answers 403 to the list of subscriptions, as for accounts without
	// that right.
	NoList bool
	// MostRows is how many transactions a search may find; one that finds more is
	// refused. 10,000 when zero, as at PayPal.
	MostRows int
	// NoBooks answers 403 to the search of transactions, as for apps without that right.
	NoBooks bool
	// FormsOnly takes what is done about a dispute as a form only, as PayPal's published
	// description has it; otherwise also as JSON where PayPal's own examples send that.
	FormsOnly bool
	// Rates is what payers and people at the dashboard do by themselves.
	Rates Life
	// Log gets one line for each API call and delivery at debug level; nil for
	// none.
	Log *slog.Logger
}

// Server is one simulated PayPal account. All its methods are safe for
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
	// sent counts transmissions.
	sent int64

	plans    rows[*plan]
	subs     rows[*subscription]
	orders   rows[*order]
	txns     rows[*txn]
	refunds  rows[*refund]
	disputes rows[*dispute]
	events   rows[*event]
	hooks    rows[*webhook]
	payers   []*payer
	strange  []entry // rows of the books that no API tells of
	ids      *sim.IDs
	// answers are kept by PayPal-Request-Id and path.
	answers map[string]*answer
	tokens  map[string]time.Time
	// restricted: the merchant's own account takes no money.
	restricted bool
	req        request
	chance     *sim.Stream
	handler    http.Handler
}

// request is the API call being carried out; empty while life goes on by
// itself.
type request struct {
	on  bool
	key string
	// write is set for calls that may change something: they see no stale reads.
	write bool
}

// New makes an account with nothing in it.
func New(cfg Config) *Server {
	cfg.ClientID = cmp.Or(cfg.ClientID, "client_sim")
	cfg.ClientSecret = cmp.Or(cfg.ClientSecret, "secret_sim")
	cfg.WebhookID = cmp.Or(cfg.WebhookID, "WH-SIM")
	cfg.PublicURL = cmp.Or(cfg.PublicURL, "https://www.paypal.test")
	cfg.APIURL = cmp.Or(cfg.APIURL, "https://api-m.paypal.test")
	cfg.MostRows = cmp.Or(cfg.MostRows, 10_000)
	s := &Server{
		cfg: cfg, ids: sim.NewIDs(cfg.Seed), answers: map[string]*answer{}, tokens: map[string]time.Time{},
		chance: sim.NewStream(cfg.Seed, 1),
	}
	s.world = sim.NewWorld(sim.Setup{Name: "paypal", Seed: cfg.Seed, Clock: cfg.Clock, Chaos: cfg.Chaos, Log: cfg.Log}, &s.now)
	s.Account, s.mu, s.clock, s.faults = s.world.Account(), s.world, s.world.Clock(), s.world.Faults
	if cfg.WebhookURL != "" {
		s.hooks.add(&webhook{head: head{id: cfg.WebhookID, created: s.now}, url: cfg.WebhookURL, types: []string{"*"}})
	}
	s.handler = s.routes()
	s.startLife()
	return s
}

// Handler serves the API under /v1 and /v2, the certificate under
// /v1/notifications/certs/, and the approval pages under /checkoutnow and
// /webapps/billing/subscriptions.
func (s *Server) Handler() http.Handler { return s.handler }

// SetPublicURL says where the approval pages are served, once that is known.
func (s *Server) SetPublicURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.PublicURL = url
}

// SetWebhookURL says where events are to be posted from now on.
func (s *Server) SetWebhookURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hooks.all {
		if h.id == s.cfg.WebhookID {
			h.url = url
			return
		}
	}
	s.hooks.add(&webhook{head: head{id: s.cfg.WebhookID, created: s.now}, url: url, types: []string{"*"}})
}

// RevokeTokens makes every access token invalid that was handed out, before its
// time.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
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
func (s *Server) effect(op, object string, m money) {
	if !s.req.on {
		return
	}
	s.world.Effect(sim.Effect{Op: op, Object: object, Amount: m.minor, Currency: m.currency, Key: s.req.key})
}

func (s *Server) enter() (leave func()) { return s.world.Enter() }

// at schedules run for a time; a past time means next.
func (s *Server) at(t time.Time, run func()) { s.world.At(t, run) }

func (s *Server) in(d time.Duration, run func()) { s.at(s.now.Add(d), run) }
