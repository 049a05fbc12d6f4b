package demo

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// stories tells of the latest drift that was healed, newest first: what the naive
// handler still believes, what is true, and how the service found out.
func (w *world) stories(ctx context.Context, most int) ([]string, error) {
	rows, err := w.db.Drift(ctx, store.DriftFilter{State: "healed", Limit: 200})
	if err != nil {
		return nil, fmt.Errorf("read the drift: %w", err)
	}
	var wrong, rest []string
	told := map[string]bool{}
	for _, d := range rows {
		if told[d.Object] {
			continue
		}
		told[d.Object] = true
		if text, still := w.story(d); still {
			wrong = append(wrong, text)
		} else {
			rest = append(rest, text)
		}
	}
	all := append(wrong, rest...)
	return all[:min(most, len(all))], nil
}

// story tells of one finding; still says whether the naive handler is wrong
// about the object to this day.
func (w *world) story(d store.Drift) (text string, still bool) {
	a := w.account(d.Account)
	truth, found := a.truthIn(d.Subject, d.Object)
	who := strings.TrimSpace(cmp.Or(d.Customer, "somebody") + " " + w.bought(a, truth))
	healed := fmt.Sprintf("ours healed by %s on %s%s", d.FoundBy, d.FoundAt.Format("Jan 2"), within(d))
	if found && a.naive.counts(truth) {
		if field, has, bad := a.naive.wrong(truth.Kind, truth.ID, truth.Fields); bad {
			return fmt.Sprintf("%s: naive handler has %s; %s", who, contrast(field, has, truth.Fields, a.shown), healed), true
		}
	}
	return fmt.Sprintf("%s: %s %s; %s", who, d.Subject, whatWas(d), healed), false
}

// contrast sets what the naive handler has beside what the provider says.
func contrast(field, has string, truth map[string]string, provider string) string {
	says := truth[field]
	switch {
	case field == "":
		says = cmp.Or(truth["status"], truth["email"], "that it is there")
	case field != "status":
		has, says = field+" "+cmp.Or(has, "none"), cmp.Or(says, "none")
	}
	return fmt.Sprintf("%s, %s says %s", has, provider, says)
}

// whatWas says in a word how the ledger was wrong.
func whatWas(d store.Drift) string {
	switch d.Impact {
	case "paid_but_blocked":
		return "was paid for and blocked"
	case "unpaid_but_active":
		return "was not paid for and open"
	}
	switch d.Kind {
	case "missing":
		return "was not known"
	case "gone":
		return "was deleted"
	}
	return "had changed"
}

// within bounds how long the ledger was wrong.
func within(d store.Drift) string {
	if d.Since.IsZero() {
		return ""
	}
	return ", wrong for less than " + span(d.FoundAt.Sub(d.Since))
}

func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes())+1)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours())+1)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24)+1)
}

// bought says what an object is about: a plan, or what kind of thing it is.
func (w *world) bought(a *account, o sim.Object) string {
	for _, offer := range a.offers {
		if offer.price == o.Fields["price"] {
			return offer.plan
		}
	}
	return o.Kind
}

// names lists the simulated providers for people.
func (w *world) names() string {
	var names []string
	for _, a := range w.accounts {
		names = append(names, a.shown)
	}
	return strings.Join(names, ", ")
}
