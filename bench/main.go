// Command bench measures what the service carries, on SQLite and on PostgreSQL
// in one run, beside bare single-row inserts of the same bodies on the same
// machine: only such ratios mean something elsewhere. It asserts nothing.
//
//	go run ./bench                 both databases
//	go run ./bench -only sqlite    one of them
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/trivetdev/trivet/internal/pgtest"
)

func main() {
	only := flag.String("only", "", "sqlite or postgres; empty: both")
	part := flag.String("part", "", "intake or apply; empty: all")
	length := flag.Duration("for", 4*time.Second, "how long each measurement takes")
	objects := flag.Int("objects", 20000, "how many objects the ledger holds")
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	err := profiled(*profile, func() error { return run(context.Background(), *only, *part, *length, *objects) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// profiled runs do and writes a CPU profile of it, if a file is named.
func profiled(path string, do func() error) error {
	if path == "" {
		return do()
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
}

func run(ctx context.Context, only, part string, length time.Duration, objects int) error {
	dir, err := os.MkdirTemp("", "trivet-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	var targets []target
	if only == "" || only == "sqlite" {
		targets = append(targets, target{"sqlite", func(_ context.Context, name string) (string, error) {
			return "sqlite:" + filepath.Join(dir, name+".db"), nil
		}})
	}
	if only == "" || only == "postgres" {
		server, err := pgtest.Launch(ctx, pgtest.Options{Durable: true, Settings: []string{"min_wal_size=1GB", "max_wal_size=2GB"}})
		if err != nil {
			return err
		}
		defer server.Close() //nolint:errcheck // nothing left to do about it
		if err := warm(ctx, server); err != nil {
			return err
		}
		targets = append(targets, target{"postgres", func(ctx context.Context, name string) (string, error) { return create(ctx, server, name) }})
	}
	for _, t := range targets {
		if err := measure(ctx, t, part, length, objects); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// warm brings a new server to where one is that has run for a while: it has log
// files to write over. A new one makes and zeroes another 16 MB in the midst of
// every second, and nobody commits meanwhile.
func warm(ctx context.Context, server *pgtest.Server) error {
	db, err := sql.Open("pgx", server.URL())
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was written through it that counts
	for _, text := range []string{
		"select pg_logical_emit_message(false, 'warm', repeat('x', 1000000)) from generate_series(1, 800)", "checkpoint", "checkpoint",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("warm the server: %w", err)
		}
	}
	return nil
}

// target is a database to measure on; fresh makes an empty one of a name.
type target struct {
	name  string
	fresh func(ctx context.Context, name string) (string, error)
}

func measure(ctx context.Context, t target, part string, length time.Duration, objects int) error {
	fmt.Printf("\n%s\n", t.name)
	fmt.Printf("  %-34s %10s %10s %10s\n", "", "per second", "p50", "p99")
	if part != "apply" {
		if err := intake(ctx, t, length); err != nil {
			return fmt.Errorf("intake: %w", err)
		}
	}
	if part == "intake" {
		return nil
	}
	s, err := fill(ctx, t, objects)
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	defer s.close()
	if err := s.check(length, objects); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if err := s.latency(length); err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	fmt.Printf("  %-34s %7.0f MiB (this process, the load generator included)\n", "resident memory", resident())
	return nil
}
