package apply

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// Record is what the audit trail keeps of an object: everything that the ledger
// says about it.
type Record struct {
	Customer string `json:"customer,omitempty"`
	Owner    string `json:"owner,omitempty"`
	// Parent is what the object came of, where the object itself does not say.
	Parent string          `json:"parent,omitempty"`
	Claims json.RawMessage `json:"claims,omitempty"`
	Gone   bool            `json:"gone,omitempty"`
	Object json.RawMessage `json:"object"`
}

// recordOf takes the recorded part of a row.
func recordOf(o store.Object) Record {
	parent := ""
	if impliesNoParent(o.Kind) {
		parent = o.Parent
	}
	return Record{Customer: o.Customer, Owner: o.Owner, Parent: parent, Claims: json.RawMessage(o.Claims), Gone: o.Gone, Object: json.RawMessage(o.Doc)}
}

// impliesNoParent reports whether objects of a kind never name what they hang on, so
// that [provider.Snapshot.Parent] counts for them.
func impliesNoParent(kind string) bool {
	return kind == string(billing.KindSubscription) || kind == string(billing.KindPayment)
}

// text is the record as JSON, put together from what is JSON already.
func (r Record) text() string {
	var b strings.Builder
	b.Grow(len(r.Object) + len(r.Claims) + 100)
	b.WriteByte('{')
	if r.Customer != "" {
		b.WriteString(`"customer":` + jsonText(r.Customer) + ",")
	}
	if r.Owner != "" {
		b.WriteString(`"owner":` + jsonText(r.Owner) + ",")
	}
	if r.Parent != "" {
		b.WriteString(`"parent":` + jsonText(r.Parent) + ",")
	}
	if len(r.Claims) > 0 {
		b.WriteString(`"claims":` + string(r.Claims) + ",")
	}
	if r.Gone {
		b.WriteString(`"gone":true,`)
	}
	b.WriteString(`"object":` + string(r.Object) + "}")
	return b.String()
}

// record turns the rows that changed into rows of the audit trail.
func (w *writing) record(context.Context) error {
	for _, r := range w.order {
		if r.before != nil && r.before.Customer == r.next.Customer { // moved there and back
			r.kinds = slices.DeleteFunc(r.kinds, func(k billing.ChangeKind) bool { return k == billing.Linked })
		}
		if len(r.kinds) == 0 {
			continue
		}
		after := recordOf(r.next).text()
		var diff []billing.FieldDiff // of what is new, After tells all
		if r.before != nil {
			var err error
			if diff, err = billing.DiffJSON(json.RawMessage(recordOf(*r.before).text()), json.RawMessage(after)); err != nil {
				return err
			}
		}
		change := store.Change{
			Subject: r.next.Kind, Account: r.next.Account, ID: r.next.ID, Customer: r.next.Customer,
			Kinds: kindList(r.kinds...), Diff: jsonText(diff), After: after,
		}
		if r.sight != nil {
			change.Trigger, change.Event, change.Actor = string(r.sight.cause.Trigger), r.sight.cause.Event, r.sight.cause.Actor
		} else {
			change.Trigger = string(Follow)
		}
		r.change = len(w.changes)
		w.changes = append(w.changes, change)
	}
	return nil
}

// audit writes the audit trail, and sees to it that the application is told.
func (w *writing) audit(ctx context.Context) error {
	if err := w.tx.AddChanges(ctx, w.changes); err != nil {
		return err
	}
	return w.announce(ctx)
}

// number gives the changes their numbers.
func (w *writing) number(ctx context.Context) error {
	if len(w.changes) == 0 {
		return nil
	}
	numbers, err := w.tx.Numbers(ctx, len(w.changes))
	if err != nil {
		return err
	}
	for i := range numbers {
		w.changes[i].Seq = numbers[i]
	}
	return nil
}

func kindList(kinds ...billing.ChangeKind) string { return jsonText(kinds) }

// jsonText writes a value of our own as JSON; only unencodable types fail, and
// we have none.
func jsonText(value any) string {
	doc, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	if string(doc) == "null" {
		return "[]"
	}
	return string(doc)
}
