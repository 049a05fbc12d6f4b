package apply

import (
	"context"
	"slices"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// belongsTo lists the keys of the objects whose customer is this one's too. What it
// hangs on comes before whose it is: of several people who share a customer at the
// provider, each has subscriptions of their own, with invoices that follow them.
func (r *row) belongsTo() []string {
	var keys []string
	if r.next.Parent != "" {
		keys = append(keys, r.next.Account+"/"+r.next.Parent)
	}
	if r.next.Owner != "" {
		keys = append(keys, ownerKey(r.next))
	}
	return keys
}

// hangsOn lists the keys of the objects whose customer is a row's too, whoever the
// provider's customer is: its parent and, of a payment, the invoice that names it.
func (c clues) hangsOn(r *row) []string {
	var keys []string
	if r.next.Parent != "" {
		keys = append(keys, r.next.Account+"/"+r.next.Parent)
	}
	if bill := c.bills[r.next.Key]; bill != "" {
		keys = append(keys, bill)
	}
	return keys
}

// ownerKey is the key of the provider's customer whom an object belongs to.
func ownerKey(o store.Object) string {
	return o.Account + "/" + string(billing.KindCustomer) + "/" + o.Owner
}

// namedBy lists the keys of the payments that an object names, if it is an invoice:
// a payment does not tell what it was made for (Stripe's have not since 2025-03-31).
func namedBy(account string, object billing.Object) []string {
	invoice, ok := object.(billing.Invoice)
	if !ok {
		return nil
	}
	keys := make([]string, len(invoice.Payments))
	for i, id := range invoice.Payments {
		keys[i] = account + "/" + string(billing.KindPayment) + "/" + id
	}
	return keys
}

// findBills finds the invoices that name payments among the open rows: in this
// writing, or of those that the ledger has of the same owner.
func (w *writing) findBills(ctx context.Context, open []*row, found clues) error {
	for _, r := range slices.Concat(w.same, w.order) {
		for _, key := range namedBy(r.next.Account, r.is) {
			found.bills[key] = r.next.Key
			found.objects[r.next.Key] = r.next
		}
	}
	var payments []store.Object
	for _, r := range open {
		// An invoice that comes later finds the payment.
		if r.before == nil && r.next.Kind == string(billing.KindPayment) && r.next.Owner != "" && found.bills[r.next.Key] == "" {
			payments = append(payments, r.next)
		}
	}
	invoices, err := w.tx.InvoicesNaming(ctx, payments)
	if err != nil {
		return err
	}
	for _, o := range invoices {
		invoice, err := billing.ParseObject(billing.KindInvoice, []byte(o.Doc))
		if err != nil {
			return err
		}
		for _, key := range namedBy(o.Account, invoice) {
			found.bills[key] = o.Key
			found.objects[o.Key] = o
		}
	}
	return nil
}

// spread links what belongs to the rows that were just linked: the provider's
// customer whose object proved to be ours, and whatever hangs on either; and the
// payments that invoices newly name.
func (w *writing) spread(ctx context.Context) error {
	if err := w.inherit(ctx, w.telling()); err != nil {
		return err
	}
	return w.rendezvous(ctx)
}

// telling lists the rows that tell in this writing whose others are: those that it
// links, and invoices with other payments than before.
func (w *writing) telling() (telling []*row) {
	for _, r := range w.order {
		if r.next.Customer == "" || len(r.kinds) == 0 {
			continue
		}
		if slices.Contains(r.kinds, billing.Linked) || !slices.Equal(namedBy(r.next.Account, r.was), namedBy(r.next.Account, r.is)) {
			telling = append(telling, r)
		}
	}
	return telling
}

// chain is more than how many objects hang one on the other. It bounds how often a
// writing moves what hangs on each other, as an order and its subscription do.
const chain = 10

func (w *writing) inherit(ctx context.Context, telling []*row) error {
	for range chain {
		if len(telling) == 0 {
			break
		}
		heirs, err := w.heirs(ctx, telling)
		if err != nil {
			return err
		}
		if err := w.write(ctx, heirs); err != nil {
			return err
		}
		for _, r := range heirs {
			if !slices.Contains(w.order, r) {
				w.order = append(w.order, r)
			}
		}
		telling = heirs
	}
	return nil
}

// rendezvous sees to what two writings would miss at the same moment: one links a
// customer, the other writes a first row of that customer's; neither sees the
// other's, and the row would stay unlinked, or with the wrong customer, until
// somebody looked again. Both take a lock on the customer's name. Whoever gets it
// second looks once more.
func (w *writing) rendezvous(ctx context.Context) error {
	telling := w.telling()
	var open []*row
	names := map[string]bool{}
	meets := func(r *row) {
		names[r.next.Key] = true
		for _, key := range slices.Concat(r.belongsTo(), namedBy(r.next.Account, r.is)) {
			names[key] = true
		}
	}
	for _, r := range telling {
		meets(r)
	}
	for _, r := range w.order {
		if r.before != nil || len(r.kinds) == 0 || r.next.Customer != "" && !r.weak {
			continue
		}
		open = append(open, r)
		meets(r)
	}
	if len(names) == 0 {
		return nil
	}
	if alone, err := w.tx.LockNames(ctx, sortedKeys(names)); err != nil || alone {
		return err
	}
	late, err := w.latecomers(ctx, open)
	if err != nil {
		return err
	}
	if err := w.write(ctx, late); err != nil {
		return err
	}
	return w.inherit(ctx, append(telling, late...))
}

// latecomers links the rows whose owner, or what they hang on, was linked by another
// writing just now.
func (w *writing) latecomers(ctx context.Context, open []*row) (late []*row, err error) {
	if len(open) == 0 {
		return nil, nil
	}
	clues, err := w.clues(ctx, open)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		customer, err := w.ownerOf(ctx, r, clues, r.next.Customer == "")
		if err != nil {
			return nil, err
		}
		if customer != "" && customer != r.next.Customer {
			r.bind(customer)
			r.again = true
			late = append(late, r)
		}
	}
	return late, nil
}

