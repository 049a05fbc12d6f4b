package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// Export writes rows of the ledger in the shapes of the API, one list after the other.
type Export struct {
	Snapshot *store.Snapshot
	Catalog  billing.Catalog
	// Customer is whose rows to write: all that is linked to them and nothing that
	// tells of anybody else; empty: everybody's.
	Customer string
}

// exporter is one list of an export.
type exporter struct {
	kind string
	// row is a value of the type of the rows, for their columns.
	row any
	run func(ctx context.Context, e Export, do func(row any) error) error
}

var exporters = []exporter{
	listOfRows("customers", func(ctx context.Context, e Export, do func(Customer) error) error {
		return e.Snapshot.EachCustomer(ctx, e.Customer, rendered(customerOf, do))
	}),
	objectsOf("provider_customers", billing.KindCustomer, plainly(providerCustomerOf)),
	objectsOf("subscriptions", billing.KindSubscription, func(e Export, o store.Object) (Subscription, error) { return subscriptionOf(e.Catalog, o) }),
	objectsOf("invoices", billing.KindInvoice, plainly(invoiceOf)),
	objectsOf("payments", billing.KindPayment, plainly(payment)),
	objectsOf("refunds", billing.KindRefund, plainly(refundOf)),
	objectsOf("disputes", billing.KindDispute, plainly(disputeOf)),
	objectsOf("warnings", billing.KindWarning, plainly(warningOf)),
	listOfRows("attempts", func(ctx context.Context, e Export, do func(ExportedAttempt) error) error {
		return e.Snapshot.EachAttempt(ctx, e.Customer, rendered(attemptOf, do))
	}),
	listOfRows("checkouts", func(ctx context.Context, e Export, do func(ExportedCheckout) error) error {
		return e.Snapshot.EachCheckout(ctx, e.Customer, rendered(safely(checkoutOf), do))
	}),
	objectsOf("provider_checkouts", billing.KindCheckout, plainly(providerCheckoutOf)),
	listOfRows("entitlements", func(ctx context.Context, e Export, do func(ExportedEntitlement) error) error {
		return e.Snapshot.EachAccess(ctx, e.Customer, rendered(entitlementOf, do))
	}),
	listOfRows("grants", func(ctx context.Context, e Export, do func(Grant) error) error {
		return e.Snapshot.EachGrant(ctx, e.Customer, rendered(exportedGrant, do))
	}),
	listOfRows("credits", func(ctx context.Context, e Export, do func(ExportedCredits) error) error {
		return e.Snapshot.EachCredit(ctx, e.Customer, rendered(exportedCredits, do))
	}),
	listOfRows("bans", exportBans),
	listOfRows("changes", func(ctx context.Context, e Export, do func(Change) error) error {
		return e.Snapshot.EachChange(ctx, e.Customer, rendered(e.change, do))
	}),
	listOfRows("effects", func(ctx context.Context, e Export, do func(Effect) error) error {
		one := rendered(safely(effectOf), do)
		return e.Snapshot.EachEffect(ctx, e.Customer, func(row store.Effect) error {
			if e.Customer != "" && row.Kind == policy.Alert { // it is to the team, and may tell of others
				return nil
			}
			return one(row)
		})
	}),
	listOfRows("messages", func(ctx context.Context, e Export, do func(Message) error) error {
		return e.Snapshot.EachMessage(ctx, e.Customer, rendered(safely(messageOf), do))
	}),
	listOfRows("notices", func(ctx context.Context, e Export, do func(Notice) error) error {
		return e.Snapshot.EachNotice(ctx, e.Customer, rendered(safely(noticeOf), do))
	}),
}

// listOfRows makes a list whose rows have a type.
func listOfRows[T any](kind string, run func(ctx context.Context, e Export, do func(T) error) error) exporter {
	var row T
	return exporter{kind, row, func(ctx context.Context, e Export, do func(any) error) error {
		return run(ctx, e, func(row T) error { return do(row) })
	}}
}

// objectsOf makes the list of a kind of the providers' objects.
func objectsOf[T any](kind string, of billing.Kind, render func(Export, store.Object) (T, error)) exporter {
	return listOfRows(kind, func(ctx context.Context, e Export, do func(T) error) error {
		return e.Snapshot.EachObject(ctx, string(of), e.Customer, rendered(func(o store.Object) (T, error) { return render(e, o) }, do))
	})
}

func plainly[T any](render func(store.Object) (T, error)) func(Export, store.Object) (T, error) {
	return func(_ Export, o store.Object) (T, error) { return render(o) }
}

// safely is for rows that can always be rendered.
func safely[R, T any](render func(R) T) func(R) (T, error) {
	return func(row R) (T, error) { return render(row), nil }
}

func rendered[R, T any](render func(R) (T, error), do func(T) error) func(R) error {
	return func(row R) error {
		shown, err := render(row)
		if err != nil {
			return err
		}
		return do(shown)
	}
}

// ExportKinds are the lists that an export has, in their order.
func ExportKinds() []string {
	kinds := make([]string, len(exporters))
	for i, e := range exporters {
		kinds[i] = e.kind
	}
	return kinds
}

// ExportRow is an empty row of a list, of the type that its rows have; nil if there is
// no such list.
func ExportRow(kind string) any {
	for _, e := range exporters {
		if e.kind == kind {
			return e.row
		}
	}
	return nil
}

// Each hands all rows of the named lists to do, in the order of [ExportKinds].
func (e Export) Each(ctx context.Context, kinds []string, do func(kind string, row any) error) error {
	for _, list := range exporters {
		if !slices.Contains(kinds, list.kind) {
			continue
		}
		if err := list.run(ctx, e, func(row any) error { return do(list.kind, row) }); err != nil {
			return fmt.Errorf("export %s: %w", list.kind, err)
		}
	}
	return nil
}

func exportBans(ctx context.Context, e Export, do func(ExportedBan) error) error {
	return e.Snapshot.EachCustomer(ctx, e.Customer, func(row store.Customer) error {
		var doc billing.Customer
		if err := json.Unmarshal([]byte(row.Doc), &doc); err != nil {
			return err
		}
		if c := doc.Cleared; c != nil {
			err := do(ExportedBan{Customer: row.Ref, At: c.Ban.At.UTC(), Reason: c.Ban.Reason, By: c.Ban.By, ClearedAt: moment(c.At), ClearedBy: orNull(c.By)})
			if err != nil {
				return err
			}
		}
		if b := doc.Ban; b != nil {
			return do(ExportedBan{Customer: row.Ref, At: b.At.UTC(), Reason: b.Reason, By: b.By})
		}
		return nil
	})
}

func exportedGrant(row store.Grant) (Grant, error) {
	var g billing.Grant
	err := json.Unmarshal([]byte(row.Doc), &g)
	return grantOf(row.Customer, g), err
}

// change renders a row of the audit trail. In the export of one customer it does not
// say whose the object was before or after.
func (e Export) change(row store.Change) (Change, error) {
	c, err := changeOf(row)
	if e.Customer != "" {
		c.Diff = slices.DeleteFunc(c.Diff, func(d Difference) bool { return d.Field == "customer" || strings.HasPrefix(d.Field, "claims") })
	}
	return c, err
}
