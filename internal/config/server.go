package config

import (
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// config reads all sections.
func (r *reader) config() *Config {
	c := &Config{
		Mode:      r.mode(),
		APIKeys:   r.root().secrets("api_keys"),
		Database:  r.database(),
		Listen:    r.address("listen", "8990"),
		Metrics:   r.metrics(),
		Providers: r.providers(),
		Plans:     r.plans(),
		Access:    r.access(),
		Caps:      r.caps(),
		Sweep:     r.sweep(),
		Retention: r.retention(),
		Mail:      r.mail(),
		SMS:       r.sms(),
		Endpoints: r.endpoints(),
		Alerts:    r.alerts(),
		Policies:  r.policies(),
	}
	c.NamedKeys = r.apiKeys(c.APIKeys)
	c.PublicURL = r.publicURL(c.Listen)
	r.handedOver(c)
	return c
}

func (r *reader) mode() Mode {
	return Mode(r.root().choice("mode", modeNames, string(Enforce)))
}

// address reads a host:port to bind.
func (r *reader) address(key, port string) string {
	s := r.root()
	listen := s.text(key)
	_, given, err := net.SplitHostPort(listen)
	if err != nil {
		s.bad(key, "%q is no address to listen on: write host:port, as in 127.0.0.1:%s", listen, port)
		return ""
	}
	if n, err := strconv.ParseUint(given, 10, 16); err != nil || strconv.FormatUint(n, 10) != given {
		s.bad(key, "%q has no port from 0 to 65535: write host:port, as in 127.0.0.1:%s", listen, port)
		return ""
	}
	return listen
}

// metrics is an address of its own, for it asks for no key.
func (r *reader) metrics() string {
	s := r.root()
	if !s.has("metrics") {
		return ""
	}
	address := r.address("metrics", "9464")
	_, port, _ := net.SplitHostPort(address) // checked by address
	if address != "" && port != "0" && address == s.text("listen") {
		s.bad("metrics", "is the address of listen, where strangers come: name another, as in 127.0.0.1:9464, or leave it out")
	}
	return address
}

// publicURL falls back on the address we listen on, which is right only for a
// browser on this machine.
func (r *reader) publicURL(listen string) string {
	s := r.root()
	if s.has("public_url") {
		return s.web("public_url")
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return "" // reported with listen
	}
	if !loopback(host) {
		s.bad("public_url", "is missing: listening on %s, set it to the address that customers and providers reach, "+
			"as in https://billing.example.com", listen)
	}
	return "http://" + listen
}

// loopback says whether host is this machine as seen from itself.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (r *reader) database() Database {
	s := r.root()
	from, text, ok := s.secretText("database")
	text = strings.TrimSpace(text)
	if !ok {
		return Database{}
	}
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		if path == "" || strings.ContainsAny(path, "?#") {
			s.bad(from, "needs the path of a file, as in sqlite:/var/lib/trivet/trivet.db")
		}
		return Database{Kind: SQLite, Path: path}
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		// The parser's own error repeats the text, which may hold a password.
		if _, err := url.Parse(text); err != nil {
			s.bad(from, "is no valid address: write postgres://user:password@host/name, and %%-encode what is special in the password")
		}
		return Database{Kind: PostgreSQL, URL: Secret(text)}
	}
	s.bad(from, "must begin with sqlite: or postgres://, as in sqlite:trivet.db or postgres://user@host/name")
	return Database{}
}

func (r *reader) access() Access {
	s, _ := r.table("access")
	return Access{
		Grace:  s.duration("grace", 0),
		Paused: s.yes("paused"), Refunded: s.yes("refunded"), Disputed: s.yes("disputed"),
	}
}

func (r *reader) caps() Caps {
	s, _ := r.table("caps")
	c := Caps{Refunds: s.number("refunds", math.MaxInt32)}
	for _, text := range s.texts("refund_amounts") {
		number, code, _ := strings.Cut(text, " ")
		m, err := billing.ParseDecimal(number, code)
		if err != nil || m.Amount <= 0 || len(code) != 3 {
			s.bad("refund_amounts", `%q is no amount of money: write it with its currency, as in ["500.00 EUR", "100000 JPY"]`, text)
			continue
		}
		if c.Amounts == nil {
			c.Amounts = map[string]int64{}
		}
		c.Amounts[m.Currency] = m.Amount
	}
	return c
}

func (r *reader) sweep() Sweep {
	s, _ := r.table("sweep")
	sweep := Sweep{Hot: s.duration("hot", time.Second), Full: s.duration("full", time.Second)}
	if sweep.Full < sweep.Hot {
		s.bad("full", "must not be shorter than sweep.hot, which is how often only what is due is looked at")
	}
	return sweep
}

// leastRetention is longer than any provider lists or repeats its events (Stripe and
// Lemon Squeezy: 30 days), which would be new to us otherwise.
const leastRetention = 45 * 24 * time.Hour

func (r *reader) retention() (kept Retention) {
	if s, _ := r.table("retention"); s.has("events") {
		kept.Events = s.duration("events", leastRetention)
	}
	return kept
}

func (r *reader) alerts() []Alert {
	var all []Alert
	for _, s := range r.numbered("alert") {
		a := Alert{URL: s.secret("url"), When: s.texts("when")}
		u, err := url.Parse(a.URL.Reveal())
		switch {
		case !s.has("url"):
			s.bad("url", "is missing: say where to send the alert, as in https://hooks.example.com/…")
		case a.URL == "": // reported by secret
		case err != nil || u.Scheme == "":
			s.bad("url", "is no address: write it as https://hooks.example.com/… or mailto:ops@example.com")
		}
		all = append(all, a)
	}
	return all
}

func (r *reader) policies() []Policy {
	var all []Policy
	for _, s := range r.named("policy") {
		p := Policy{Name: s.name(), Settings: map[string]any{}}
		p.Mode = Mode(s.choice("mode", modeNames, ""))
		p.Rollout = int(s.number("rollout", 100))
		if careful := p.Mode == "" && slices.Contains(Careful, p.Name); p.Rollout > 0 && !careful && (p.Mode == "" || p.Mode == Enforce) {
			s.bad("rollout", "means nothing unless the policy's own mode is more careful than enforce, which is for everybody: set mode to observe or assist, or remove rollout")
		}
		own := func(key string) bool { return key == "mode" || key == "rollout" }
		for _, key := range slices.DeleteFunc(s.keys(), own) {
			p.Settings[key] = s.values[key]
		}
		all = append(all, p)
	}
	return all
}
