package store_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
)

// TestReadAfterRestart wants a read to succeed at once after PostgreSQL was
// killed and is back, although every connection in the pool is dead.
func TestReadAfterRestart(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{Durable: true})
	db, err := store.Open(t.Context(), store.Options{URL: server.Database(t), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	begin := make(chan struct{})
	done := make(chan error, 8)
	for range 8 { // so that the pool holds several connections
		go func() {
			<-begin
			_, err := db.Customers(t.Context(), "", 1)
			done <- err
		}()
	}
	close(begin)
	for range 8 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Customers(t.Context(), "", 1); err != nil {
		t.Errorf("read after the restart: %v", err)
	}
}
