package store

import (
	"context"
	"database/sql"
	"time"
)

// SwitchBrake is the scope of the brake among the switches; its value is "on".
const SwitchBrake = "brake"

// Switch is what a person switched at run time: the mode of a scope, or the brake.
type Switch struct {
	Scope string
	Value string
	Actor string
	At    time.Time
}

func scanSwitch(rows *sql.Rows) (s Switch, err error) {
	var at stamp
	err = rows.Scan(&s.Scope, &s.Value, &s.Actor, &at)
	s.At = at.Time
	return s, err
}

const switchColumns = `select scope, value, actor, at from switches order by scope`

// Switches lists what is switched.
func (db *DB) Switches(ctx context.Context) ([]Switch, error) {
	return collect(ctx, db, scanSwitch, switchColumns)
}

// Switches lists what is switched.
func (tx *Tx) Switches(ctx context.Context) ([]Switch, error) {
	return collect(ctx, tx, scanSwitch, switchColumns)
}

// SetSwitch switches a scope; an empty value takes the switch away, so that the
// configuration counts again.
func (tx *Tx) SetSwitch(ctx context.Context, s Switch) error {
	if s.Value == "" {
		_, err := tx.exec(ctx, `delete from switches where scope = $1`, s.Scope)
		return err
	}
	return tx.insert(ctx, `insert into switches (scope, value, actor, at)`,
		`on conflict (scope) do update set value = excluded.value, actor = excluded.actor, at = excluded.at`,
		[][]any{{s.Scope, s.Value, s.Actor, stamp{tx.Now}}})
}
