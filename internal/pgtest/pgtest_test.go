package pgtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// envHelper makes this test binary act as a process that starts a server and
// waits to be killed.
const envHelper = "TRIVET_PGTEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(envHelper) != "" {
		helper()
	}
	os.Exit(m.Run())
}

func helper() {
	s, err := Launch(context.Background(), Options{})
	if err != nil {
		os.Stdout.WriteString("error " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString(s.dir + " " + s.URL() + "\n")
	select {}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec1(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(t *testing.T, conn *pgx.Conn, query string) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestURLGivesAFreshDatabaseEachTime(t *testing.T) {
	a, b := URL(t), URL(t)
	if a == b {
		t.Fatalf("two calls gave the same database %s", a)
	}
	exec1(t, connect(t, a), "create table x (n int)")
	tables := "select count(*) from pg_tables where schemaname = 'public'"
	if n := count(t, connect(t, b), tables); n != 0 {
		t.Errorf("second database has %d tables, want none", n)
	}
	if n := count(t, connect(t, a), tables); n != 1 {
		t.Errorf("first database has %d tables, want 1", n)
	}
}

func TestURLDropsTheDatabaseWithOpenConnections(t *testing.T) {
	var url string
	t.Run("user", func(t *testing.T) {
		url = URL(t)
		if _, err := pgx.Connect(context.Background(), url); err != nil { // left open on purpose
			t.Fatal(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		_ = conn.Close(t.Context())
		t.Fatalf("%s is still there after its test", url)
	}
	if !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("connect = %v, want a database that does not exist", err)
	}
}

func TestCommitsAreSynchronous(t *testing.T) {
	var v string
	if err := connect(t, URL(t)).QueryRow(t.Context(), "show synchronous_commit").Scan(&v); err != nil {
		t.Fatal(err)
	}
	if v != "on" {
		t.Errorf("synchronous_commit = %s, want on", v)
	}
}

func TestDurableServerKeepsCommitsOverACrash(t *testing.T) {
	s := Start(t, Options{Durable: true})
	url := s.Database(t)
	conn := connect(t, url)
	exec1(t, conn, "create table x (n int)")
	exec1(t, conn, "insert into x values (1)")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "select 1"); err == nil {
		t.Error("a connection outlived the crash")
	}
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, connect(t, url), "select count(*) from x"); n != 1 {
		t.Errorf("%d rows after the crash, want 1", n)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, connect(t, url), "select count(*) from x"); n != 1 {
		t.Errorf("%d rows after the restart, want 1", n)
	}
}

func TestStoppedServerRefusesConnections(t *testing.T) {
	s := Start(t, Options{})
	for _, step := range []func() error{s.Stop, s.Stop} { // twice: it is idempotent
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if conn, err := pgx.Connect(t.Context(), s.URL()); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a stopped server took a connection")
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	s, err := Launch(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(s.dir) {
		t.Errorf("%s is still there", s.dir)
	}
}

func TestServerEndsWithAKilledProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envHelper+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("helper said nothing: %v", err)
	}
	dir, url, ok := strings.Cut(strings.TrimSpace(line), " ")
	if !ok || dir == "error" {
		t.Fatalf("helper: %s", line)
	}
	if n := count(t, connect(t, url), "select 1"); n != 1 {
		t.Fatal("the helper's server does not answer")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for exists(dir) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there after its process was killed", dir)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the server outlived its process")
	}
}

func TestFindBinaries(t *testing.T) {
	install := func(t *testing.T, root string, files ...string) {
		for _, f := range files {
			f = filepath.Join(root, f)
			if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f, nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		files  []string
		onPath string
		want   string // below root; empty for the error that says what to install
	}{
		"newest, by number":        {files: []string{"9.6/bin/initdb", "9.6/bin/postgres", "15/bin/initdb", "15/bin/postgres"}, want: "15/bin"},
		"client package only":      {files: []string{"17/bin/initdb", "15/bin/initdb", "15/bin/postgres"}, want: "15/bin"},
		"on PATH":                  {files: []string{"x/bin/initdb", "x/bin/postgres"}, onPath: "x/bin/postgres", want: "x/bin"},
		"on PATH without initdb":   {files: []string{"x/bin/postgres"}, onPath: "x/bin/postgres"},
		"nothing":                  {},
		"a folder with no version": {files: []string{"old/bin/initdb", "old/bin/postgres"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			install(t, root, tt.files...)
			got, err := findBinaries(root, func(string) (string, error) {
				if tt.onPath == "" {
					return "", exec.ErrNotFound
				}
				return filepath.Join(root, tt.onPath), nil
			})
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
					t.Errorf("got %q, %v; want an error that says what to install", got, err)
				}
				return
			}
			if err != nil || got != filepath.Join(root, tt.want) {
				t.Errorf("got %q, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestSearchable(t *testing.T) {
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if searchable(closed) {
		t.Error("a 0700 folder counts as open to all")
	}
	if !searchable("/") {
		t.Error("the root folder does not count as open to all")
	}
}

// Garbage collection must not end the server that all tests share.
func TestSharedServerOutlivesGarbageCollection(t *testing.T) {
	url := URL(t)
	for range 3 {
		runtime.GC()
		time.Sleep(50 * time.Millisecond)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
