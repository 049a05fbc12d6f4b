package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Attempt is a try to pay.
type Attempt struct {
	Account, ID string
	// Payment is the key of the payment's object, which need not be in the ledger
	// yet.
	Payment string
	// Payer is equal for equal means of payment; empty: not told.
	Payer string
	At    time.Time
	// Doc is the billing.Attempt as JSON.
	Doc string
	// Customer is whose the payment is; only read.
	Customer string
}

// AddAttempts keeps attempts. One that is known stays as it is, unless only the new
// word of it names the payer.
func (tx *Tx) AddAttempts(ctx context.Context, attempts []Attempt) error {
	sorted := slices.Clone(attempts) // so that two transactions with the same attempts do not deadlock
	slices.SortStableFunc(sorted, func(a, b Attempt) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.ID, b.ID), strings.Compare(b.Payer, a.Payer))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Attempt) bool { return a.Account == b.Account && a.ID == b.ID })
	rows := make([][]any, len(sorted))
	for i, a := range sorted {
		rows[i] = []any{name(a.Account), name(a.ID), name(a.Payment), name(a.Payer), stamp{a.At}, a.Doc}
	}
	err := tx.insert(ctx, `insert into attempts (account, id, payment, payer, at, doc)`,
		`on conflict (account, id) do update set payer = excluded.payer, doc = excluded.doc where attempts.payer = '' and excluded.payer <> ''`, rows)
	if err != nil {
		return fmt.Errorf("keep attempts: %w", err)
	}
	return nil
}

// AttemptsOf reads the attempts at the payments of customers, oldest first.
func (tx *Tx) AttemptsOf(ctx context.Context, customers []string) ([]Attempt, error) {
	all, err := selectIn(ctx, tx, scanAttempt, `
		select a.account, a.id, a.payment, a.payer, a.at, a.doc, o.customer from objects o join attempts a on a.payment = o.key
		where o.customer in (%s) and o.customer <> '' and o.kind = 'payment'`, customers)
	slices.SortFunc(all, func(a, b Attempt) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Account, b.Account), strings.Compare(a.ID, b.ID))
	})
	return all, err
}

func scanAttempt(rows *sql.Rows) (a Attempt, err error) {
	var at stamp
	err = rows.Scan(&a.Account, &a.ID, &a.Payment, &a.Payer, &at, &a.Doc, &a.Customer)
	a.At = at.Time
	return a, err
}

// Sharer is a customer who paid with a means of payment.
type Sharer struct {
	Payer    string
	Customer string
	// Doc is the billing.Customer as JSON.
	Doc string
}

const (
	// manySharers is how many attempts are looked at for all payers together. If
	// there are as many, each payer is asked for alone, so that a card that half
	// the world uses does not hide who uses another.
	manySharers  = 1000
	sharersAlone = 200
)

// SharersOf reads who paid with any of these means of payment: the customers
// behind the newest attempts of each.
func (tx *Tx) SharersOf(ctx context.Context, payers []string) ([]Sharer, error) {
	// The outer joins tell whether there were as many attempts as are looked at.
	const of = `select a.payer, coalesce(c.ref, ''), coalesce(c.doc, '') from (
		select payer, payment from attempts where payer %s and payer <> '' order by payer, at desc limit %d
		) a left join objects o on o.key = a.payment left join customers c on c.ref = o.customer`
	payers = sorted(payers)
	all, err := selectIn(ctx, tx, scanSharer, fmt.Sprintf(of, "in (%s)", manySharers), payers)
	if err != nil || len(all) < manySharers {
		return distinct(all), err
	}
	all = nil
	for _, payer := range payers {
		some, err := collect(ctx, tx, scanSharer, fmt.Sprintf(of, "= $1", sharersAlone), payer)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return distinct(all), nil
}

func scanSharer(rows *sql.Rows) (s Sharer, err error) {
	return s, rows.Scan(&s.Payer, &s.Customer, &s.Doc)
}

// distinct names each customer of a payer once.
func distinct(all []Sharer) []Sharer {
	all = slices.DeleteFunc(all, func(s Sharer) bool { return s.Customer == "" })
	slices.SortFunc(all, func(a, b Sharer) int {
		return cmp.Or(strings.Compare(a.Payer, b.Payer), strings.Compare(a.Customer, b.Customer))
	})
	return slices.CompactFunc(all, func(a, b Sharer) bool { return a.Payer == b.Payer && a.Customer == b.Customer })
}
