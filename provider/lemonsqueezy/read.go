package lemonsqueezy

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// reader makes snapshots of the records of one type.
type reader struct {
	typ string
	// kind is what the record is before all; other kinds come beside it.
	kind  billing.Kind
	query func() url.Values
	// snapshot reads a record; with is what came with the answer.
	snapshot func(ctx context.Context, op string, r resource, with document) (provider.Snapshot, error)
	id       func(id string) string
}

func plain(id string) string { return id }

func (d *Driver) readerOf(typ string) reader {
	switch typ {
	case typeCustomer:
		return reader{typ: typ, kind: billing.KindCustomer, snapshot: d.customer, id: plain}
	case typeCheckout:
		return reader{typ: typ, kind: billing.KindCheckout, snapshot: d.checkout, id: plain}
	case typeOrder:
		return reader{
			typ: typ, kind: billing.KindCheckout, snapshot: d.order, id: func(id string) string { return orderPrefix + id },
			query: func() url.Values { return url.Values{"include": {typeOrderItem + "," + typeSubscription}} },
		}
	case typeSubscription:
		return reader{
			typ: typ, kind: billing.KindSubscription, snapshot: d.subscription, id: plain,
			query: func() url.Values { return url.Values{"include": {"order"}} },
		}
	}
	return reader{typ: typeInvoice, kind: billing.KindInvoice, snapshot: d.invoice, id: plain}
}

func (r reader) with() url.Values {
	if r.query == nil {
		return url.Values{}
	}
	return r.query()
}

// Fetch implements [provider.Driver].
func (d *Driver) Fetch(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	op := "fetch " + string(ref.Kind) + " " + clip(ref.ID)
	if !d.has(ref.Kind) {
		return provider.Snapshot{}, d.refused(op, "Lemon Squeezy has no such kind of object")
	}
	typ, id, err := d.checkRef(op, ref)
	if err != nil {
		return provider.Snapshot{}, err
	}
	read := d.readerOf(typ)
	r, doc, err := d.get(ctx, op, typ, id, read.with())
	if err != nil {
		return provider.Snapshot{}, err
	}
	main, err := read.snapshot(ctx, op, r, doc)
	if err != nil {
		return provider.Snapshot{}, err
	}
	main.Version = versionOf(r, main)
	if s, found := as(main, ref.Kind); found {
		return s, nil
	}
	return provider.Snapshot{}, d.missing(op, "the record is there, but it is no "+string(ref.Kind))
}

func (d *Driver) has(kind billing.Kind) bool {
	for _, k := range d.Kinds() {
		if k == kind {
			return true
		}
	}
	return false
}

// as is what a record is as another kind. One that is asked for by itself has the
// others beside it no more.
func as(main provider.Snapshot, kind billing.Kind) (provider.Snapshot, bool) {
	if main.Ref.Kind == kind {
		return main, true
	}
	for _, s := range main.Beside {
		if s.Ref.Kind == kind {
			return s, true
		}
	}
	return provider.Snapshot{}, false
}

// sources are the lists that have the objects of a kind, in the order in which they
// are read.
func sources(kind billing.Kind) []string {
	switch kind {
	case billing.KindCustomer:
		return []string{typeCustomer}
	case billing.KindCheckout:
		return []string{typeOrder, typeCheckout}
	case billing.KindSubscription:
		return []string{typeSubscription}
	case billing.KindInvoice:
		return []string{typeInvoice}
	case billing.KindPayment:
		return []string{typeOrder, typeInvoice}
	case billing.KindDispute:
		return []string{typeOrder}
	default: // there are none
		return nil
	}
}

// List implements [provider.Driver], newest first. Pages are counted: an object
// made meanwhile moves all others, so that rows come twice; none is missed, for
// records of these types are not deleted. A cursor is the number of a list of
// [sources] and that of a page.
//
// Of one customer the records are found by their relations: the lists cannot be
// filtered by customer, and an address may have been another at the time.
func (d *Driver) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	op := "list " + string(query.Kind)
	from := sources(query.Kind)
	if len(from) == 0 {
		return provider.Page{}, d.refused("list", "Lemon Squeezy has no such kind of object")
	}
	if query.Owner != "" {
		return d.listOf(ctx, op, query)
	}
	source, page := 0, 1
	if query.After != "" {
		first, second, ok := strings.Cut(query.After, ":")
		a, err := strconv.Atoi(first)
		b, err2 := strconv.Atoi(second)
		if !ok || err != nil || err2 != nil || a < 0 || a >= len(from) || b < 1 {
			return provider.Page{}, d.refused(op, "the cursor is not one of ours")
		}
		source, page = a, b
	}
	for {
		out, more, err := d.page(ctx, op, d.readerOf(from[source]), query.Kind, page)
		switch {
		case err != nil:
			return provider.Page{}, err
		case more:
			out.Next = strconv.Itoa(source) + ":" + strconv.Itoa(page+1)
		case source+1 < len(from) && len(out.Snapshots)+len(out.Unread) == 0: // nothing here: the next list at once
			source, page = source+1, 1
			continue
		case source+1 < len(from):
			out.Next = strconv.Itoa(source+1) + ":1"
		}
		return out, nil
	}
}

