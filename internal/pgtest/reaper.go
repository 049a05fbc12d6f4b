package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"syscall"
)

// reapScript waits until its standard input closes, which happens when we close
// it or when our process is gone for whatever reason, kill -9 included. Then it
// ends the server that the data folder names, if one still runs, and removes
// the folder. A parent-death signal would not do: it fires when the thread that
// forked ends, not the process, and it cannot remove a folder.
const reapScript = `trap '' INT TERM HUP
read -r _
pid=$(head -n 1 "$2/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
n=0
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ "$n" -lt 200 ]; do sleep 0.05; n=$((n+1)); done
rm -rf -- "$1"`

// reaper is a small process that outlives ours just long enough to clean up.
type reaper struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startReaper(dir, data string, as *syscall.Credential) (*reaper, error) {
	// Its output stays unconnected: `go test` waits for whoever holds its own.
	cmd := exec.Command("/bin/sh", "-c", reapScript, "reaper", dir, data)
	cmd.Dir = filepath.Dir(dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server's reaper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server's reaper: %w", err)
	}
	return &reaper{cmd: cmd, stdin: stdin}, nil
}

// finish tells the reaper to clean up now and waits for it.
func (r *reaper) finish() error {
	if err := errors.Join(r.stdin.Close(), r.cmd.Wait()); err != nil {
		return fmt.Errorf("remove the server's folder: %w", err)
	}
	return nil
}
