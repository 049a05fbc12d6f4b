package outbox

import (
	"context"

	"github.com/trivetdev/trivet/internal/store"
)

// CloseAlert closes an alert that a person has dealt with, by its number; one that
// is closed already stays as it is. The error is [store.ErrNotFound] if there is
// none.
func (o *Outbox) CloseAlert(ctx context.Context, seq int64, actor string) (a store.Alert, err error) {
	err = o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = tx.CloseAlertNumbered(ctx, seq, actor)
		return err
	})
	return a, err
}

// Dismiss puts a notice away that the application shows a customer, by its number;
// one that is over already stays as it is. The error is [store.ErrNotFound] if the
// customer has no such notice.
func (o *Outbox) Dismiss(ctx context.Context, customer string, seq int64) (n store.Notice, err error) {
	err = o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		n, err = tx.EndNotice(ctx, customer, seq)
		return err
	})
	return n, err
}
