package store

import (
	"context"
	"time"
)

// forgetAtOnce is how many rows one transaction deletes, so that none is long.
const forgetAtOnce = 500

// ForgetEvents deletes the events that came before a time and were seen to, raw bytes
// and all, and returns how many there were. What waits for a look or for a person
// stays, however old it is; so does the audit trail, which names events by their ids.
func (db *DB) ForgetEvents(ctx context.Context, before time.Time) (count int64, err error) {
	for {
		var some int64
		err := db.Write(ctx, func(ctx context.Context, tx *Tx) error {
			deleted, err := tx.exec(ctx, `
				delete from events where id in (
					select id from events where state in ('done', 'ignored') and received_at < $1 order by seq limit $2 + 0)`,
				stamp{before}, forgetAtOnce)
			if err == nil {
				some, err = deleted.RowsAffected()
			}
			return err
		})
		if count += some; err != nil || some < forgetAtOnce {
			return count, err
		}
	}
}
