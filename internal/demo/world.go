package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/postbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// publicURL is where the simulated world reaches the service: nothing listens
// there, the calls stay in the process.
const publicURL = "https://billing.demo.test"

// world is one run: a shop, its customers, its providers and the service.
type world struct {
	Options
	clock *sim.Clock
	// end is when life ends and the service may settle.
	end      time.Time
	accounts []*account
	service  *trivet.Service
	// db is a second look at the service's database: the demo only reads.
	db     *store.DB
	desk   desk
	folder string

	agenda agenda
	people []*person
	wishes wishes
	ledger ledger
	// box has all that customers were told.
	box *postbox.Box
	// door is where people look in; nil: none is open.
	door *door
	// browser is the customers' browser, hooks what the deliveries arrive by.
	browser *http.Client
	hooks   http.RoundTripper
	// answers counts what customers were told who came back.
	answers map[string]int
	// letters counts purchases that staff had to link by hand.
	letters int
	days    []day
	// due is when the service next has something to do, as it last said.
	due     time.Time
	stopped bool
}

// brand is who the shop is to its customers.
func brand() words.Brand {
	return words.Brand{Name: "Acme", URL: "https://acme.example", Support: "help@acme.example"}
}

// plans are what the shop sells; prices are filled in by account.
func plans(accounts []*account) []billing.Plan {
	all := []billing.Plan{
		{ID: "basic", Name: "Basic", Features: []string{"app"}},
		{ID: "pro", Name: "Pro", Features: []string{"app", "reports"}},
		{ID: "pass", Name: "30 days", Features: []string{"app"}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Days: passDays}},
		{ID: "lifetime", Name: "Lifetime", Features: []string{"app", "reports"}, Kind: billing.GrantForever},
	}
	for i := range all {
		all[i].Prices = map[string][]string{}
		for _, a := range accounts {
			seen := map[string]bool{}
			for _, o := range a.offers {
				if o.plan == all[i].ID && !seen[o.price] {
					seen[o.price] = true
					all[i].Prices[a.name] = append(all[i].Prices[a.name], o.price)
				}
			}
		}
	}
	return all
}

// passDays is the length of a pass.
const passDays = 14

// newWorld puts everything together. Close it.
func newWorld(ctx context.Context, o Options) (w *world, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	w = &world{Options: o, clock: sim.NewClock(begins), box: &postbox.Box{}, answers: map[string]int{}}
	w.end = begins.AddDate(0, 0, o.Days)
	if w.folder, err = os.MkdirTemp("", "trivet-demo-"); err != nil {
		return nil, fmt.Errorf("make a folder for the demo's database: %w", err)
	}
	if err := w.build(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.populate()
	return w, nil
}

func (w *world) build(ctx context.Context) error {
	var drivers []provider.Driver
	for i, name := range w.Providers {
		for _, k := range kinds() {
			if k.name != name {
				continue
			}
			a, err := k.open(setup{
				name: name, seed: w.Seed + uint64(i)<<32, clock: w.clock, chaos: w.chaos(),
				webhook: publicURL + "/webhooks/" + name, tap: w.tap,
			})
			if err != nil {
				return fmt.Errorf("simulated %s: %w", k.shown, err)
			}
			a.name, a.shown = name, k.shown
			w.accounts = append(w.accounts, a)
			drivers = append(drivers, a.driver)
		}
	}
	database := "sqlite:" + filepath.Join(w.folder, "trivet.db")
	mail := &mailbox{box: w.box, clock: w.clock, rng: sim.NewStream(w.Seed, 77), calm: w.Calm}
	var err error
	w.service, err = trivet.New(ctx, trivet.Config{
		PublicURL: publicURL, Database: database, Volatile: true, Providers: drivers, Plans: plans(w.accounts),
		Channels: []notify.Channel{mail, handset{w.box, w.clock}, shelf{w.box, w.clock}}, Brand: brand(), Modes: policy.Modes{Global: w.Mode}, Policies: w.policies, Tell: w.tell,
		APIKeys: []string{apiKey}, Pull: pullEvery, Recent: recentEvery, Hot: hotEvery, Full: fullEvery, Watch: watchEvery, Now: w.clock.Now,
	})
	if err != nil {
		return err
	}
	if w.db, err = store.Open(ctx, store.Options{URL: database, Now: w.clock.Now, Volatile: true}); err != nil {
		return err
	}
	w.ledger = ledger{db: w.db, rows: map[string]entry{}}
	w.hooks = sim.Transport(w.service.Handler())
	w.browser = &http.Client{Transport: web{w}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w.desk = desk{client: &http.Client{Transport: w.hooks}}
	return nil
}

// How often the service looks by itself. All but the sweep are slower than the
// defaults, which are meant for real time: a simulated month has 43,000 minutes.
const (
	pullEvery   = time.Hour
	recentEvery = 4 * time.Hour
	hotEvery    = 2 * time.Hour
	fullEvery   = 24 * time.Hour
	watchEvery  = 6 * time.Hour
)

func (w *world) close() error {
	var errs []error
	if w.db != nil {
		errs = append(errs, w.db.Close())
	}
	if w.service != nil {
		errs = append(errs, w.service.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(w.folder))...)
}

// web routes the calls of browsers: to the service, or to a provider's pages.
type web struct{ *world }

// RoundTrip implements [http.RoundTripper].
func (n web) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme+"://"+r.URL.Host == publicURL {
		return n.hooks.RoundTrip(r)
	}
	for _, a := range n.accounts {
		if r.Header.Get("X-Demo-Account") == a.name {
			return sim.Transport(a.site).RoundTrip(r)
		}
	}
	return nil, fmt.Errorf("nobody lives at %s", r.URL.Host)
}
