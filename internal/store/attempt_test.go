package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// attempt is the nth try at a payment.
func attempt(payment string, n int, payer string) store.Attempt {
	return store.Attempt{
		Account: "stripe", ID: fmt.Sprintf("ch_%s_%d", payment, n), Payment: "stripe/payment/" + payment, Payer: payer,
		At: storetest.Start().Add(time.Duration(n) * time.Minute), Doc: fmt.Sprintf(`{"n":%d,"payer":%q}`, n, payer),
	}
}

// keep stores payments of customers, by payment, and attempts at them.
func keep(t *testing.T, db *store.DB, customers map[string]string, attempts ...store.Attempt) {
	t.Helper()
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		for payment, customer := range customers {
			if _, err := tx.AddObjects(ctx, []store.Object{object(payment, customer, "", "")}); err != nil {
				return err
			}
			if customer == "" {
				continue
			}
			if err := tx.PutCustomers(ctx, []store.Customer{{Ref: customer, Doc: `{"ref":"` + customer + `"}`}}); err != nil {
				return err
			}
		}
		return tx.AddAttempts(ctx, attempts)
	})
}

func attemptsOf(t *testing.T, db *store.DB, customers ...string) (all []string) {
	t.Helper()
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		found, err := tx.AttemptsOf(ctx, customers)
		for _, a := range found {
			all = append(all, a.Customer+" "+a.ID+" "+a.Payer+" "+a.Doc)
		}
		return err
	})
	return all
}

// An attempt is kept once and as it was first told; only who paid may be told later.
func TestAttemptsAreKeptOnce(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		first := attempt("1", 1, "")
		keep(t, db, map[string]string{"1": "anna", "2": "", "3": "bert"}, attempt("1", 2, "fp1"), first, attempt("2", 1, "fp1"), attempt("3", 1, "fp2"))
		want := []string{`anna ch_1_1  {"n":1,"payer":""}`, `anna ch_1_2 fp1 {"n":2,"payer":"fp1"}`}
		if diff := cmp.Diff(want, attemptsOf(t, db, "anna", "nobody")); diff != "" {
			t.Error(diff)
		}
		told, again := first, attempt("1", 2, "fp9")
		told.Payer, told.Doc = "fp1", `{"n":1,"payer":"fp1"}`
		keep(t, db, nil, again, first, told, first)
		want[0] = `anna ch_1_1 fp1 {"n":1,"payer":"fp1"}`
		if diff := cmp.Diff(want, attemptsOf(t, db, "anna")); diff != "" {
			t.Error(diff)
		}
	})
}

func sharersOf(t *testing.T, db *store.DB, payers ...string) (all []string) {
	t.Helper()
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		found, err := tx.SharersOf(ctx, payers)
		for _, s := range found {
			all = append(all, s.Payer+" "+s.Customer+" "+s.Doc)
		}
		return err
	})
	return all
}

// A card that is used everywhere does not hide who uses another one.
func TestSharers(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		keep(t, db, map[string]string{"1": "anna", "2": "", "3": "bert", "4": "anna"},
			attempt("1", 1, "fp1"), attempt("1", 2, "fp1"), attempt("4", 1, "fp1"), attempt("2", 1, "fp1"), attempt("3", 1, "fp1"),
			attempt("3", 2, "fp2"), attempt("1", 3, ""))
		want := []string{`fp1 anna {"ref":"anna"}`, `fp1 bert {"ref":"bert"}`, `fp2 bert {"ref":"bert"}`}
		if diff := cmp.Diff(want, sharersOf(t, db, "fp2", "fp1", "fp3")); diff != "" {
			t.Error(diff)
		}
		if got := sharersOf(t, db); got != nil {
			t.Errorf("of nothing: %q", got)
		}
		many := make([]store.Attempt, 1200)
		for i := range many {
			many[i] = attempt("1", 100+i, "fp1")
		}
		keep(t, db, nil, many...)
		want = []string{`fp1 anna {"ref":"anna"}`, `fp2 bert {"ref":"bert"}`}
		if diff := cmp.Diff(want, sharersOf(t, db, "fp1", "fp2")); diff != "" {
			t.Error(diff)
		}
	})
}

// However many attempts are kept, those of a customer or of a card are found by
// their index.
func TestAttemptsAreIndexed(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), nil)
	keep(t, db, map[string]string{"1": "anna"}, attempt("1", 1, "fp1"))
	attemptsOf(t, db, "anna")
	sharersOf(t, db, "fp1")
	plans, err := db.Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for text, steps := range plans {
		if !strings.Contains(text, "attempts") || strings.HasPrefix(text, "insert") {
			continue
		}
		seen++
		all := strings.Join(steps, "; ")
		if !strings.Contains(all, "attempts_payment") && !strings.Contains(all, "COVERING INDEX attempts_payer") || strings.Contains(all, "SCAN objects") {
			t.Errorf("%s\n%s", text, all)
		}
	}
	if seen != 2 {
		t.Errorf("%d statements about attempts were looked at", seen)
	}
}
