package whole_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/trivetdev/trivet/internal/whole"
)

func saying(text string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.WriteString(text)
		return err
	}
}

// TestWhole: a file is whole, its owner's, and nothing is left beside it.
func TestWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.txt")
	refuse := errors.New("the pen broke")
	check := func(when, want string) {
		t.Helper()
		text, err := os.ReadFile(name)
		if string(text) != want || err != nil && want != "" {
			t.Errorf("%s: %q, %v", when, text, err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v", when, left)
		}
	}
	broken := func(f *os.File) error { return errors.Join(saying("half")(f), refuse) }
	for _, write := range []func(string, func(*os.File) error) error{whole.New, whole.Replace} {
		if err := write(name, broken); !errors.Is(err, refuse) {
			t.Errorf("the error is %v", err)
		}
		check("broken", "")
	}
	if err := whole.New(name, saying("first")); err != nil {
		t.Fatal(err)
	}
	check("new", "first")
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := whole.New(name, saying("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the error is %v", err)
	}
	check("there already", "first")
	if err := whole.Replace(name, broken); !errors.Is(err, refuse) {
		t.Errorf("the error is %v", err)
	}
	check("not replaced", "first")
	if err := whole.Replace(name, saying("third")); err != nil {
		t.Fatal(err)
	}
	check("replaced", "third")
	if err := whole.Replace(filepath.Join(name, "b"), saying("x")); err == nil {
		t.Error("a file has a file in it")
	}
}

// TestNewAtOnce: of many who write one new file exactly one does.
func TestNewAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.txt")
	const writers = 16
	ended := make(chan error, writers)
	for range writers {
		go func() { ended <- whole.New(name, saying("text")) }()
	}
	written := 0
	for range writers {
		if err := <-ended; err == nil {
			written++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if written != 1 {
		t.Errorf("%d wrote it", written)
	}
}
