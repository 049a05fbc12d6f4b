package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// Mismatch is a row for which the audit trail and the ledger disagree.
type Mismatch struct {
	// Subject, Account and ID name it as the audit trail does.
	Subject string `json:"subject"`
	Account string `json:"account,omitempty"`
	ID      string `json:"id"`
	// Trail and Ledger are what each says, as JSON; empty: nothing.
	Trail  string `json:"trail"`
	Ledger string `json:"ledger"`
}

// AuditReport is the result of [Audit].
type AuditReport struct {
	Changes    int        `json:"changes"`
	Rows       int        `json:"rows"`
	Mismatches []Mismatch `json:"mismatches"`
}

// Audit replays the audit trail into an empty ledger and compares the result
// with the one that is kept. They must be equal: whatever the ledger says, the
// trail can account for. The empty ledger, which is given, is filled; the other
// is only read. Stop writing to it, or what is written meanwhile shows up as a
// mismatch.
func Audit(ctx context.Context, kept, empty *store.DB) (AuditReport, error) {
	var report AuditReport
	for after := int64(0); ; {
		changes, err := kept.Changes(ctx, store.ChangeFilter{After: after, Forward: true, Limit: 500})
		if err != nil {
			return report, fmt.Errorf("read the audit trail: %w", err)
		}
		if len(changes) == 0 {
			break
		}
		if err := empty.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return replay(ctx, tx, changes) }); err != nil {
			return report, fmt.Errorf("replay the audit trail: %w", err)
		}
		report.Changes += len(changes)
		after = changes[len(changes)-1].Seq
	}
	for _, compare := range []func(context.Context, *store.DB, *store.DB, *AuditReport) error{
		compareObjects, compareCustomers, compareAccess, compareGrants, compareCredits,
	} {
		if err := compare(ctx, kept, empty, &report); err != nil {
			return report, err
		}
	}
	return report, nil
}

// replay folds changes into a ledger, in order.
func replay(ctx context.Context, tx *store.Tx, changes []store.Change) error {
	for _, c := range changes {
		if err := replayOne(ctx, tx, c); err != nil {
			return fmt.Errorf("change %d of %s %s: %w", c.Seq, c.Subject, c.ID, err)
		}
	}
	return nil
}

func replayOne(ctx context.Context, tx *store.Tx, c store.Change) error {
	switch c.Subject {
	case store.SubjectAccess:
		customer, feature := splitAccess(c.ID)
		return tx.PutAccess(ctx, []store.Access{{Customer: customer, Feature: feature, Doc: c.After, TurnsAt: turnsOf(c.After)}})
	case store.SubjectSettings:
		var settings billing.Customer
		if err := json.Unmarshal([]byte(c.After), &settings); err != nil {
			return err
		}
		return tx.PutCustomers(ctx, []store.Customer{{Ref: c.ID, Doc: c.After, Email: settings.Email}})
	case store.SubjectGrant:
		return tx.PutGrant(ctx, store.Grant{ID: c.ID, Customer: c.Customer, Doc: c.After})
	case store.SubjectCredits:
		customer, plan := splitAccess(c.ID)
		return tx.PutCredit(ctx, store.Credit{Customer: customer, Plan: plan, Doc: c.After})
	case store.SubjectSwitch, store.SubjectProposal: // what a person decided, and no part of the ledger
		return nil
	}
	o, err := objectOf(c)
	if err != nil {
		return err
	}
	_, err = tx.PutObjects(ctx, []store.Object{o})
	return err
}

// splitAccess reads the id of a change of access or credits: the feature, or the plan,
// is what follows the last space, for a customer's reference may hold spaces.
func splitAccess(id string) (customer, feature string) {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i] == ' ' {
			return id[:i], id[i+1:]
		}
	}
	return id, ""
}

func turnsOf(doc string) (turns time.Time) {
	var decision billing.Decision
	if json.Unmarshal([]byte(doc), &decision) == nil {
		turns = decision.Turns
	}
	return turns
}

// objectOf rebuilds a row of the ledger from what the trail keeps of it.
func objectOf(c store.Change) (store.Object, error) {
	var record Record
	if err := json.Unmarshal([]byte(c.After), &record); err != nil {
		return store.Object{}, err
	}
	object, err := billing.ParseObject(billing.Kind(c.Subject), record.Object)
	if err != nil {
		return store.Object{}, err
	}
	o := store.Object{
		Key: c.Account + "/" + c.Subject + "/" + c.ID, Account: c.Account, Kind: c.Subject, ID: c.ID,
		Customer: record.Customer, Owner: record.Owner, Parent: cmp.Or(parentOf(object), record.Parent), Status: object.State(),
		Doc: string(record.Object), Claims: string(record.Claims), Gone: record.Gone,
		Begun: c.Seq, Applied: c.Seq, FirstAt: c.At, ChangedAt: c.At,
	}
	if !record.Gone {
		o.RevisitAt = object.Revisit()
	}
	return o, nil
}

