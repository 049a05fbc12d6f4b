package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// Mismatch is a fact on which the service and the truth differ.
type Mismatch struct {
	Provider string `json:"provider,omitempty"`
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Customer string `json:"customer,omitempty"`
	Field    string `json:"field,omitempty"`
	// Ledger is what we say, Truth what is so.
	Ledger string `json:"ledger"`
	Truth  string `json:"truth"`
}

// String is the mismatch in one line.
func (m Mismatch) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s: ledger says %q, truth is %q", m.Provider, m.Kind, m.ID, m.Customer, m.Field, m.Ledger, m.Truth))
}

// ledger is what the service holds, in the words of the simulators' truth.
type ledger struct {
	db   *store.DB
	rows map[string]entry
}

type entry struct {
	store.Object
	fields map[string]string
}

// refresh reads the ledger; what has not changed is not translated again.
func (l *ledger) refresh(ctx context.Context) error {
	seen := make(map[string]entry, len(l.rows))
	for after := ""; ; {
		rows, err := l.db.Objects(ctx, store.ObjectFilter{After: after, Limit: 1000})
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			e := entry{Object: row}
			if old, known := l.rows[row.Key]; known && old.Doc == row.Doc {
				e.fields = old.fields
			} else if e.fields, err = fieldsOf(row); err != nil {
				return err
			}
			seen[row.Key] = e
		}
		after = rows[len(rows)-1].Key
	}
	l.rows = seen
	return nil
}

// fieldsOf translates a row of the ledger.
func fieldsOf(row store.Object) (map[string]string, error) {
	object, err := billing.ParseObject(billing.Kind(row.Kind), []byte(row.Doc))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", row.Key, err)
	}
	switch o := object.(type) {
	case billing.ProviderCustomer:
		return map[string]string{"email": o.Email}, nil
	case billing.Subscription:
		return subscriptionFields(o), nil
	case billing.Invoice:
		return map[string]string{
			"status": string(o.Status), "amount_due": digits(o.Due.Amount), "amount_paid": digits(o.Paid),
			"currency": strings.ToLower(o.Due.Currency), "subscription": o.Subscription,
		}, nil
	case billing.Payment:
		return map[string]string{
			"status": string(o.Status), "amount": digits(o.Amount.Amount), "refunded": digits(o.Refunded),
			"currency": strings.ToLower(o.Amount.Currency),
		}, nil
	case billing.Refund:
		return map[string]string{
			"status": string(o.Status), "amount": digits(o.Amount.Amount), "currency": strings.ToLower(o.Amount.Currency), "payment": o.Payment,
		}, nil
	case billing.Dispute:
		return map[string]string{
			"status": string(o.Status), "provider_status": o.ProviderStatus, "amount": digits(o.Amount.Amount),
			"currency": strings.ToLower(o.Amount.Currency), "payment": o.Payment,
		}, nil
	case billing.Checkout:
		return map[string]string{"status": string(o.Status), "payment_status": o.PaymentStatus}, nil
	case billing.Warning:
		return map[string]string{"actionable": strconv.FormatBool(o.Actionable), "payment": o.Payment}, nil
	}
	return nil, fmt.Errorf("read %s: the demo does not know this kind: %s", row.Key, row.Kind)
}

func subscriptionFields(s billing.Subscription) map[string]string {
	var quantity int64
	for _, item := range s.Items {
		quantity += item.Quantity
	}
	return map[string]string{
		"status": string(s.Status), "provider_status": s.ProviderStatus,
		"current_period_start": instant(s.PeriodStart), "current_period_end": instant(s.PeriodEnd),
		"trial_end": instant(s.TrialEnd), "cancel_at": instant(s.CancelAt), "price": s.Price,
		"quantity": digits(quantity), "currency": strings.ToLower(s.Amount.Currency), "amount": digits(s.Amount.Amount),
		"ahead": ahead(s.Ahead), "failure": failure(s.Failure),
	}
}

// ahead writes a change that lies ahead as the simulators do.
func ahead(a *billing.Ahead) string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%s %s %d", a.Kind, instant(a.At), a.Amount.Amount)
}

