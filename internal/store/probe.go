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
)

// Probed is how a database was found.
type Probed struct {
	// There says that it holds a schema of ours.
	There bool
	// Version is its schema's, Newest that of this program.
	Version, Newest int64
}

// Probe looks at a database and leaves it as it is: nothing is made, migrated or
// written, and a service may be using it.
func Probe(ctx context.Context, address string) (p Probed, err error) {
	db := &DB{dialect: sqliteDialect}
	path, isFile := strings.CutPrefix(address, "sqlite:")
	name, query := "sqlite", "select count(*) from sqlite_master where name = 'goose_db_version'"
	if isFile {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return p, nil
		}
		address = "file:" + plain.Replace(path) + "?" + url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}}.Encode()
	} else {
		db.dialect, name = postgresDialect, "pgx"
		query = "select count(*) from information_schema.tables where table_schema = any (current_schemas(false)) and table_name = 'goose_db_version'"
	}
	files, err := db.migrations()
	if err != nil {
		return p, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return p, err
	}
	for _, file := range names {
		var n int64
		if _, err := fmt.Sscanf(file, "%d_", &n); err == nil {
			p.Newest = max(p.Newest, n)
		}
	}
	pool, err := sql.Open(name, address)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	var tables int64
	if err := pool.QueryRowContext(ctx, query).Scan(&tables); err != nil || tables == 0 {
		return p, err
	}
	err = pool.QueryRowContext(ctx, "select coalesce(max(version_id), 0) from goose_db_version where is_applied").Scan(&p.Version)
	p.There = err == nil && p.Version > 0
	return p, err
}
