package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
	pollEvery    = 10 * time.Millisecond
	// portTries bounds how often another free port is looked for: a port that
	// was free can be taken before PostgreSQL binds it.
	portTries = 5
)

// Options choose how a server runs.
type Options struct {
	// Durable keeps fsync and full-page writes on, as in production: what was
	// committed survives Kill. Without it the server is faster and a crash may
	// lose everything.
	Durable bool
	// Settings are further ones, as in "min_wal_size=1GB".
	Settings []string
}

// Server is one running PostgreSQL. Its methods are not safe for concurrent
// use; its URL is.
type Server struct {
	bin, dir string
	port     int
	durable  bool
	more     []string
	as       *syscall.Credential
	reaper   *reaper

	process *exec.Cmd
	exited  chan struct{} // closed when process has been waited for
}

// Launch starts a server outside of a test. The caller closes it; should the
// process die first, the server ends and its folder goes all the same.
func Launch(ctx context.Context, o Options) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := account()
	if err != nil {
		return nil, err
	}
	dir, err := home(as)
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, durable: o.Durable, more: o.Settings, as: as}
	if s.reaper, err = startReaper(dir, s.data(), as); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) create(ctx context.Context) error {
	args := []string{"-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"}
	if !s.durable {
		args = append(args, "--no-sync")
	}
	cmd := s.command(ctx, "initdb", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	var err error
	for range portTries {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.Resume(ctx); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

// URL returns the address of the server's maintenance database. It stays the
// same over Stop, Kill and Resume.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// SocketDir returns the folder of the server's unix socket, for psql -h.
func (s *Server) SocketDir() string { return s.dir }

// Stop shuts the server down cleanly and cuts its connections. It does nothing
// to a server that does not run.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Kill ends the server as a crash does: no checkpoint, connections cut in the
// middle of what they did; the next Resume recovers from the log. It does
// nothing to a server that does not run.
func (s *Server) Kill() error { return s.end(syscall.SIGQUIT) }

// Restart stops the server cleanly and starts it again on the same port.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Resume(ctx)
}

// Resume starts a stopped or killed server again, on the same port, and returns
// when it takes connections.
func (s *Server) Resume(ctx context.Context) error {
	if s.running() {
		return nil
	}
	out, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer out.Close() // the child has its own copy
	// Not bound to ctx: a test's context ends before its cleanups, and the server
	// must outlive it.
	cmd := s.command(context.WithoutCancel(ctx), "postgres", s.settings()...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	exited := make(chan struct{})
	s.process, s.exited = cmd, exited
	go func() {
		_ = cmd.Wait() // the log says more than the exit status
		close(exited)
	}()
	return s.ready(ctx)
}

func (s *Server) settings() []string {
	set := []string{
		"-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.dir,
		"-c", "listen_addresses=127.0.0.1",
		"-c", "max_connections=300",
	}
	if !s.durable {
		set = append(set, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	for _, setting := range s.more {
		set = append(set, "-c", setting)
	}
	return set
}

// command prepares a PostgreSQL program to run as the server's user, away from
// the terminal's process group so that Ctrl-C reaches us first.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir // the server's user may not be allowed into ours
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.as}
	return cmd
}

func (s *Server) running() bool {
	if s.process == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// ready waits until the server takes connections.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return fmt.Errorf("postgres ended while starting; its log: %s", s.tail())
		case <-ctx.Done():
			return fmt.Errorf("postgres did not take connections in %s: %w; its log: %s", startTimeout, err, s.tail())
		case <-time.After(pollEvery):
		}
	}
}

func (s *Server) end(sig syscall.Signal) error {
	if !s.running() {
		return nil
	}
	if err := s.process.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal postgres: %w", err)
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("postgres did not end within %s of %s; its log: %s", stopTimeout, sig, s.tail())
	}
}

// Close ends the server and removes its folder.
func (s *Server) Close() error {
	// A server about to be deleted has no use for a clean shutdown.
	return errors.Join(s.Kill(), s.reaper.finish())
}

// tail returns the end of the server's log, for error messages.
func (s *Server) tail() string {
	const most = 2000
	b, err := os.ReadFile(s.log())
	if err != nil {
		return "unreadable: " + err.Error()
	}
	return string(b[max(0, len(b)-most):])
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return port, nil
}
