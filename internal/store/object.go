package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Object is a row of the ledger: what a provider said about one of its objects
// when it was last seen to change.
type Object struct {
	// Key is the reference, "account/kind/id".
	Key     string
	Account string
	Kind    string
	ID      string
	// Customer is the application's customer; empty while unlinked.
	Customer string
	// Owner is the provider's id of its customer; Parent the "kind/id" of the
	// object that this one hangs on, such as the payment of a refund.
	Owner  string
	Parent string
	Status string
	// Doc is the object as JSON; Claims what it says of whose it is, as JSON.
	Doc    string
	Claims string
	// Gone marks a tombstone.
	Gone bool
	// Begun and Applied are the numbers of the look that wrote the row: when it
	// began and when it was written. Checked is when it was last compared.
	Begun     int64
	Applied   int64
	Checked   int64
	CheckedAt time.Time
	FirstAt   time.Time
	ChangedAt time.Time
	RevisitAt time.Time
}

const objectColumns = `select key, account, kind, id, customer, owner, parent, status, doc, claims, gone, begun, applied, checked, checked_at, first_at, changed_at, revisit_at from objects`

func scanObject(rows *sql.Rows) (o Object, err error) {
	var checked, first, changed, revisit stamp
	var gone int64
	err = rows.Scan(&o.Key, &o.Account, &o.Kind, &o.ID, &o.Customer, &o.Owner, &o.Parent, &o.Status, &o.Doc, &o.Claims,
		&gone, &o.Begun, &o.Applied, &o.Checked, &checked, &first, &changed, &revisit)
	o.Gone = gone == 1
	o.CheckedAt, o.FirstAt, o.ChangedAt, o.RevisitAt = checked.Time, first.Time, changed.Time, revisit.Time
	return o, err
}

// LockObjects reads rows that are about to be written and locks them.
func (tx *Tx) LockObjects(ctx context.Context, keys []string) ([]Object, error) {
	return selectIn(ctx, tx, scanObject, objectColumns+` where key in (%s) order by key`+tx.db.dialect.lock, sorted(keys))
}

// PutObjects writes rows, each unless something newer than its look has landed
// (the ordering rule). It returns the keys that were written.
func (tx *Tx) PutObjects(ctx context.Context, objects []Object) (written map[string]bool, err error) {
	return tx.putObjects(ctx, objects, `on conflict (key) do update set customer = excluded.customer, owner = excluded.owner, parent = excluded.parent,
			status = excluded.status, doc = excluded.doc, claims = excluded.claims, gone = excluded.gone,
			begun = excluded.begun, applied = excluded.applied, checked = excluded.checked, checked_at = excluded.checked_at,
			changed_at = excluded.changed_at, revisit_at = excluded.revisit_at
		where objects.applied <= excluded.begun returning key`)
}

// AddObjects writes rows that were not there when they were looked for; one that
// somebody else has added since is left alone, for what is to be written was not
// compared with it. It returns the keys that were written.
func (tx *Tx) AddObjects(ctx context.Context, objects []Object) (written map[string]bool, err error) {
	return tx.putObjects(ctx, objects, `on conflict (key) do nothing returning key`)
}

func (tx *Tx) putObjects(ctx context.Context, objects []Object, conflict string) (written map[string]bool, err error) {
	rows := make([][]any, len(objects))
	for i, o := range objects {
		rows[i] = []any{o.Key, o.Account, o.Kind, o.ID, o.Customer, o.Owner, o.Parent, o.Status, o.Doc, o.Claims, flag(o.Gone),
			o.Begun, o.Applied, o.Applied, stamp{tx.Now}, stamp{o.FirstAt}, stamp{o.ChangedAt}, stamp{o.RevisitAt}}
	}
	slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) }) //nolint:forcetypeassert // set above
	keys, err := insertReturning(ctx, tx, scanString,
		`insert into objects (key, account, kind, id, customer, owner, parent, status, doc, claims, gone, begun, applied, checked, checked_at, first_at, changed_at, revisit_at)`,
		conflict, rows)
	if err != nil {
		return nil, fmt.Errorf("write objects: %w", err)
	}
	written = make(map[string]bool, len(keys))
	for _, key := range keys {
		written[key] = true
	}
	return written, nil
}

// MarkChecked notes that rows were compared with the provider by a look that
// began at a number, and found equal or written.
func (tx *Tx) MarkChecked(ctx context.Context, begun map[string]int64) error {
	rows := make([][]any, 0, len(begun))
	for _, key := range sortedKeys(begun) {
		rows = append(rows, []any{key, begun[key], stamp{tx.Now}})
	}
	_, err := update(ctx, tx, scanString, `
		update objects set checked = v.column2, checked_at = v.column3 from (values %s) as v
		where objects.key = v.column1 and objects.checked < v.column2 returning objects.key`, rows)
	return err
}

