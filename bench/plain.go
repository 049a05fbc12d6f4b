package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/batch"
	"github.com/trivetdev/trivet/provider/stripe"
)

// table opens a database with one table of ids and bodies.
func table(ctx context.Context, t target, name string, connections int) (*sql.DB, error) {
	database, err := t.fresh(ctx, name)
	if err != nil {
		return nil, err
	}
	driver, address := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, address = "sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate"
		connections = 1 // more only wait for each other in worse order
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	_, err = db.ExecContext(ctx, "create table bare (id text primary key, body bytea)")
	return db, err
}

// bare inserts single rows of the same bodies, without a service around it.
func bare(ctx context.Context, t target, connections int, length time.Duration) error {
	db, err := table(ctx, t, fmt.Sprintf("bare%d", connections), connections)
	if err != nil {
		return err
	}
	defer db.Close()                                                                        //nolint:errcheck // thrown away
	statement, err := db.PrepareContext(ctx, "insert into bare (id, body) values ($1, $2)") //nolint:sqlclosecheck // it is, below
	if err != nil {
		return err
	}
	defer statement.Close() //nolint:errcheck // thrown away
	took, real, err := load(connections, length, func(worker, call int) error {
		id := fmt.Sprintf("evt_%d_%d", worker, call)
		_, err := statement.ExecContext(ctx, id, event(id, "sub_1", time.Now()))
		return err
	})
	show(fmt.Sprintf("bare insert, %d connections", connections), took, real)
	return err
}

// plain measures a handler that verifies a webhook and stores it in a commit that
// all share who came meanwhile, and does nothing else: no row of work, no
// duplicate that would be told from a new event, one index. It is what the
// service's intake is to be measured by.
func plain(ctx context.Context, t target, connections int, length time.Duration) error {
	db, err := table(ctx, t, fmt.Sprintf("plain%d", connections), 1)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // thrown away
	d, err := stripe.New(stripe.Config{Account: "stripe", SecretKey: "sk_test_for_the_benchmark", WebhookSecrets: []string{secret}})
	if err != nil {
		return err
	}
	type row struct {
		id   string
		body []byte
	}
	group := batch.New(128, 1, batch.Alone(func(ctx context.Context, rows []row) error {
		args := make([]any, 0, 2*len(rows))
		marks := make([]string, len(rows))
		for i, r := range rows {
			marks[i] = fmt.Sprintf("($%d, $%d)", 2*i+1, 2*i+2)
			args = append(args, r.id, r.body)
		}
		_, err := db.ExecContext(ctx, "insert into bare (id, body) values "+strings.Join(marks, ", "), args...) //nolint:gosec // marks only
		return err
	}))
	defer group.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err == nil {
			delivery, rejected := d.Verify(r.Context(), r.Header, body, time.Now())
			if err = rejected; err == nil {
				err = group.Do(r.Context(), row{delivery.ID, body})
			}
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close() //nolint:errcheck // thrown away
	took, real, err := post(listener.Addr().String(), connections, length)
	show(fmt.Sprintf("bare handler, %d connections", connections), took, real)
	return err
}
