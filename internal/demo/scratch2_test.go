package demo

import (
	"fmt"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
)

func TestNaiveScratch(t *testing.T) {
	o := Options{Seed: 1, Days: 30, Customers: 25, Calm: true}
	o.sabotage = func(w *world) error {
		for _, a := range w.accounts {
			for _, x := range a.truth.Truth() {
				if a.naive.counts(x) {
					if f, has, bad := a.naive.wrong(x.Kind, x.ID, x.Fields); bad {
						fmt.Println(x.Kind, x.ID, f, has, x.Fields[f])
					}
				}
			}
		}
		ds, _ := w.db.Drift(t.Context(), store.DriftFilter{Limit: 20})
		for _, d := range ds {
			fmt.Println(d.Kind, d.Subject, d.Object, d.Diff, d.FoundBy, d.Since, d.FoundAt)
		}
		fmt.Println(w.accounts[0].truth.Stats().Calls, w.answers)
		return nil
	}
	if _, err := simulate(t.Context(), o, func(*world, day) {}); err != nil {
		t.Fatal(err)
	}
}
