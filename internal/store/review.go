package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// SetReviews notes when the policies want to review customers next; a zero time:
// not by themselves.
func (tx *Tx) SetReviews(ctx context.Context, next map[string]time.Time) error {
	rows := make([][]any, 0, len(next))
	for _, ref := range sortedKeys(next) {
		rows = append(rows, []any{ref, stamp{next[ref]}})
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := update(ctx, tx, scanString, `
		update customers set review_at = v.column2 from (values %s) as v
		where customers.ref = v.column1 and customers.review_at is distinct from v.column2 returning customers.ref`, rows)
	if err != nil {
		return fmt.Errorf("note reviews: %w", err)
	}
	return nil
}

// ReviewAll has every customer reviewed soon: a policy or a mode is another.
func (tx *Tx) ReviewAll(ctx context.Context) error {
	_, err := tx.exec(ctx, `update customers set review_at = $1`, stamp{tx.Now})
	return err
}

// ReviewsDue lists customers whom policies want to review at or before a time.
func (db *DB) ReviewsDue(ctx context.Context, by time.Time, limit int) ([]string, error) {
	return collect(ctx, db, scanString, `select ref from customers where review_at <= $1 order by review_at limit $2 + 0`, stamp{by}, limit)
}

// NextReview is when the next customer is to be reviewed; zero if none is.
func (db *DB) NextReview(ctx context.Context) (time.Time, error) {
	at, err := one(ctx, db, func(rows *sql.Rows) (s stamp, err error) { return s, rows.Scan(&s) }, `select min(review_at) from customers where review_at is not null`)
	return at.Time, err
}

// Proposed lists the standing proposals about customers.
func (tx *Tx) Proposed(ctx context.Context, customers []string) ([]Effect, error) {
	return selectIn(ctx, tx, scanEffect, effectColumns+` where customer in (%s) and state = 'proposed' and standing = 1 order by seq`, customers)
}

// Decide lets a person accept or reject a proposal. The error is [ErrNotFound] if
// no proposal has the key: perhaps somebody was quicker.
func (tx *Tx) Decide(ctx context.Context, key string, accept bool, actor string) (Effect, error) {
	state, done := EffectRejected, tx.Now
	if accept {
		state, done = EffectDue, time.Time{}
	}
	keys, err := collect(ctx, tx, scanString, `
		update effects set state = $1, decided_by = $2, done_at = $3 where key = $4 and state = 'proposed' returning key`,
		state, actor, stamp{done}, key)
	if err != nil {
		return Effect{}, err
	}
	if len(keys) == 0 {
		return Effect{}, ErrNotFound
	}
	e, err := one(ctx, tx, scanEffect, effectColumns+` where key = $1`, key)
	if err != nil || !accept {
		return e, err
	}
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil {
		return e, err
	}
	return e, tx.Raise(ctx, numbers[0], []Want{WantOf(e)})
}

// Moved is money that effects of a kind were tried to move.
type Moved struct {
	Times    int64
	Currency string
	Amount   int64
}

// Attempt notes that an effect is about to be tried, by which details (empty: as they
// are), and what money that moves. The first attempt's time stays.
func (tx *Tx) Attempt(ctx context.Context, key, doc string, money int64, currency string) error {
	_, err := tx.exec(ctx, `
		update effects set state = $1, attempted_at = coalesce(attempted_at, $2), called_at = $2, money = $3, currency = $4,
			doc = case when $5 = '' then doc else $5 end
		where key = $6`,
		EffectUnknown, stamp{tx.Now}, money, currency, doc, key)
	return err
}

// Called notes that a call about an effect has just come to an end that is unclear.
func (tx *Tx) Called(ctx context.Context, key string) error {
	_, err := tx.exec(ctx, `update effects set called_at = $1 where key = $2`, stamp{tx.Now}, key)
	return err
}

// AskAgain gives a proposal other details than those that a person decided about, so
// that the decision no longer counts.
func (tx *Tx) AskAgain(ctx context.Context, key, doc string) error {
	_, err := tx.exec(ctx, `update effects set doc = $1, decided_by = '' where key = $2 and state = 'proposed'`, doc, key)
	return err
}

// MovedSince sums up by currency what effects of a kind, other than one, were
// tried to move since a time, whatever came of it. Whoever asks holds a lock until
// the transaction ends, so that two that ask at once do not both find room.
func (tx *Tx) MovedSince(ctx context.Context, kind, except string, since time.Time) ([]Moved, error) {
	if _, err := tx.KeepCursor(ctx, "moved", "0"); err != nil {
		return nil, err
	}
	if _, err := collect(ctx, tx, scanString, `select name from cursors where name = 'moved'`+tx.db.dialect.lock); err != nil {
		return nil, err
	}
	return collect(ctx, tx, func(rows *sql.Rows) (m Moved, err error) { return m, rows.Scan(&m.Times, &m.Currency, &m.Amount) }, `
		select count(*), currency, cast(sum(money) as bigint) from effects
		where kind = $1 and key <> $2 and attempted_at >= $3 and money > 0 and state in ('unknown', 'done') group by currency order by currency`,
		kind, except, stamp{since})
}
