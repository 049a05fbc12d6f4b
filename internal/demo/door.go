package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/internal/postbox"
	"github.com/trivetdev/trivet/notify/words"
)

const (
	// usualDoor is where people find the mailbox unless they ask for another address;
	// the port is the one that other mailboxes for developers have.
	usualDoor = "127.0.0.1:8025"
	// anyDoor has whichever port is free.
	anyDoor = "127.0.0.1:0"
	noDoor  = "off"
)

// checkDoor refuses an address that others could reach, and what contradicts itself.
func (o *Options) checkDoor() error {
	if o.Keep != nil && *o.Keep && (o.JSON || o.Listen == noDoor) {
		return &Usage{"--keep keeps the mailbox open, but --json and --listen off open none: leave one of them out"}
	}
	if o.JSON && o.Listen != "" && o.Listen != noDoor {
		return &Usage{"--listen opens the mailbox, but --json prints one object and ends: leave one of them out"}
	}
	if o.Listen == "" || o.Listen == noDoor {
		return nil
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return &Usage{fmt.Sprintf("--listen %s: give an address and a port, such as %s, or off", o.Listen, usualDoor)}
	}
	if !postbox.Loopback(host) {
		return &Usage{fmt.Sprintf("--listen %s: the demo has no login, so it is served to this machine alone: use 127.0.0.1, [::1] or localhost", o.Listen)}
	}
	return nil
}

// opens reports whether there is a door to the run.
func (o *Options) opens() bool {
	switch {
	case o.Listen == noDoor, o.JSON:
		return false
	case o.Listen != "", o.Keep != nil && *o.Keep:
		return true
	}
	return !o.Fast
}

// keeps reports whether the door stays open at the end, in a live view or not.
func (o *Options) keeps(live bool) bool {
	if o.Keep != nil {
		return *o.Keep
	}
	return live
}

// door is where people look into a world while it lives: what its customers were
// told, and its REST API, to read.
type door struct {
	listener net.Listener
	server   *http.Server
	served   chan struct{}
}

// openDoor begins to serve, if the options say so. Close what it returns.
func (w *world) openDoor(ctx context.Context) (*door, error) {
	if !w.opens() {
		return nil, nil
	}
	listener, err := w.bind(ctx)
	if err != nil {
		return nil, err
	}
	d := &door{listener: listener, served: make(chan struct{})}
	handler, err := w.inside(d.curl())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	d.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	go func() {
		defer close(d.served)
		_ = d.server.Serve(listener) // until it is closed
	}()
	return d, nil
}

// bind finds a port. The usual one may be taken, by another demo for example; one
// that was asked for is not replaced.
func (w *world) bind(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	if w.Listen != "" {
		listener, err := config.Listen(ctx, "tcp", w.Listen)
		if err != nil {
			return nil, &Usage{fmt.Sprintf("--listen %s: %v: end the program that has the port, or give another", w.Listen, err)}
		}
		return listener, nil
	}
	listener, err := config.Listen(ctx, "tcp", usualDoor)
	if err != nil {
		listener, err = config.Listen(ctx, "tcp", anyDoor)
	}
	if err != nil {
		return nil, &Usage{fmt.Sprintf("the mailbox cannot be served on this machine: %v: go without it with --listen off", err)}
	}
	return listener, nil
}

// inside is what is behind the door.
func (w *world) inside(hint string) (http.Handler, error) {
	set, err := words.Load(nil, words.English)
	if err != nil {
		return nil, err
	}
	site, err := postbox.New(postbox.Config{Box: w.box, Words: set, Brand: brand(), Now: w.clock.Now, Hint: hint})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", site)
	for _, path := range []string{"/v1/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, reading(w.service.Handler()))
	}
	return postbox.Guard(mux), nil
}

// reading lets nobody change a world that is going to be judged: the verdict knows
// what the application in it asked for, and would call the rest wrong.
func reading(service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusMethodNotAllowed)
			_, _ = fmt.Fprintln(w, `{"status":405,"code":"read_only","title":"Method Not Allowed","detail":"The demo is judged by what its own application asks for, so its API can only be read. To try all of it, run trivet serve with a provider's test keys."}`)
			return
		}
		service.ServeHTTP(w, r)
	})
}

// address is what to open in a browser.
func (d *door) address() string { return "http://" + d.listener.Addr().String() }

// curl is a command that reads something of the REST API.
func (d *door) curl() string {
	return fmt.Sprintf("curl -H 'Authorization: Bearer %s' '%s/v1/check?customer=user_1&feature=app'", apiKey, d.address())
}

// close ends the serving. What is being read is read to its end, unless that takes
// long.
func (d *door) close() {
	if d == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) //nolint:forbidigo // the caller's has ended
	defer cancel()
	if d.server.Shutdown(ctx) != nil {
		_ = d.server.Close()
	}
	<-d.served
}
