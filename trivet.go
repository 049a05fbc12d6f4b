package trivet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/inbox"
	"github.com/trivetdev/trivet/internal/messenger"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/link"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/webhook"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/pdf"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/policy/renewal"
	"github.com/trivetdev/trivet/provider"
)

// Config says what a Service works with. Zero values work, except for
// PublicURL, Database and Providers.
type Config struct {
	// PublicURL is where browsers and providers reach the service.
	PublicURL string
	// Database is "sqlite:PATH" or "postgres://…".
	Database string
	// Volatile gives up durability for speed: for demonstrations and tests.
	Volatile bool

	// Providers are the provider accounts, each under its own name.
	Providers []provider.Driver
	// Plans are what is sold.
	Plans []billing.Plan
	// Checkout is the account that sells to whoever buys nowhere yet, where several
	// sell a plan and the request for a checkout names none; empty: none, and such a
	// request is refused.
	Checkout string
	// Access are the switches of access; nil: [billing.DefaultRules].
	Access *billing.Rules
	// Bind lists for each account what says whose an object is, such as
	// "metadata.user_id"; without an entry only our own checkouts' tokens do.
	Bind map[string][]string
	// Policies react to changes; nil: those that neither ban anybody nor move money
	// against anybody's will, which are hygiene, renewal and dunning.
	Policies []policy.Policy
	// PolicyDigest is another text when a policy has other settings: everybody is
	// then reviewed.
	PolicyDigest string
	// Modes say how far the service may go; people switch them at run time.
	Modes policy.Modes
	// Words are the texts of messages; nil: those that are built in. Brand is who
	// they are from.
	Words *words.Set
	Brand words.Brand
	// Channels carry messages to customers; without one for mail none is mailed.
	Channels []notify.Channel
	// Endpoints of the application's are told of changes. HandOver names channels whose
	// messages the one endpoint that takes message.due is handed, in place of a channel
	// in Channels.
	Endpoints []Endpoint
	HandOver  []string
	// Messenger takes the place of words, brand and channels; for tests.
	Messenger outbox.Messenger
	// Tell tells the team of an alert; nil: alerts are only kept.
	Tell func(ctx context.Context, w policy.Warning, customer string) error
	// RefundsPerDay is how many refunds a day (UTC) are made at most, whoever asks; 0:
	// any number. RefundAmounts is what is refunded in a day at most, in minor units
	// by currency.
	RefundsPerDay int64
	RefundAmounts map[string]int64

	// APIKeys open the whole REST API, NamedKeys what their scopes say of it; with
	// neither it is closed.
	APIKeys   []string
	NamedKeys []NamedKey
	// Pull, Hot and Full are how often events are listed, expected changes looked
	// for, and everything swept.
	Pull, Hot, Full time.Duration
	// Recent is how often the newest objects are listed of providers that list no
	// events; 0: every 3 minutes.
	Recent time.Duration
	// Watch is how often the service looks at itself for what needs a person; 0: every
	// minute. Alerts that the team could not be told are told again, and what is kept
	// no longer is deleted, as often, but at most every hour.
	Watch time.Duration
	// KeepEvents is how long events that were seen to are kept, with what came with
	// them; 0: for ever. Longer than providers repeat theirs (30 days).
	KeepEvents time.Duration
	// PullOnly names accounts that get no webhooks, NoPull accounts whose events
	// are not listed.
	PullOnly, NoPull []string

	// CheckKeys makes New ask every provider whether it takes the key, and refuse
	// one that is wrong, or that opens another account than the one whose objects
	// the ledger holds.
	CheckKeys bool

	// Workers is how many objects are looked at at once; 0: 16.
	Workers int
	// Now is the business clock; nil: the time of day.
	Now func() time.Time
	Log *slog.Logger
	// Metrics collects the service's metrics, which [Service.Monitor] serves; nil: a
	// registry of its own.
	Metrics *prometheus.Registry
	// Version is shown by the API.
	Version string
}

