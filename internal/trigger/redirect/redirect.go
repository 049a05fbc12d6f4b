// Package redirect is the way in through the customer's browser: it sends
// customers to the provider's checkout and takes them back.
//
// It owns checkouts and their tokens, and GET /return/{account}. What the browser
// brings is trusted for nothing: the token says which of our checkouts it is, the
// address which of the provider's, and only if the provider's own account of it
// agrees with what we asked for is the purchase looked at. Looking is package
// apply's, the same as for a webhook, so that it does not matter which of the
// two comes first, or whether the browser comes back at all.
package redirect

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/seal"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Config is what a Redirect works with.
type Config struct {
	DB    *store.DB
	Apply *apply.Applier
	// PublicURL is where browsers reach us, without a slash at the end.
	PublicURL string
	// Default is the account that sells to whoever buys nowhere yet, where several
	// sell the plan; empty: none.
	Default string
	Log     *slog.Logger
}

// Redirect makes checkouts and takes customers back. Make it with [New].
type Redirect struct {
	Config
	key seal.Key
}

// New reads the key that tokens are sealed with; the first time, it makes it.
func New(ctx context.Context, config Config) (*Redirect, error) {
	key, err := seal.Open(ctx, config.DB, "checkout")
	if err != nil {
		return nil, err
	}
	return &Redirect{Config: config, key: key}, nil
}

// Request asks for a checkout.
type Request struct {
	// Customer is the application's reference.
	Customer string `json:"customer"`
	Plan     string `json:"plan"`
	// Account is the provider account; empty: see [Redirect.Begin].
	Account string `json:"account"`
	// Price is the provider's price; empty: the plan's first at the account.
	Price    string `json:"price"`
	Quantity int64  `json:"quantity"`
	Email    string `json:"email"`
	Locale   string `json:"locale"`
	// SuccessURL and CancelURL are the application's own pages.
	SuccessURL     string    `json:"success_url"`
	CancelURL      string    `json:"cancel_url"`
	PromotionCodes bool      `json:"promotion_codes"`
	TrialEnd       time.Time `json:"trial_end,omitzero"`
}

// Checkout is a checkout that was made.
type Checkout struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
	Account   string    `json:"provider"`
	// Object is the provider's id.
	Object string `json:"provider_id"`
	// TrialEnd is when the first charge comes, if not at once.
	TrialEnd time.Time `json:"trial_end,omitzero"`
}

// Invalid says what is wrong with a request.
type Invalid struct{ Reason string }

// Error implements error.
func (e *Invalid) Error() string { return e.Reason }

// Blocked says that the customer has a subscription already: live, or past due,
// where paying what is open is the way and not a second subscription.
type Blocked struct {
	Account, Subscription string
	Status                billing.SubscriptionStatus
	// PortalURL is where the customer can change the payment method; empty if
	// the provider has no such page.
	PortalURL string
}

// Error implements error.
func (e *Blocked) Error() string {
	return fmt.Sprintf("the customer has a subscription already: %s at %s is %s", e.Subscription, e.Account, e.Status)
}

// Begin makes a checkout. Without an account, of those that sell the plan (and the
// price, if one is named) and that the customer is not being moved away from, it is the
// one where they buy already, else the default, else the only one. The errors of what can be mended by whoever asks are
// [*Invalid] and [*Blocked].
func (r *Redirect) Begin(ctx context.Context, q Request) (Checkout, error) {
	if err := billing.CheckRef(q.Customer); err != nil {
		return Checkout{}, &Invalid{err.Error()}
	}
	if err := q.check(); err != nil {
		return Checkout{}, err
	}
	facts, _, err := r.Apply.Facts(ctx, q.Customer)
	if err != nil {
		return Checkout{}, err
	}
	plan, checkouter, err := r.choose(&q, facts)
	if err != nil {
		return Checkout{}, err
	}
	if err := r.checkTrial(q, plan); err != nil {
		return Checkout{}, err
	}
	mode := "payment"
	if plan.Kind == billing.GrantSubscription {
		mode = "subscription"
		if err := r.vacant(ctx, q, facts); err != nil {
			return Checkout{}, err
		}
		if able, _ := provider.Can(r.Apply.Drivers[q.Account], provider.CheckoutTrial); able && q.TrialEnd.IsZero() {
			q.TrialEnd = r.prepaid(plan, facts)
			if end := r.paidElsewhere(q, plan, facts); end.After(q.TrialEnd) {
				q.TrialEnd = end
			}
		}
	}
	return r.make(ctx, q, mode, checkouter)
}

