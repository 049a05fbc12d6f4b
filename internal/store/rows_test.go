package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

func object(id, customer, owner, parent string) store.Object {
	return store.Object{
		Key: "stripe/payment/" + id, Account: "stripe", Kind: "payment", ID: id, Customer: customer, Owner: owner, Parent: parent,
		Status: "succeeded", Doc: `{"a":"😀"}`, Claims: "{}", Begun: 10, Applied: 10, FirstAt: storetest.Start(), ChangedAt: storetest.Start(),
	}
}

// The ordering rule, in the database itself.
func TestPutObjects(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		put := func(add bool, o store.Object) (written bool) {
			t.Helper()
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				write := tx.PutObjects
				if add {
					write = tx.AddObjects
				}
				keys, err := write(ctx, []store.Object{o})
				written = keys[o.Key]
				return err
			})
			return written
		}
		o := object("1", "u", "cus_1", "")
		if !put(true, o) || put(true, o) {
			t.Error("a row is to be added once")
		}
		for _, step := range []struct {
			begun, applied int64
			want           bool
		}{{9, 11, false}, {10, 12, true}, {11, 13, false}, {12, 14, true}, {100, 101, true}, {100, 102, false}} {
			o.Begun, o.Applied, o.Status = step.begun, step.applied, fmt.Sprint(step.applied)
			if got := put(false, o); got != step.want {
				t.Errorf("a look begun at %d was written: %v, want %v", step.begun, got, step.want)
			}
		}
		got, err := db.Object(t.Context(), o.Key)
		want := object("1", "u", "cus_1", "")
		want.Begun, want.Applied, want.Checked, want.CheckedAt, want.Status = 100, 101, 101, storetest.Start(), "101"
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.MarkChecked(ctx, map[string]int64{o.Key: 50, "stripe/payment/none": 1})
		})
		if got, _ := db.Object(t.Context(), o.Key); got.Checked != 101 {
			t.Errorf("an older look moved the mark back to %d", got.Checked)
		}
	})
}

// A date that no calendar knows is kept as the last or the first of those that
// can be read again.
func TestFarTimes(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		for i, at := range []time.Time{
			time.Unix(1<<40, 0), time.Unix(-1<<40, 0), time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
			storetest.Start().In(time.FixedZone("", 3600)).Add(1234567 * time.Nanosecond),
		} {
			o := object(fmt.Sprint(i), "", "", "")
			o.RevisitAt = at
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.PutObjects(ctx, []store.Object{o})
				return err
			})
			got, err := db.Object(t.Context(), o.Key)
			year := min(max(at.UTC().Year(), 1), 9999)
			if err != nil || got.RevisitAt.Year() != year || i == 4 && !got.RevisitAt.Equal(at.Truncate(time.Microsecond)) {
				t.Errorf("%s was kept as %s, %v", at, got.RevisitAt, err)
			}
		}
		rows, err := db.Objects(t.Context(), store.ObjectFilter{RevisitBy: storetest.Start().Add(time.Hour), Limit: 10})
		if got := keysOf(rows, err); !strings.Contains(got, "4") || strings.Contains(got, "0") || strings.Contains(got, "2") {
			t.Errorf("to be revisited by then: %s", got)
		}
	})
}

func keysOf(objects []store.Object, err error) string {
	if err != nil {
		return err.Error()
	}
	var ids []string
	for _, o := range objects {
		ids = append(ids, o.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func TestFamilies(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PutObjects(ctx, []store.Object{
				object("a", "u", "cus_1", ""), object("b", "", "cus_1", ""), object("c", "", "", "payment/a"), object("d", "v", "", "payment/b"),
				object("e", "", "", ""), object("f", "", "cus_1", "payment/a"),
			})
			if err != nil {
				return err
			}
			if got := keysOf(tx.Dependents(ctx, []string{"stripe/payment/a"})); got != "c f" {
				t.Errorf("hanging on a: %s", got)
			}
			if got := keysOf(tx.Dependents(ctx, []string{"stripe/customer/cus_1", "stripe/customer/", "stripe/payment/"})); got != "b f" {
				t.Errorf("owned by cus_1: %s", got)
			}
			for ref, want := range map[string]string{"stripe/payment/b": "v", "stripe/payment/a": "", "paypal/payment/b": ""} {
				if got, err := tx.OwnerBelow(ctx, ref); got != want || err != nil {
					t.Errorf("below %s: %q, %v", ref, got, err)
				}
			}
			for owner, want := range map[string]string{"cus_1": "u", "cus_2": "", "": ""} {
				if got, err := tx.OwnerOf(ctx, "stripe", owner); got != want || err != nil {
					t.Errorf("of %s: %q, %v", owner, got, err)
				}
			}
			if got := keysOf(tx.FactsOf(ctx, []string{"u", "v", ""})); got != "a d" {
				t.Errorf("facts: %s", got)
			}
			return nil
		})
		for want, filter := range map[string]store.ObjectFilter{
			"a":           {Customer: "u"},
			"b c e f":     {Unlinked: true},
			"a b c d e f": {Account: "stripe", Kind: "payment", Present: true},
			"d e f":       {After: "stripe/payment/c"},
			"":            {CheckedBefore: 5},
		} {
			filter.Limit = 10
			if got := keysOf(db.Objects(t.Context(), filter)); got != want {
				t.Errorf("%+v: %s, want %s", filter, got, want)
			}
		}
		if got := keysOf(db.Unlinked(t.Context(), "stripe/payment/b", 10)); got != "c e f" {
			t.Errorf("unlinked: %s", got)
		}
	})
}

