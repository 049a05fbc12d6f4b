package config

import (
	"log/slog"
	"strings"
	"time"
)

// Mode is how far the service may go in acting on what it learns.
type Mode string

// The modes, from the most careful.
const (
	Observe Mode = "observe" // records what it would do
	Assist  Mode = "assist"  // proposes; a person accepts
	Enforce Mode = "enforce" // acts
)

// Config is a checked configuration. Every value is set: what the operator
// left out has its default.
type Config struct {
	// PublicURL is where customers and providers reach this service, without a
	// slash at the end. Left out, it is http:// and Listen.
	PublicURL string
	// Listen is the host:port to bind, by default 127.0.0.1:8990.
	Listen string
	// Metrics is the host:port where the metrics are shown to whoever can reach it;
	// empty: nowhere, and on Listen to whoever has an API key.
	Metrics string
	// Database is where the state is kept, by default sqlite:trivet.db.
	Database Database
	// Mode is by default enforce.
	Mode Mode
	// APIKeys may call the whole REST API, NamedKeys what their scopes say of it. With
	// neither, nobody may.
	APIKeys   []Secret
	NamedKeys []APIKey
	// Providers are the accounts, in the order of their names.
	Providers []Provider
	Plans     []Plan
	Access    Access
	Caps      Caps
	Sweep     Sweep
	Retention Retention
	Mail      Mail
	SMS       SMS
	Endpoints []Endpoint
	Alerts    []Alert
	// Policies are in the order of their names; a policy without a section is
	// not among them.
	Policies []Policy
	// Ignored names the TRIVET_ variables that are no key and look like none.
	Ignored []string
	// Path is the file that was read; empty if there is none. Secretive: a secret
	// stands in it.
	Path      string
	Secretive bool
	// Files are the files that secrets were read from.
	Files []SecretFile
}

// SecretFile is a file that a secret was read from.
type SecretFile struct {
	// Key is the key that names it, such as providers.stripe.secret_key_file.
	Key, Path string
}

// LogValue describes the configuration for the log at start, without secrets.
func (c *Config) LogValue() slog.Value {
	names := make([]string, len(c.Providers))
	for i, p := range c.Providers {
		names[i] = p.Name
	}
	keys := make([]string, len(c.NamedKeys))
	for i, k := range c.NamedKeys {
		keys[i] = k.Name + " (" + strings.Join(k.Scopes, ", ") + ")"
		if !k.Expires.IsZero() {
			keys[i] += " until " + k.Expires.Format(time.RFC3339)
		}
	}
	return slog.GroupValue(
		slog.String("public_url", c.PublicURL),
		slog.String("listen", c.Listen),
		slog.String("database", c.Database.Kind),
		slog.String("mode", string(c.Mode)),
		slog.Any("providers", names),
		slog.Any("api_key", keys),
		slog.Int("plans", len(c.Plans)),
	)
}

// Provider returns the account of that name.
func (c *Config) Provider(name string) (Provider, bool) {
	for _, p := range c.Providers {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}

// The kinds of database.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgres"
)

// Database says where the state is kept.
type Database struct {
	// Kind is SQLite or PostgreSQL.
	Kind string
	// Path is the file of a SQLite database.
	Path string
	// URL is the address of a PostgreSQL database. It may hold a password.
	URL Secret
}

// Access decides what a customer may do in the states where opinions differ.
type Access struct {
	// Grace is how long a past-due subscription keeps access, by default 7d.
	Grace time.Duration
	// Paused, Refunded and Disputed say whether access goes on during a pause,
	// after a full refund and while a dispute is open; by default no, no, yes.
	Paused, Refunded, Disputed bool
}

// Caps bound the refunds of a day, UTC.
type Caps struct {
	// Refunds is how many are made at most, by default 50; 0: any number.
	Refunds int64
	// Amounts are what is refunded at most, in minor units by currency.
	Amounts map[string]int64
}

// Sweep says how often stored state is compared with the providers.
type Sweep struct {
	// Hot is how often what is due for a look is looked at, by default 5m.
	Hot time.Duration
	// Full is the interval for everything, by default 24h.
	Full time.Duration
}

// Retention says how long what is no longer needed is kept.
type Retention struct {
	// Events is how long events that were seen to are kept after they came; zero: for
	// ever.
	Events time.Duration
}

// Mail says how mail goes out, and who all messages are from. Without SMTP no mail
// does.
type Mail struct {
	// SMTP is smtp:// or smtps:// with host and port, and user and password if
	// the server wants them.
	SMTP Secret
	// From and ReplyTo are addresses, with or without a display name.
	From, ReplyTo string
	// Templates is a folder whose files replace the built-in ones by name.
	Templates string
	// Locale is the language for customers whose own there is not; empty: English.
	Locale string
	// Brand is the name that customers know, URL the product's page, Support the
	// mail address that they may write to, Address the postal one, in one line.
	Brand, URL, Support, Address string
	// Keep is how long data is kept after access has ended; zero: messages do not
	// say.
	Keep time.Duration
	// HandOver has the application's own mailer send the mails to customers: an endpoint
	// is handed each, composed, as message.due. SMTP then is for alerts alone.
	HandOver bool
}

// The kinds of SMS gateways.
const (
	Twilio  = "twilio"
	Gateway = "http"
	// HandOver is none: an endpoint of the application's is handed each SMS as
	// message.due.
	HandOver = "handover"
)

// SMS says how SMS go out. Without a kind none does.
type SMS struct {
	// Kind is Twilio, Gateway or HandOver.
	Kind string
	// From is the sender's number or name.
	From string
	// Account is Twilio's account, or the user at a gateway; Token what goes with it,
	// or, without an account, a bearer token.
	Account string
	Token   Secret
	// URL takes the gateway's request, whose body Body is a template of.
	URL, Body string
}

// Endpoint is an address of the application's that is told of changes.
type Endpoint struct {
	// Name is what people call it, by default the URL's host.
	Name string
	// URL may hold a token in its query.
	URL string
	// Events are the types to send; none: all.
	Events []string
	// Secret signs what is sent, PreviousSecret as well while it is being replaced.
	Secret, PreviousSecret Secret
	// AllowPrivate permits addresses of this machine and of private networks, and
	// http:// there.
	AllowPrivate bool
}

// Alert is an address that tells the team of what needs a person.
type Alert struct {
	URL  Secret   // chat webhooks carry their secret in the path
	When []string // causes to tell of; none means all
}

// Policy is the section of one policy.
type Policy struct {
	Name string
	// Mode is empty if the section names none: then the global mode counts, and for
	// those in [Careful] at most assist.
	Mode Mode
	// Rollout is the percentage of customers for whom the policy is enforced although
	// its mode is more careful.
	Rollout int
	// Settings are the policy's own keys as written, without mode and rollout. The policy
	// checks them.
	Settings map[string]any
}
