package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// createDatabase makes an empty database with an unused name on server and
// returns its URL.
func createDatabase(ctx context.Context, server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("read %s=%q: %w", EnvURL, server, err)
	}
	name := "t_" + strings.ToLower(rand.Text()[:16])
	// template0 cannot be connected to, so nothing can hold it while we copy.
	if err := execute(ctx, server, "create database "+name+" template template0"); err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// dropDatabase removes the database that createDatabase made, and ends the
// connections to it.
func dropDatabase(ctx context.Context, server, database string) error {
	u, err := url.Parse(database)
	if err != nil {
		return fmt.Errorf("read database URL: %w", err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	if err := execute(ctx, server, "drop database if exists "+name+" with (force)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// execute runs one statement over a connection of its own. A pool would keep
// connections open between tests, which is what a crash test must not have.
func execute(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}
