package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/trivetdev/trivet"
)

type serveCommand struct {
	logFlags     `embed:""`
	SkipKeyCheck bool `help:"Start without asking the providers whether they take the keys."`
}

// Limits on what a client may cost us.
const (
	headerPatience = 10 * time.Second
	idlePatience   = 2 * time.Minute
	maxHeader      = 64 << 10
	// answerPatience is how long a request under way may take after the signal to
	// stop.
	answerPatience = 15 * time.Second
)

// Run runs the service until the session's context ends.
func (c serveCommand) Run(s *session) error {
	configuration, err := s.load()
	if err != nil {
		return err
	}
	log := c.logger(s.Stderr)
	if len(configuration.Providers) == 0 {
		return usagef("no provider is configured: add [providers.stripe] with secret_key and webhook_secrets, " +
			"or set TRIVET_PROVIDERS_STRIPE_SECRET_KEY and TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS")
	}
	built, err := build(configuration, log, s.Now)
	if err != nil {
		return usage(err)
	}
	door, err := s.listen("listen", configuration.Listen)
	if err != nil {
		return err
	}
	defer door.Close() //nolint:errcheck // a second time does no harm
	doors := []net.Listener{door}
	if configuration.Metrics != "" {
		inner, err := s.listen("metrics", configuration.Metrics)
		if err != nil {
			return err
		}
		defer inner.Close() //nolint:errcheck // a second time does no harm
		doors = append(doors, inner)
	}
	built.CheckKeys = !c.SkipKeyCheck
	service, err := trivet.New(s.ctx, built)
	if err != nil {
		return usage(err)
	}
	announce(configuration, s, log)
	if err := warnUntaken(s.ctx, service, log); err != nil {
		return errors.Join(err, service.Close())
	}
	fmt.Fprintf(s.Stdout, "trivet listens on http://%s\n", door.Addr())
	if len(doors) > 1 {
		fmt.Fprintf(s.Stdout, "trivet shows its metrics on http://%s/metrics\n", doors[1].Addr())
	}
	return errors.Join(run(s.ctx, service, doors, log), service.Close())
}

// warnUntaken says of each account whose history was never read that policies may act
// on what stands there.
func warnUntaken(ctx context.Context, service *trivet.Service, log *slog.Logger) error {
	untaken, err := service.Untaken(ctx, nil)
	if len(untaken) > 0 {
		log.Warn("the history of these accounts is read for the first time, and policies act on what stands there, such as a subscription in arrears: "+
			`if another program sees to that, end this one, set mode = "observe" (TRIVET_MODE) and look at what trivet backfill tells`, "providers", untaken)
	}
	return err
}

// listen binds the address of a key of the configuration.
func (s *session) listen(key, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", address)
	if err != nil {
		return nil, usagef("cannot listen on %s: %w: end the program that has the port, or set %s (TRIVET_%s) to another", address, cause(err), key, strings.ToUpper(key))
	}
	return listener, nil
}

// cause is the innermost reason of a network error: what surrounds it repeats
// the address.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}

// run serves until ctx ends, then drains: no new connections, what is under way
// finishes, then the engine stops. The first door is for everybody, another for who
// watches the service.
func run(ctx context.Context, service *trivet.Service, doors []net.Listener, log *slog.Logger) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	working, halt := context.WithCancel(context.WithoutCancel(ctx))
	defer halt()
	engine := make(chan struct{})
	go func() {
		defer close(engine)
		if err := service.Run(working); err != nil {
			abort(fmt.Errorf("the engine stopped: %w", err))
		}
	}()
	var servers []*http.Server
	var served sync.WaitGroup
	for i, handler := range []http.Handler{service.Handler(), service.Monitor()}[:len(doors)] {
		server := &http.Server{
			Handler: handler, ReadHeaderTimeout: headerPatience, IdleTimeout: idlePatience,
			MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, server)
		served.Go(func() {
			if err := server.Serve(doors[i]); !errors.Is(err, http.ErrServerClosed) {
				abort(fmt.Errorf("the server stopped: %w", err))
			}
		})
	}
	<-ctx.Done()
	log.Info("stopping: finishing what is under way; a second signal ends at once")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerPatience)
	defer cancel()
	for _, server := range servers {
		if err := server.Shutdown(last); err != nil {
			log.Warn("some requests were cut off", "error", err)
			_ = server.Close()
		}
	}
	served.Wait()
	halt()
	<-engine
	log.Info("stopped")
	if why := context.Cause(ctx); !errors.Is(why, context.Canceled) {
		return why
	}
	return nil
}