func (q *Request) check() error {
	for _, page := range [][2]string{{"success_url", q.SuccessURL}, {"cancel_url", q.CancelURL}} {
		name, text := page[0], page[1]
		address, err := url.Parse(text)
		if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
			return &Invalid{fmt.Sprintf("%s %q is not an address: write it like https://app.example.com/welcome", name, text)}
		}
	}
	if q.Quantity == 0 {
		q.Quantity = 1
	}
	if q.Quantity < 1 || q.Quantity > 10000 {
		return &Invalid{fmt.Sprintf("quantity %d is not between 1 and 10000", q.Quantity)}
	}
	return nil
}

// longestTrial is the longest trial that a provider takes (Stripe).
const longestTrial = 730 * 24 * time.Hour

func (r *Redirect) checkTrial(q Request, plan billing.Plan) error {
	now := r.DB.Now()
	if able, why := provider.Can(r.Apply.Drivers[q.Account], provider.CheckoutTrial); !able && !q.TrialEnd.IsZero() {
		return &Invalid{fmt.Sprintf("%q cannot begin a checkout with a trial: leave trial_end out. %s", q.Account, why)}
	}
	switch {
	case q.TrialEnd.IsZero():
	case plan.Kind != billing.GrantSubscription:
		return &Invalid{fmt.Sprintf("plan %q is paid once and has no trial: leave trial_end out", plan.ID)}
	case !q.TrialEnd.After(now):
		return &Invalid{fmt.Sprintf("trial_end %s is past: name a later time, or leave it out", q.TrialEnd.Format(time.RFC3339))}
	case q.TrialEnd.After(now.Add(longestTrial)):
		return &Invalid{fmt.Sprintf("trial_end %s is more than 730 days away, which no provider takes", q.TrialEnd.Format(time.RFC3339))}
	}
	return nil
}

// vacant refuses a second subscription, except to somebody who is being moved away
// from the account where they have the first.
func (r *Redirect) vacant(ctx context.Context, q Request, facts billing.Facts) error {
	for _, held := range facts.Subscriptions {
		s := held.Object
		if !s.Live() || !s.CancelAt.IsZero() && !s.CancelAt.After(r.DB.Now()) {
			continue
		}
		if held.Account != q.Account && r.leaving(held, facts) {
			continue
		}
		blocked := &Blocked{Account: held.Account, Subscription: held.ID, Status: s.Status}
		blocked.PortalURL = r.portal(ctx, held, q)
		return blocked
	}
	return nil
}

// leaving reports whether a grant bridges the move away from a subscription.
func (r *Redirect) leaving(held billing.Held[billing.Subscription], facts billing.Facts) bool {
	plans := r.Apply.Catalog.PlansOf(held.Account, held.Object)
	return slices.ContainsFunc(facts.Grants, func(grant billing.Grant) bool {
		return facts.Bridging(r.Apply.Catalog, grant, held.Account, r.DB.Now()) &&
			slices.ContainsFunc(plans, func(p billing.Plan) bool { return p.ID == grant.Plan })
	})
}

// paidElsewhere is until when somebody who is being moved has paid for the plan where
// they leave: the end of a subscription that will not go on. Zero if there is none.
func (r *Redirect) paidElsewhere(q Request, plan billing.Plan, facts billing.Facts) (end time.Time) {
	now := r.DB.Now()
	for _, held := range facts.Subscriptions {
		s := held.Object
		same := slices.ContainsFunc(r.Apply.Catalog.PlansOf(held.Account, s), func(p billing.Plan) bool { return p.ID == plan.ID })
		if held.Account != q.Account && s.Status == billing.SubscriptionActive && same && s.CancelAt.After(now) && s.CancelAt.After(end) && r.leaving(held, facts) {
			end = s.CancelAt
		}
	}
	if longest := now.Add(longestTrial); end.After(longest) {
		return longest
	}
	return end
}

// portal mints a link to where the customer can mend their payment method; a
// provider that fails here must not turn the refusal into an error.
func (r *Redirect) portal(ctx context.Context, held billing.Held[billing.Subscription], q Request) string {
	updater, able := r.Apply.Drivers[held.Account].(provider.PaymentUpdater)
	if !able {
		return ""
	}
	payer, err := r.Apply.Payer(ctx, held.Account, q.Customer, provider.Ref{Account: held.Account, Kind: billing.KindSubscription, ID: held.ID})
	if err != nil {
		return ""
	}
	link, err := updater.PaymentUpdateURL(ctx, payer, q.CancelURL)
	if err != nil {
		r.Log.Warn("cannot make a portal link", "account", held.Account, "error", err)
		return ""
	}
	return link
}

