package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Payer is for whom an account's provider has to be asked for the page on which a
// customer changes how they pay for an object ([provider.PaymentUpdater]): for their
// customer at the provider or, where that one may be several people, for the
// subscription that the object belongs to. An object that is at no provider stands
// for whatever the customer has at the account. Nobody is handed what is not theirs:
// the error is [store.ErrNotFound] if the object, or who owns it at the provider, is
// not this customer's.
func (a *Applier) Payer(ctx context.Context, account, customer string, object provider.Ref) (provider.Ref, error) {
	var row store.Object
	if object.Account == account {
		var err error
		if row, err = a.theirs(ctx, customer, object); err != nil {
			return provider.Ref{}, err
		}
	}
	if provider.OwnersShared(a.Drivers[account]) {
		return a.payingSubscription(ctx, account, customer, row)
	}
	if row.Owner != "" {
		owner := provider.Ref{Account: account, Kind: billing.KindCustomer, ID: row.Owner}
		_, err := a.theirs(ctx, customer, owner)
		return owner, err
	}
	linked, err := a.DB.Objects(ctx, store.ObjectFilter{
		Customer: customer, Account: account, Kind: string(billing.KindCustomer), Present: true, Limit: 1,
	})
	if err != nil {
		return provider.Ref{}, fmt.Errorf("read who %s is at %s: %w", customer, account, err)
	}
	if len(linked) == 0 {
		return provider.Ref{}, store.ErrNotFound
	}
	return provider.Ref{Account: account, Kind: billing.KindCustomer, ID: linked[0].ID}, nil
}

// Portal says for whom and for what an account's provider has to be asked for the page
// on which a customer manages what an object belongs to ([provider.Portaler]). It hands
// out nothing that is not theirs, as [Applier.Payer]: where several people may be one
// customer of the provider, whose page shows what each of them has, the error is
// [ErrShared] unless all that is known of that one is this customer's.
func (a *Applier) Portal(ctx context.Context, account, customer string, object provider.Ref) (request provider.PortalRequest, err error) {
	var row store.Object
	if object.Account == account {
		if row, err = a.theirs(ctx, customer, object); err != nil {
			return request, err
		}
	}
	request.Subscription, err = a.payingSubscription(ctx, account, customer, row)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return request, err
	}
	about := object
	if !request.Subscription.IsZero() {
		about = request.Subscription
	}
	if provider.OwnersShared(a.Drivers[account]) {
		return request, a.alone(ctx, customer, about)
	}
	if !slices.Contains(a.Drivers[account].Kinds(), billing.KindCustomer) {
		return request, err
	}
	request.Owner, err = a.Payer(ctx, account, customer, about)
	return request, err
}

// ErrShared says that what is done to a customer of the provider, or shown of them,
// concerns others, too.
var ErrShared = errors.New("at the provider this customer is one with others, whom it would concern as well")

// Alone makes sure that who owns an object at the provider, or is it, has nothing there
// that is not the customer's; the error is [ErrShared] otherwise. Where a provider's
// customer is always one person that is so.
func (a *Applier) Alone(ctx context.Context, customer string, object provider.Ref) error {
	if !provider.OwnersShared(a.Drivers[object.Account]) {
		return nil
	}
	return a.alone(ctx, customer, object)
}

// alone is Alone where several people may be one customer of the provider.
func (a *Applier) alone(ctx context.Context, customer string, object provider.Ref) error {
	row, err := a.theirs(ctx, customer, object)
	if err != nil {
		return err
	}
	owner := row.Owner
	if object.Kind == billing.KindCustomer {
		owner = row.ID
	}
	others, err := a.DB.OwnedByOthers(ctx, row.Account, owner, customer)
	if err != nil {
		return fmt.Errorf("read what %s/%s has besides: %w", row.Account, owner, err)
	}
	if others > 0 || owner == "" {
		return ErrShared
	}
	return nil
}

// theirs reads an object that is a customer's and still there.
func (a *Applier) theirs(ctx context.Context, customer string, ref provider.Ref) (store.Object, error) {
	row, err := a.DB.Object(ctx, ref.String())
	if err != nil {
		return row, err
	}
	if row.Customer != customer || row.Gone {
		return row, store.ErrNotFound
	}
	return row, nil
}

// payingSubscription is the subscription that an object hangs on, however far down;
// else the newest of the customer's that may still be charged for.
func (a *Applier) payingSubscription(ctx context.Context, account, customer string, row store.Object) (provider.Ref, error) {
	for row.Parent != "" && row.Kind != string(billing.KindSubscription) {
		up, err := provider.ParseRef(account + "/" + row.Parent)
		if err != nil {
			return provider.Ref{}, err
		}
		row, err = a.theirs(ctx, customer, up)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return provider.Ref{}, err
		}
	}
	if row.Kind == string(billing.KindSubscription) {
		return provider.Ref{Account: account, Kind: billing.KindSubscription, ID: row.ID}, nil
	}
	facts, _, err := a.Facts(ctx, customer)
	if err != nil {
		return provider.Ref{}, err
	}
	var newest billing.Held[billing.Subscription]
	for _, s := range facts.Subscriptions {
		if s.Account == account && s.Object.Live() && (newest.ID == "" || newerSubscription(s, newest)) {
			newest = s
		}
	}
	if newest.ID == "" {
		return provider.Ref{}, store.ErrNotFound
	}
	return provider.Ref{Account: account, Kind: billing.KindSubscription, ID: newest.ID}, nil
}

func newerSubscription(s, than billing.Held[billing.Subscription]) bool {
	if d := s.Object.StartedAt.Compare(than.Object.StartedAt); d != 0 {
		return d > 0
	}
	return strings.Compare(s.ID, than.ID) > 0
}
