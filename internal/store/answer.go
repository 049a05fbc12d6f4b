package store

import (
	"context"
	"errors"
	"time"
)

const (
	// answerKept is how long an answer can be asked for again.
	answerKept = 48 * time.Hour
	// answerAbandoned is when a request that has not been answered counts as one
	// whose process died.
	answerAbandoned = 2 * time.Minute
)

// ErrUnanswered says that a request with the same idempotency key is under way.
var ErrUnanswered = errors.New("a request with this key is under way")

// ClaimAnswer reserves an idempotency key for a request that is about to be
// carried out. If the key was used before, found is true and the answer is what
// was kept then; the caller compares [Answer.Request]. The error is
// [ErrUnanswered] while that request is still under way.
func (db *DB) ClaimAnswer(ctx context.Context, key, request string) (kept Answer, found bool, err error) {
	fresh := false
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		fresh = false
		if _, err := tx.exec(ctx, `delete from answers where created_at < $1 or status = 0 and created_at < $2`,
			stamp{tx.Now.Add(-answerKept)}, stamp{tx.Now.Add(-answerAbandoned)}); err != nil {
			return err
		}
		keys, err := insertReturning(ctx, tx, scanString, `insert into answers (key, request, status, body, created_at)`,
			`on conflict (key) do nothing returning key`, [][]any{{key, request, 0, []byte{}, stamp{tx.Now}}})
		fresh = len(keys) == 1
		return err
	})
	if err != nil || fresh {
		return kept, false, err
	}
	kept, err = db.AnswerTo(ctx, key)
	if err == nil && kept.Status == 0 || errors.Is(err, ErrNotFound) { // the other gave up just now
		err = ErrUnanswered
	}
	return kept, err == nil, err
}

// ReleaseAnswer gives up a reserved key, so that the request may come again.
func (db *DB) ReleaseAnswer(ctx context.Context, key string) error {
	return db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.exec(ctx, `delete from answers where key = $1 and status = 0`, key)
		return err
	})
}
