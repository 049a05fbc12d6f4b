package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/store"
)

type backupCommand struct {
	File   string `arg:"" help:"Where to write the copy; it must not be there yet." placeholder:"FILE"`
	Verify bool   `help:"Also replay the audit trail of the copy and compare it with the ledger in it; takes as much room again for as long as it lasts."`
	JSON   bool   `help:"Print what was copied as JSON." name:"json"`
}

// Help implements kong.HelpProvider.
func (backupCommand) Help() string {
	return "The service may run meanwhile. The copy is of one moment, was checked, and can be read by nobody else. It holds all that the ledger knows of " +
		"your customers, and the raw events: keep it like the database. To restore it: stop the service, put the copy in the place of the database " +
		"(and delete the files beside it that end in -wal and -shm), then trivet audit, start the service, trivet reconcile --wait. " +
		"PostgreSQL has pg_dump; the command to use is printed."
}

// Run copies the database.
func (c backupCommand) Run(s *session) error {
	configuration, err := s.load()
	if err != nil {
		return err
	}
	d := configuration.Database
	if d.Kind != config.SQLite {
		return usagef("PostgreSQL makes its own backups, while the service runs:\n%s\nthe password: in ~/.pgpass, or PGPASSWORD", dump(d.URL.Reveal(), c.File))
	}
	if err := there(d, "back up"); err != nil {
		return err
	}
	copied, err := store.Backup(s.ctx, d.Path, c.File)
	switch {
	case errors.Is(err, fs.ErrExist):
		return usagef("%s is there already, and a backup is never written over: name another file, such as one with the date", c.File)
	case errors.Is(err, fs.ErrNotExist) && missing(filepath.Dir(c.File)):
		return usagef("the folder %s does not exist: make it, or name another file", filepath.Dir(c.File))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return usage(err)
	case err != nil:
		return err
	}
	if c.Verify {
		if err := s.verify(c.File); err != nil {
			return fmt.Errorf("%s was written, but %w", c.File, err)
		}
	}
	if c.JSON {
		return json.NewEncoder(s.Stdout).Encode(struct {
			File string `json:"file"`
			store.Copied
			Verified bool `json:"verified"`
		}{c.File, copied, c.Verify})
	}
	var held []string
	for _, table := range store.CopiedTables() {
		held = append(held, fmt.Sprintf("%d %s", copied.Rows[table], table))
	}
	fmt.Fprintf(s.Stdout, "%s: %s, checked: %s\n", c.File, size(copied.Bytes), strings.Join(held, ", "))
	if c.Verify {
		fmt.Fprintln(s.Stdout, "the audit trail accounts for every row")
	}
	return nil
}

// missing reports whether there is no file or folder of a name.
func missing(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// there reports that a SQLite file is missing, which opening it would make.
func there(d config.Database, verb string) error {
	if d.Kind == config.SQLite {
		if missing(d.Path) {
			return usagef("there is no database %s to %s: run this where the service runs, or set database (TRIVET_DATABASE)", d.Path, verb)
		}
	}
	return nil
}

// verify audits a copy of the copy: opening one writes to it.
func (s *session) verify(file string) (err error) {
	folder, err := os.MkdirTemp(filepath.Dir(file), ".trivet-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // nothing in it is missed
	second := filepath.Join(folder, "copy.db")
	if err := duplicateFile(file, second); err != nil {
		return err
	}
	kept, err := store.Open(s.ctx, store.Options{URL: "sqlite:" + second, Now: s.Now, Volatile: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	empty, err := store.Open(s.ctx, store.Options{URL: "sqlite:" + filepath.Join(folder, "empty.db"), Now: s.Now, Volatile: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	report, err := apply.Audit(s.ctx, kept, empty)
	if err != nil {
		return err
	}
	if n := len(report.Mismatches); n > 0 {
		return fmt.Errorf("its audit trail does not account for %d of %d rows: so it is with the database; see trivet audit", n, report.Rows)
	}
	return nil
}

func duplicateFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// dump is the command that backs up a PostgreSQL database, without the password.
func dump(address, file string) string {
	if u, err := url.Parse(address); err == nil {
		if u.User != nil {
			u.User = url.User(u.User.Username())
		}
		query := u.Query()
		for name := range query {
			if strings.Contains(strings.ToLower(name), "password") {
				query.Del(name)
			}
		}
		u.RawQuery = query.Encode()
		address = u.String()
	} else {
		address = "postgres://…"
	}
	return fmt.Sprintf("pg_dump --format=custom --file=%s %s", quoted(file), quoted(address))
}

// quoted writes a word so that a shell takes it as it is.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// size writes a number of bytes as people read it.
func size(n int64) string {
	const step = 1024
	if n < step {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/step, 0
	for value >= step && unit < 3 {
		value /= step
		unit++
	}
	return fmt.Sprintf("%.1f %s", value, []string{"KiB", "MiB", "GiB", "TiB"}[unit])
}