// Service is a running Trivet. Make it with [New].
type Service struct {
	config    Config
	db        *store.DB
	apply     *apply.Applier
	inbox     *inbox.Inbox
	engine    *work.Engine
	reconcile *reconcile.Reconciler
	handler   http.Handler
	monitor   http.Handler
	log       *slog.Logger
	// refreshed: Step has seen to it that access is decided by this process's plans.
	refreshed bool
}

// New opens the database, brings its schema up to date and puts the service
// together. Nothing runs before [Service.Run].
func New(ctx context.Context, config Config) (*Service, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	catalog, err := billing.NewCatalog(config.Plans)
	if err != nil {
		return nil, fmt.Errorf("plans: %w", err)
	}
	drivers := map[string]provider.Driver{}
	for _, d := range config.Providers {
		if _, twice := drivers[d.Account()]; twice {
			return nil, fmt.Errorf("two provider accounts are named %q", d.Account())
		}
		drivers[d.Account()] = d
	}
	if err := config.checkAccounts(drivers); err != nil {
		return nil, err
	}
	config.warnOfKeys()
	var identities map[string]string
	if config.CheckKeys { // before there is a database: a wrong key leaves nothing behind
		if identities, err = config.checkKeys(ctx); err != nil {
			return nil, err
		}
	}
	db, err := store.Open(ctx, store.Options{URL: config.Database, Now: config.Now, Volatile: config.Volatile})
	if err != nil {
		return nil, err
	}
	s := &Service{config: config, db: db, log: config.Log}
	if err := s.recognize(ctx, identities); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.wire(ctx, catalog, drivers); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// complete checks the configuration and fills in what was left out.
func (c *Config) complete() error {
	if len(c.Providers) == 0 {
		return errors.New("no provider is configured: add [providers.stripe] with secret_key and webhook_secrets, or set TRIVET_PROVIDERS_STRIPE_SECRET_KEY and TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS")
	}
	if c.PublicURL == "" {
		return errors.New("PublicURL is empty: customers could not come back from a checkout")
	}
	if err := c.checkAPIKeys(); err != nil {
		return err
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Access == nil {
		rules := billing.DefaultRules()
		c.Access = &rules
	}
	if c.Policies == nil {
		if err := c.usualPolicies(); err != nil {
			return err
		}
	}
	if c.Workers == 0 {
		c.Workers = 16
	}
	if c.Watch == 0 {
		c.Watch = time.Minute
	}
	if c.Words == nil {
		var err error
		if c.Words, err = words.Load(nil, "en"); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) usualPolicies() error {
	tidy, err := hygiene.New(hygiene.Defaults())
	if err != nil {
		return err
	}
	ahead, err := renewal.New(renewal.Defaults())
	if err != nil {
		return err
	}
	chase, err := dunning.New(dunning.Defaults())
	if err != nil {
		return err
	}
	c.Policies = []policy.Policy{tidy, ahead, chase}
	return nil
}

// checkAccounts refuses settings of accounts that there are not: a misspelled name
// would otherwise be a setting that does nothing.
func (c *Config) checkAccounts(drivers map[string]provider.Driver) error {
	for _, setting := range []struct {
		name     string
		accounts []string
	}{
		{"Checkout", c.sellers()}, {"PullOnly", c.PullOnly}, {"NoPull", c.NoPull}, {"Bind", slices.Sorted(maps.Keys(c.Bind))},
	} {
		for _, account := range setting.accounts {
			if drivers[account] == nil {
				return fmt.Errorf("%s names %q, but no provider account of this name is configured", setting.name, account)
			}
		}
	}
	if _, able := drivers[c.Checkout].(provider.Checkouter); c.Checkout != "" && !able {
		return fmt.Errorf("setting Checkout names %q, whose provider makes no checkouts: name another account, or leave it out", c.Checkout)
	}
	for _, account := range c.PullOnly {
		if slices.Contains(c.NoPull, account) {
			return fmt.Errorf("account %q gets no webhooks (PullOnly), and its events are not listed (NoPull): leave it out of one", account)
		}
	}
	return nil
}

// sellers is the default seller, if there is one.
func (c *Config) sellers() []string {
	if c.Checkout == "" {
		return nil
	}
	return []string{c.Checkout}
}

// doubt is how long after an event an answer may still be from before it: nobody
// publishes how far the copies lag that providers read from, and none was seen that
// lagged more than some seconds.
const doubt = 30 * time.Second

// wire puts the parts together, each from those before it.
func (s *Service) wire(ctx context.Context, catalog billing.Catalog, drivers map[string]provider.Driver) error {
	c := s.config
	writers, receivers := 1, 1 // SQLite has one writer
	if s.db.Dialect() == "postgres" {
		// Few, so that each carries much: a transaction costs its round trips.
		writers, receivers = 2, 1
	}
	wake := func(queue string) { s.engine.Wake(queue) }
	meters := newMeters(c.Metrics, s.db, s.log)
	accounts, err := s.accounts(ctx, drivers)
	if err != nil {
		return err
	}
	hooks, err := s.hooks(meters.hooked, wake)
	if err != nil {
		return err
	}
	s.apply = apply.New(apply.Config{
		Endpoints: hooks.Taking(hook.StateChanged),
		DB:        s.db, Drivers: drivers, Catalog: catalog, Rules: *c.Access, Bind: c.Bind,
		Policies: c.Policies, Modes: c.Modes, Accounts: accounts,
		Wake: wake, Log: s.log, Confirm: s.confirmer(), Doubt: fail.Wait(doubt), Flushers: writers, Seen: meters.seen,
	})
	hooks.State = api.StateOf(s.db, s.apply)
	s.inbox = inbox.New(s.db, receivers, wake)
	links, err := link.New(ctx, link.Config{DB: s.db, Apply: s.apply, PublicURL: c.PublicURL, Log: s.log})
	if err != nil {
		return err
	}
	if c.Messenger == nil {
		if c.Channels, err = handOver(hooks, c.HandOver, c.Channels); err != nil {
			return err
		}
		c.Messenger = &messenger.Messenger{Config: messenger.Config{
			Words: c.Words, Brand: c.Brand, Channels: c.Channels, Catalog: catalog, Draw: pdf.Draw, Now: c.Now,
		}}
	}
	if linked, ok := c.Messenger.(outbox.Linked); ok {
		linked.UseLinks(links.Mint)
	}
	out := outbox.New(outbox.Config{
		DB: s.db, Apply: s.apply, Wake: wake, Log: s.log, Messenger: c.Messenger, Tell: c.Tell,
		Endpoints: hooks.Taking(hook.AlertRaised),
		Caps:      outbox.Caps{Refunds: c.RefundsPerDay, Amounts: c.RefundAmounts},
	})
	s.reconcile = reconcile.New(reconcile.Config{
		DB: s.db, Apply: s.apply, Inbox: s.inbox, Wake: wake, Log: s.log,
		Pull: c.Pull, Recent: c.Recent, Hot: c.Hot, Full: c.Full, PullOnly: c.PullOnly, NoPull: c.NoPull, Identify: s.identify,
		Tasks: map[string]reconcile.Task{
			"watch": {Every: c.Watch, Do: s.watch(out)}, store.TaskAlerts: {Every: max(time.Hour, c.Watch), Do: out.TellTeam},
			"retention": {Every: max(time.Hour, c.Watch), Do: s.forget},
		},
	})
	queues := append([]work.Queue{s.apply.Queue(c.Workers), out.Queue(4), s.reconcile.Queue(2 + len(drivers))}, hooks.Queues()...)
	s.engine = work.New(s.db, s.log, queues...)
	s.engine.Observe = meters.worked
	back, err := redirect.New(ctx, redirect.Config{DB: s.db, Apply: s.apply, PublicURL: c.PublicURL, Default: c.Checkout, Log: s.log})
	if err != nil {
		return err
	}
	webhooks := webhook.New(drivers, s.inbox, c.Now, s.log)
	webhooks.Observe = meters.delivered
	s.handler, s.monitor = api.New(api.Config{
		DB: s.db, Apply: s.apply, Outbox: out, Redirect: back, Reconcile: s.reconcile, Webhooks: webhooks, Links: links, Hooks: hooks,
		Keys: c.APIKeys, NamedKeys: scopedKeys(c.NamedKeys), Metrics: c.Metrics, Version: c.Version, Wake: wake, Log: s.log,
	})
	return errors.Join(webhooks.Recognize(ctx, s.db), s.reconcile.Schedule(ctx))
}

// Handler serves everything: webhooks, returns, the REST API, health, metrics. The
// last of these, like the API, only to whoever has an API key.
func (s *Service) Handler() http.Handler { return s.handler }

// Monitor serves what watches the service and nothing else: /metrics, /healthz and
// the whole of /readyz. It asks for no key, and tells of the accounts and of how much
// goes through them: mount it where nobody but the operator can reach it.
func (s *Service) Monitor() http.Handler { return s.monitor }

// drain is how long work under way may take after Run was told to end.
const drain = 20 * time.Second

// Run works until ctx ends, then lets what is under way finish.
func (s *Service) Run(ctx context.Context) error {
	if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	s.engine.Run(ctx, drain)
	return nil
}

// Step does all that is due now, one after the other, and returns how much it
// was. Simulations call it, with a clock of their own, instead of Run.
func (s *Service) Step(ctx context.Context) (int, error) {
	if !s.refreshed { // by the plans and rules of this process, which do not change
		if err := s.refresh(ctx); err != nil {
			return 0, err
		}
		s.refreshed = true
	}
	return s.engine.Step(ctx)
}

// Next is when something is due next; found is false if nothing waits.
func (s *Service) Next(ctx context.Context) (at time.Time, found bool, err error) {
	return s.engine.Next(ctx)
}

// Close waits for what is being written and closes the database. End Run first.
func (s *Service) Close() error {
	if s.inbox != nil {
		s.inbox.Close()
	}
	if s.apply != nil {
		s.apply.Close()
	}
	return s.db.Close()
}

// accounts are what policies may know of the provider accounts. When we began to
// keep one is noted the first time.
func (s *Service) accounts(ctx context.Context, drivers map[string]provider.Driver) (map[string]policy.Account, error) {
	known := map[string]policy.Account{}
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		d := drivers[name]
		var began string
		err := s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			began, err = tx.KeepCursor(ctx, "since/"+name, tx.Now.UTC().Format(time.RFC3339Nano))
			return err
		})
		if err != nil {
			return nil, err
		}
		since, err := time.Parse(time.RFC3339Nano, began)
		if err != nil {
			return nil, fmt.Errorf("when account %s began: %w", name, err)
		}
		known[name] = policy.Account{
			Kind: provider.Name(d), MerchantOfRecord: provider.SellsItself(d), Since: since, Can: outbox.Can(d),
		}
	}
	return known, nil
}

// refresh decides everybody's access anew, and has everybody reviewed, if plans,
// rules or policies are not the ones that it was last done by.
func (s *Service) refresh(ctx context.Context) error {
	const name = "catalog"
	digest := s.apply.Digest() + " " + s.config.PolicyDigest
	for _, p := range s.config.Policies {
		digest += " " + p.Name()
	}
	last, err := s.db.Cursor(ctx, name)
	if err != nil || last == digest {
		return err
	}
	const some = 100
	for after := ""; ; {
		customers, err := s.db.Customers(ctx, after, some)
		if err != nil {
			return err
		}
		if len(customers) == 0 {
			break
		}
		refs := make([]string, len(customers))
		for i, c := range customers {
			refs[i] = c.Ref
		}
		if err := s.apply.Turn(ctx, refs, apply.Cause{Trigger: apply.Time, Event: "configuration"}); err != nil {
			return fmt.Errorf("decide access by the new plans: %w", err)
		}
		after = refs[len(refs)-1]
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SetCursor(ctx, name, digest) })
}
