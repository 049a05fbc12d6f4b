package crash

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	// The program is built by a command, of which the cache of tests knows
	// nothing; by this import it knows when the tests have to run again.
	_ "github.com/trivetdev/trivet/internal/cli"
)

// program is the path of the binary under test, and undertaker what ends its
// processes should this one end first. They are set before any test runs.
var (
	program    string
	undertaker *reaper
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "trivet-crash-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "trivet")
	build := exec.Command("go", "build", "-tags", "failpoints", "-o", program, "github.com/trivetdev/trivet/cmd/trivet")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the program: %w: %s", err, out)
	}
	if undertaker, err = startReaper(); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, undertaker.close()) }()
	return m.Run(), nil
}

// reapScript keeps a list of processes until its standard input ends, which it
// does when ours ends for whatever reason, and then kills what is on the list. A
// stopped child could not see to its own end.
const reapScript = `trap '' INT TERM HUP
while read -r op pid; do
  rest=
  for p in $pids; do [ "$p" = "$pid" ] || rest="$rest $p"; done
  pids=$rest
  [ "$op" = + ] && pids="$pids $pid"
done
for p in $pids; do kill -KILL "-$p"; done 2>/dev/null
exit 0`

// reaper is a small process that outlives ours just long enough to end the
// children.
type reaper struct {
	cmd *exec.Cmd

	mu    sync.Mutex
	stdin io.WriteCloser
}

func startReaper() (*reaper, error) {
	// Its output stays unconnected: `go test` waits for whoever holds its own.
	r := &reaper{cmd: exec.Command("/bin/sh", "-c", reapScript)}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return r, r.cmd.Start()
}

// watch puts a process on the list, forget takes it off.
func (r *reaper) watch(pid int) error  { return r.tell("+", pid) }
func (r *reaper) forget(pid int) error { return r.tell("-", pid) }

func (r *reaper) tell(op string, pid int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := fmt.Fprintln(r.stdin, op, pid)
	return err
}

func (r *reaper) close() error { return errors.Join(r.stdin.Close(), r.cmd.Wait()) }
