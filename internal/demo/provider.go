package demo

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// kind is a provider that can be simulated.
type kind struct {
	name, shown string
	open        func(setup) (*account, error)
}

// kinds is the table of providers: a new one moves in here.
func kinds() []kind {
	return []kind{
		{"stripe", "Stripe", openStripe}, {"paypal", "PayPal", openPayPal}, {"paddle", "Paddle", openPaddle},
		{"lemonsqueezy", "Lemon Squeezy", openLemonSqueezy},
	}
}

// setup is what every simulated provider gets.
type setup struct {
	name  string
	seed  uint64
	clock *sim.Clock
	chaos sim.Chaos
	// webhook is where deliveries go.
	webhook string
	// tap, if set, is shown what the service asks the provider, and when.
	tap func(account string, at time.Time, r *http.Request)
}

// reach is how the service reaches the provider.
func (s setup) reach(site http.Handler) http.RoundTripper {
	way := sim.Transport(site)
	if s.tap == nil {
		return way
	}
	return tapped{way, func(r *http.Request) { s.tap(s.name, s.clock.Now(), r) }}
}

// tapped shows requests to somebody before they are made.
type tapped struct {
	http.RoundTripper
	show func(*http.Request)
}

// RoundTrip implements [http.RoundTripper].
func (t tapped) RoundTrip(r *http.Request) (*http.Response, error) {
	t.show(r)
	return t.RoundTripper.RoundTrip(r)
}

// account is one simulated provider with the driver that the service uses, and
// the naive handler beside it.
type account struct {
	name   string
	shown  string // the provider's name for people
	motion motion
	truth  witness
	site   http.Handler
	driver provider.Driver
	naive  *naive
	// prices maps the plans sold here to offers.
	offers []offer
	// bought reads the provider's own account of what pays for what.
	bought func(ctx context.Context) (books, error)
	// origin names the checkout that an object came of, at a provider that has no
	// customers; nil if it has.
	origin func(kind, id string) string
	// final says why a provider refuses for good what was asked of an object, given
	// its truth; empty if it does not. Nil: it refuses nothing but what has ended.
	final func(op string, fields map[string]string) string
	// coarse tells the currencies of which the provider takes no fractions, though
	// there are some; nil: none.
	coarse func(currency string) bool
	// buyers are the provider's customers who went through a checkout, by its id;
	// nil: the truth about the checkout names the one.
	buyers func(checkout string) []string
	// receipt is the checkout of which a purchase came, by kind and id: what a
	// customer can show who writes in. Nil where the provider tells it itself.
	receipt func(kind, id string) (checkout string, found bool)
	// keyless: the provider's writes carry no keys of ours, save checkouts.
	keyless bool
}

// secret reports whether nobody can know of an object: a checkout that was made,
// whose making was not confirmed to us, which nobody was sent to, and which the
// provider does not list.
func (a *account) secret(o sim.Object, sentTo map[string]string) bool {
	_, sent := sentTo[o.ID]
	return o.Kind == sim.KindCheckout && !sent && (o.Fields["status"] == "open" || o.Fields["status"] == "expired") &&
		!slices.Contains(a.driver.Kinds(), billing.KindCheckout)
}

// truthIn is what is true about one object. Where one id is several nouns, the
// simulator tells them apart.
func (a *account) truthIn(kind, id string) (sim.Object, bool) {
	if w, able := a.truth.(interface {
		TruthIn(kind, id string) (sim.Object, bool)
	}); able {
		return w.TruthIn(kind, id)
	}
	return a.truth.TruthOf(id)
}

// buyersOf lists the provider's customers who went through a checkout.
func (a *account) buyersOf(checkout string) []string {
	if a.buyers != nil {
		return a.buyers(checkout)
	}
	if session, found := a.truth.TruthOf(checkout); found && session.Customer != "" {
		return []string{session.Customer}
	}
	return nil
}

// motion is how a simulated provider moves.
type motion interface {
	Advance(t time.Time)
	NextAt() (time.Time, bool)
	Deliver(ctx context.Context, post func(*http.Request) (int, error)) int
	Calm()
}

// witness is what a simulated provider knows to be true.
type witness interface {
	Truth() []sim.Object
	TruthOf(id string) (sim.Object, bool)
	Effects() []sim.Effect
	Stats() sim.Stats
}

// offer is a price of a plan that customers choose, the more often the greater
// its weight.
type offer struct {
	plan, price string
	weight      int
	// trial is how many days are free.
	trial int
	// code is a promotion code that the customer types.
	code string
}

// books is a provider's account of what pays for what, read from its own API
// without any code of the driver.
type books struct {
	// sessions maps checkouts to what came of them.
	sessions map[string]sale
	// paid maps payments to when the money came; invoices maps subscriptions to
	// their invoices, oldest first.
	paid     map[string]time.Time
	invoices map[string][]bill
	// serving are subscriptions that are paused and give service all the same.
	serving map[string]bool
}

// newBooks are books without an entry.
func newBooks() books {
	return books{sessions: map[string]sale{}, paid: map[string]time.Time{}, invoices: map[string][]bill{}, serving: map[string]bool{}}
}

// sale is what a checkout led to.
type sale struct {
	customer, subscription, payment string
	free                            bool
	created                         time.Time
}

// bill is an invoice with the payments made for it.
type bill struct {
	id      string
	created time.Time
	paid    int64
	status  string
	// tried: somebody attempted to collect it.
	tried    bool
	payments []string
}
