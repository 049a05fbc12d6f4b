package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/whole"
)

type exportCommand struct {
	Customer string   `help:"Only what is linked to this customer: the answer to a person who asks for their data." placeholder:"REF"`
	Kind     []string `help:"Only these lists, separated by commas; see below." placeholder:"KIND,…"`
	Format   string   `help:"ndjson, or csv for one --kind." enum:"ndjson,csv" default:"ndjson"`
	Output   string   `help:"Write to this file, which only you may read; default: the standard output." short:"o" placeholder:"FILE"`
	Force    bool     `help:"Write over a file that is there."`
}

// Help implements kong.HelpProvider.
func (exportCommand) Help() string {
	return "All of it is of one moment, whether the service runs or not. NDJSON has one object a line, whose type is the list it is of; the fields are those of the API, " +
		"money is in minor units of its currency, times are UTC. The lists: " + strings.Join(api.ExportKinds(), ", ") + ". " +
		"Raw events, keys and secrets are not in it; the text of messages is, with the links that customers were sent: keep it like the database. " +
		"In CSV, a text that a spreadsheet would take for a formula begins with an apostrophe."
}

// Run writes the ledger.
func (c exportCommand) Run(s *session) error {
	kinds, err := c.kinds()
	if err != nil {
		return err
	}
	configuration, err := s.load()
	if err != nil {
		return err
	}
	if err := there(configuration.Database, "export"); err != nil {
		return err
	}
	if c.Output != "" && !c.Force {
		if _, err := os.Lstat(c.Output); err == nil {
			return usagef("%s is there already: name another file, or write over it with --force", c.Output)
		}
	}
	catalog, err := billing.NewCatalog(plansOf(configuration))
	if err != nil {
		return usage(err)
	}
	db, err := store.Open(s.ctx, store.Options{URL: databaseURL(configuration.Database), Now: s.Now, Current: true})
	if err != nil {
		return usage(err)
	}
	rows, err := c.write(s, db, catalog, kinds)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if c.Output != "" {
		fmt.Fprintf(s.Stdout, "%s: %d rows\n", c.Output, rows)
	}
	return nil
}

// kinds are the lists to write, in their own order.
func (c exportCommand) kinds() ([]string, error) {
	all := api.ExportKinds()
	for _, kind := range c.Kind {
		if !slices.Contains(all, kind) {
			return nil, usagef("there is no list %q to export: choose from %s", kind, strings.Join(all, ", "))
		}
	}
	if len(c.Kind) > 0 {
		all = slices.DeleteFunc(all, func(kind string) bool { return !slices.Contains(c.Kind, kind) })
	}
	if c.Format == "csv" && len(all) != 1 {
		return nil, usagef("a CSV file has the columns of one list: choose it, like --kind payments --format csv")
	}
	return all, nil
}

// write opens where the rows go, writes them, and gives the file its name at the end.
func (c exportCommand) write(s *session, db *store.DB, catalog billing.Catalog, kinds []string) (rows int, err error) {
	if c.Output == "" {
		to := s.terminal // what is not for eyes stays as it is
		if file, ok := to.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
			to = s.Stdout
		}
		return c.rows(s, db, catalog, kinds, to)
	}
	fill := func(file *os.File) (err error) {
		rows, err = c.rows(s, db, catalog, kinds, file)
		return err
	}
	if c.Force {
		err = whole.Replace(c.Output, fill)
	} else {
		err = whole.New(c.Output, fill)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return rows, usagef("%s came into being meanwhile: name another file, or write over it with --force", c.Output)
	case errors.Is(err, fs.ErrNotExist) && missing(filepath.Dir(c.Output)):
		return rows, usagef("the folder %s does not exist: make it, or name another file", filepath.Dir(c.Output))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return rows, usage(err)
	}
	return rows, err
}

// rows writes the rows of a snapshot.
func (c exportCommand) rows(s *session, db *store.DB, catalog billing.Catalog, kinds []string, to io.Writer) (rows int, err error) {
	buffered := bufio.NewWriterSize(to, 1<<16)
	line := ndjson(buffered)
	if c.Format == "csv" {
		if line, err = commaSeparated(buffered, api.ExportRow(kinds[0])); err != nil {
			return 0, err
		}
	}
	seen := counter{to: s.Stderr}
	err = db.Snapshot(s.ctx, func(ctx context.Context, snapshot *store.Snapshot) error {
		if c.Customer != "" {
			if _, err := db.Customer(ctx, c.Customer); errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("the ledger has no customer %q: trivet customers list shows whom it has", c.Customer)
			} else if err != nil {
				return err
			}
		}
		export := api.Export{Snapshot: snapshot, Catalog: catalog, Customer: c.Customer}
		return export.Each(ctx, kinds, func(kind string, row any) error {
			rows++
			seen.show(kind, rows)
			return line(kind, row)
		})
	})
	seen.end()
	return rows, errors.Join(err, buffered.Flush())
}

// ndjson writes each row as an object on a line.
func ndjson(to io.Writer) func(kind string, row any) error {
	return func(kind string, row any) error {
		doc, err := json.Marshal(row)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(to, "{\"type\":%q,%s\n", kind, doc[1:])
		return err
	}
}

// counter shows on a terminal how many rows were written.
type counter struct {
	to   io.Writer
	last time.Time
	open bool
}

func (c *counter) show(kind string, rows int) {
	const often = 1000 // rows between two looks at the time
	if rows%often != 0 || time.Since(c.last) < beat {
		return
	}
	if file, ok := c.to.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintf(c.to, "\r%-60s", fmt.Sprintf("%d rows, writing %s", rows, kind))
		c.open = true
	}
	c.last = time.Now() //nolint:forbidigo // how often a person is told, not business
}

func (c *counter) end() {
	if c.open {
		fmt.Fprintf(c.to, "\r%60s\r", "")
	}
}
