package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// exact puts into a notice about a charge to come what will be charged, as the provider
// says it at this moment, in the place of an estimate. A charge that the provider does
// not preview, or that is not the next, keeps the estimate and the words for it. What
// fails and may not fail later is an error; what will always fail must not keep the
// customer from being told at all.
func (o *Outbox) exact(ctx context.Context, e store.Effect, n *notify.Notice, known policy.Known) error {
	about, err := provider.ParseRef(e.Object)
	if err != nil {
		return err
	}
	due := n.Next
	if due.IsZero() {
		due = n.Date
	}
	if !n.Estimated || about.Kind != billing.KindSubscription || !due.After(o.DB.Now()) {
		return nil
	}
	driver := o.Apply.Drivers[about.Account]
	previewer, able := driver.(provider.Previewer)
	if !able {
		return nil
	}
	if able, _ := provider.Can(driver, provider.PreviewCharge); !able {
		return nil
	}
	charge, found, err := previewer.PreviewCharge(ctx, about)
	failure, told := errors.AsType[*provider.Error](err)
	switch {
	case told && !failure.Kind.Temporary():
		o.Log.Warn("the next charge cannot be previewed, so that a notice says an estimate", "effect", e.Key, "error", err)
		return nil
	case err != nil:
		return err
	case !found || !near(charge.At, due):
		return nil
	}
	n.Amount, n.Estimated = &charge.Amount, false
	if n.Was != nil {
		n.Was = lastPaid(known, about, n.Was)
	}
	return nil
}

// near reports whether two times are of one charge: providers, and what the ledger has
// of them, differ by an hour or so.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < 12*time.Hour }

// lastPaid is what the period that runs was charged with, so that two amounts that are
// compared both are after discounts and with tax. Where that is not known it is what the
// notice says.
func lastPaid(known policy.Known, about provider.Ref, said *billing.Money) *billing.Money {
	s, found := billing.Find(known.Facts.Subscriptions, about.Account, about.ID)
	if !found {
		return said
	}
	for _, i := range known.Facts.Invoices {
		due := i.Object.Due
		if i.Account == about.Account && i.Object.Subscription == about.ID && i.Object.Status == billing.InvoicePaid &&
			due.Amount > 0 && due.Currency == said.Currency && near(i.Object.CreatedAt, s.PeriodStart) {
			return &due
		}
	}
	return said
}
