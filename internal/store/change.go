package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// The subjects of changes beside the kinds of provider objects.
const (
	SubjectAccess   = "access"   // id is "customer feature"
	SubjectSettings = "settings" // what the application set for its customer
	SubjectGrant    = "grant"
	SubjectCredits  = "credits"  // id is "customer plan"
	SubjectSwitch   = "switch"   // id is the scope of a mode, or the brake
	SubjectProposal = "proposal" // id is the effect's key
)

// Change is a row of the audit trail.
type Change struct {
	Seq int64
	At  time.Time
	// Subject is the kind of the object, or one of the Subject constants.
	Subject  string
	Account  string
	ID       string
	Customer string
	// Kinds is a JSON list of what happened; Diff the fields that differ; After
	// the whole row as it then was. All JSON.
	Kinds string
	Diff  string
	After string
	// Trigger is how we came to look; Event the provider's event or the run that
	// made us; Actor who caused it: the provider, a person, a policy.
	Trigger string
	Event   string
	Actor   string
}

// AddChanges appends to the audit trail. Each needs a Seq drawn from the counter
// while its rows were locked, so that the order of one object's changes is the
// order of their numbers.
func (tx *Tx) AddChanges(ctx context.Context, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	rows := make([][]any, len(changes))
	for i, c := range changes {
		rows[i] = []any{c.Seq, stamp{tx.Now}, c.Subject, c.Account, c.ID, c.Customer, c.Kinds, c.Diff, c.After, c.Trigger, c.Event, c.Actor}
	}
	if err := tx.insert(ctx, `insert into changes (seq, at, subject, account, id, customer, kinds, diff, after, trigger, event, actor)`, "", rows); err != nil {
		return fmt.Errorf("write changes: %w", err)
	}
	return nil
}

// ChangeFilter selects changes. Zero fields do not filter.
type ChangeFilter struct {
	Customer string
	Subject  string
	Account  string
	ID       string
	// Before lists newest first, below a seq; After lists oldest first, above one.
	Before int64
	After  int64
	// Forward lists oldest first.
	Forward bool
	Limit   int
}

// Changes lists the audit trail.
func (db *DB) Changes(ctx context.Context, f ChangeFilter) ([]Change, error) {
	w := where{}
	w.linked(f.Customer)
	w.equal("subject", f.Subject)
	w.equal("account", f.Account)
	w.equal("id", f.ID)
	if f.Before > 0 {
		w.add("seq < $%d", f.Before)
	}
	if f.After > 0 {
		w.add("seq > $%d", f.After)
	}
	order := " desc"
	if f.Forward {
		order = ""
	}
	w.args = append(w.args, f.Limit)
	return collect(ctx, db, scanChange, `select seq, at, subject, account, id, customer, kinds, diff, after, trigger, event, actor from changes`+
		w.text()+fmt.Sprintf(" order by seq%s limit $%d + 0", order, len(w.args)), w.args...)
}

func scanChange(rows *sql.Rows) (c Change, err error) {
	var at stamp
	err = rows.Scan(&c.Seq, &at, &c.Subject, &c.Account, &c.ID, &c.Customer, &c.Kinds, &c.Diff, &c.After, &c.Trigger, &c.Event, &c.Actor)
	c.At = at.Time
	return c, err
}
