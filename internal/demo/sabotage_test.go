package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// TestTheOracleCanFail breaks one thing at a time: each must be noticed.
func TestTheOracleCanFail(t *testing.T) {
	tests := map[string]struct {
		do   func(ctx context.Context, w *world) error
		want string
	}{
		"a status is wrong": {
			changeObject("subscription", func(o *store.Object) { o.Doc = strings.Replace(o.Doc, `"status":"`, `"status":"un`, 1) }), `subscription`,
		},
		"an amount is wrong": {
			changeObject("payment", func(o *store.Object) {
				o.Doc = strings.Replace(o.Doc, `"amount":{"amount":`, `"amount":{"amount":1`, 1)
			}), `amount`,
		},
		"an object belongs to another": {changeObject("invoice", func(o *store.Object) { o.Customer = "user_999" }), `user_999`},
		"an object is taken for gone":  {changeObject("payment", func(o *store.Object) { o.Gone = true }), `deleted`},
		"an object is made up": {
			changeObject("refund", func(o *store.Object) { o.ID = "re_made_up"; o.Key = "stripe/refund/re_made_up" }), `no such object`,
		},
		"an effect is lost": {func(_ context.Context, w *world) error {
			w.wishes.all = append(w.wishes.all, &wish{key: "refund:lost", op: sim.OpRefund, account: w.accounts[0], object: "pi_1", settled: true})
			return nil
		}, `missing`},
		"an effect happens twice": {func(_ context.Context, w *world) error {
			return tamper(w, func(l *liar) { l.effects = append(l.Effects(), l.Effects()[0]) })
		}, `done 2 times`},
		"an effect comes from nowhere": {func(_ context.Context, w *world) error {
			return tamper(w, func(l *liar) {
				l.effects = append(l.Effects(), sim.Effect{Op: sim.OpCancel, Object: "sub_1", Key: "who knows"})
			})
		}, `nobody asked for it`},
		"an acknowledged event is lost": {func(_ context.Context, w *world) error {
			return tamper(w, func(l *liar) { l.acked = "evt_lost" })
		}, `not stored`},
		"access that is kept is wrong": {func(ctx context.Context, w *world) error {
			return w.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				return tx.PutAccess(ctx, []store.Access{{Customer: w.people[0].ref, Feature: "app", Doc: `{"allowed":true,"reason":"made_up"}`}, {
					Customer: w.people[1].ref, Feature: "app", Doc: `{"allowed":false,"reason":"made_up"}`}})
			})
		}, `audit access`},
		"work is left over": {func(ctx context.Context, w *world) error {
			return w.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				return tx.Raise(ctx, 1, []store.Want{{Queue: store.QueueLook, Key: "stripe/payment/pi_x", DueAt: tx.Now.Add(time.Hour)}})
			})
		}, `nothing is left to do`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Seed: 9, Days: 6, Customers: 15, Fast: true, JSON: true}
			o.sabotage = func(w *world) error { return test.do(t.Context(), w) }
			var out bytes.Buffer
			code, err := Run(t.Context(), o, &out)
			if err != nil {
				t.Fatal(err)
			}
			var r Report
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, m := range r.Mismatches {
				all.WriteString(m.String() + "\n")
			}
			if code != 1 || !strings.Contains(all.String(), test.want) {
				t.Errorf("code %d, want 1 and %q in:\n%s", code, test.want, all.String())
			}
		})
	}
}

// changeObject changes the first row of a kind behind everybody's back.
func changeObject(kind string, change func(*store.Object)) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		rows, err := w.db.Objects(ctx, store.ObjectFilter{Kind: kind, Present: true, Limit: 1})
		if err != nil || len(rows) == 0 {
			rows, err = w.db.Objects(ctx, store.ObjectFilter{Present: true, Limit: 1})
			if err != nil {
				return err
			}
			rows[0].Kind = kind
			rows[0].Doc = "{}"
		}
		change(&rows[0])
		return w.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			rows[0].Begun, rows[0].Applied = 1<<40, 1<<40
			_, err := tx.PutObjects(ctx, rows)
			return err
		})
	}
}

// liar is a witness that says something else.
type liar struct {
	witness
	effects []sim.Effect
	acked   string
}

func tamper(w *world, with func(*liar)) error {
	l := &liar{witness: w.accounts[0].truth}
	with(l)
	w.accounts[0].truth = l
	for _, wish := range w.wishes.all {
		wish.account = w.accounts[0]
	}
	return nil
}

func (l *liar) Effects() []sim.Effect {
	if l.effects != nil {
		return l.effects
	}
	return l.witness.Effects()
}

func (l *liar) Stats() sim.Stats {
	stats := l.witness.Stats()
	if l.acked != "" {
		stats.AckedEvents = append(stats.AckedEvents, l.acked)
	}
	return stats
}
