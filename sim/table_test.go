package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type rowOf struct {
	position int
	color    string
}

// TestTable: whenever a row gets its value, and however often, an index lists each row
// that has the value once, in order of creation.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(func(r *rowOf) int { return r.position })
		var all []*rowOf
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch what := rapid.IntRange(0, 3).Draw(t, "step"); {
			case what == 0 || len(all) == 0:
				r := &rowOf{}
				r.position = table.Add(r)
				all = append(all, r)
			case what == 1:
				table.Index(rapid.SampledFrom(all).Draw(t, "row"), "color", "")
			default:
				r := rapid.SampledFrom(all).Draw(t, "row")
				if r.color == "" {
					r.color = rapid.SampledFrom([]string{"red", "green"}).Draw(t, "color")
				}
				table.Index(r, "color", r.color)
			}
		}
		if !slices.Equal(table.Rows, all) || table.Added() != len(all) {
			t.Fatalf("%d rows of %d", len(table.Rows), len(all))
		}
		for _, color := range []string{"red", "green", "blue"} {
			want := slices.DeleteFunc(slices.Clone(all), func(r *rowOf) bool { return r.color != color })
			if got := table.Having("color", color); !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", color, got, want)
			}
		}
		if none := append(table.Having("color", ""), table.Having("shape", "red")...); len(none) > 0 {
			t.Fatalf("found by nothing: %v", none)
		}
		old := rapid.IntRange(0, len(all)+1).Draw(t, "old")
		gone := table.Forget(func(r *rowOf) bool { return r.position < old })
		if n := min(old, len(all)); !slices.Equal(gone, all[:n]) || !slices.Equal(table.Rows, all[n:]) {
			t.Fatalf("forgot %d of %d, %d are left", len(gone), len(all), len(table.Rows))
		}
		next := &rowOf{}
		if next.position = table.Add(next); next.position != len(all) {
			t.Fatalf("position %d given again", next.position)
		}
		for i, r := range table.Rows {
			if at, found := table.Find(table.Rows, r.position); at != i || !found {
				t.Fatalf("the row at %d is found at %d, %v", i, at, found)
			}
		}
	})
}

func TestAs(t *testing.T) {
	rows := []any{"a", "b"}
	if got := As[string](rows); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
}

// TestIDs: ids depend on the seed and on the count of their own prefix.
func TestIDs(t *testing.T) {
	const alphabet = "0123456789abcdef"
	some := func(seed uint64, between int) (texts []string) {
		ids := NewIDs(seed)
		for range 500 {
			texts = append(texts, ids.Text("in", 20, alphabet))
			for range between {
				ids.Text("sub", 20, alphabet)
			}
		}
		if ids.Count("in") != 500 || ids.Count("sub") != uint64(500*between) || ids.Count("x") != 0 {
			t.Errorf("counted %d and %d", ids.Count("in"), ids.Count("sub"))
		}
		return texts
	}
	first := some(1, 0)
	if !slices.Equal(first, some(1, 3)) {
		t.Error("the ids of one prefix depend on those of another")
	}
	if slices.Equal(first, some(2, 0)) {
		t.Error("two seeds, the same ids")
	}
	seen := map[string]bool{}
	for _, id := range first {
		if len(id) != 20 || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
	_, a := NewIDs(1).Next("in")
	_, b := NewIDs(1).Next("sub")
	if count, again := NewIDs(1).Next("in"); a == b || again != a || count != 1 {
		t.Errorf("%d, %d, %d", a, b, again)
	}
}
