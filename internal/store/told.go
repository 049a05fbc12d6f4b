package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
)

// Told is a claim that an event made about an object: what the provider's own
// account of the object does not say.
type Told struct {
	// Key is the object's reference; it need not be in the ledger yet.
	Key string
	// Name is the place where the claim was found, Value what it says.
	Name, Value string
	// Event is the provider's id of the event, or what else told.
	Event string
}

func scanTold(rows *sql.Rows) (t Told, err error) {
	return t, rows.Scan(&t.Key, &t.Name, &t.Value, &t.Event)
}

// Tell keeps claims. What was told about an object before stands.
func (tx *Tx) Tell(ctx context.Context, told []Told) error {
	if len(told) == 0 {
		return nil
	}
	sorted := slices.Clone(told) // so that two transactions with the same claims do not deadlock
	slices.SortFunc(sorted, func(a, b Told) int { return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Name, b.Name)) })
	rows := make([][]any, len(sorted))
	for i, t := range sorted {
		rows[i] = []any{name(t.Key), name(t.Name), name(t.Value), name(t.Event), stamp{tx.Now}}
	}
	_, err := insertReturning(ctx, tx, scanString, `insert into told (key, name, value, event, told_at)`, `on conflict (key, name) do nothing returning key`, rows)
	return err
}

// ToldOf reads what was told about objects.
func (tx *Tx) ToldOf(ctx context.Context, keys []string) ([]Told, error) {
	return selectIn(ctx, tx, scanTold, `select key, name, value, event from told where key in (%s)`, keys)
}

// ToldBy names the objects of which something was told, at most limit.
func (db *DB) ToldBy(ctx context.Context, claim, value string, limit int) ([]string, error) {
	return collect(ctx, db, scanString, `select key from told where name = $1 and value = $2 order by key limit $3 + 0`, name(claim), name(value), limit)
}