func TestDriftOnceOpen(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		open := store.Drift{Account: "stripe", Kind: "unmapped_price", Subject: "subscription", Object: "sub_1", Diff: "[]", FoundBy: "sweep", State: "open"}
		healed := open
		healed.Kind, healed.State, healed.HealedBy, healed.HealedAt, healed.Since = "stale", "healed", "sweep", storetest.Start(), storetest.Start().Add(-time.Hour)
		for range 2 {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				return tx.AddDrift(ctx, []store.Drift{open, healed, open})
			})
		}
		counts, err := db.DriftCounts(t.Context())
		if err != nil || counts["open"] != 1 || counts["healed"] != 2 {
			t.Errorf("%v, %v", counts, err)
		}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			found, err := tx.OpenDrift(ctx, []string{"stripe/subscription/sub_1", "stripe/subscription/sub_2"})
			if err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			if err := tx.HealDrift(ctx, []string{found[0].ID, found[0].ID}, "person"); err != nil {
				return err
			}
			return tx.AddDrift(ctx, []store.Drift{open}) // and there it is again
		})
		rows, err := db.Drift(t.Context(), store.DriftFilter{Kind: "unmapped_price", Limit: 10})
		if err != nil || len(rows) != 2 || rows[0].State != "open" || rows[1].HealedBy != "person" || !rows[1].HealedAt.Equal(storetest.Start()) {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestEffectsOnce(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		due := store.Effect{Key: "refund:1", Kind: "refund", Account: "stripe", Object: "stripe/payment/1", Customer: "u", Doc: "{}", State: store.EffectDue, Actor: "x"}
		withheld := due
		withheld.Key, withheld.State = "refund:2", store.EffectWithheld
		for i := range 3 {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				fresh, err := tx.AddEffects(ctx, []store.Effect{due, withheld, due})
				if len(fresh) != map[bool]int{true: 2, false: 0}[i == 0] {
					t.Errorf("time %d: new are %v", i, fresh)
				}
				return err
			})
		}
		claims, err := db.Claim(t.Context(), store.QueueEffect, 10, time.Minute)
		if err != nil || len(claims) != 1 || claims[0].Key != due.Key {
			t.Errorf("to carry out: %+v, %v", claims, err)
		}
		for _, step := range []struct{ state, want string }{{store.EffectUnknown, store.EffectUnknown}, {"", store.EffectUnknown}, {store.EffectDone, store.EffectDone}} {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				return tx.SetEffect(ctx, due.Key, step.state, "r\x00", "e\xff")
			})
			got, err := db.Effect(t.Context(), due.Key)
			if err != nil || got.State != step.want || got.DoneAt.IsZero() != (step.want != store.EffectDone) {
				t.Errorf("set to %q: %+v, %v", step.state, got, err)
			}
		}
	})
}

