package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Customer is a row of the application's customers.
type Customer struct {
	Ref string
	// Doc is the billing.Customer as JSON.
	Doc   string
	Email string
	// Sequence grows with every change of the customer's access.
	Sequence int64
	// Changed is the number of the last change of what the application is told of the
	// customer; see [Tx.MarkChanged], which alone writes it.
	Changed   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

const customerColumns = `select ref, doc, email, sequence, changed, created_at, updated_at from customers`

func scanCustomer(rows *sql.Rows) (c Customer, err error) {
	var created, updated stamp
	err = rows.Scan(&c.Ref, &c.Doc, &c.Email, &c.Sequence, &c.Changed, &created, &updated)
	c.CreatedAt, c.UpdatedAt = created.Time, updated.Time
	return c, err
}

// Customer reads a customer.
func (db *DB) Customer(ctx context.Context, ref string) (Customer, error) {
	return one(ctx, db, scanCustomer, customerColumns+` where ref = $1`, ref)
}

// Customers lists customers in the order of their references, after one.
func (db *DB) Customers(ctx context.Context, after string, limit int) ([]Customer, error) {
	return collect(ctx, db, scanCustomer, customerColumns+` where ref > $1 order by ref limit $2 + 0`, after, limit)
}

// LockCustomers reads customers and locks them, so that what is derived from all
// their objects is derived by one transaction at a time.
func (tx *Tx) LockCustomers(ctx context.Context, refs []string) ([]Customer, error) {
	return selectIn(ctx, tx, scanCustomer, customerColumns+` where ref in (%s) order by ref`+tx.db.dialect.lock, sorted(refs))
}

// EmailsOf reads the addresses of customers, by their references.
func (tx *Tx) EmailsOf(ctx context.Context, refs []string) (map[string]string, error) {
	rows, err := selectIn(ctx, tx, func(rows *sql.Rows) (p [2]string, err error) { return p, rows.Scan(&p[0], &p[1]) },
		`select ref, email from customers where ref in (%s) and email <> ''`, refs)
	emails := make(map[string]string, len(rows))
	for _, row := range rows {
		emails[row[0]] = row[1]
	}
	return emails, err
}

// PutCustomers inserts or replaces customers; their creation time stays.
func (tx *Tx) PutCustomers(ctx context.Context, customers []Customer) error {
	rows := make([][]any, len(customers))
	for i, c := range customers {
		rows[i] = []any{c.Ref, c.Doc, c.Email, c.Sequence, stamp{tx.Now}, stamp{tx.Now}}
	}
	err := tx.insert(ctx, `insert into customers (ref, doc, email, sequence, created_at, updated_at)`,
		`on conflict (ref) do update set doc = excluded.doc, email = excluded.email, sequence = excluded.sequence, updated_at = excluded.updated_at`, rows)
	if err != nil {
		return fmt.Errorf("write customers: %w", err)
	}
	return nil
}

// MarkChanged notes the number of the change by which what the application is told
// of customers is not what it was. Their rows must be locked when it is drawn, so that
// the order of the numbers is that of the states.
func (tx *Tx) MarkChanged(ctx context.Context, refs []string, number int64) error {
	rows := make([][]any, len(refs))
	for i, ref := range sorted(refs) {
		rows[i] = []any{ref, number}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := update(ctx, tx, scanString, `
		update customers set changed = v.column2 from (values %s) as v where customers.ref = v.column1 returning customers.ref`, rows)
	if err != nil {
		return fmt.Errorf("mark customers: %w", err)
	}
	return nil
}

// MeetCustomers inserts customers unless they are known, and returns the
// references of those that were not.
func (tx *Tx) MeetCustomers(ctx context.Context, customers []Customer) ([]string, error) {
	rows := make([][]any, len(customers))
	for i, c := range customers {
		rows[i] = []any{c.Ref, c.Doc, c.Email, 0, stamp{tx.Now}, stamp{tx.Now}}
	}
	return insertReturning(ctx, tx, scanString, `insert into customers (ref, doc, email, sequence, created_at, updated_at)`,
		`on conflict (ref) do nothing returning ref`, rows)
}

// Access is the current answer for a customer and a feature.
type Access struct {
	Customer string
	Feature  string
	// Doc is the billing.Decision as JSON.
	Doc string
	// Digest tells by which plans and rules it was decided.
	Digest  string
	TurnsAt time.Time
}

func scanAccess(rows *sql.Rows) (a Access, err error) {
	var turns stamp
	err = rows.Scan(&a.Customer, &a.Feature, &a.Doc, &a.Digest, &turns)
	a.TurnsAt = turns.Time
	return a, err
}

const accessColumns = `select customer, feature, doc, digest, turns_at from access`

// AccessOf reads the stored answers of customers.
func (tx *Tx) AccessOf(ctx context.Context, customers []string) ([]Access, error) {
	return selectIn(ctx, tx, scanAccess, accessColumns+` where customer in (%s)`, customers)
}

// AccessOf reads the stored answers of a customer.
func (db *DB) AccessOf(ctx context.Context, customer string) ([]Access, error) {
	return collect(ctx, db, scanAccess, accessColumns+` where customer = $1 order by feature`, customer)
}

// AccessAfter lists stored answers in the order of their names.
func (db *DB) AccessAfter(ctx context.Context, customer, feature string, limit int) ([]Access, error) {
	return collect(ctx, db, scanAccess, accessColumns+`
		where customer > $1 or (customer = $1 and feature > $2) order by customer, feature limit $3 + 0`, customer, feature, limit)
}

// AccessDue lists customers whose access changes by itself at or before a time.
// The name is put together so that SQLite does not read all answers in the order
// of their customers, rather than the few that are due.
func (db *DB) AccessDue(ctx context.Context, by time.Time, limit int) ([]string, error) {
	return collect(ctx, db, scanString, `
		select customer || '' as name from access where turns_at <= $1 group by name order by min(turns_at) limit $2 + 0`, stamp{by}, limit)
}

// NextTurn is when the next access changes by itself; zero if none will.
func (db *DB) NextTurn(ctx context.Context) (time.Time, error) {
	at, err := one(ctx, db, func(rows *sql.Rows) (s stamp, err error) { return s, rows.Scan(&s) }, `select min(turns_at) from access where turns_at is not null`)
	return at.Time, err
}

// PutAccess writes answers.
func (tx *Tx) PutAccess(ctx context.Context, answers []Access) error {
	rows := make([][]any, len(answers))
	for i, a := range answers {
		rows[i] = []any{a.Customer, a.Feature, a.Doc, a.Digest, stamp{a.TurnsAt}}
	}
	err := tx.insert(ctx, `insert into access (customer, feature, doc, digest, turns_at)`,
		`on conflict (customer, feature) do update set doc = excluded.doc, digest = excluded.digest, turns_at = excluded.turns_at`, rows)
	if err != nil {
		return fmt.Errorf("write access: %w", err)
	}
	return nil
}

// Grant is access given by hand.
type Grant struct {
	ID       string
	Customer string
	// Doc is the billing.Grant as JSON.
	Doc string
}

func scanGrant(rows *sql.Rows) (g Grant, err error) { return g, rows.Scan(&g.ID, &g.Customer, &g.Doc) }

// GrantsOf reads the grants of customers.
func (tx *Tx) GrantsOf(ctx context.Context, customers []string) ([]Grant, error) {
	return selectIn(ctx, tx, scanGrant, `select id, customer, doc from grants where customer in (%s) order by id`, customers)
}

// GrantsOf reads the grants of a customer.
func (db *DB) GrantsOf(ctx context.Context, customer string) ([]Grant, error) {
	return collect(ctx, db, scanGrant, `select id, customer, doc from grants where customer = $1 order by id`, customer)
}

// GrantsAfter lists grants in the order of their ids.
func (db *DB) GrantsAfter(ctx context.Context, id string, limit int) ([]Grant, error) {
	return collect(ctx, db, scanGrant, `select id, customer, doc from grants where id > $1 order by id limit $2 + 0`, id, limit)
}

// PutGrant inserts or replaces a grant.
func (tx *Tx) PutGrant(ctx context.Context, g Grant) error {
	return tx.insert(ctx, `insert into grants (id, customer, doc)`, `on conflict (id) do update set doc = excluded.doc`, [][]any{{g.ID, g.Customer, g.Doc}})
}
