package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// remembered is how old an attempt may be to be kept. Nobody asks for older ones, and
// the backfill of an account is full of them.
const remembered = 365 * 24 * time.Hour

// paying is how a customer pays, as policies know it.
type paying struct {
	attempts []billing.Attempt
	shared   []policy.Shared
}

// tried keeps the attempts that came with the sights, whatever became of these:
// what an attempt says never changes.
func (w *writing) tried(ctx context.Context) error {
	if len(w.Policies) == 0 {
		return nil
	}
	var attempts []store.Attempt
	w.sights(func(s *sight) {
		for _, a := range s.snapshot.Attempts {
			if a.Account = s.ref.Account; a.At.Before(w.tx.Now.Add(-remembered)) {
				continue
			}
			payment := s.ref
			payment.Kind, payment.ID = billing.KindPayment, a.Payment
			attempts = append(attempts, store.Attempt{
				Account: a.Account, ID: a.ID, Payment: payment.String(), Payer: a.Payer, At: a.At, Doc: jsonText(a),
			})
		}
	})
	if len(attempts) == 0 {
		return nil
	}
	return w.tx.AddAttempts(ctx, attempts)
}

// ForgetAttempts deletes the attempts that are too old for anybody to ask for, and
// returns how many.
func (a *Applier) ForgetAttempts(ctx context.Context) (forgotten int64, err error) {
	return a.DB.ForgetAttempts(ctx, a.DB.Now().Add(-remembered))
}

// loadPaying reads how customers pay, and who else pays like that.
func (w *writing) loadPaying(ctx context.Context, refs []string) error {
	if len(w.Policies) == 0 {
		return nil
	}
	rows, err := w.tx.AttemptsOf(ctx, refs)
	if err != nil {
		return err
	}
	payers := map[string][]*customer{} // by means of payment, who used it
	cards := map[string]bool{}
	for _, row := range rows {
		c := w.customers[row.Customer]
		if c == nil || row.At.Before(w.tx.Now.Add(-policy.AttemptsKept)) {
			continue
		}
		var a billing.Attempt
		if err := json.Unmarshal([]byte(row.Doc), &a); err != nil {
			return fmt.Errorf("attempt %s of %s: %w", row.ID, row.Account, err)
		}
		c.attempts = append(c.attempts, a)
		if a.Payer != "" && !slices.Contains(payers[row.Payer], c) {
			payers[row.Payer] = append(payers[row.Payer], c)
		}
		cards[row.Payer] = cards[row.Payer] || a.Card != nil
	}
	return w.loadShared(ctx, payers, cards)
}

// loadShared finds the other customers behind means of payment. They are not
// locked: that one of them is banned this very moment is seen at the next change.
func (w *writing) loadShared(ctx context.Context, payers map[string][]*customer, cards map[string]bool) error {
	if len(payers) == 0 {
		return nil
	}
	sharers, err := w.tx.SharersOf(ctx, sortedKeys(payers))
	if err != nil {
		return err
	}
	for _, s := range sharers {
		var other billing.Customer
		for _, c := range payers[s.Payer] {
			if c.row.Ref == s.Customer {
				continue
			}
			if err := json.Unmarshal([]byte(s.Doc), &other); err != nil {
				return fmt.Errorf("customer %s: %w", s.Customer, err)
			}
			shared := policy.Shared{Customer: s.Customer, By: "payer", Banned: other.Ban != nil}
			if cards[s.Payer] {
				shared.By = "card"
			}
			if !slices.Contains(c.shared, shared) { // by one card, however many they share
				c.shared = append(c.shared, shared)
			}
		}
	}
	return nil
}
