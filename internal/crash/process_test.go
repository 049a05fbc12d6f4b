package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lease is what a lease lasts in these tests. A busy machine that stands still
// for longer loses a claim, which the service must survive, and does.
const lease = 1200 * time.Millisecond

// pace is how much sooner than otherwise the service tries again and looks again in
// these tests: they are about what it does then. The provider's time runs faster too.
const pace = 25

// process is one running service.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	// out and log are what it wrote.
	out, log *transcript
	exited   chan struct{} // closed when it has been waited for
	err      error         // how it ended; read after exited
}

// transcript is what a process writes, which may be read while it writes.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// spawn starts the program and does not wait for it to listen. It is killed at
// the end of the test.
func spawn(t testing.TB, config string, orders ...string) *process {
	t.Helper()
	p := &process{t: t, out: &transcript{}, log: &transcript{}, exited: make(chan struct{})}
	p.cmd = exec.Command(program, "serve", "--config", config)
	p.cmd.Env = append(os.Environ(), "TRIVET_FAIL="+strings.Join(append(orders, "lease="+lease.String(), fmt.Sprint("pace=", pace)), ","))
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	// A group of its own: Ctrl-C reaches us first.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := p.cmd.Process.Pid
	if err := undertaker.watch(pid); err != nil {
		t.Error(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		_ = undertaker.forget(pid)
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of what process %d wrote:\n%s", pid, tail(p.log.String()))
		}
	})
	return p
}

func tail(text string) string {
	const most = 4000
	return text[max(0, len(text)-most):]
}

var listens = regexp.MustCompile(`trivet listens on (http://\S+)`)

// address waits until the process listens and returns where.
func (p *process) address() string {
	p.t.Helper()
	var url string
	p.eventually("listens", func() bool {
		if found := listens.FindStringSubmatch(p.out.String()); found != nil {
			url = found[1]
		}
		return url != ""
	})
	return url
}

// reached waits until the process has come to a fail point.
func (p *process) reached(point string) {
	p.t.Helper()
	p.eventually("comes to "+point, func() bool { return strings.Contains(p.log.String(), "fail point "+point+":") })
}

// patience is how long anything may take that should be a matter of a second.
const patience = 20 * time.Second

// eventually waits for a condition while the process lives.
func (p *process) eventually(what string, is func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-p.exited:
			if is() {
				return
			}
			p.t.Fatalf("the process ended (%v) before it %s", p.err, what)
		case <-deadline:
			p.t.Fatalf("the process never %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Error(err)
	}
}

// kill ends the process as kill -9 does. It does nothing to one that has ended.
func (p *process) kill() {
	select {
	case <-p.exited:
	default:
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// killed waits for the process to kill itself.
func (p *process) killed() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("the process does not come to its fail point")
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL {
		p.t.Fatalf("the process ended otherwise than by SIGKILL: %v", p.err)
	}
}

// drain asks the process to end and returns how long that took. It must end
// well, and soon.
func (p *process) drain() time.Duration {
	p.t.Helper()
	began := time.Now()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("SIGTERM does not end the process")
	}
	if p.err != nil {
		p.t.Errorf("after SIGTERM: %v, want exit 0", p.err)
	}
	return time.Since(began)
}

// metric reads the sum of the process's metrics whose line begins with a prefix.
func (p *process) metric(prefix string) (sum float64) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address()+"/metrics", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("metrics: %s", resp.Status)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		var n float64
		if strings.HasPrefix(line, prefix) {
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &n); err != nil {
				p.t.Fatalf("%q: %v", line, err)
			}
		}
		sum += n
	}
	return sum
}