// page reads one page of one list.
func (d *Driver) page(ctx context.Context, op string, read reader, kind billing.Kind, number int) (page provider.Page, more bool, err error) {
	query := d.inStore(read.with())
	query.Set("sort", "-createdAt")
	rows, doc, more, err := d.rows(ctx, op, read.typ, number, query)
	if err != nil {
		return page, false, err
	}
	if read.typ == typeSubscription {
		if doc.owed, err = d.owedBy(ctx, op, rows); err != nil {
			return page, false, err
		}
	}
	for _, r := range rows {
		s, err := read.snapshot(ctx, op, r, doc)
		switch {
		case err == nil:
		case provider.KindOf(err) == provider.Malformed:
			page.Unread = append(page.Unread, d.ref(read.kind, read.id(r.ID)))
			continue
		case provider.KindOf(err) == provider.NotFound: // another store's
			continue
		default:
			return provider.Page{}, false, err
		}
		if s, found := as(s, kind); found && !s.Gone {
			page.Snapshots = append(page.Snapshots, s)
		}
	}
	return page, more, nil
}

// chunk is how many records of one customer are read at once.
const chunk = 20

// listOf reads the objects of one customer, by their relations.
func (d *Driver) listOf(ctx context.Context, op string, query provider.Query) (provider.Page, error) {
	refs, err := d.refsOf(ctx, op, query)
	if err != nil {
		return provider.Page{}, err
	}
	begin := 0
	if query.After != "" {
		if begin, err = strconv.Atoi(query.After); err != nil || begin < 0 {
			return provider.Page{}, d.refused(op, "the cursor is not one of ours")
		}
	}
	var page provider.Page
	end := min(len(refs), begin+chunk)
	for _, ref := range refs[min(begin, end):end] {
		s, err := d.Fetch(ctx, ref)
		switch {
		case err == nil && !s.Gone:
			page.Snapshots = append(page.Snapshots, s)
		case err == nil, provider.KindOf(err) == provider.NotFound: // another noun's, or another store's
		case provider.KindOf(err) == provider.Malformed:
			page.Unread = append(page.Unread, ref)
		default:
			return provider.Page{}, err
		}
	}
	if end < len(refs) {
		page.Next = strconv.Itoa(end)
	}
	return page, nil
}

// refsOf names the objects of one customer that may be of a kind.
func (d *Driver) refsOf(ctx context.Context, op string, query provider.Query) (refs []provider.Ref, err error) {
	if !isNumber(query.Owner) {
		return nil, nil // nobody's
	}
	if query.Kind == billing.KindCustomer {
		return []provider.Ref{d.ref(billing.KindCustomer, query.Owner)}, nil
	}
	_, doc, err := d.get(ctx, op, typeCustomer, query.Owner, url.Values{"include": {typeOrder + "," + typeSubscription}})
	if provider.KindOf(err) == provider.NotFound && err != nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if doc.Included == nil {
		return nil, d.malformed(op, errors.New("the customer's orders and subscriptions were asked for and did not come"))
	}
	for _, r := range doc.Included {
		switch {
		case !isNumber(r.ID):
		case r.Type == typeOrder && (query.Kind == billing.KindCheckout || query.Kind == billing.KindPayment || query.Kind == billing.KindDispute):
			refs = append(refs, d.orderRef(query.Kind, number(r.ID)))
		case r.Type == typeSubscription && query.Kind == billing.KindSubscription:
			refs = append(refs, d.ref(query.Kind, r.ID))
		case r.Type == typeSubscription && (query.Kind == billing.KindInvoice || query.Kind == billing.KindPayment):
			invoices, err := d.all(ctx, op, typeInvoice, url.Values{"filter[subscription_id]": {r.ID}})
			if err != nil {
				return nil, err
			}
			for _, i := range invoices {
				id := i.ID
				if query.Kind == billing.KindPayment {
					id = invoicePrefix + id
				}
				refs = append(refs, d.ref(query.Kind, id))
			}
		}
	}
	return refs, nil
}
