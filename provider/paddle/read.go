package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
)

// looker reads the objects of one kind.
type looker interface {
	fetch(ctx context.Context, d *Driver, ref provider.Ref) (provider.Snapshot, error)
	page(ctx context.Context, d *Driver, query provider.Query) (provider.Page, error)
}

// reader is a looker for objects that the SDK calls T.
type reader[T any] struct {
	retrieve func(ctx context.Context, id string) error
	list     func(ctx context.Context, query provider.Query) error
	id       func(T) string
	updated  func(T) string
	snapshot func(object T) (provider.Snapshot, error)
}

// Fetch implements [provider.Driver].
func (d *Driver) Fetch(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	look := d.looker(ref.Kind)
	if look == nil {
		return provider.Snapshot{}, d.refused("fetch", "Paddle has no such kind of object")
	}
	if err := d.checkRef("fetch "+string(ref.Kind), ref, ref.Kind); err != nil {
		return provider.Snapshot{}, err
	}
	return look.fetch(ctx, d, ref)
}

// List implements [provider.Driver]: oldest first, so that what is made meanwhile
// comes at the end. A page has what Paddle gives at most: 200 customers or
// subscriptions, 30 transactions, 50 adjustments.
func (d *Driver) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	look := d.looker(query.Kind)
	op := "list " + string(query.Kind)
	switch {
	case look == nil:
		return provider.Page{}, d.refused("list", "Paddle has no such kind of object")
	case query.Owner != "" && !isName(query.Owner):
		return provider.Page{}, d.refused(op, "no Paddle customer can have this id")
	}
	return look.page(ctx, d, query)
}

func (d *Driver) looker(kind billing.Kind) looker {
	switch kind {
	case billing.KindCustomer:
		return d.customers()
	case billing.KindSubscription:
		return d.subscriptions()
	case billing.KindCheckout, billing.KindInvoice, billing.KindPayment:
		return d.transactions(kind)
	case billing.KindRefund:
		return d.refunds()
	case billing.KindDispute:
		return d.disputes()
	case billing.KindWarning:
	}
	return nil
}

func (r reader[T]) fetch(ctx context.Context, d *Driver, ref provider.Ref) (provider.Snapshot, error) {
	op := fmt.Sprintf("fetch %s %s", ref.Kind, ref.ID)
	object, err := call[T](ctx, d, op, func(ctx context.Context) error { return r.retrieve(ctx, ref.ID) })
	if err != nil {
		return provider.Snapshot{}, err
	}
	if r.id(object) != ref.ID {
		return provider.Snapshot{}, d.malformed(op, errors.New("the answer is about something else: check base_url"))
	}
	return d.fetched(op, ref.ID, r.updated(object), func() (provider.Snapshot, error) { return r.snapshot(object) })
}

// fetched translates one record that was fetched.
func (d *Driver) fetched(op, id, updated string, read func() (provider.Snapshot, error)) (provider.Snapshot, error) {
	snapshot, err := read()
	if _, ours := errors.AsType[*provider.Error](err); err != nil && !ours {
		err = d.malformed(op, fmt.Errorf("%s: %w", id, err))
	}
	if err != nil {
		return provider.Snapshot{}, err
	}
	snapshot.Version = versionOf(snapshot, updated)
	return snapshot, nil
}

func (r reader[T]) page(ctx context.Context, d *Driver, query provider.Query) (provider.Page, error) {
	op := "list " + string(query.Kind)
	if query.After != "" && !isName(query.After) {
		return provider.Page{}, d.refused(op, "the cursor is not one of ours")
	}
	rows, more, err := list(ctx, d, op, func(ctx context.Context) error { return r.list(ctx, query) })
	if err != nil {
		return provider.Page{}, err
	}
	var page provider.Page
	last := ""
	for _, row := range rows {
		if last, err = rowID(row); err != nil {
			return provider.Page{}, d.malformed(op, err)
		}
		var object T
		if json.Unmarshal(row, &object) == nil {
			if snapshot, err := r.snapshot(object); err == nil {
				page.Snapshots = append(page.Snapshots, snapshot)
				continue
			}
		}
		page.Unread = append(page.Unread, d.ref(query.Kind, last))
	}
	if more {
		page.Next = last
	}
	return page, nil
}

// rowID reads the id of a row, even if the row cannot be read otherwise.
func rowID(row json.RawMessage) (string, error) {
	object, err := strict.Members(row)
	if err != nil || idIn(object, "id") == "" {
		return "", errors.New("an object of the list has no id")
	}
	return idIn(object, "id"), nil
}

// after is the cursor of a list.
func after(query provider.Query) *string {
	if query.After == "" {
		return nil
	}
	return &query.After
}

// owned is the customer filter of a list; nil for all.
func owned(query provider.Query) []string {
	if query.Owner == "" {
		return nil
	}
	return []string{query.Owner}
}

// byAge orders a list by id, oldest first: Paddle's ids begin with the time.
func byAge() *string { return sdk.PtrTo("id[ASC]") }