func compareObjects(ctx context.Context, kept, rebuilt *store.DB, report *AuditReport) error {
	name := func(o store.Object) string { return o.Key }
	return compareRows(ctx, kept, rebuilt, report, name,
		func(ctx context.Context, db *store.DB, last *store.Object) ([]store.Object, error) {
			filter := store.ObjectFilter{Limit: some}
			if last != nil {
				filter.After = last.Key
			}
			return db.Objects(ctx, filter)
		},
		func(o store.Object) Mismatch {
			shown := jsonText([]any{recordOf(o), o.Parent, o.Status, o.RevisitAt})
			return Mismatch{Subject: o.Kind, Account: o.Account, ID: o.ID, Ledger: shown}
		})
}

func compareCustomers(ctx context.Context, kept, rebuilt *store.DB, report *AuditReport) error {
	return compareRows(ctx, kept, rebuilt, report, func(c store.Customer) string { return c.Ref },
		func(ctx context.Context, db *store.DB, last *store.Customer) ([]store.Customer, error) {
			after := ""
			if last != nil {
				after = last.Ref
			}
			return db.Customers(ctx, after, some)
		},
		func(c store.Customer) Mismatch {
			return Mismatch{Subject: store.SubjectSettings, ID: c.Ref, Ledger: c.Doc}
		})
}

func compareAccess(ctx context.Context, kept, rebuilt *store.DB, report *AuditReport) error {
	return compareRows(ctx, kept, rebuilt, report, func(a store.Access) string { return a.Customer + "\x00" + a.Feature },
		func(ctx context.Context, db *store.DB, last *store.Access) ([]store.Access, error) {
			if last == nil {
				return db.AccessAfter(ctx, "", "", some)
			}
			return db.AccessAfter(ctx, last.Customer, last.Feature, some)
		},
		func(a store.Access) Mismatch {
			return Mismatch{Subject: store.SubjectAccess, ID: a.Customer + " " + a.Feature, Ledger: a.Doc}
		})
}

func compareGrants(ctx context.Context, kept, rebuilt *store.DB, report *AuditReport) error {
	return compareRows(ctx, kept, rebuilt, report, func(g store.Grant) string { return g.ID },
		func(ctx context.Context, db *store.DB, last *store.Grant) ([]store.Grant, error) {
			after := ""
			if last != nil {
				after = last.ID
			}
			return db.GrantsAfter(ctx, after, some)
		},
		func(g store.Grant) Mismatch {
			return Mismatch{Subject: store.SubjectGrant, ID: g.ID, Ledger: jsonText([]string{g.Customer, g.Doc})}
		})
}

func compareCredits(ctx context.Context, kept, rebuilt *store.DB, report *AuditReport) error {
	return compareRows(ctx, kept, rebuilt, report, func(c store.Credit) string { return c.Customer + "\x00" + c.Plan },
		func(ctx context.Context, db *store.DB, last *store.Credit) ([]store.Credit, error) {
			if last == nil {
				return db.CreditsAfter(ctx, "", "", some)
			}
			return db.CreditsAfter(ctx, last.Customer, last.Plan, some)
		},
		func(c store.Credit) Mismatch {
			return Mismatch{Subject: store.SubjectCredits, ID: c.Customer + " " + c.Plan, Ledger: c.Doc}
		})
}

// some is how many rows are read at a time.
const some = 500

// compareRows reads two tables side by side and reports the rows that differ.
// The tables need not be sorted alike: collations differ between databases.
func compareRows[T any](
	ctx context.Context, kept, rebuilt *store.DB, report *AuditReport, name func(T) string,
	page func(context.Context, *store.DB, *T) ([]T, error), show func(T) Mismatch,
) error {
	expected := map[string]Mismatch{}
	if err := each(ctx, rebuilt, page, func(row T) { expected[name(row)] = show(row) }); err != nil {
		return err
	}
	err := each(ctx, kept, page, func(row T) {
		report.Rows++
		found, trail := show(row), expected[name(row)]
		delete(expected, name(row))
		if found.Ledger != trail.Ledger {
			found.Trail = trail.Ledger
			report.Mismatches = append(report.Mismatches, found)
		}
	})
	for _, key := range sortedKeys(expected) {
		lost := expected[key]
		lost.Trail, lost.Ledger = lost.Ledger, ""
		report.Mismatches = append(report.Mismatches, lost)
	}
	return err
}

// each visits all rows of a table.
func each[T any](ctx context.Context, db *store.DB, page func(context.Context, *store.DB, *T) ([]T, error), visit func(T)) error {
	var last *T
	for {
		rows, err := page(ctx, db, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			visit(row)
		}
		last = &rows[len(rows)-1]
	}
}
