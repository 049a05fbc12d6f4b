package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// errMissing is what a machine without PostgreSQL gets.
var errMissing = errors.New("no PostgreSQL server found in /usr/lib/postgresql/*/bin or on PATH: " +
	"run `apt-get install postgresql` (or `make postgres` as root) and try again")

// binaries returns the folder that holds initdb and postgres: the newest one of
// Debian's layout, else the one on PATH.
func binaries() (string, error) {
	return findBinaries("/usr/lib/postgresql", exec.LookPath)
}

func findBinaries(root string, lookPath func(string) (string, error)) (string, error) {
	found, err := filepath.Glob(filepath.Join(root, "*", "bin", "initdb"))
	if err != nil {
		return "", fmt.Errorf("look for PostgreSQL: %w", err)
	}
	best, dir := 0.0, ""
	for _, f := range found {
		bin := filepath.Dir(f)
		// 9.6 is the last version with a dot; those without one are whole numbers.
		v, err := strconv.ParseFloat(filepath.Base(filepath.Dir(bin)), 64)
		if err == nil && v > best && exists(filepath.Join(bin, "postgres")) {
			best, dir = v, bin
		}
	}
	if dir != "" {
		return dir, nil
	}
	p, err := lookPath("postgres")
	if err != nil {
		return "", errMissing
	}
	// initdb finds its data beside the real file, not beside a link to it.
	if p, err = filepath.EvalSymlinks(p); err != nil {
		return "", fmt.Errorf("resolve postgres: %w", err)
	}
	if !exists(filepath.Join(filepath.Dir(p), "initdb")) {
		return "", fmt.Errorf("%s has no initdb beside it: %w", p, errMissing)
	}
	return filepath.Dir(p), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// account returns the user the server runs as: nil for the current one, or
// postgres when that is root, since PostgreSQL refuses to run as root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root and there is no user postgres to run it as; "+
			"the Debian package postgresql creates it, or run the tests as another user: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read uid of postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read gid of postgres: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// home makes the server's own folder. It must be short, since a unix socket's
// path holds at most 107 bytes, and every folder above it must let the server's
// user through; a TMPDIR that does not (that of a root shell is often 0700) is
// passed over for /tmp.
func home(as *syscall.Credential) (string, error) {
	parent := os.TempDir()
	if as != nil && !searchable(parent) || len(parent) > 60 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "trivet-pg-")
	if err != nil {
		return "", fmt.Errorf("make the server's folder: %w", err)
	}
	if as == nil {
		return dir, nil
	}
	if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
		return "", errors.Join(fmt.Errorf("hand over the server's folder: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// searchable says whether everybody may pass through dir and all above it.
func searchable(dir string) bool {
	for {
		fi, err := os.Stat(dir)
		if err != nil || fi.Mode().Perm()&0o001 == 0 {
			return false
		}
		up := filepath.Dir(dir)
		if up == dir {
			return true
		}
		dir = up
	}
}