func TestCustomersAndAccess(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		meet(t, db, "b", "a")
		meet(t, db, "b", "c")
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			if fresh, err := tx.MeetCustomers(ctx, []store.Customer{{Ref: "a"}, {Ref: "d", Doc: "{}"}}); err != nil || !slices.Equal(fresh, []string{"d"}) {
				t.Errorf("new are %v, %v", fresh, err)
			}
			soon, late := storetest.Start().Add(time.Hour), storetest.Start().Add(2*time.Hour)
			return errors.Join(
				tx.PutCustomers(ctx, []store.Customer{{Ref: "a", Doc: `{"x":1}`, Email: "a@b.test", Sequence: 3}}),
				tx.PutAccess(ctx, []store.Access{{Customer: "a", Feature: "f", Doc: "1", TurnsAt: late}, {Customer: "a", Feature: "g", Doc: "2"}, {Customer: "b", Feature: "f", Doc: "3", TurnsAt: soon}}),
				tx.PutAccess(ctx, []store.Access{{Customer: "a", Feature: "g", Doc: "4"}}),
				tx.PutGrant(ctx, store.Grant{ID: "g1", Customer: "a", Doc: "1"}), tx.PutGrant(ctx, store.Grant{ID: "g1", Customer: "a", Doc: "2"}))
		})
		got, err := db.Customer(t.Context(), "a")
		if err != nil || got.Email != "a@b.test" || got.Sequence != 3 || !got.CreatedAt.Equal(storetest.Start()) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := db.Customer(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("nobody: %v", err)
		}
		if refs, err := db.CustomersWithEmail(t.Context(), "a@b.test", 5); err != nil || !slices.Equal(refs, []string{"a"}) {
			t.Errorf("%v, %v", refs, err)
		}
		list, err := db.Customers(t.Context(), "a", 2)
		if err != nil || len(list) != 2 || list[0].Ref != "b" || list[1].Ref != "c" {
			t.Errorf("%+v, %v", list, err)
		}
		due, err := db.AccessDue(t.Context(), storetest.Start().Add(2*time.Hour), 10)
		if err != nil || !slices.Equal(due, []string{"b", "a"}) {
			t.Errorf("due, the first first: %v, %v", due, err)
		}
		if next, err := db.NextTurn(t.Context()); err != nil || !next.Equal(storetest.Start().Add(time.Hour)) {
			t.Errorf("next turn at %v, %v", next, err)
		}
		access, err := db.AccessOf(t.Context(), "a")
		if err != nil || len(access) != 2 || access[1].Doc != "4" || !access[1].TurnsAt.IsZero() {
			t.Errorf("%+v, %v", access, err)
		}
		if rest, err := db.AccessAfter(t.Context(), "a", "f", 10); err != nil || len(rest) != 2 {
			t.Errorf("%+v, %v", rest, err)
		}
		if grants, err := db.GrantsOf(t.Context(), "a"); err != nil || len(grants) != 1 || grants[0].Doc != "2" {
			t.Errorf("%+v, %v", grants, err)
		}
	})
}

func TestCreditRows(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			var errs []error
			for _, c := range []store.Credit{{"a", "small", "1"}, {"b", "large", "2"}, {"a", "large", "3"}, {"a", "small", "4"}} {
				errs = append(errs, tx.PutCredit(ctx, c))
			}
			of, err := tx.CreditsOf(ctx, []string{"b", "nobody"})
			if len(of) != 1 || of[0] != (store.Credit{Customer: "b", Plan: "large", Doc: "2"}) {
				t.Errorf("of b: %+v", of)
			}
			return errors.Join(append(errs, err)...)
		})
		of, err := db.CreditsOf(t.Context(), "a")
		if want := []store.Credit{{"a", "large", "3"}, {"a", "small", "4"}}; err != nil || !slices.Equal(of, want) {
			t.Errorf("of a: %+v, %v", of, err)
		}
		rest, err := db.CreditsAfter(t.Context(), "a", "large", 10)
		if want := []store.Credit{{"a", "small", "4"}, {"b", "large", "2"}}; err != nil || !slices.Equal(rest, want) {
			t.Errorf("after a's large: %+v, %v", rest, err)
		}
	})
}

func TestCheckouts(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		c := store.Checkout{ID: "co_1", TokenHash: "h", Customer: "u", Account: "stripe", Plan: "pro", Doc: "{}", State: store.CheckoutCreating}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.AddCheckout(ctx, c) })
		twice := c
		twice.ID = "co_2"
		if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.AddCheckout(ctx, twice) }); err == nil {
			t.Error("one token serves two checkouts")
		}
		for i, want := range []bool{true, false} {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				if err := tx.CheckoutMade(ctx, c.ID, fmt.Sprint("cs_", i), store.CheckoutOpen); err != nil {
					return err
				}
				first, err := tx.UseCheckout(ctx, c.ID)
				if first != want {
					t.Errorf("time %d: first is %v", i, first)
				}
				return err
			})
		}
		got, err := db.CheckoutByToken(t.Context(), "h")
		if err != nil || got.Object != "cs_0" || got.State != store.CheckoutReturned || !got.ReturnedAt.Equal(storetest.Start()) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// The statements of the path find their rows by an index: whoever has a million