// Dependents lists what belongs to one of the given objects: unlinked objects of a
// provider's customer, and all that hangs on a parent. The arguments are references.
func (tx *Tx) Dependents(ctx context.Context, refs []string) (dependents []Object, err error) {
	hanging, err := selectIn(ctx, tx, scanObject, objectColumns+`
		where account || '/' || parent in (%s) and parent <> ''`, refs)
	if err != nil {
		return nil, err
	}
	var owners []string
	for _, ref := range refs {
		if strings.Contains(ref, "/customer/") {
			owners = append(owners, ref)
		}
	}
	owned, err := selectIn(ctx, tx, scanObject, objectColumns+`
		where account || '/customer/' || owner in (%s) and owner <> '' and customer = ''`, owners)
	return append(hanging, owned...), err
}

// InvoicesNaming lists the invoices, each of the same owner as one of the payments,
// whose documents hold the payment's id; whether they mean the payment by it is for
// the caller to see.
func (tx *Tx) InvoicesNaming(ctx context.Context, payments []Object) ([]Object, error) {
	rows := make([][]any, len(payments))
	for i, p := range payments {
		rows[i] = []any{p.Account, p.Owner, "%" + p.ID + "%"}
	}
	return update(ctx, tx, scanObject, objectColumns+`, (values %s) as v
		where account = v.column1 and owner = v.column2 and owner <> '' and kind = 'invoice' and doc like v.column3`, rows)
}

// OwnerOf finds the customer of any linked object of a provider's customer.
func (tx *Tx) OwnerOf(ctx context.Context, account, owner string) (customer string, err error) {
	customer, err = one(ctx, tx, scanString, `
		select customer from objects where account = $1 and owner = $2 and owner <> '' and customer <> '' order by key limit 1`, account, owner)
	if err == ErrNotFound { //nolint:errorlint // from one, never wrapped
		return "", nil
	}
	return customer, err
}

// OwnerBelow finds the customer of any linked object that hangs on one, given by
// its reference.
func (tx *Tx) OwnerBelow(ctx context.Context, ref string) (customer string, err error) {
	customer, err = one(ctx, tx, scanString, `
		select customer from objects where account || '/' || parent = $1 and parent <> '' and customer <> '' order by key limit 1`, ref)
	if err == ErrNotFound { //nolint:errorlint // from one, never wrapped
		return "", nil
	}
	return customer, err
}

// LockNames makes other transactions that lock one of the names wait until this
// one has ended; what they wrote can be read afterwards. The names are of rows
// that may not be there. It does nothing where transactions are alone anyway.
func (tx *Tx) LockNames(ctx context.Context, names []string) (alone bool, err error) {
	if tx.db.writer != nil {
		return true, nil
	}
	const space = 7317_0002 // any number that no other program uses on this database
	_, err = tx.exec(ctx, `
		select pg_advisory_xact_lock(n) from (
			select distinct hashtextextended(name, $2) as n from unnest($1::text[]) as name order by n) as sorted`, names, space)
	if err != nil {
		return false, fmt.Errorf("lock names: %w", err)
	}
	return false, nil
}

// ObjectsNamed reads rows by reference.
func (tx *Tx) ObjectsNamed(ctx context.Context, keys []string) ([]Object, error) {
	return selectIn(ctx, tx, scanObject, objectColumns+` where key in (%s)`, keys)
}

// ObjectsNamed reads rows by reference.
func (db *DB) ObjectsNamed(ctx context.Context, keys []string) ([]Object, error) {
	return selectIn(ctx, db, scanObject, objectColumns+` where key in (%s)`, keys)
}

// Object reads a row by reference.
func (db *DB) Object(ctx context.Context, key string) (Object, error) {
	return one(ctx, db, scanObject, objectColumns+` where key = $1`, key)
}

// accessKinds are the kinds of objects that access depends on.
const accessKinds = `kind in ('subscription', 'invoice', 'payment', 'dispute', 'checkout') and gone = 0`

// FactsOf reads the objects that the access of customers depends on.
func (tx *Tx) FactsOf(ctx context.Context, customers []string) ([]Object, error) {
	return selectIn(ctx, tx, scanObject, objectColumns+` where customer in (%s) and customer <> '' and `+accessKinds, customers)
}

// FactsOf reads the objects that the access of one customer depends on.
func (db *DB) FactsOf(ctx context.Context, customer string) ([]Object, error) {
	return collect(ctx, db, scanObject, objectColumns+` where customer = $1 and customer <> '' and `+accessKinds, customer)
}

