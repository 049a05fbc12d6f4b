package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Ready reports whether the database answers and has our schema.
func (db *DB) Ready(ctx context.Context) error {
	if err := db.Ping(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	if _, err := one(ctx, db, scanInt, `select count(*) from customers where ref = $1`, ""); err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	return nil
}

// EventHeads is [DB.Events] without bodies and headers, which may be large.
func (db *DB) EventHeads(ctx context.Context, filter EventFilter) ([]Event, error) {
	where, args := filter.where()
	return collect(ctx, db, scanEventHead, `select id, seq, account, event_id, type, arrival, created_at, received_at, state, refs, attempts, error, done_at from events`+
		where+fmt.Sprintf(" order by seq desc limit $%d + 0", len(args)+1), append(args, filter.Limit)...)
}

func scanEventHead(rows *sql.Rows) (e Event, err error) {
	var created, received, done stamp
	var refs string
	err = rows.Scan(&e.ID, &e.Seq, &e.Account, &e.EventID, &e.Type, &e.Arrival, &created, &received, &e.State, &refs, &e.Attempts, &e.Error, &done)
	e.CreatedAt, e.ReceivedAt, e.DoneAt = created.Time, received.Time, done.Time
	if refs != "" {
		e.Refs = strings.Split(refs, "\n")
	}
	return e, err
}

// Unlinked lists purchases whose customer nobody knows, in the order of their
// keys, after one.
func (db *DB) Unlinked(ctx context.Context, after string, limit int) ([]Object, error) {
	return collect(ctx, db, scanObject, objectColumns+`
		where customer = '' and kind in ('subscription', 'payment') and gone = 0 and key > $1 order by key limit $2 + 0`, after, limit)
}

// CustomersWithEmail lists the customers who have an e-mail address.
func (db *DB) CustomersWithEmail(ctx context.Context, email string, limit int) ([]string, error) {
	if email == "" {
		return nil, nil
	}
	return collect(ctx, db, scanString, `select ref from customers where email = $1 and email <> '' order by ref limit $2 + 0`, email, limit)
}

// EffectNumbered finds an effect by its Seq.
func (db *DB) EffectNumbered(ctx context.Context, seq int64) (Effect, error) {
	return one(ctx, db, scanEffect, effectColumns+` where seq = $1`, seq)
}

// CustomerCount counts the customers.
func (db *DB) CustomerCount(ctx context.Context) (int64, error) {
	return one(ctx, db, scanInt, `select count(*) from customers`)
}

// Decided reads the stored answer for a customer and a feature.
func (db *DB) Decided(ctx context.Context, customer, feature string) (Access, error) {
	return one(ctx, db, scanAccess, accessColumns+` where customer = $1 and feature = $2`, customer, feature)
}

// Freshness is when an object was last compared with the provider, and when the
// provider is expected to have changed it.
func (db *DB) Freshness(ctx context.Context, key string) (checked, revisit time.Time, err error) {
	at, err := one(ctx, db, func(rows *sql.Rows) (at [2]stamp, err error) { return at, rows.Scan(&at[0], &at[1]) },
		`select checked_at, revisit_at from objects where key = $1`, key)
	return at[0].Time, at[1].Time, err
}
