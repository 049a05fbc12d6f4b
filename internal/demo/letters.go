package demo

import (
	"context"
	"fmt"
)

// answerLetters does what the shop's staff does about purchases that nothing told
// whose they are: every webhook about them was lost, and the browser never came
// back. The customers write in and show their receipts, and somebody says so to the
// service. It must have kept each such purchase where they can find it.
func (w *world) answerLetters(ctx context.Context) error {
	rows, err := w.db.Unlinked(ctx, "", 1000)
	if err != nil {
		return fmt.Errorf("read what is unlinked: %w", err)
	}
	for _, row := range rows {
		a := w.account(row.Account)
		if a.receipt == nil {
			continue
		}
		checkout, found := a.receipt(row.Kind, row.ID)
		if !found {
			continue
		}
		buyer := w.visitor(a, checkout)
		if buyer == "" {
			continue
		}
		if err := w.desk.link(ctx, row.ID+"@"+row.Account, buyer); err != nil && !conflicts(err) {
			return err
		}
		w.letters++
	}
	return nil
}

// visitor is who was sent to a checkout.
func (w *world) visitor(a *account, checkout string) string {
	for _, p := range w.people {
		for _, v := range p.visits {
			if v.account == a && v.page.ProviderID == checkout {
				return p.ref
			}
		}
	}
	return ""
}
