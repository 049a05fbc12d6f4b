package store

import (
	"context"
	"database/sql"
	"time"
)

// forgetAtOnce is how many rows one transaction goes through, so that none is long.
const forgetAtOnce = 500

// ForgetEvents deletes the events that came before a time and were seen to, raw bytes
// and all, and returns how many there were. What waits for a look or for a person
// stays, however old it is; so does the audit trail, which names events by their ids.
//
// It goes through the oldest, in the order in which they came, and no further than the
// first that is younger.
func (db *DB) ForgetEvents(ctx context.Context, before time.Time) (count int64, err error) {
	for after := int64(0); ; {
		some, err := collect(ctx, db, scanArrived, `select seq, received_at from events where seq > $1 order by seq limit $2 + 0`, after, forgetAtOnce)
		if err != nil {
			return count, err
		}
		old := int64(0)
		for _, e := range some {
			if e.at.Before(before) {
				old = e.seq
			}
		}
		if old == 0 {
			return count, nil
		}
		gone, err := db.forget(ctx, `
			delete from events where seq > $1 and seq <= $2 and state in ('done', 'ignored') and received_at < $3`, after, old, stamp{before})
		count += gone
		if err != nil || old < some[len(some)-1].seq || len(some) < forgetAtOnce {
			return count, err
		}
		after = old
	}
}

// ForgetAttempts deletes the attempts that were made before a time, and returns how
// many there were.
func (db *DB) ForgetAttempts(ctx context.Context, before time.Time) (count int64, err error) {
	for {
		gone, err := db.forget(ctx, `
			delete from attempts where at < $1 and (account, id) in (select account, id from attempts where at < $1 order by at limit $2 + 0)`,
			stamp{before}, forgetAtOnce)
		if count += gone; err != nil || gone < forgetAtOnce {
			return count, err
		}
	}
}

// forget deletes rows in a transaction of their own, and returns how many.
func (db *DB) forget(ctx context.Context, text string, args ...any) (gone int64, err error) {
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		deleted, err := tx.exec(ctx, text, args...)
		if err != nil {
			return err
		}
		gone, err = deleted.RowsAffected()
		return err
	})
	return gone, err
}

type arrived struct {
	seq int64
	at  time.Time
}

func scanArrived(rows *sql.Rows) (a arrived, err error) {
	var at stamp
	err = rows.Scan(&a.seq, &at)
	return arrived{a.seq, at.Time}, err
}
