package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// private is a file that nobody else may read, on its way to its place.
type private struct{ temporary, place string }

// writePrivate writes a file beside its place, so that nobody ever sees half of it
// there. Where there is no room, or no right, this is what fails.
func writePrivate(place string, text []byte) (p private, err error) {
	f, err := os.CreateTemp(filepath.Dir(place), ".trivet-*") // of mode 0600
	if err != nil {
		return p, err
	}
	p = private{f.Name(), place}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		p.drop()
	}
	return p, err
}

// settle puts the file in its place. What is there already stays, unless it is to be
// replaced.
func (p private) settle(replace bool) error {
	defer p.drop()
	if replace {
		return os.Rename(p.temporary, p.place)
	}
	err := os.Link(p.temporary, p.place) // which, unlike renaming, replaces nothing
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// The file system has no links.
	if _, err := os.Lstat(p.place); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s: %w", p.place, fs.ErrExist))
	}
	return os.Rename(p.temporary, p.place)
}

// drop removes what is not in its place.
func (p private) drop() { _ = os.Remove(p.temporary) }
