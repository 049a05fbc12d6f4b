package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Drift is a difference that reconciliation found between the ledger and the
// provider.
type Drift struct {
	ID      string
	Seq     int64
	Account string
	// Kind is one of the Drift constants of package apply.
	Kind string
	// Subject is the kind of the object, Object its id at the provider.
	Subject  string
	Object   string
	Customer string
	// Impact is "paid_but_blocked", "unpaid_but_active" or empty.
	Impact string
	// Diff is a JSON list of fields.
	Diff string
	// Since is since when the ledger may have been wrong: when it was last known
	// to be right.
	Since    time.Time
	FoundAt  time.Time
	FoundBy  string
	State    string // open, healed
	HealedAt time.Time
	HealedBy string
}

const driftColumns = `select id, seq, account, kind, subject, object, customer, impact, diff, since, found_at, found_by, state, healed_at, healed_by from drift`

func scanDrift(rows *sql.Rows) (d Drift, err error) {
	var since, found, healed stamp
	err = rows.Scan(&d.ID, &d.Seq, &d.Account, &d.Kind, &d.Subject, &d.Object, &d.Customer, &d.Impact, &d.Diff,
		&since, &found, &d.FoundBy, &d.State, &healed, &d.HealedBy)
	d.Since, d.FoundAt, d.HealedAt = since.Time, found.Time, healed.Time
	return d, err
}

// AddDrift records findings; one that is open already is not recorded again.
func (tx *Tx) AddDrift(ctx context.Context, findings []Drift) error {
	if len(findings) == 0 {
		return nil
	}
	numbers, err := tx.Numbers(ctx, len(findings))
	if err != nil {
		return err
	}
	rows := make([][]any, len(findings))
	for i, d := range findings {
		rows[i] = []any{fmt.Sprintf("dr_%d", numbers[i]), numbers[i], d.Account, d.Kind, d.Subject, d.Object, d.Customer, d.Impact, d.Diff,
			stamp{d.Since}, stamp{tx.Now}, d.FoundBy, d.State, stamp{d.HealedAt}, d.HealedBy}
	}
	if err := tx.insert(ctx, `insert into drift (id, seq, account, kind, subject, object, customer, impact, diff, since, found_at, found_by, state, healed_at, healed_by)`,
		`on conflict (account, subject, object, kind) where state = 'open' do nothing`, rows); err != nil {
		return fmt.Errorf("write drift: %w", err)
	}
	return nil
}

const openDrift = driftColumns + ` where account || '/' || subject || '/' || object in (%s) and state = 'open' order by seq`

// OpenDrift lists the open findings about objects, by their references.
func (tx *Tx) OpenDrift(ctx context.Context, refs []string) ([]Drift, error) {
	return selectIn(ctx, tx, scanDrift, openDrift, refs)
}

// OpenDrift is [Tx.OpenDrift] outside a transaction.
func (db *DB) OpenDrift(ctx context.Context, refs []string) ([]Drift, error) {
	return selectIn(ctx, db, scanDrift, openDrift, refs)
}

// RenewDrift says anew of an open finding whom it concerns, what it means for them and
// what differs.
func (tx *Tx) RenewDrift(ctx context.Context, d Drift) error {
	_, err := tx.exec(ctx, `update drift set customer = $1, impact = $2, diff = $3 where id = $4 and state = 'open'`, d.Customer, d.Impact, d.Diff, d.ID)
	return err
}

// HealDrift closes findings.
func (tx *Tx) HealDrift(ctx context.Context, ids []string, by string) error {
	for _, id := range ids {
		if _, err := tx.exec(ctx, `update drift set state = 'healed', healed_at = $1, healed_by = $2 where id = $3 and state = 'open'`,
			stamp{tx.Now}, by, id); err != nil {
			return err
		}
	}
	return nil
}

// DriftFilter selects findings. Zero fields do not filter.
type DriftFilter struct {
	Account string
	State   string
	Kind    string
	Impact  string
	// Before continues a list: only rows with a smaller Seq.
	Before int64
	Limit  int
}

// Drift lists findings, newest first.
func (db *DB) Drift(ctx context.Context, f DriftFilter) ([]Drift, error) {
	w := where{}
	w.equal("account", f.Account)
	w.equal("state", f.State)
	w.equal("kind", f.Kind)
	w.equal("impact", f.Impact)
	if f.Before > 0 {
		w.add("seq < $%d", f.Before)
	}
	w.args = append(w.args, f.Limit)
	return collect(ctx, db, scanDrift, driftColumns+w.text()+fmt.Sprintf(" order by seq desc limit $%d + 0", len(w.args)), w.args...)
}

// DriftNamed finds a finding by id.
func (db *DB) DriftNamed(ctx context.Context, id string) (Drift, error) {
	return one(ctx, db, scanDrift, driftColumns+` where id = $1`, id)
}

// DriftCounts counts findings by state.
func (db *DB) DriftCounts(ctx context.Context) (map[string]int64, error) {
	return db.counts(ctx, `select state, count(*) from drift group by state`)
}

// Cursor reads how far something has been read; empty if never.
func (db *DB) Cursor(ctx context.Context, name string) (value string, err error) {
	value, err = one(ctx, db, scanString, `select value from cursors where name = $1`, name)
	if err == ErrNotFound { //nolint:errorlint // from one, never wrapped
		return "", nil
	}
	return value, err
}

// SetCursor notes how far something has been read.
func (tx *Tx) SetCursor(ctx context.Context, name, value string) error {
	return tx.insert(ctx, `insert into cursors (name, value, updated_at)`,
		`on conflict (name) do update set value = excluded.value, updated_at = excluded.updated_at`, [][]any{{name, value, stamp{tx.Now}}})
}

// KeepCursor sets a value unless there is one, and returns the one that stands.
func (tx *Tx) KeepCursor(ctx context.Context, name, value string) (string, error) {
	err := tx.insert(ctx, `insert into cursors (name, value, updated_at)`, `on conflict (name) do nothing`, [][]any{{name, value, stamp{tx.Now}}})
	if err != nil {
		return "", err
	}
	return one(ctx, tx, scanString, `select value from cursors where name = $1`, name)
}

// Cursors lists all cursors whose names begin with a prefix.
func (db *DB) Cursors(ctx context.Context, prefix string) (map[string]string, error) {
	rows, err := collect(ctx, db, func(rows *sql.Rows) (p [2]string, err error) { return p, rows.Scan(&p[0], &p[1]) },
		`select name, value from cursors order by name`)
	found := map[string]string{}
	for _, row := range rows {
		if strings.HasPrefix(row[0], prefix) {
			found[row[0]] = row[1]
		}
	}
	return found, err
}
