package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestASnapshotStandsStill: what is committed while it is read is not in it, in this
// list and in those that follow, and writing does not wait for it.
func TestASnapshotStandsStill(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		meet := func(refs ...string) {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				for i, ref := range refs {
					if _, err := tx.MeetCustomers(ctx, []store.Customer{{Ref: ref, Doc: "{}"}}); err != nil {
						return err
					}
					n, err := tx.Numbers(ctx, 1)
					if err != nil {
						return err
					}
					err = tx.AddChanges(ctx, []store.Change{{Seq: n[0], Subject: "settings", ID: ref, Customer: ref, Kinds: "[]", Diff: "[]", After: fmt.Sprint(i)}})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		meet("b", "d")
		read := func(customer string, then func()) (refs, changes []string) {
			err := db.Snapshot(t.Context(), func(ctx context.Context, s *store.Snapshot) error {
				err := s.EachCustomer(ctx, customer, func(c store.Customer) error {
					refs = append(refs, c.Ref)
					then()
					then = func() {}
					return nil
				})
				if err != nil {
					return err
				}
				return s.EachChange(ctx, customer, func(c store.Change) error {
					changes = append(changes, c.ID)
					return nil
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			return refs, changes
		}
		refs, changes := read("", func() { meet("a", "c", "e") })
		if fmt.Sprint(refs, changes) != "[b d] [b d]" {
			t.Errorf("it has %v %v", refs, changes)
		}
		refs, changes = read("", func() {})
		if fmt.Sprint(refs, changes) != "[a b c d e] [b d a c e]" {
			t.Errorf("the next has %v %v", refs, changes)
		}
		if refs, changes = read("d", func() {}); fmt.Sprint(refs, changes) != "[d] [d]" {
			t.Errorf("of one there is %v %v", refs, changes)
		}
	})
}

// TestClaimOfKeys: other rows of the queue stay for others.
func TestClaimOfKeys(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			n, err := tx.Numbers(ctx, 1)
			if err != nil {
				return err
			}
			return tx.Raise(ctx, n[0], []store.Want{{Queue: "q", Key: "a"}, {Queue: "q", Key: "b"}, {Queue: "q", Key: "c"}})
		})
		for _, step := range []struct {
			keys []string
			want string
		}{{[]string{"c", "b", "x"}, "[b c]"}, {[]string{"c", "b"}, "[]"}, {nil, "[a]"}} {
			claims, err := db.Claim(t.Context(), "q", 10, 1e9, step.keys...)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, c := range claims {
				got = append(got, c.Key)
			}
			if fmt.Sprint(got) != step.want {
				t.Errorf("of %v %v were claimed, want %s", step.keys, got, step.want)
			}
		}
	})
}
