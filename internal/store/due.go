package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// free tells rows that no other of their lane comes before.
const free = ` and not exists (select 1 from work r where r.lane = w.lane and r.state = 'running')
	and not exists (select 1 from work f where f.lane = w.lane and f.state = 'ready' and f.id < w.id)`

// Due reports when the queue's next row is due that can be claimed; found is
// false if none waits. A row that waits for another of its lane does not count:
// whoever slept until its time would not sleep.
func (db *DB) Due(ctx context.Context, queue string) (at time.Time, found bool, err error) {
	due, err := one(ctx, db, func(rows *sql.Rows) (s stamp, err error) { return s, rows.Scan(&s) },
		`select w.due_at from work w where w.queue = $1 and w.state = 'ready'`+free+` order by w.due_at, w.id limit 1`, queue)
	if errors.Is(err, ErrNotFound) {
		return at, false, nil
	}
	return due.Time, err == nil, err
}

// Dues is [DB.Due] for several queues at once; those where none waits are left out.
func (db *DB) Dues(ctx context.Context, queues []string) (map[string]time.Time, error) {
	rows := make([][]any, len(queues))
	for i, queue := range queues {
		rows[i] = []any{queue}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	list, args := "(values "+values(len(rows), 1)+") as v", flat(rows)
	if db.dialect.name == "postgres" {
		list, args = arrays(rows)
		list += " as v (column1)"
	}
	type next struct {
		queue string
		due   stamp
	}
	waiting, err := collect(ctx, db, func(rows *sql.Rows) (n next, err error) { return n, rows.Scan(&n.queue, &n.due) },
		`select v.column1, (select w.due_at from work w where w.queue = v.column1 and w.state = 'ready'`+free+` order by w.due_at, w.id limit 1) from `+list, args...)
	dues := make(map[string]time.Time, len(waiting))
	for _, n := range waiting {
		if !n.due.IsZero() {
			dues[n.queue] = n.due.Time
		}
	}
	return dues, err
}
