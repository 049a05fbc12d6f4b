package pgtest

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"
)

// EnvURL names the environment variable that holds the URL of a running server
// on which the tests may create databases. `make test` sets it, so that all
// test binaries share one server. Without it each test binary starts its own.
const EnvURL = "TRIVET_TEST_POSTGRES"

// cleanupTimeout bounds dropping a database, so that a server that hangs fails
// one test and not the whole run.
const cleanupTimeout = 30 * time.Second

// sharedServer is where this test binary makes its databases.
type sharedServer struct {
	url string
	// own is kept only to be reachable: collecting it as garbage would close the
	// pipe to its reaper, which would then end the server in the middle of a test.
	own *Server
}

// shared starts the server of this test binary once. It is state in a variable
// because tests in one binary have no other place to share it; the reaper of
// the server ends it with the process.
var shared = sync.OnceValues(func() (sharedServer, error) {
	if url := os.Getenv(EnvURL); url != "" {
		return sharedServer{url: url}, nil
	}
	s, err := Launch(context.Background(), Options{})
	if err != nil {
		return sharedServer{}, err
	}
	return sharedServer{url: s.URL(), own: s}, nil
})

// URL returns the address of a fresh, empty database, as
// postgres://postgres@127.0.0.1:PORT/NAME?sslmode=disable. The database is
// dropped when the test ends, with whatever connections are still open.
func URL(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return database(t, server.url)
}

// Start gives the test a server of its own, stopped and removed at its end.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Launch(t.Context(), o)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return s
}

// Database returns the URL of a fresh, empty database on this server. Unlike
// that of [URL] it is not dropped: it goes with the server.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	url, err := createDatabase(t.Context(), s.URL())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return url
}

func database(t testing.TB, server string) string {
	t.Helper()
	url, err := createDatabase(t.Context(), server)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		// The test's own context is canceled before cleanups run.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanupTimeout)
		defer cancel()
		if err := dropDatabase(ctx, server, url); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return url
}
