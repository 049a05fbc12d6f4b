// Package whole writes files that are there whole or not at all, for their owner's
// eyes only.
package whole

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace writes a file in the place of whatever has its name. A link is replaced
// itself, not what it leads to.
func Replace(name string, fill func(*os.File) error) error {
	return write(name, fill, func(finished string) error { return os.Rename(finished, name) })
}

// New writes a file that must not be there yet: the error is fs.ErrExist if it is, or
// came into being meanwhile, which then stays as it is.
func New(name string, fill func(*os.File) error) error {
	return write(name, fill, func(finished string) error {
		err := os.Link(finished, name)
		if err == nil || errors.Is(err, os.ErrExist) {
			return err
		}
		// A file system without links: whoever makes the empty file has the name.
		claim, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(claim.Close(), os.Rename(finished, name))
	})
}

// write fills a file beside the one that is meant, and has it named when it is on the
// disk.
func write(name string, fill func(*os.File) error, settle func(finished string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := fill(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := settle(f.Name()); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
