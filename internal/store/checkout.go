package store

import (
	"context"
	"database/sql"
	"time"
)

// The states of a checkout that we made.
const (
	// CheckoutCreating: about to be made at the provider, or made and the answer
	// was lost; the token still binds what comes of it.
	CheckoutCreating = "creating"
	// CheckoutOpen: the customer has been sent there.
	CheckoutOpen = "open"
	// CheckoutReturned: the customer came back and the purchase was seen.
	CheckoutReturned = "returned"
	// CheckoutFailed: the provider refused to make it.
	CheckoutFailed = "failed"
)

// Checkout is a checkout that we made for a customer.
type Checkout struct {
	ID        string
	TokenHash string
	Customer  string
	Account   string
	// Object is the provider's id of it; empty until known.
	Object string
	Plan   string
	// Doc is the request as JSON.
	Doc        string
	State      string
	CreatedAt  time.Time
	ReturnedAt time.Time
}

const checkoutColumns = `select id, token_hash, customer, account, object, plan, doc, state, created_at, returned_at from checkouts`

func scanCheckout(rows *sql.Rows) (c Checkout, err error) {
	var created, returned stamp
	err = rows.Scan(&c.ID, &c.TokenHash, &c.Customer, &c.Account, &c.Object, &c.Plan, &c.Doc, &c.State, &created, &returned)
	c.CreatedAt, c.ReturnedAt = created.Time, returned.Time
	return c, err
}

// AddCheckout stores a checkout that is about to be made.
func (tx *Tx) AddCheckout(ctx context.Context, c Checkout) error {
	return tx.insert(ctx, `insert into checkouts (id, token_hash, customer, account, object, plan, doc, state, created_at)`, "",
		[][]any{{c.ID, c.TokenHash, c.Customer, c.Account, c.Object, c.Plan, c.Doc, c.State, stamp{tx.Now}}})
}

// CheckoutMade notes what became of making a checkout.
func (tx *Tx) CheckoutMade(ctx context.Context, id, object, state string) error {
	_, err := tx.exec(ctx, `update checkouts set object = $1, state = $2 where id = $3 and state = 'creating'`, object, state, id)
	return err
}

// UseCheckout notes that the customer came back; first is false if they had
// before.
func (tx *Tx) UseCheckout(ctx context.Context, id string) (first bool, err error) {
	result, err := tx.exec(ctx, `update checkouts set state = 'returned', returned_at = $1 where id = $2 and returned_at is null`, stamp{tx.Now}, id)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// CheckoutByToken finds a checkout by the hash of its token.
func (db *DB) CheckoutByToken(ctx context.Context, hash string) (Checkout, error) {
	return one(ctx, db, scanCheckout, checkoutColumns+` where token_hash = $1`, hash)
}

// CheckoutNamed finds a checkout by id.
func (db *DB) CheckoutNamed(ctx context.Context, id string) (Checkout, error) {
	return one(ctx, db, scanCheckout, checkoutColumns+` where id = $1`, id)
}

// CheckoutsByToken finds checkouts by the hashes of their tokens.
func (tx *Tx) CheckoutsByToken(ctx context.Context, hashes []string) ([]Checkout, error) {
	return selectIn(ctx, tx, scanCheckout, checkoutColumns+` where token_hash in (%s)`, hashes)
}

// Returns lists the checkouts from which a customer came back, newest first.
func (tx *Tx) Returns(ctx context.Context, customer string, limit int) ([]Checkout, error) {
	return collect(ctx, tx, scanCheckout, checkoutColumns+` where customer = $1 and returned_at is not null order by created_at desc, id desc limit $2 + 0`, customer, limit)
}

// CheckoutsOf lists a customer's checkouts, newest first.
func (db *DB) CheckoutsOf(ctx context.Context, customer string, limit int) ([]Checkout, error) {
	return collect(ctx, db, scanCheckout, checkoutColumns+` where customer = $1 order by created_at desc, id desc limit $2 + 0`, customer, limit)
}