// forgotten is how long an expected change may be overdue before nobody waits for
// it any more: a payment that was abandoned stays pending for ever. Sweeps still
// compare it.
const forgotten = 30 * 24 * time.Hour

// ObjectFilter selects objects. Zero fields do not filter.
type ObjectFilter struct {
	Customer string
	Account  string
	Kind     string
	// Unlinked selects objects without a customer.
	Unlinked bool
	// RevisitBy selects what was expected to change by then.
	RevisitBy time.Time
	// CheckedBefore selects rows that were not compared since a number, CheckedSince
	// those that were.
	CheckedBefore int64
	CheckedSince  int64
	// Present leaves out tombstones; BuriedSince selects those that were made since.
	Present     bool
	BuriedSince time.Time
	// After continues a list.
	After string
	Limit int
}

// Objects lists objects in the order of their keys.
func (db *DB) Objects(ctx context.Context, f ObjectFilter) ([]Object, error) {
	w := f.where()
	w.args = append(w.args, f.Limit)
	return collect(ctx, db, scanObject, objectColumns+w.text()+fmt.Sprintf(" order by key limit $%d + 0", len(w.args)), w.args...)
}

// OwnedByOthers counts what a customer of a provider has that is not known to be one
// customer's of ours: another's, or nobody's yet.
func (db *DB) OwnedByOthers(ctx context.Context, account, owner, customer string) (int64, error) {
	return one(ctx, db, scanInt, `select count(*) from objects
		where account = $1 and owner = $2 and owner <> '' and kind <> 'customer' and customer <> $3`, account, owner, customer)
}

// OwnedByMore picks from the keys of providers' customers, each linked to a customer of
// ours, those who have what is not known to be that one's: see [DB.OwnedByOthers].
func (tx *Tx) OwnedByMore(ctx context.Context, keys []string) ([]string, error) {
	return selectIn(ctx, tx, scanString, `select key from objects c where key in (%s) and kind = 'customer' and exists (
		select 1 from objects o where o.account = c.account and o.owner = c.id and o.owner <> '' and o.kind <> 'customer' and o.customer <> c.customer)`, keys)
}

// CountObjects counts what [DB.Objects] would list without a limit.
func (db *DB) CountObjects(ctx context.Context, f ObjectFilter) (int64, error) {
	w := f.where()
	return one(ctx, db, scanInt, `select count(*) from objects`+w.text(), w.args...)
}

// CountObjects is [DB.CountObjects] within a transaction.
func (tx *Tx) CountObjects(ctx context.Context, f ObjectFilter) (int64, error) {
	w := f.where()
	return one(ctx, tx, scanInt, `select count(*) from objects`+w.text(), w.args...)
}

func (f ObjectFilter) where() where {
	w := where{}
	w.linked(f.Customer)
	w.equal("account", f.Account)
	w.equal("kind", f.Kind)
	if !f.RevisitBy.IsZero() {
		w.add("revisit_at <= $%d", stamp{f.RevisitBy})
		w.add("revisit_at > $%d", stamp{f.RevisitBy.Add(-forgotten)})
	}
	if f.CheckedBefore > 0 {
		w.add("checked < $%d", f.CheckedBefore)
	}
	if f.CheckedSince > 0 {
		w.add("checked >= $%d", f.CheckedSince)
	}
	if f.After != "" {
		w.add("key > $%d", f.After)
	}
	if f.Unlinked {
		w.conditions = append(w.conditions, "customer = ''")
	}
	if f.Present {
		w.conditions = append(w.conditions, "gone = 0")
	}
	if !f.BuriedSince.IsZero() {
		w.conditions = append(w.conditions, "gone = 1")
		w.add("changed_at >= $%d", stamp{f.BuriedSince})
	}
	return w
}

// ObjectCounts counts objects by "account/kind".
func (db *DB) ObjectCounts(ctx context.Context) (map[string]int64, error) {
	return db.counts(ctx, `select account || '/' || kind, count(*) from objects where gone = 0 group by account, kind`)
}

// LinkedCustomers lists the providers' customers that are linked to one of ours.
func (tx *Tx) LinkedCustomers(ctx context.Context, customer string) ([]Object, error) {
	return collect(ctx, tx, scanObject, objectColumns+` where customer = $1 and customer <> '' and kind = 'customer' and gone = 0 order by key`, customer)
}

// LinkedOf lists what is linked to customers and their access does not depend on:
// the providers' customers, the card networks' warnings, and refunds.
func (tx *Tx) LinkedOf(ctx context.Context, customers []string) ([]Object, error) {
	return selectIn(ctx, tx, scanObject, objectColumns+` where customer in (%s) and customer <> '' and kind in ('customer', 'warning', 'refund') and gone = 0 order by key`, customers)
}
