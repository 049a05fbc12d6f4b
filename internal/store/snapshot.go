package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Snapshot is the whole database as it was at one moment, whatever is written
// meanwhile. Its lists are read row by row, so that they cost no memory however long
// they are; one list must have ended before the next begins.
type Snapshot struct {
	db   *DB
	conn *sql.Conn
	// Now is the business time at which it was taken.
	Now time.Time
}

// Snapshot runs read with a snapshot, which ends with it. As long as it lasts,
// SQLite's log cannot be written back and grows with what is written, and PostgreSQL
// keeps what was deleted.
func (db *DB) Snapshot(ctx context.Context, read func(ctx context.Context, s *Snapshot) error) (err error) {
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// Both begin with the first statement that reads, so one is made at once.
	begin := "begin isolation level repeatable read read only"
	if db.writer != nil {
		begin = "begin deferred"
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, failed := conn.ExecContext(last, "rollback"); failed != nil && err == nil {
			err = fmt.Errorf("end the snapshot: %w", failed)
		}
	}()
	s := &Snapshot{db: db, conn: conn, Now: db.Now()}
	if _, err := one(ctx, s, scanInt, `select count(*) from (select name from cursors limit 1) as first`); err != nil {
		return err
	}
	return read(ctx, s)
}

func (s *Snapshot) speaks() dialect { return s.db.dialect }

func (s *Snapshot) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return s.conn.QueryContext(ctx, text, cleaned(args)...)
}

// each hands the rows of a query to do one by one, until it fails.
func each[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), do func(T) error, text string, args ...any) error {
	rows, err := q.query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return err
		}
		if err := do(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// owned selects the rows of one customer by a column, or of all if it is empty.
func owned(column, customer string) where {
	w := where{}
	if customer != "" {
		w.add(column+" = $%d", customer)
		w.is(column + " <> ''")
	}
	return w
}

// EachObject reads the objects of a kind in the order of their keys, of one customer
// or, if that is empty, all.
func (s *Snapshot) EachObject(ctx context.Context, kind, customer string, do func(Object) error) error {
	w := owned("customer", customer)
	w.equal("kind", kind)
	return each(ctx, s, scanObject, do, objectColumns+w.text()+` order by key`, w.args...)
}

// EachCustomer reads the application's customers in the order of their references.
func (s *Snapshot) EachCustomer(ctx context.Context, customer string, do func(Customer) error) error {
	w := owned("ref", customer)
	return each(ctx, s, scanCustomer, do, customerColumns+w.text()+` order by ref`, w.args...)
}

// EachAccess reads the stored answers in the order of customers and features.
func (s *Snapshot) EachAccess(ctx context.Context, customer string, do func(Access) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanAccess, do, accessColumns+w.text()+` order by customer, feature`, w.args...)
}

// EachGrant reads what was given by hand, in the order of its ids.
func (s *Snapshot) EachGrant(ctx context.Context, customer string, do func(Grant) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanGrant, do, `select id, customer, doc from grants`+w.text()+` order by id`, w.args...)
}

// EachCredit reads what was used of credits, in the order of customers and plans.
func (s *Snapshot) EachCredit(ctx context.Context, customer string, do func(Credit) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanCredit, do, `select customer, plan, doc from credits`+w.text()+` order by customer, plan`, w.args...)
}

// EachCheckout reads the checkouts that we made, in the order of their ids.
func (s *Snapshot) EachCheckout(ctx context.Context, customer string, do func(Checkout) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanCheckout, do, checkoutColumns+w.text()+` order by id`, w.args...)
}

// EachChange reads the audit trail, oldest first.
func (s *Snapshot) EachChange(ctx context.Context, customer string, do func(Change) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanChange, do, changeColumns+w.text()+` order by seq`, w.args...)
}

// EachEffect reads what was or is to be done, oldest first.
func (s *Snapshot) EachEffect(ctx context.Context, customer string, do func(Effect) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanEffect, do, effectColumns+w.text()+` order by seq`, w.args...)
}

// EachMessage reads what was said to customers, oldest first.
func (s *Snapshot) EachMessage(ctx context.Context, customer string, do func(Message) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanMessage, do, messageColumns+w.text()+` order by seq`, w.args...)
}

// EachNotice reads what the application was to show its customers, oldest first.
func (s *Snapshot) EachNotice(ctx context.Context, customer string, do func(Notice) error) error {
	w := owned("customer", customer)
	return each(ctx, s, scanNotice, do, noticeColumns+w.text()+` order by seq`, w.args...)
}

// EachAttempt reads the tries to pay, in the order of their accounts and ids, each with
// whose the payment is.
func (s *Snapshot) EachAttempt(ctx context.Context, customer string, do func(Attempt) error) error {
	w := owned("o.customer", customer)
	return each(ctx, s, scanAttempt, do, `
		select a.account, a.id, a.payment, a.payer, a.at, a.doc, coalesce(o.customer, '')
		from attempts a left join objects o on o.key = a.payment`+w.text()+` order by a.account, a.id`, w.args...)
}

// EffectKinds counts effects by kind and state.
func (db *DB) EffectKinds(ctx context.Context) (map[[2]string]int64, error) {
	return db.pairCounts(ctx, `select kind, state, count(*) from effects group by kind, state`)
}

// OpenDriftCounts counts the open findings by account and kind.
func (db *DB) OpenDriftCounts(ctx context.Context) (map[[2]string]int64, error) {
	return db.pairCounts(ctx, `select account, kind, count(*) from drift where state = 'open' group by account, kind`)
}

// pairCounts reads two names and a number each.
func (db *DB) pairCounts(ctx context.Context, text string) (map[[2]string]int64, error) {
	type pair struct {
		names [2]string
		n     int64
	}
	counts := map[[2]string]int64{}
	err := each(ctx, db,
		func(rows *sql.Rows) (p pair, err error) { return p, rows.Scan(&p.names[0], &p.names[1], &p.n) },
		func(p pair) error { counts[p.names] = p.n; return nil }, text)
	return counts, err
}

// LinkedCounts counts by account and kind the objects that are some customer's.
func (db *DB) LinkedCounts(ctx context.Context) (map[string]int64, error) {
	return db.counts(ctx, `select account || '/' || kind, count(*) from objects where gone = 0 and customer <> '' group by account, kind`)
}