// owner is the customer's id at the provider; empty if they have none.
func (r *Redirect) owner(ctx context.Context, account, customer string) (string, error) {
	linked, err := r.DB.Objects(ctx, store.ObjectFilter{
		Customer: customer, Account: account, Kind: string(billing.KindCustomer), Present: true, Limit: 1,
	})
	if err != nil || len(linked) == 0 {
		return "", err
	}
	return linked[0].ID, nil
}

// prepaid is when a pass ends that gives all that the subscription gives; the
// subscription's first charge waits for it. A pass that gives only a part of it
// does not count, or the rest would be free until then.
func (r *Redirect) prepaid(plan billing.Plan, facts billing.Facts) time.Time {
	now := r.DB.Now()
	end := r.passEnd(plan.ID, facts, now)
	if end.IsZero() {
		for i, feature := range plan.Features {
			one := r.passEnd(feature, facts, now)
			if i == 0 || one.Before(end) {
				end = one
			}
		}
	}
	if longest := now.Add(longestTrial); end.After(longest) {
		return longest
	}
	return end
}

// passEnd is until when a pass gives a feature; zero if none does.
func (r *Redirect) passEnd(feature string, facts billing.Facts, now time.Time) time.Time {
	d := billing.Access(r.Apply.Catalog, r.Apply.Rules, facts, feature, now)
	if !d.Allowed || d.Reason != billing.ReasonPass {
		return time.Time{}
	}
	return d.Until
}

// tokenParameter carries our token in the return address. PayPal appends a
// parameter of its own that is called token.
const tokenParameter = "checkout_token"

// make records the checkout, then has it made: should we die in between, the
// token in the provider's objects still says whose they are.
func (r *Redirect) make(ctx context.Context, q Request, mode string, checkouter provider.Checkouter) (Checkout, error) {
	id := "chk_" + rand.Text()
	token := r.key.Seal(id)
	owner, err := r.owner(ctx, q.Account, q.Customer)
	if err != nil {
		return Checkout{}, err
	}
	doc, err := json.Marshal(q)
	if err != nil {
		return Checkout{}, err
	}
	row := store.Checkout{
		ID: id, TokenHash: apply.HashToken(token), Customer: q.Customer, Account: q.Account, Plan: q.Plan,
		Doc: string(doc), State: store.CheckoutCreating,
	}
	if err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddCheckout(ctx, row) }); err != nil {
		return Checkout{}, fmt.Errorf("record checkout: %w", err)
	}
	page, err := checkouter.CreateCheckout(ctx, provider.CheckoutRequest{
		Key: id, Token: token, Customer: q.Customer, Owner: owner, Email: q.Email, Mode: mode,
		Items: []billing.Item{{Price: q.Price, Quantity: q.Quantity}}, TrialEnd: q.TrialEnd,
		PromotionCodes: q.PromotionCodes, Locale: q.Locale,
		ReturnURL: r.PublicURL + "/return/" + url.PathEscape(q.Account) + "?" + tokenParameter + "=" + url.QueryEscape(token),
		CancelURL: q.CancelURL,
	})
	if err != nil {
		if kind := provider.KindOf(err); kind == provider.Refused || kind == provider.Denied {
			row.State = store.CheckoutFailed
			err = errors.Join(err, r.made(ctx, row, false))
		}
		return Checkout{}, fmt.Errorf("make checkout %s: %w", id, err)
	}
	row.Object, row.State = page.Ref.ID, store.CheckoutOpen
	if err := r.made(ctx, row, !slices.Contains(r.Apply.Drivers[q.Account].Kinds(), billing.KindCheckout)); err != nil {
		return Checkout{}, err
	}
	return Checkout{ID: id, URL: page.URL, ExpiresAt: page.ExpiresAt, Account: q.Account, Object: page.Ref.ID, TrialEnd: q.TrialEnd}, nil
}

// made records what became of making a checkout. One that its provider cannot list
// is looked at, for no sweep would ever find it.
func (r *Redirect) made(ctx context.Context, row store.Checkout, look bool) error {
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CheckoutMade(ctx, row.ID, row.Object, row.State); err != nil || !look {
			return err
		}
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		ref := provider.Ref{Account: row.Account, Kind: billing.KindCheckout, ID: row.Object}
		return tx.Raise(ctx, numbers[0], []store.Want{{Queue: store.QueueLook, Key: ref.String(), Cause: string(apply.Redirect) + " " + row.ID}})
	})
	if err != nil {
		return fmt.Errorf("record that checkout %s was made: %w", row.ID, err)
	}
	if look {
		r.Apply.Wake(store.QueueLook)
	}
	return nil
}

// genuine reports whether we made the token.
func (r *Redirect) genuine(token string) bool {
	_, ok := r.key.Genuine(token)
	return ok
}
