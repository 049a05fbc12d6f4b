package redirect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// State says how a customer came back.
type State string

// The states of a return.
const (
	// Complete: the purchase is good.
	Complete State = "complete"
	// Pending: the money is still on its way, or the provider does not answer;
	// a webhook or a sweep will tell.
	Pending State = "pending"
	// Failed: the payment was declined. Abandoned: the customer did not finish.
	Failed    State = "failed"
	Abandoned State = "abandoned"
)

// stillOpen: the provider says that the customer has not paid yet. It sends only
// those here who have, so its answer is old, or the address was typed. To the
// customer it is pending first and abandoned after some polls.
const stillOpen State = "open"

// Return is what becomes of a customer who came back.
type Return struct {
	State    State  `json:"status"`
	Checkout string `json:"checkout"`
	Plan     string `json:"plan"`
	// URL is the application's page to go to.
	URL string `json:"url"`
}

// ErrForeign says that what the browser brought does not belong together: a
// token that we did not make, or another checkout's id.
var ErrForeign = errors.New("this return address is not valid")

// errInvisible says that the provider does not show what the address names.
var errInvisible = fmt.Errorf("%w: what it names is not to be seen", ErrForeign)

// patience is how long the customer's browser may wait for the provider.
const patience = 10 * time.Second

// Returned takes back a customer whose browser came to /return/{account} with a
// query. It is harmless to call again: a reloaded page gets the same answer.
func (r *Redirect) Returned(ctx context.Context, account string, query url.Values) (Return, error) {
	row, ref, err := r.claimed(ctx, account, query)
	if err != nil {
		return Return{}, err
	}
	var request Request
	if err := json.Unmarshal([]byte(row.Doc), &request); err != nil {
		return Return{}, fmt.Errorf("checkout %s: %w", row.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	state, err := r.outcome(ctx, row, request, ref, query)
	switch {
	case errors.Is(err, ErrForeign):
		return Return{}, err
	case err != nil:
		// The provider is slow or away. The purchase is not lost: its webhook, or
		// the next sweep, leads to the same look.
		r.Log.Warn("cannot look at a checkout on return", "checkout", row.ID, "error", err)
		state = Pending
	case state == stillOpen && polled(query) < polls:
		state = Pending
	case state == stillOpen:
		state = Abandoned
	}
	if err == nil {
		if err := r.note(ctx, row, ref, state); err != nil {
			return Return{}, fmt.Errorf("record the return of checkout %s: %w", row.ID, err)
		}
	}
	return Return{State: state, Checkout: row.ID, Plan: row.Plan, URL: destination(request, row.ID, state)}, nil
}

// note records that the customer came back with a purchase that is good, and the
// provider's id if we died before we had noted it.
func (r *Redirect) note(ctx context.Context, row store.Checkout, ref provider.Ref, state State) error {
	if (row.Object != "" || ref.ID == "") && (state != Complete || row.State == store.CheckoutReturned) {
		return nil
	}
	return r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if row.Object == "" && ref.ID != "" {
			if err := tx.CheckoutMade(ctx, row.ID, ref.ID, store.CheckoutOpen); err != nil {
				return err
			}
		}
		if state != Complete {
			return nil
		}
		_, err := tx.UseCheckout(ctx, row.ID)
		return err
	})
}

// claimed finds the checkout that the token names, and the provider's that the
// address names, and refuses a pair that we did not make.
func (r *Redirect) claimed(ctx context.Context, account string, query url.Values) (row store.Checkout, ref provider.Ref, err error) {
	token := query.Get(tokenParameter)
	if !r.genuine(token) {
		return row, ref, ErrForeign
	}
	checkouter, able := r.Apply.Drivers[account].(provider.Checkouter)
	if !able {
		return row, ref, ErrForeign
	}
	row, err = r.DB.CheckoutByToken(ctx, apply.HashToken(token))
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Account != account {
		return row, ref, ErrForeign
	}
	if err != nil {
		return row, ref, err
	}
	ref, err = checkouter.ReturnedRef(query)
	if errors.Is(err, provider.ErrUnnamed) {
		return row, provider.Ref{Account: account, Kind: billing.KindCheckout, ID: row.Object}, nil
	}
	if err != nil {
		return row, ref, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if row.Object != "" && row.Object != ref.ID {
		return row, ref, ErrForeign
	}
	return row, ref, nil
}

// outcome finds out what came of the checkout: from the checkout itself, or where
// the provider does not say there, from the purchase.
func (r *Redirect) outcome(ctx context.Context, row store.Checkout, request Request, ref provider.Ref, query url.Values) (State, error) {
	prover, apart := r.Apply.Drivers[row.Account].(provider.PurchaseProver)
	if !apart {
		return r.look(ctx, row, request, ref)
	}
	purchase, err := r.purchase(ctx, prover, row, query)
	if err != nil || purchase.IsZero() {
		// The provider sends only those here who have bought something; what it was, a
		// webhook will tell.
		return Pending, err
	}
	state, err := r.look(ctx, row, request, purchase)
	if errors.Is(err, errInvisible) {
		return Pending, nil // it was there a moment ago, and will be again
	}
	return state, err
}

// purchase finds what was bought with a checkout: a webhook has told, or the address
// proves it. What is proven is kept like a claim of a webhook, so that every later
// look finds whose the purchase is.
func (r *Redirect) purchase(ctx context.Context, prover provider.PurchaseProver, row store.Checkout, query url.Values) (provider.Ref, error) {
	token := query.Get(tokenParameter)
	purchase, err := prover.ProvenPurchase(ctx, query)
	if err != nil {
		return purchase, err
	}
	if !purchase.IsZero() {
		return purchase, r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Tell(ctx, []store.Told{{Key: purchase.String(), Name: provider.ClaimToken, Value: token, Event: row.ID}})
		})
	}
	const most = 100 // one checkout may be paid again, and each payment tells of several objects
	keys, err := r.DB.ToldBy(ctx, provider.ClaimToken, token, most)
	if err != nil {
		return purchase, err
	}
	for _, key := range keys {
		told, err := provider.ParseRef(key)
		if err == nil && told.Account == row.Account && told.Kind == billing.KindCheckout {
			purchase = told
		}
	}
	return purchase, nil
}

