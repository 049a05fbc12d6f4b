package shoptest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/trivetdev/trivet/provider"
	lemondriver "github.com/trivetdev/trivet/provider/lemonsqueezy"
	paddledriver "github.com/trivetdev/trivet/provider/paddle"
	paypaldriver "github.com/trivetdev/trivet/provider/paypal"
	stripedriver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
	"github.com/trivetdev/trivet/sim/paddle"
	"github.com/trivetdev/trivet/sim/paypal"
	"github.com/trivetdev/trivet/sim/stripe"
)

// Shop is what the simulated accounts of all providers can do.
type Shop interface {
	Advance(t time.Time)
	NextAt() (time.Time, bool)
	Deliver(ctx context.Context, post func(*http.Request) (int, error)) int
	Truth() []sim.Object
	Effects() []sim.Effect
	Handler() http.Handler
	SetWebhookURL(url string)
	Calm()
	Stats() sim.Stats
}

// Account is a simulated provider account. One of the servers is set: that of its
// kind.
type Account struct {
	Shop
	// Name is the section's name, such as stripe_eu; Kind the provider's.
	Name, Kind string

	Stripe *stripe.Server
	PayPal *paypal.Server
	Paddle *paddle.Server
	Lemon  *lemonsqueezy.Server

	// drive makes a driver that reaches the account through a transport.
	drive func(http.RoundTripper) (provider.Driver, error)
}

// Offer is something to sell, in euros.
type Offer struct {
	// Name is the product's.
	Name string
	// Amount is in cents.
	Amount int64
	// Unit is day, week, month or year; empty: it is paid once.
	Unit string
	// Trial is how many days are free, where that belongs to the price.
	Trial int
	// Threshold is after how many failed charges PayPal suspends; 0: never.
	Threshold int
}

// LemonSecret signs the webhooks of simulated Lemon Squeezy accounts.
const LemonSecret = "a secret for webhooks"

// paypalURL is where the simulated PayPal believes to be reached.
const paypalURL = "https://api-m.paypal.test"

// open simulates an account. Those of one kind are of one seed, so that they give the
// same ids to different things.
func open(o Options, clock *sim.Clock, name string) (*Account, error) {
	kind, hook := o.kindOf(name), PublicURL+"/webhooks/"+name
	a := &Account{Name: name, Kind: kind}
	switch kind {
	case "stripe":
		secret := "whsec_" + name
		a.Stripe = stripe.New(stripe.Config{Seed: o.Seed, Clock: clock, Chaos: o.Chaos, WebhookURL: hook, WebhookSecrets: []string{secret}, PublicURL: "https://pay.test"})
		a.Shop = a.Stripe
		a.drive = func(t http.RoundTripper) (provider.Driver, error) {
			return stripedriver.New(stripedriver.Config{
				Account: name, SecretKey: a.Stripe.SecretKey(), WebhookSecrets: []string{secret}, Transport: t, Now: clock.Now,
			})
		}
	case "paypal":
		a.PayPal = paypal.New(paypal.Config{Seed: o.Seed, Clock: clock, Chaos: o.Chaos, WebhookURL: hook, WebhookID: "WH-SIM-1", APIURL: paypalURL})
		a.Shop = a.PayPal
		a.drive = func(t http.RoundTripper) (provider.Driver, error) {
			return paypaldriver.New(paypaldriver.Config{
				Account: name, ClientID: "client_sim", ClientSecret: "secret_sim", WebhookIDs: []string{"WH-SIM-1"},
				BaseURL: paypalURL, CertBaseURL: paypalURL, CA: paypal.CA(), Transport: t, Now: clock.Now,
			})
		}
	case "paddle":
		const key, secret = "pdl_live_apikey_01several00000000000000_test", "pdl_ntfset_01several00000000000000_test" //nolint:gosec // of a simulator
		a.Paddle = paddle.New(paddle.Config{
			Seed: o.Seed, Clock: clock, Chaos: o.Chaos, WebhookURL: hook, WebhookSecrets: []string{secret}, APIKey: key, PaymentLink: "https://shop.test/pay",
		})
		a.Shop = a.Paddle
		a.drive = func(t http.RoundTripper) (provider.Driver, error) {
			return paddledriver.New(paddledriver.Config{
				Account: name, APIKey: key, WebhookSecrets: []string{secret}, BaseURL: "https://api.paddle.test", Transport: t, Now: clock.Now,
			})
		}
	case "lemonsqueezy":
		a.Lemon = lemonsqueezy.New(lemonsqueezy.Config{
			Seed: o.Seed, Clock: clock, Chaos: o.Chaos, WebhookURL: hook, WebhookSecret: LemonSecret, Variables: !o.Mute, Currency: o.Currency,
		})
		a.Shop = a.Lemon
		a.drive = func(t http.RoundTripper) (provider.Driver, error) {
			return lemondriver.New(lemondriver.Config{
				Account: name, APIKey: a.Lemon.APIKey(), Store: a.Lemon.Store(), WebhookSecrets: []string{LemonSecret}, Transport: t, Now: clock.Now,
			})
		}
	default:
		return nil, fmt.Errorf("there is no simulator for %q: name an account stripe, paypal, paddle or lemonsqueezy, or one of these with _ and more", name)
	}
	return a, nil
}

// Sell puts something up for sale and returns the price's id.
func (a *Account) Sell(o Offer) string {
	switch {
	case a.Stripe != nil:
		return a.Stripe.AddPrice(stripe.Price{Currency: "eur", Amount: o.Amount, Interval: o.Unit})
	case a.Paddle != nil:
		return a.Paddle.AddPrice(paddle.Price{Product: o.Name, Currency: "EUR", Amount: o.Amount, Interval: o.Unit, TrialDays: o.Trial})
	case a.Lemon != nil:
		return a.Lemon.AddVariant(lemonsqueezy.Variant{Product: o.Name, Amount: o.Amount, Unit: o.Unit, Trial: o.Trial})
	case o.Unit == "":
		return fmt.Sprintf("%s:%d.%02dEUR", o.Name, o.Amount/100, o.Amount%100)
	}
	id := "P-" + o.Name + "-" + o.Unit + "-" + strconv.Itoa(o.Trial)
	a.PayPal.AddPlan(paypal.Plan{
		ID: id, Name: o.Name, Unit: paypalUnits[o.Unit], Amount: o.Amount, Currency: "EUR", TrialDays: o.Trial, Threshold: o.Threshold, AutoBill: true,
	})
	return id
}

var paypalUnits = map[string]string{"day": "DAY", "week": "WEEK", "month": "MONTH", "year": "YEAR"}

// Newest is the id of the newest object of a kind, "" if there is none.
func (a *Account) Newest(kind string) (id string) {
	for _, o := range a.Truth() {
		if o.Kind == kind {
			id = o.ID
		}
	}
	return id
}

// CustomerOf is the provider's customer whose an object is.
func (a *Account) CustomerOf(kind, id string) string {
	for _, o := range a.Truth() {
		if o.Kind == kind && o.ID == id {
			return o.Customer
		}
	}
	return ""
}
