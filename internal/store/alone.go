package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/gofrs/flock"
)

// inherit takes over what a process that died held of a SQLite file. On this
// machine it can be known that nobody else works on the file: every process keeps
// a shared lock on a file beside it for as long as it lives, and who gets that lock
// for itself alone is alone. Whatever is claimed then is nobody's, and need not
// wait for the end of its lease.
//
// Where the lock cannot be had, be it that others work on the file or that the
// file system has no such locks, leases do what they do everywhere else.
func (db *DB) inherit(ctx context.Context, url string) error {
	lock := flock.New(strings.TrimPrefix(url, "sqlite:") + ".lock")
	db.lock = lock
	alone, err := lock.TryLock()
	if err != nil || !alone {
		_, _ = lock.TryRLock() // a lock that cannot be had is done without
		return nil
	}
	if err := db.reclaim(ctx); err != nil {
		return err
	}
	// Not in one step: who comes in between is alone as well, and we hold nothing yet.
	_ = lock.Unlock()
	_, _ = lock.TryRLock()
	return nil
}

// reclaim makes every claimed row ready.
func (db *DB) reclaim(ctx context.Context) error {
	claimed, err := one(ctx, db, scanInt, `select count(*) from work where state = 'running'`)
	if err != nil || claimed == 0 {
		return err
	}
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.exec(ctx, `update work set state = 'ready', error = 'its process ended', lease_until = null where state = 'running'`)
		return err
	})
	if err != nil {
		return fmt.Errorf("take over what was claimed: %w", err)
	}
	return nil
}