// look asks the provider what came of the checkout.
func (r *Redirect) look(ctx context.Context, row store.Checkout, request Request, ref provider.Ref) (State, error) {
	cause := apply.Cause{Trigger: apply.Redirect, Event: row.ID}
	outcomes, err := r.Apply.Refs(ctx, cause, ref)
	if err != nil {
		return "", err
	}
	if outcomes[0].Missing && row.Object == ref.ID {
		return Pending, nil // we had it made: the provider does not show it yet
	}
	if outcomes[0].Missing {
		return "", errInvisible
	}
	checkout, ok := outcomes[0].Object.(billing.Checkout)
	if !ok || outcomes[0].Customer != row.Customer {
		return "", ErrForeign
	}
	if bought := (billing.Item{Price: request.Price, Quantity: request.Quantity}); !slices.Contains(checkout.Items, bought) {
		r.Log.Error("a checkout sells something else than was asked for", "checkout", row.ID, "asked", bought, "sold", checkout.Items)
		return "", ErrForeign
	}
	switch {
	case checkout.Status == billing.CheckoutOpen:
		return stillOpen, nil
	case checkout.Status == billing.CheckoutApproved:
		return Pending, nil // the money is being taken
	case checkout.Status != billing.CheckoutComplete:
		return Abandoned, nil
	case checkout.Subscription != "":
		return r.ofSubscription(ctx, cause, provider.Ref{Account: ref.Account, Kind: billing.KindSubscription, ID: checkout.Subscription})
	case checkout.Payment != "":
		return r.ofPayment(ctx, cause, provider.Ref{Account: ref.Account, Kind: billing.KindPayment, ID: checkout.Payment})
	case checkout.PaymentStatus == billing.CheckoutNoPayment:
		return Complete, nil
	}
	return Pending, nil
}

func (r *Redirect) ofSubscription(ctx context.Context, cause apply.Cause, ref provider.Ref) (State, error) {
	outcomes, err := r.Apply.Refs(ctx, cause, ref)
	if err != nil {
		return "", err
	}
	s, _ := outcomes[0].Object.(billing.Subscription)
	switch s.Status {
	case billing.SubscriptionActive, billing.SubscriptionTrialing:
		return Complete, nil
	case billing.SubscriptionEnded:
		return Failed, nil
	case billing.SubscriptionPending, billing.SubscriptionPastDue, billing.SubscriptionUnpaid, billing.SubscriptionPaused:
	}
	return Pending, nil
}

func (r *Redirect) ofPayment(ctx context.Context, cause apply.Cause, ref provider.Ref) (State, error) {
	outcomes, err := r.Apply.Refs(ctx, cause, ref)
	if err != nil {
		return "", err
	}
	p, _ := outcomes[0].Object.(billing.Payment)
	switch p.Status {
	case billing.PaymentSucceeded:
		return Complete, nil
	case billing.PaymentFailed, billing.PaymentCanceled:
		return Failed, nil
	case billing.PaymentPending, billing.PaymentRequiresAction:
	}
	return Pending, nil
}

// destination is the application's page, told what happened.
func destination(request Request, id string, state State) string {
	page := request.SuccessURL
	if state == Abandoned || state == Failed {
		page = request.CancelURL
	}
	address, err := url.Parse(page)
	if err != nil { // it was checked when the checkout was made
		return page
	}
	query := address.Query()
	query.Set("checkout", id)
	query.Set("status", string(state))
	address.RawQuery = query.Encode()
	return address.String()
}
