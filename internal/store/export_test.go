package store

import (
	"context"
	"strconv"
	"strings"
)

// Exec runs a statement that the package itself has no use for.
func (db *DB) Exec(ctx context.Context, text string, args ...any) error {
	return db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.conn.ExecContext(ctx, text, args...)
		return err
	})
}

// Plans returns SQLite's query plans of all statements that were ever run, by
// their text.
func (db *DB) Plans(ctx context.Context) (map[string][]string, error) {
	texts := map[string]bool{}
	conn := <-db.writer
	for text := range db.statements {
		texts[text] = true
	}
	db.writer <- conn
	db.mu.RLock()
	for text := range db.reads {
		texts[text] = true
	}
	db.mu.RUnlock()
	plans := map[string][]string{}
	for text := range texts {
		if strings.TrimSpace(text) == "commit" {
			continue
		}
		rows, err := db.readers.QueryContext(ctx, "explain query plan "+text, make([]any, strings.Count(text, "?")+numbered(text))...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var a, b, c int
			var step string
			if err := rows.Scan(&a, &b, &c, &step); err != nil {
				return nil, err
			}
			plans[text] = append(plans[text], step)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		_ = rows.Close()
	}
	return plans, nil
}

// numbered is the greatest number of a placeholder in a statement.
func numbered(text string) (n int) {
	for strings.Contains(text, "$"+strconv.Itoa(n+1)) {
		n++
	}
	return n
}
