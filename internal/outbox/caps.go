package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// Caps bound the refunds of a day, which begins at midnight UTC, whoever asks for
// them: what goes beyond waits for the next day, or for somebody to raise the cap.
type Caps struct {
	// Refunds is how many refunds a day are made at most; 0: any number.
	Refunds int64
	// Amounts are what is refunded in a day at most, in minor units by currency; a
	// currency without an entry has no cap.
	Amounts map[string]int64
}

// full says that an effect has to wait, for the brake or a cap.
type full struct {
	why  string
	wait time.Duration
}

func (f *full) Error() string { return f.why }

// brakeAgain is how soon an effect that the brake stopped is tried again.
const brakeAgain = time.Minute

// released returns an error while the brake stops an effect. One that was tried
// waits too: to find out how that ended may mean to try again.
func (o *Outbox) released(ctx context.Context, e store.Effect) error {
	if !policy.MovesMoney(e.Kind) {
		return nil
	}
	on, err := o.Apply.Braked(ctx)
	if err == nil && on {
		err = &full{why: "the brake is on: no money moves until somebody releases it (trivet mode brake off)", wait: brakeAgain}
	}
	return err
}

// room returns an error if a refund would go beyond a cap. One that was tried
// before is counted already.
func (o *Outbox) room(ctx context.Context, tx *store.Tx, e store.Effect, moves billing.Money) error {
	limit, capped := o.Caps.Amounts[moves.Currency]
	if e.Kind != policy.Refund || o.Caps.Refunds == 0 && !capped || !e.AttemptedAt.IsZero() {
		return nil
	}
	midnight := tx.Now.UTC().Truncate(24 * time.Hour)
	moved, err := tx.MovedSince(ctx, policy.Refund, e.Key, midnight)
	if err != nil {
		return err
	}
	tomorrow := midnight.Add(24 * time.Hour).Sub(tx.Now)
	var times int64
	for _, m := range moved {
		times += m.Times
		if capped && m.Currency == moves.Currency && m.Amount+moves.Amount > limit {
			return &full{fmt.Sprintf("today's refunds in %s would exceed the cap of %s: raise caps.refund_amounts, or wait for tomorrow (UTC)",
				moves.Currency, billing.Money{Amount: limit, Currency: moves.Currency}), tomorrow}
		}
	}
	switch {
	case capped && moves.Amount > limit:
		return &full{fmt.Sprintf("this refund alone exceeds the cap of %s a day: raise caps.refund_amounts",
			billing.Money{Amount: limit, Currency: moves.Currency}), tomorrow}
	case o.Caps.Refunds > 0 && times >= o.Caps.Refunds:
		return &full{fmt.Sprintf("%d refunds were made today, which is the cap: raise caps.refunds, or wait for tomorrow (UTC)", times), tomorrow}
	}
	return nil
}
