package sim

import "slices"

// Table holds the resources of one kind in order of creation, with indexes for the
// filters that lists are asked for. It is not safe for concurrent use.
type Table[R any] struct {
	// Rows are all resources, oldest first.
	Rows     []R
	next     int
	index    map[string][]R
	position func(R) int
}

// NewTable makes an empty table. The position of a resource is what Add said.
func NewTable[R any](position func(R) int) *Table[R] {
	return &Table[R]{index: map[string][]R{}, position: position}
}

// Add appends a resource and returns its position, which the resource has to keep.
func (t *Table[R]) Add(r R) (position int) {
	t.Rows = append(t.Rows, r)
	t.next++
	return t.next - 1
}

// Added is how many were ever added.
func (t *Table[R]) Added() int { return t.next }

// Forget drops the oldest resources while they are old, and returns them. Indexes keep
// them.
func (t *Table[R]) Forget(old func(R) bool) (gone []R) {
	n := slices.IndexFunc(t.Rows, func(r R) bool { return !old(r) })
	if n < 0 {
		n = len(t.Rows)
	}
	gone, t.Rows = t.Rows[:n], t.Rows[n:]
	if n > len(t.Rows) {
		t.Rows = slices.Clone(t.Rows) // let go of the array that holds what was forgotten
	}
	return gone
}

// Index makes a resource findable by a filter; an empty value is none. Most resources
// come in order, so this is an append; one that gets its value late is put where it
// belongs.
func (t *Table[R]) Index(r R, filter, value string) {
	if value == "" {
		return
	}
	key := filter + "=" + value
	rows, pos := t.index[key], t.position(r)
	i, found := t.Find(rows, pos)
	if !found {
		t.index[key] = slices.Insert(rows, i, r)
	}
}

// Having lists the resources that a filter finds, oldest first.
func (t *Table[R]) Having(filter, value string) []R { return t.index[filter+"="+value] }

// Find is the index in rows of the resource at a position, or where it would be.
func (t *Table[R]) Find(rows []R, position int) (i int, found bool) {
	return slices.BinarySearchFunc(rows, position, func(r R, position int) int { return t.position(r) - position })
}

// As lists rows as what they all are.
func As[T, R any](rows []R) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = any(r).(T) //nolint:forcetypeassert // what the caller says
	}
	return out
}