// objects pays for one.
func TestNothingIsScanned(t *testing.T) {
	url := storetest.SQLite(t)
	db := storetest.Open(t, url, nil)
	receive(t, db, event("evt_1", sub1))
	claim := claimOne(t, db)
	one := object("1", "", "cus_1", "payment/2")
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.PutObjects(ctx, []store.Object{one})
		return err
	})
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		keys := []string{one.Key}
		var errs []error
		note := func(_ any, err error) { errs = append(errs, err) }
		note(tx.LockObjects(ctx, keys))
		note(tx.ObjectsNamed(ctx, keys))
		note(tx.Dependents(ctx, []string{"stripe/payment/2", "stripe/customer/cus_1"}))
		note(tx.OwnerOf(ctx, "stripe", "cus_1"))
		note(tx.OwnerBelow(ctx, "stripe/payment/2"))
		note(tx.FactsOf(ctx, []string{"u"}))
		note(tx.LinkedOf(ctx, []string{"u"}))
		note(tx.AccessOf(ctx, []string{"u"}))
		note(tx.Demands(ctx, []string{"u"}))
		note(tx.GrantsOf(ctx, []string{"u"}))
		note(tx.CreditsOf(ctx, []string{"u"}))
		note(tx.LockCustomers(ctx, []string{"u"}))
		note(tx.CheckoutsByToken(ctx, []string{"h"}))
		note(tx.OpenDrift(ctx, keys))
		note(tx.Pending(ctx, keys))
		note(tx.Seen(ctx, keys))
		note(tx.Hold(ctx, []store.Claim{claim}))
		note(nil, tx.MarkChecked(ctx, map[string]int64{one.Key: 99}))
		note(tx.Settle(ctx, map[string]int64{sub1: 99}))
		note(nil, tx.Mend(ctx, map[string]int64{sub1: 99}))
		note(nil, tx.Trouble(ctx, sub1, "x", false))
		note(nil, tx.Finish(ctx, []store.Claim{claim}, time.Time{}))
		return errors.Join(errs...)
	})
	var errs []error
	_, err := db.Claim(t.Context(), "q", 5, time.Minute)
	errs = append(errs, err)
	_, _, err = db.Due(t.Context(), "q")
	errs = append(errs, err)
	_, err = db.Dues(t.Context(), []string{"q", "r"})
	errs = append(errs, err)
	_, err = db.Expire(t.Context())
	errs = append(errs, err)
	_, err = db.FactsOf(t.Context(), "u")
	errs = append(errs, err)
	_, err = db.ForgetEvents(t.Context(), storetest.Start())
	errs = append(errs, err)
	_, err = db.ForgetAttempts(t.Context(), storetest.Start())
	errs = append(errs, err)
	_, err = db.DeadEvents(t.Context())
	errs = append(errs, err)
	_, err = db.FailedEffects(t.Context())
	errs = append(errs, err)
	_, err = db.DeadLookCounts(t.Context())
	errs = append(errs, err)
	_, err = db.UnlinkedDisputes(t.Context())
	errs = append(errs, err)
	_, err = db.UnlinkedCounts(t.Context())
	errs = append(errs, err)
	_, err = db.AccessDue(t.Context(), storetest.Start(), 5)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	plans, err := db.Plans(t.Context())
	if err != nil || len(plans) < 20 {
		t.Fatalf("%d plans, %v", len(plans), err)
	}
	for text, steps := range plans {
		for _, step := range steps {
			table, scanned := strings.CutPrefix(step, "SCAN ")
			listed := table == "v" || table == "picked" || strings.HasPrefix(table, "CONSTANT") || strings.Contains(table, "VALUES")
			few := strings.Contains(step, "INDEX work_") || strings.Contains(step, "INDEX access_turns") || // indexes of what is under way or due
				strings.Contains(step, "INDEX events_open") || strings.Contains(step, "INDEX effects_failed") // or open
			// All of an account, or all that is linked, is as good as all.
			broad := strings.Contains(step, "objects_kind (account=?)") || strings.Contains(step, "objects_customer (customer>?)")
			if scanned && !listed && !few || broad {
				t.Errorf("%s\nreads a whole table: %s", text, step)
			}
		}
	}
}
