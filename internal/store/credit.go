package store

import (
	"context"
	"database/sql"
	"time"
)

// Credit is what a customer has used of the credits of a plan.
type Credit struct {
	Customer string
	// Plan is the plan's id.
	Plan string
	// Doc is the billing.CreditUse as JSON.
	Doc string
}

func scanCredit(rows *sql.Rows) (c Credit, err error) {
	return c, rows.Scan(&c.Customer, &c.Plan, &c.Doc)
}

// CreditsOf reads what customers have used.
func (tx *Tx) CreditsOf(ctx context.Context, customers []string) ([]Credit, error) {
	return selectIn(ctx, tx, scanCredit, `select customer, plan, doc from credits where customer in (%s) order by customer, plan`, customers)
}

// CreditsOf reads what a customer has used.
func (db *DB) CreditsOf(ctx context.Context, customer string) ([]Credit, error) {
	return collect(ctx, db, scanCredit, `select customer, plan, doc from credits where customer = $1 order by plan`, customer)
}

// CreditUses tells how often a customer used credits of a plan, and when first and last,
// as far as the audit trail reaches. Uses are told by the kinds of their changes, a JSON
// list.
func (tx *Tx) CreditUses(ctx context.Context, customer, plan, kinds string) (times int64, first, last time.Time, err error) {
	var from, to stamp
	_, err = one(ctx, tx, func(rows *sql.Rows) (struct{}, error) { return struct{}{}, rows.Scan(&times, &from, &to) }, `
		select count(*), min(at), max(at) from changes where subject = $1 and account = '' and id = $2 and kinds = $3`,
		SubjectCredits, customer+" "+plan, kinds)
	return times, from.Time, to.Time, err
}

// CreditsAfter lists what was used in the order of customers and plans.
func (db *DB) CreditsAfter(ctx context.Context, customer, plan string, limit int) ([]Credit, error) {
	return collect(ctx, db, scanCredit, `
		select customer, plan, doc from credits where (customer, plan) > ($1, $2) order by customer, plan limit $3 + 0`, customer, plan, limit)
}

// PutCredit inserts or replaces what a customer has used.
func (tx *Tx) PutCredit(ctx context.Context, c Credit) error {
	return tx.insert(ctx, `insert into credits (customer, plan, doc)`, `on conflict (customer, plan) do update set doc = excluded.doc`,
		[][]any{{c.Customer, c.Plan, c.Doc}})
}