// failure writes a charge that failed as the simulators do.
func failure(f *billing.Failure) string {
	if f == nil {
		return ""
	}
	return strings.Join([]string{f.Decline.Code, instant(f.At), instant(f.NextAttempt), digits(f.Owed.Amount)}, " ")
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// number reads what digits wrote.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// tally is how many objects are in step.
type tally struct{ objects, inStep, naive, naiveInStep int }

// compare holds an account's truth against the ledger, and beside it against
// the naive handler's table.
func (w *world) compare(a *account) (t tally, wrong []Mismatch) {
	truth := a.truth.Truth()
	owners, sentTo := w.owners(a)
	disputed := map[string]string{}
	for _, o := range truth {
		if o.Kind == sim.KindDispute {
			payment := o.Fields["payment"]
			disputed[payment] = w.ledger.rows[a.name+"/dispute/"+o.ID].fields["status"]
		}
	}
	seen := make(map[string]bool, len(truth))
	for _, o := range truth {
		key := a.name + "/" + o.Kind + "/" + o.ID
		seen[key] = true
		row, found := w.ledger.rows[key]
		if !found && a.secret(o, sentTo) {
			continue
		}
		t.objects++
		owner := owners[o.Customer]
		if a.origin != nil {
			owner = sentTo[a.origin(o.Kind, o.ID)]
		}
		if m, bad := differs(o, row, found, disputed[o.ID], owner); bad {
			m.Provider, m.Kind, m.ID = a.name, o.Kind, o.ID
			wrong = append(wrong, m)
		} else {
			t.inStep++
		}
		if a.naive.counts(o) {
			t.naive++
			if _, _, bad := a.naive.wrong(o.Kind, o.ID, o.Fields); !bad {
				t.naiveInStep++
			}
		}
	}
	for _, key := range sortedKeys(w.ledger.rows) {
		row := w.ledger.rows[key]
		if row.Account == a.name && !seen[key] {
			t.objects++
			wrong = append(wrong, Mismatch{Provider: a.name, Kind: row.Kind, ID: row.ID, Customer: row.Customer, Ledger: "has it", Truth: "no such object"})
		}
	}
	return t, wrong
}

// differs names the first fact on which a row and the truth disagree.
func differs(o sim.Object, row entry, found bool, disputed, owner string) (Mismatch, bool) {
	m := Mismatch{Customer: row.Customer}
	deleted := o.Fields["deleted"] == "true"
	switch {
	case !found && deleted:
		return m, false // made and deleted before anybody looked: nothing to bury
	case !found:
		m.Ledger, m.Truth = "nothing", "exists"
		return m, true
	case row.Gone != deleted:
		m.Field, m.Ledger, m.Truth = "deleted", strconv.FormatBool(row.Gone), strconv.FormatBool(deleted)
		return m, true
	case o.Customer != "" && row.Owner != o.Customer && o.Kind != sim.KindCustomer && (row.Owner != "" || o.Kind != sim.KindWarning):
		m.Field, m.Ledger, m.Truth = "owner", row.Owner, o.Customer
		return m, true
	case owner != "" && row.Customer != owner:
		m.Field, m.Ledger, m.Truth = "customer", row.Customer, owner
		return m, true
	}
	for _, field := range sortedKeys(o.Fields) {
		has, told := row.fields[field]
		switch {
		case field == "deleted":
			continue
		case field == "disputed":
			has = disputed
		case !told:
			has = "(not kept)"
		}
		if want := o.Fields[field]; has != want {
			m.Field, m.Ledger, m.Truth = field, has, want
			return m, true
		}
	}
	return m, false
}

// owners maps an account's customers to the people who went through a checkout
// as them, and its checkouts to those who were sent there.
func (w *world) owners(a *account) (owners, sentTo map[string]string) {
	owners, sentTo = map[string]string{}, map[string]string{}
	for _, p := range w.people {
		for _, v := range p.visits {
			if v.account != a {
				continue
			}
			sentTo[v.page.ProviderID] = p.ref
			for _, customer := range a.buyersOf(v.page.ProviderID) {
				owners[customer] = p.ref
			}
		}
	}
	return owners, sentTo
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
