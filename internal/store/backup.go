package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/trivetdev/trivet/internal/whole"
)

// Copied is what a copy of a database holds.
type Copied struct {
	// Bytes is the size of the file.
	Bytes int64 `json:"bytes"`
	// Rows counts the rows of the tables that people know by their names.
	Rows map[string]int64 `json:"rows"`
}

// CopiedTables are the tables that [Backup] counts, in the order to show them in.
func CopiedTables() []string {
	return []string{"customers", "objects", "changes", "effects", "messages", "events"}
}

// Backup copies a SQLite database, given by its path, to a file that must not be
// there yet, while others work on it: the copy is of one moment. It is written under
// another name in the same folder, checked, and only then has its name; nobody else
// may read it. The schema is copied as it is and not brought up to date.
func Backup(ctx context.Context, path, target string) (c Copied, err error) {
	if _, err := os.Lstat(target); err == nil {
		return c, fmt.Errorf("%s: %w", target, fs.ErrExist)
	}
	err = whole.New(target, func(f *os.File) (err error) {
		if err := into(ctx, path, f.Name()); err != nil {
			return err
		}
		if c, err = inspect(ctx, f.Name()); err != nil {
			return fmt.Errorf("check the copy: %w", err)
		}
		return nil
	})
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s: %w", target, fs.ErrExist)
	}
	return c, err
}

// into writes the copy into an empty file.
func into(ctx context.Context, path, empty string) (err error) {
	db, err := sql.Open("sqlite", "file:"+plain.Replace(path)+"?"+url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)"}}.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "vacuum into $1", empty); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	return nil
}

// inspect checks a copy from end to end and counts what it holds.
func inspect(ctx context.Context, path string) (c Copied, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	db, err := sql.Open("sqlite", "file:"+plain.Replace(path)+"?mode=ro&immutable=1")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	var verdict string
	if err := db.QueryRowContext(ctx, "pragma integrity_check(1)").Scan(&verdict); err != nil {
		return c, err
	}
	if verdict != "ok" {
		return c, fmt.Errorf("it is damaged (%s): so may be the database it was made from; see trivet audit", strings.TrimSpace(verdict))
	}
	c = Copied{Bytes: info.Size(), Rows: map[string]int64{}}
	for _, table := range CopiedTables() {
		var n int64
		if err := db.QueryRowContext(ctx, "select count(*) from "+table).Scan(&n); err != nil {
			return c, fmt.Errorf("count the %s: %w: is the file a database of trivet?", table, err)
		}
		c.Rows[table] = n
	}
	return c, nil
}
