package stripe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// pageSize is the most that Stripe returns at once.
const pageSize = 100

// looker reads the objects of one kind.
type looker interface {
	fetch(ctx context.Context, d *Driver, ref provider.Ref) (provider.Snapshot, error)
	page(ctx context.Context, d *Driver, query provider.Query) (provider.Page, error)
}

// reader is a looker for objects of type T.
type reader[T any] struct {
	retrieve func(ctx context.Context, id string) error
	list     func(ctx context.Context, query provider.Query) error
	id       func(T) string
	snapshot func(ctx context.Context, object T) (provider.Snapshot, error)
}

// Fetch implements [provider.Driver]. A payment goes by the id of its payment
// intent (pi_), or by that of the charge (ch_, py_) if it was made without one.
func (d *Driver) Fetch(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	look := d.looker(ref.Kind)
	if look == nil {
		return provider.Snapshot{}, d.refused("fetch", "Stripe has no such kind of object")
	}
	if err := d.checkRef("fetch "+string(ref.Kind), ref, ref.Kind); err != nil {
		return provider.Snapshot{}, err
	}
	if ref.Kind == billing.KindPayment && isCharge(ref.ID) {
		look = d.charges()
	}
	return look.fetch(ctx, d, ref)
}

// List implements [provider.Driver]. Deleted customers do not appear, nor do
// charges made without a payment intent.
//
// Stripe cannot list refunds, disputes and early fraud warnings by customer.
// With an owner, refunds and disputes are found through that customer's
// payments; of warnings the page is empty.
func (d *Driver) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	look := d.looker(query.Kind)
	op := "list " + string(query.Kind)
	switch {
	case look == nil:
		return provider.Page{}, d.refused("list", "Stripe has no such kind of object")
	case query.After != "" && !isName(query.After):
		return provider.Page{}, d.refused(op, "the cursor is not one of ours")
	case query.Owner == "":
		return look.page(ctx, d, query)
	case !isName(query.Owner):
		return provider.Page{}, d.refused(op, "no Stripe customer can have this id")
	}
	switch query.Kind {
	case billing.KindCustomer:
		return d.listOneCustomer(ctx, query)
	case billing.KindRefund, billing.KindDispute:
		return d.listThroughPayments(ctx, query)
	case billing.KindWarning:
		return provider.Page{}, nil
	default:
		return look.page(ctx, d, query)
	}
}

func (d *Driver) looker(kind billing.Kind) looker {
	switch kind {
	case billing.KindCustomer:
		return d.customers()
	case billing.KindCheckout:
		return d.checkouts()
	case billing.KindSubscription:
		return d.subscriptions()
	case billing.KindInvoice:
		return d.invoices()
	case billing.KindPayment:
		return d.payments()
	case billing.KindRefund:
		return d.refunds()
	case billing.KindDispute:
		return d.disputes()
	case billing.KindWarning:
		return d.warnings()
	}
	return nil
}

func isCharge(id string) bool {
	return strings.HasPrefix(id, "ch_") || strings.HasPrefix(id, "py_")
}

func (r reader[T]) fetch(ctx context.Context, d *Driver, ref provider.Ref) (provider.Snapshot, error) {
	op := fmt.Sprintf("fetch %s %s", ref.Kind, ref.ID)
	object, err := retrieved[T](ctx, d, op, func(ctx context.Context) error { return r.retrieve(ctx, ref.ID) })
	if err != nil {
		return provider.Snapshot{}, err
	}
	if r.id(object) != ref.ID {
		return provider.Snapshot{}, d.malformed(op, errors.New("the answer is about something else: check base_url"))
	}
	return r.read(ctx, d, op, object)
}

// read translates one object.
func (r reader[T]) read(ctx context.Context, d *Driver, op string, object T) (provider.Snapshot, error) {
	snapshot, err := r.snapshot(ctx, object)
	if err == nil {
		return snapshot, nil
	}
	if _, ours := errors.AsType[*provider.Error](err); ours {
		return provider.Snapshot{}, err
	}
	return provider.Snapshot{}, d.malformed(op, fmt.Errorf("%s: %w", r.id(object), err))
}

func (r reader[T]) page(ctx context.Context, d *Driver, query provider.Query) (provider.Page, error) {
	op := "list " + string(query.Kind)
	list, err := listedRows(ctx, d, op, r.id, func(ctx context.Context) error { return r.list(ctx, query) })
	if err != nil {
		return provider.Page{}, err
	}
	var page provider.Page
	for _, row := range list.rows {
		if !isName(row.id) {
			return provider.Page{}, d.malformed(op, errNoID)
		}
		snapshot, err := provider.Snapshot{}, row.err
		if err == nil {
			snapshot, err = r.read(ctx, d, op, row.object)
		}
		switch {
		case err == nil:
			page.Snapshots = append(page.Snapshots, snapshot)
		case row.err != nil || provider.KindOf(err) == provider.Malformed:
			page.Unread = append(page.Unread, d.ref(query.Kind, row.id))
		default:
			return provider.Page{}, err
		}
	}
	if list.more {
		page.Next = list.rows[len(list.rows)-1].id
	}
	return page, nil
}

// listParams asks for one page.
func listParams(query provider.Query) sdk.ListParams {
	params := sdk.ListParams{Limit: sdk.Int64(pageSize), Single: true}
	if query.After != "" {
		params.StartingAfter = sdk.String(query.After)
	}
	return params
}

// expand asks for the objects behind ids that are part of an answer.
func expand(paths ...string) []*string { return sdk.StringSlice(paths) }

// eachExpanded is expand for each row of a list.
func eachExpanded(paths []string) []*string {
	all := make([]*string, len(paths))
	for i, path := range paths {
		all[i] = sdk.String("data." + path)
	}
	return all
}

// wholeParams asks for one page of a list that is read to its end.
func wholeParams(after *string) sdk.ListParams {
	return sdk.ListParams{Limit: sdk.Int64(pageSize), Single: true, StartingAfter: after}
}

// owned is the customer filter of a list; nil for all.
func owned(query provider.Query) *string {
	if query.Owner == "" {
		return nil
	}
	return sdk.String(query.Owner)
}

// rest reads a whole list into stripe-go's own types.
func rest[T any](ctx context.Context, d *Driver, op string, list func(context.Context) *sdk.V1List[T]) ([]T, error) {
	return call(ctx, d, op, func(ctx context.Context) ([]T, error) {
		var all []T
		for object, err := range list(ctx).All(ctx) {
			if err != nil {
				return nil, err
			}
			all = append(all, object)
		}
		return all, nil
	})
}
