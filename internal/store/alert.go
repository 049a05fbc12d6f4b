package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Alert is what needs a person. While one is open, no second one of its cause is.
type Alert struct {
	Seq int64
	// Cause is equal for what a person settles in one go; Kind a word to filter by.
	Cause    string
	Kind     string
	Title    string
	Details  string
	Customer string
	// Object is the reference of what it is about.
	Object string
	// DueBy is when it is too late; zero: no such time.
	DueBy    time.Time
	RaisedAt time.Time
	// LastAt is when it was last raised, Times how often.
	LastAt time.Time
	Times  int64
	// ToldAt is when the team was told; zero: it has yet to be.
	ToldAt   time.Time
	ClosedAt time.Time
	ClosedBy string
}

const alertColumns = `select seq, cause, kind, title, details, customer, object, due_by, raised_at, last_at, times, told_at, closed_at, closed_by from alerts`

func scanAlert(rows *sql.Rows) (a Alert, err error) {
	var due, raised, last, told, closed stamp
	err = rows.Scan(&a.Seq, &a.Cause, &a.Kind, &a.Title, &a.Details, &a.Customer, &a.Object, &due, &raised, &last, &a.Times, &told, &closed, &a.ClosedBy)
	a.DueBy, a.RaisedAt, a.LastAt, a.ToldAt, a.ClosedAt = due.Time, raised.Time, last.Time, told.Time, closed.Time
	return a, err
}

// RaiseAlert opens an alert, of which the team is then told, or counts one more time
// on the open one of its cause, whose words it renews.
func (tx *Tx) RaiseAlert(ctx context.Context, a Alert) error {
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	err = tx.insert(ctx,
		`insert into alerts (seq, cause, kind, title, details, customer, object, due_by, raised_at, last_at, times, closed_at, closed_by)`,
		`on conflict (cause) where closed_at is null do update set
			title = excluded.title, details = excluded.details, due_by = excluded.due_by, last_at = excluded.last_at, times = alerts.times + 1`,
		[][]any{{
			numbers[0], a.Cause, a.Kind, a.Title, a.Details, a.Customer, a.Object, stamp{a.DueBy}, stamp{tx.Now}, stamp{tx.Now}, 1, stamp{}, "",
		}})
	if err != nil {
		return fmt.Errorf("raise alert: %w", err)
	}
	return tx.Raise(ctx, numbers[0], []Want{{Queue: QueueTask, Key: TaskAlerts}})
}

// UntoldAlerts lists the open alerts of which the team has yet to be told, oldest
// first.
func (db *DB) UntoldAlerts(ctx context.Context, limit int) ([]Alert, error) {
	return collect(ctx, db, scanAlert, alertColumns+` where closed_at is null and told_at is null order by seq limit $1 + 0`, limit)
}

// AlertNumbered finds an alert by its Seq.
func (db *DB) AlertNumbered(ctx context.Context, seq int64) (Alert, error) {
	return one(ctx, db, scanAlert, alertColumns+` where seq = $1`, seq)
}

// MarkTold notes that the team was told of an alert.
func (tx *Tx) MarkTold(ctx context.Context, seq int64) error {
	_, err := tx.exec(ctx, `update alerts set told_at = $1 where seq = $2`, stamp{tx.Now}, seq)
	return err
}

// CloseAlert closes the open alert of a cause, if there is one.
func (tx *Tx) CloseAlert(ctx context.Context, cause, actor string) error {
	_, err := tx.exec(ctx, `update alerts set closed_at = $1, closed_by = $2 where cause = $3 and closed_at is null`, stamp{tx.Now}, actor, cause)
	return err
}

// CloseAlertNumbered closes an alert by its Seq; the error is [ErrNotFound] if
// there is none. One that is closed already stays as it is.
func (tx *Tx) CloseAlertNumbered(ctx context.Context, seq int64, actor string) (Alert, error) {
	if _, err := tx.exec(ctx, `update alerts set closed_at = $1, closed_by = $2 where seq = $3 and closed_at is null`, stamp{tx.Now}, actor, seq); err != nil {
		return Alert{}, err
	}
	return one(ctx, tx, scanAlert, alertColumns+` where seq = $1`, seq)
}

// AlertFilter selects alerts. Zero fields do not filter.
type AlertFilter struct {
	Kind string
	// Open leaves out those that are closed, Closed those that are open.
	Open, Closed bool
	// Before continues a list: only rows with a smaller Seq.
	Before int64
	Limit  int
}

// Alerts lists alerts, newest first.
func (db *DB) Alerts(ctx context.Context, f AlertFilter) ([]Alert, error) {
	w := where{}
	w.equal("kind", f.Kind)
	if f.Open {
		w.is("closed_at is null")
	}
	if f.Closed {
		w.is("closed_at is not null")
	}
	if f.Before > 0 {
		w.add("seq < $%d", f.Before)
	}
	w.args = append(w.args, f.Limit)
	return collect(ctx, db, scanAlert, alertColumns+w.text()+fmt.Sprintf(" order by seq desc limit $%d + 0", len(w.args)), w.args...)
}
