package apply

import (
	"context"
	"encoding/json"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// mostCredits bounds one use, so that sums of them stay far from overflow.
const mostCredits = 1_000_000_000_000

// CreditRequest says which credits to use or to give.
type CreditRequest struct {
	// Feature or Plan says whose: those of all plans that give the feature, or those
	// of one plan.
	Feature, Plan string
	// Amount is above zero.
	Amount int64
	// Reason is the application's, for whoever reads the audit trail.
	Reason string
}

// Spent is what a use took.
type Spent struct {
	// Takes are empty if the customer has the feature by other means.
	Takes []billing.Take
	// By is why they may: [billing.ReasonCredits], or what gives the feature without
	// end.
	By billing.Reason
}

// Consume uses credits of a customer, all that was asked for or none: the error is
// then a [*billing.CreditsError]. Two uses at once take turns. A customer who has
// the feature by other means, by a subscription say, uses none. A customer of whom
// nobody has heard is [store.ErrNotFound]; a wrong request is an [*Invalid].
func (a *Applier) Consume(ctx context.Context, ref string, q CreditRequest, cause Cause) (spent Spent, err error) {
	if err := a.creditable(q); err != nil {
		return spent, err
	}
	if _, err := a.DB.Customer(ctx, ref); err != nil {
		return spent, err
	}
	err = a.allByHand(ctx, ref, cause, func(ctx context.Context, w *writing) ([]store.Change, error) {
		if err := w.load(ctx, map[string]Cause{ref: cause}); err != nil {
			return nil, err
		}
		if spent, err = w.spend(w.customers[ref].facts, q); err != nil {
			return nil, err
		}
		if len(spent.Takes) == 0 {
			return nil, errUnchanged
		}
		var changes []store.Change
		for _, take := range spent.Takes {
			change, err := w.putCredit(ctx, ref, billing.CreditsUsed, take.Plan, take.Amount, q.Reason)
			if err != nil {
				return nil, err
			}
			changes = append(changes, change)
		}
		return changes, nil
	})
	return spent, err
}

// spend decides where the credits come from.
func (w *writing) spend(facts billing.Facts, q CreditRequest) (spent Spent, err error) {
	if q.Plan == "" {
		spent.Takes, spent.By, err = billing.Spend(w.Catalog, w.Rules, facts, q.Feature, q.Amount, w.tx.Now)
		return spent, err
	}
	if facts.Ban != nil {
		return spent, &billing.CreditsError{Why: billing.ReasonBanned}
	}
	left := w.balance(facts, q.Plan).Left()
	if left < q.Amount {
		return spent, &billing.CreditsError{Why: billing.ReasonNoCredits, Left: left}
	}
	return Spent{Takes: []billing.Take{{Plan: q.Plan, Amount: q.Amount, Left: left - q.Amount}}, By: billing.ReasonCredits}, nil
}

func (w *writing) balance(facts billing.Facts, plan string) billing.Balance {
	for _, b := range billing.Balances(w.Catalog, w.Rules, facts, w.tx.Now) {
		if b.Plan == plan {
			return b
		}
	}
	return billing.Balance{Plan: plan}
}

// GiveCredits gives a customer credits of a plan by hand, or gives back those that
// were used for what came to nothing. A customer of whom nobody has heard is made.
func (a *Applier) GiveCredits(ctx context.Context, ref string, q CreditRequest, cause Cause) (b billing.Balance, err error) {
	if err := billing.CheckRef(ref); err != nil {
		return b, &Invalid{err.Error()}
	}
	if q.Plan == "" {
		return b, invalidf("credits are given of a plan: name it")
	}
	if err := a.creditable(q); err != nil {
		return b, err
	}
	err = a.allByHand(ctx, ref, cause, func(ctx context.Context, w *writing) ([]store.Change, error) {
		change, err := w.putCredit(ctx, ref, billing.CreditsGiven, q.Plan, -q.Amount, q.Reason)
		if err != nil {
			return nil, err
		}
		if err := w.load(ctx, map[string]Cause{ref: cause}); err != nil {
			return nil, err
		}
		b = w.balance(w.customers[ref].facts, q.Plan)
		return []store.Change{change}, nil
	})
	return b, err
}

// creditable reports what is wrong with a request.
func (a *Applier) creditable(q CreditRequest) error {
	plan, known := a.Catalog.ByID(q.Plan)
	switch {
	case q.Amount <= 0 || q.Amount > mostCredits:
		return invalidf("the amount is %d: name how many credits, from 1 to %d", q.Amount, int64(mostCredits))
	case (q.Feature == "") == (q.Plan == ""):
		return invalidf("name the feature that credits are used for, or the plan whose credits are meant")
	case q.Plan != "" && !known:
		return invalidf("there is no plan %q: see [[plan]] in the configuration", q.Plan)
	case q.Plan != "" && plan.Kind != billing.GrantCredits:
		return invalidf("plan %q gives no credits: name one with grants = \"credits=N\"", q.Plan)
	case q.Feature != "" && !a.Catalog.CreditsFor(q.Feature):
		return invalidf("no plan of credits gives the feature %q: see [[plan]] in the configuration", q.Feature)
	}
	return nil
}

// putCredit counts what was taken, or if negative given, and says how the audit
// trail tells it. The customer is locked.
func (w *writing) putCredit(ctx context.Context, ref string, kind billing.ChangeKind, plan string, taken int64, reason string) (store.Change, error) {
	rows, err := w.tx.CreditsOf(ctx, []string{ref})
	if err != nil {
		return store.Change{}, err
	}
	var was any
	var use billing.CreditUse
	for _, row := range rows {
		if row.Plan != plan {
			continue
		}
		if err := json.Unmarshal([]byte(row.Doc), &use); err != nil {
			return store.Change{}, err
		}
		was = use
	}
	use = billing.CreditUse{Used: use.Used + taken, Last: taken, Reason: reason}
	diff, err := billing.Diff(was, use)
	if err != nil {
		return store.Change{}, err
	}
	doc := jsonText(use)
	if err := w.tx.PutCredit(ctx, store.Credit{Customer: ref, Plan: plan, Doc: doc}); err != nil {
		return store.Change{}, err
	}
	return store.Change{
		Subject: store.SubjectCredits, ID: ref + " " + plan, Customer: ref, Kinds: kindList(kind), Diff: jsonText(diff), After: doc,
	}, nil
}

// count adds what was used to the facts.
func count(facts *billing.Facts, row store.Credit) error {
	var use billing.CreditUse
	if err := json.Unmarshal([]byte(row.Doc), &use); err != nil {
		return err
	}
	if facts.Consumed == nil {
		facts.Consumed = map[string]int64{}
	}
	facts.Consumed[row.Plan] = use.Used
	return nil
}

// countCredits adds all that a customer has used to the facts.
func (a *Applier) countCredits(ctx context.Context, ref string, facts *billing.Facts) error {
	if !a.Catalog.HasCredits() {
		return nil
	}
	rows, err := a.DB.CreditsOf(ctx, ref)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := count(facts, row); err != nil {
			return err
		}
	}
	return nil
}

// Credits lists how a customer stands with each plan of credits.
func (a *Applier) Credits(ctx context.Context, ref string) ([]billing.Balance, error) {
	facts, _, err := a.Facts(ctx, ref)
	return billing.Balances(a.Catalog, a.Rules, facts, a.DB.Now()), err
}