// heir is whom a row belongs to because of another.
type heir struct {
	customer string
	// hangs: it hangs on the other, which counts for more than how it was linked
	// before, unless it says itself whose it is.
	hangs bool
}

// heirs lists the rows that take over the customer of others: unlinked ones of the
// same provider's customer, those that the others hang on, and those that hang on
// the others. The last may be somebody else's so far: of two people who share a
// customer at the provider, a payment that was seen before its invoice was taken for
// the first one's.
func (w *writing) heirs(ctx context.Context, telling []*row) ([]*row, error) {
	heirs, err := w.related(ctx, telling)
	if err != nil {
		return nil, err
	}
	rows := w.heirsHere(heirs)
	if len(heirs) > 0 {
		objects, err := w.tx.LockObjects(ctx, sortedKeys(heirs))
		if err != nil {
			return nil, err
		}
		if err := w.outnumber(ctx, objects); err != nil {
			return nil, err
		}
		for _, o := range objects {
			if !heirs[o.Key].takes(o.Customer) {
				continue
			}
			object, err := billing.ParseObject(billing.Kind(o.Kind), []byte(o.Doc))
			if err != nil {
				return nil, err
			}
			rows = append(rows, &row{before: &o, next: o, was: object, is: object, heir: heirs[o.Key]})
		}
	}
	if rows, err = w.uncommitted(ctx, rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		r.bind(r.heir.customer)
		r.again = w.rows[r.next.Key] == r
		w.rows[r.next.Key] = r
	}
	return rows, nil
}

// takes reports whether a row that is somebody's, or nobody's, gets another customer.
func (h heir) takes(customer string) bool {
	return customer == "" || h.hangs && customer != h.customer
}

// related lists by key who inherits from rows.
func (w *writing) related(ctx context.Context, telling []*row) (map[string]heir, error) {
	heirs, customers, named := map[string]heir{}, map[string]string{}, map[string]string{}
	for _, r := range telling {
		for _, key := range namedBy(r.next.Account, r.is) {
			named[key] = r.next.Customer
		}
		if !slices.Contains(r.kinds, billing.Linked) {
			continue
		}
		if billing.Kind(r.next.Kind) != billing.KindCustomer || !provider.OwnersShared(w.Drivers[r.next.Account]) {
			customers[r.next.Key] = r.next.Customer
		}
		for _, key := range r.belongsTo() {
			heirs[key] = heir{customer: r.next.Customer}
		}
	}
	dependents, err := w.tx.Dependents(ctx, sortedKeys(customers))
	if err != nil {
		return nil, err
	}
	payments, err := w.tx.ObjectsNamed(ctx, sortedKeys(named))
	if err != nil {
		return nil, err
	}
	for _, d := range dependents {
		if customer, hanging := customers[d.Account+"/"+d.Parent]; hanging {
			if customer != d.Customer {
				heirs[d.Key] = heir{customer, true}
			}
		} else if customer := customers[ownerKey(d)]; customer != "" {
			heirs[d.Key] = heir{customer: customer}
		}
	}
	for _, p := range payments {
		if p.Customer != named[p.Key] {
			heirs[p.Key] = heir{named[p.Key], true}
		}
	}
	return heirs, nil
}

// heirsHere takes out of the heirs those that are part of this writing already, and
// lists those of them that get another customer.
func (w *writing) heirsHere(heirs map[string]heir) (rows []*row) {
	for _, key := range sortedKeys(heirs) {
		r, now := w.rows[key]
		if !now {
			continue
		}
		if heirs[key].takes(r.next.Customer) && (r.sight == nil || !r.sight.outcome.Overtaken) {
			r.heir = heirs[key]
			rows = append(rows, r)
		}
		delete(heirs, key)
	}
	return rows
}

// uncommitted leaves out the rows that are somebody's because they say so themselves.
func (w *writing) uncommitted(ctx context.Context, rows []*row) ([]*row, error) {
	linked := func(r *row) bool { return r.next.Customer != "" }
	if !slices.ContainsFunc(rows, linked) {
		return rows, nil
	}
	clues, err := w.clues(ctx, rows)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(r *row) bool { return linked(r) && w.claimed(r, clues) != "" }), nil
}

// outnumber draws this writing's number anew if one of the rows, which were
// locked after it was drawn, has been written with a greater one since.
func (w *writing) outnumber(ctx context.Context, locked []store.Object) error {
	if !slices.ContainsFunc(locked, func(o store.Object) bool { return o.Applied > w.applied }) {
		return nil
	}
	numbers, err := w.tx.Numbers(ctx, 1)
	if err == nil {
		w.applied = numbers[0]
	}
	return err
}
