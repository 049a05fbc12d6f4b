package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The functions here run one statement over many rows. The databases differ in
// how rows are best passed: PostgreSQL takes one array for each column, so that
// a statement has one text, planned once, for any number of rows; SQLite takes
// lists of values, in runs whose lengths are powers of two, so that few texts are
// ever prepared.

// insert writes rows: head is "insert into t (a, b)", tail what follows the
// values.
func (tx *Tx) insert(ctx context.Context, head, tail string, rows [][]any) error {
	for _, run := range chunks(tx.db.dialect, rows) {
		text, args := tx.db.dialect.rows(head, tail, run)
		if _, err := tx.exec(ctx, text, args...); err != nil {
			return err
		}
	}
	return nil
}

// insertReturning is insert for statements that return rows.
func insertReturning[T any](ctx context.Context, tx *Tx, scan func(*sql.Rows) (T, error), head, tail string, rows [][]any) ([]T, error) {
	var all []T
	for _, run := range chunks(tx.db.dialect, rows) {
		text, args := tx.db.dialect.rows(head, tail, run)
		some, err := collect(ctx, tx, scan, text, args...)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// selectIn reads rows by their keys: the text holds "in (%s)" where the list
// goes, and no other arguments.
func selectIn[T, K any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), text string, keys []K) ([]T, error) {
	var all []T
	for _, run := range chunks(q.speaks(), keys) {
		list, args := "= any($1)", []any{slices.Clone(run)}
		if q.speaks().name != "postgres" {
			list, args = marks(run)
		}
		some, err := collect(ctx, q, scan, strings.Replace(text, "in (%s)", list, 1), args...)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// marks writes "in (?, ?)" for keys; see [values].
func marks[K any](keys []K) (list string, args []any) {
	args = make([]any, len(keys))
	for i, key := range keys {
		args[i] = key
	}
	return "in (" + strings.TrimSuffix(strings.Repeat("?, ", len(keys)), ", ") + ")", args
}

// update changes rows to values of their own. The text refers to the values as
// v.column1, v.column2 …, and holds "(values %s) as v" where they go. It returns
// what the statement returns.
func update[T any](ctx context.Context, tx *Tx, scan func(*sql.Rows) (T, error), text string, rows [][]any) ([]T, error) {
	const place = "(values %s) as v"
	var all []T
	for _, run := range chunks(tx.db.dialect, rows) {
		list, args := "(values "+values(len(run), len(run[0]))+") as v", flat(run)
		if tx.db.dialect.name == "postgres" {
			list, args = arrays(run)
			list += " as v (" + names(len(run[0])) + ")"
		}
		some, err := collect(ctx, tx, scan, strings.Replace(text, place, list, 1), args...)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// rows writes an insert statement for rows.
func (d dialect) rows(head, tail string, rows [][]any) (string, []any) {
	if d.name == "postgres" {
		list, args := arrays(rows)
		return head + " select * from " + list + " " + tail, args
	}
	return head + " values " + values(len(rows), len(rows[0])) + " " + tail, flat(rows)
}

// chunks splits rows into runs for one statement each.
func chunks[T any](d dialect, rows []T) [][]T {
	if d.name == "postgres" {
		return slices.Collect(slices.Chunk(rows, 1000))
	}
	var runs [][]T
	for size := 64; size >= 1; size /= 2 {
		for len(rows) >= size {
			runs = append(runs, rows[:size])
			rows = rows[size:]
		}
	}
	return runs
}

// values writes "(?, ?), (?, ?)" for rows of a width. The marks have no numbers:
// SQLite's driver looks up the name of each that has one in the list of all, which
// for long lists takes as long as everything else.
func values(rows, width int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", width), ", ") + "), "
	return strings.TrimSuffix(strings.Repeat(row, rows), ", ")
}

func flat(rows [][]any) []any {
	args := make([]any, 0, len(rows)*len(rows[0]))
	for _, row := range rows {
		args = append(args, row...)
	}
	return args
}

// names writes "column1, column2", as a list of values is named by itself.
func names(width int) string {
	all := make([]string, width)
	for i := range all {
		all[i] = "column" + strconv.Itoa(i+1)
	}
	return strings.Join(all, ", ")
}

// arrays passes rows column by column: "unnest($1::text[], $2::bigint[])".
func arrays(rows [][]any) (list string, args []any) { return arraysAfter(0, rows) }

// arraysAfter is arrays for a statement that has other arguments before.
func arraysAfter(before int, rows [][]any) (list string, args []any) {
	types := make([]string, len(rows[0]))
	for c, first := range rows[0] {
		var column any
		var name string
		switch first.(type) {
		case string:
			name, column = "text", columnOf(rows, c, func(v any) string { return v.(string) }) //nolint:forcetypeassert // as the first
		case []byte:
			name, column = "bytea", columnOf(rows, c, func(v any) []byte { return v.([]byte) }) //nolint:forcetypeassert // as the first
		case stamp:
			name, column = "timestamptz", columnOf(rows, c, instant)
		case int, int64:
			name, column = "bigint", columnOf(rows, c, number)
		default:
			panic(fmt.Sprintf("store: a column of %T", first))
		}
		types[c] = fmt.Sprintf("$%d::%s[]", before+c+1, name)
		args = append(args, column)
	}
	return "unnest(" + strings.Join(types, ", ") + ")", args
}

func columnOf[T any](rows [][]any, c int, convert func(any) T) []T {
	column := make([]T, len(rows))
	for r, row := range rows {
		column[r] = convert(row[c])
	}
	return column
}

func number(v any) int64 {
	if n, ok := v.(int); ok {
		return int64(n)
	}
	return v.(int64) //nolint:forcetypeassert // as the first of its column
}

func instant(v any) *time.Time {
	s := v.(stamp) //nolint:forcetypeassert // as the first of its column
	if s.IsZero() {
		return nil
	}
	t := s.kept()
	return &t
}
