package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/store"
)

type auditCommand struct {
	JSON bool `help:"Print the report as JSON." name:"json"`
	Show int  `help:"How many differing rows to print." default:"20"`
}

// Run replays the audit trail into an empty ledger and compares it with the one
// that is kept. It exits 1 if they differ.
func (c auditCommand) Run(s *session) error {
	configuration, err := s.load()
	if err != nil {
		return err
	}
	report, err := s.audit(configuration.Database)
	if err != nil {
		return err
	}
	if c.JSON {
		if report.Mismatches == nil {
			report.Mismatches = []apply.Mismatch{}
		}
		doc, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Stdout, "%s\n", doc)
	} else {
		c.print(s, report)
	}
	if n := len(report.Mismatches); n > 0 {
		return &failure{exitWrong, fmt.Errorf("the audit trail does not account for %d of %d rows: if the service is running, stop it and audit again; "+
			"if they still differ, somebody wrote to the database by hand", n, report.Rows)}
	}
	return nil
}

func (c auditCommand) print(s *session, report apply.AuditReport) {
	fmt.Fprintf(s.Stdout, "%d changes replayed, %d rows compared, %d differ\n", report.Changes, report.Rows, len(report.Mismatches))
	for i, m := range report.Mismatches {
		if i == c.Show {
			fmt.Fprintf(s.Stdout, "and %d more\n", len(report.Mismatches)-i)
			return
		}
		fmt.Fprintf(s.Stdout, "%s %s %s\n  trail   %s\n  ledger  %s\n", m.Subject, m.Account, m.ID, or(m.Trail, "nothing"), or(m.Ledger, "nothing"))
	}
}

func (s *session) audit(d config.Database) (report apply.AuditReport, err error) {
	if err := there(d, "audit"); err != nil {
		return report, err
	}
	kept, err := store.Open(s.ctx, store.Options{URL: databaseURL(d), Now: s.Now, Current: true})
	if err != nil {
		return report, usage(err)
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	folder, err := os.MkdirTemp("", "trivet-audit-")
	if err != nil {
		return report, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what is left of it is in the temporary folder
	empty, err := store.Open(s.ctx, store.Options{URL: "sqlite:" + filepath.Join(folder, "empty.db"), Now: s.Now, Volatile: true})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	return apply.Audit(s.ctx, kept, empty)
}
