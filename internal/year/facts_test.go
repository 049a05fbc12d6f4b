package year_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
)

// errEnded is what a service meets that has been ended.
var errEnded = errors.New("the process has ended")

// kind is what a fact is of. Facts of one second are told in this order.
type kind int

const (
	acts     kind = iota // what people do
	charges              // what becomes of the provider's charges
	accesses             // what the customer may
	alerts
	calls
	notices // in the application
	mails
)

// fact is a line of a story.
type fact struct {
	at   time.Time
	kind kind
	text string
}

func (f fact) String() string { return f.at.UTC().Format("2006-01-02 15:04:05 ") + f.text }

// note keeps a fact of this moment.
func (h *house) note(k kind, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.facts = append(h.facts, fact{h.Clock.Now(), k, fmt.Sprintf(format, args...)})
}

// told is the whole story: what was noted as it happened, and what the ledger says
// of access, payments, alerts and notices in the application.
func (h *house) told() []fact {
	h.T.Helper()
	h.mu.Lock()
	all := slices.Clone(h.facts)
	h.mu.Unlock()
	for _, c := range h.Changes() {
		if text, k := h.change(c); text != "" {
			all = append(all, fact{c.At, k, text})
		}
	}
	messages, err := h.Ledger.Messages(h.T.Context(), store.MessageFilter{Channel: notify.InApp, Limit: 1000})
	h.Check(err)
	for _, m := range slices.Backward(messages) {
		title, _, _ := strings.Cut(m.Body, "\n")
		all = append(all, fact{m.SentAt, notices, fmt.Sprintf("in-app %s %q", m.Template, title)})
	}
	closed, err := h.Ledger.Alerts(h.T.Context(), store.AlertFilter{Closed: true, Limit: 1000})
	h.Check(err)
	for _, a := range slices.Backward(closed) {
		all = append(all, fact{a.ClosedAt, alerts, fmt.Sprintf("alert %s closed %q", a.Kind, a.Title)})
	}
	slices.SortStableFunc(all, func(a, b fact) int {
		return cmp.Or(a.at.Truncate(time.Second).Compare(b.at.Truncate(time.Second)), cmp.Compare(a.kind, b.kind))
	})
	return all
}

// change puts a row of the audit trail in words, if it belongs in a story.
func (h *house) change(c store.Change) (string, kind) {
	h.T.Helper()
	var kinds []billing.ChangeKind
	h.Check(json.Unmarshal([]byte(c.Kinds), &kinds))
	switch c.Subject {
	case store.SubjectAccess:
		var d billing.Decision
		h.Check(json.Unmarshal([]byte(c.After), &d))
		_, feature, _ := strings.Cut(c.ID, " ")
		if !slices.Contains(kinds, billing.AccessChanged) {
			return "", 0
		}
		verb := map[bool]string{true: "granted", false: "refused"}[d.Allowed]
		return fmt.Sprintf("access %s %s (%s)%s", verb, feature, d.Reason, until(d.Until)), accesses
	case store.SubjectSettings:
		if slices.Contains(kinds, billing.Banned) || slices.Contains(kinds, billing.Unbanned) {
			return fmt.Sprintf("customer %s", kinds[0]), charges
		}
	case string(billing.KindPayment):
		var after struct{ Object billing.Payment }
		h.Check(json.Unmarshal([]byte(c.After), &after))
		p := after.Object
		did := news(kinds)
		if did == "" {
			return "", 0
		}
		return fmt.Sprintf("payment %s%s: %s", h.at(c.Account), amount(p.Amount.Amount, p.Amount.Currency), did), charges
	case string(billing.KindSubscription):
		var after struct{ Object billing.Subscription }
		h.Check(json.Unmarshal([]byte(c.After), &after))
		did := news(kinds)
		if did == "" {
			return "", 0
		}
		return fmt.Sprintf("subscription %s%s: %s", h.at(c.Account), after.Object.Status, did), charges
	}
	return "", 0
}

// news is what happened to an object, but for what is mere bookkeeping.
func news(kinds []billing.ChangeKind) string {
	var did []string
	for _, k := range kinds {
		if k != billing.Linked && k != billing.Recorded && k != billing.Updated {
			did = append(did, strings.ReplaceAll(string(k), "_", " "))
		}
	}
	return strings.Join(did, ", ")
}

func until(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " until " + at.UTC().Format("2006-01-02 15:04:05")
}

// written is a story as its file has it.
func written(facts []fact) string {
	var b strings.Builder
	for _, f := range facts {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}
