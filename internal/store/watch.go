package store

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Waiting counts rows and tells since when the oldest waits.
type Waiting struct {
	Count  int64
	Oldest time.Time
}

// byAccount reads pairs of an account and a number.
func (db *DB) byAccount(ctx context.Context, text string, args ...any) (map[string]int64, error) {
	type pair struct {
		account string
		n       int64
	}
	rows, err := collect(ctx, db, func(rows *sql.Rows) (p pair, err error) { return p, rows.Scan(&p.account, &p.n) }, text, args...)
	counts := map[string]int64{}
	for _, row := range rows {
		counts[row.account] = row.n
	}
	return counts, err
}

// DeadEvents counts by account the events that were given up. The condition is in
// the words of the index of open events, and narrower; grouping by the bare account
// would have SQLite read all events in the order of another index.
func (db *DB) DeadEvents(ctx context.Context) (map[string]int64, error) {
	return db.byAccount(ctx, `select account || '', count(*) from events where state in ('received', 'dead') and state = 'dead' group by account || ''`)
}

// FailedEffects counts by account the effects that were given up.
func (db *DB) FailedEffects(ctx context.Context) (map[string]int64, error) {
	return db.byAccount(ctx, `select account, count(*) from effects where state = 'failed' group by account`)
}

// mostDead bounds how many dead looks are read to be counted.
const mostDead = 10_000

// DeadLookCounts counts by account the objects that cannot be looked at, up to some
// thousands.
func (db *DB) DeadLookCounts(ctx context.Context) (map[string]int64, error) {
	keys, err := collect(ctx, db, scanString, `select key from work where queue = $1 and state = 'dead' order by id limit $2 + 0`, QueueLook, mostDead)
	counts := map[string]int64{}
	for _, key := range keys {
		account, _, _ := strings.Cut(key, "/")
		counts[account]++
	}
	return counts, err
}

// UnlinkedCounts counts by account the purchases whose customer nobody knows.
func (db *DB) UnlinkedCounts(ctx context.Context) (map[string]Waiting, error) {
	type row struct {
		account string
		n       int64
		oldest  stamp
	}
	rows, err := collect(ctx, db, func(rows *sql.Rows) (r row, err error) { return r, rows.Scan(&r.account, &r.n, &r.oldest) }, `
		select account || '', count(*), min(first_at) from objects
		where customer = '' and gone = 0 and kind in ('subscription', 'payment') and (kind = 'subscription' or status = 'succeeded') group by account || ''`)
	counts := map[string]Waiting{}
	for _, r := range rows {
		counts[r.account] = Waiting{r.n, r.oldest.Time}
	}
	return counts, err
}

// UnlinkedDisputes counts by account the disputes that stand and whose customer nobody
// knows.
func (db *DB) UnlinkedDisputes(ctx context.Context) (map[string]int64, error) {
	return db.byAccount(ctx, `
		select account || '', count(*) from objects
		where customer = '' and gone = 0 and kind = 'dispute' and status in ('open', 'inquiry') group by account || ''`)
}

// OpenCauses lists the causes of all open alerts.
func (db *DB) OpenCauses(ctx context.Context) ([]string, error) {
	return collect(ctx, db, scanString, `select cause from alerts where closed_at is null order by cause`)
}
