package stripe

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// ahead is the next change of what a subscription costs that comes by itself: the end
// of a discount, or a phase of its schedule. A coupon that counts once and a discount
// of the customer are not told: Stripe does not say in the subscription which charge
// uses the one up, and does not show the other there.
func (d *Driver) ahead(ctx context.Context, s *subscription, items []subscriptionItem, o billing.Subscription) (*billing.Ahead, error) {
	if !o.Live() || o.PeriodEnd.IsZero() {
		return nil, nil //nolint:nilnil // nothing lies ahead
	}
	next := promotionEnd(s, items, o)
	phase, err := d.phaseAhead(ctx, s, items, o)
	if err != nil {
		return nil, err
	}
	if phase != nil && (next == nil || !phase.At.After(next.At)) {
		next = phase // which knows what it costs from then on
	}
	if next == nil || !o.CancelAt.IsZero() && !o.CancelAt.After(next.At) {
		return nil, nil //nolint:nilnil // it is over before
	}
	return next, nil
}

// promotionEnd is the first charge that lacks one of the discounts of today. What it
// comes to is known if it lacks them all; whether one that stays is for all items, the
// discount does not say at the depth to which lists can be expanded.
func promotionEnd(s *subscription, items []subscriptionItem, o billing.Subscription) *billing.Ahead {
	var ends []time.Time
	stays := 0
	count := func(discounts []*discount) {
		for _, discount := range discounts {
			switch {
			case discount == nil || discount.Deleted:
			case discount.End == 0:
				stays++
			case moment(discount.End).After(o.PeriodStart):
				ends = append(ends, chargeFrom(s, o, moment(discount.End)))
			}
		}
	}
	count(s.Discounts)
	for _, item := range items {
		count(item.Discounts)
	}
	first := billing.Earliest(ends...)
	if first.IsZero() {
		return nil
	}
	ahead := &billing.Ahead{Kind: billing.PromotionEnd, At: first}
	if stays == 0 && !slices.ContainsFunc(ends, first.Before) {
		ahead.Amount = o.Amount
	}
	return ahead
}

// chargeFrom is when the first charge at or after a time is due.
func chargeFrom(s *subscription, o billing.Subscription, at time.Time) time.Time {
	anchor, count := moment(s.BillingCycleAnchor), int(max(1, o.Interval.Count))
	if anchor.IsZero() {
		anchor = o.PeriodEnd
	}
	// The end of a period is a whole number of months from the anchor, which fixes the
	// day of the month.
	months := 12*(o.PeriodEnd.Year()-anchor.Year()) + int(o.PeriodEnd.Month()-anchor.Month())
	for n := range mostPeriods {
		due := o.Interval.After(o.PeriodEnd, n)
		switch {
		case due.IsZero():
			return due // a rhythm that nobody knows
		case n > 0 && o.Interval.Unit == "month":
			due = billing.CalendarPeriod{Months: months + n*count}.After(anchor, 1)
		case n > 0 && o.Interval.Unit == "year":
			due = billing.CalendarPeriod{Months: months + 12*n*count}.After(anchor, 1)
		}
		if !due.Before(at) {
			return due
		}
	}
	return time.Time{}
}

// mostPeriods bounds the reckoning: ten years of days.
const mostPeriods = 3660

// phaseAhead is the first phase to come of a subscription's schedule that costs
// something else than today's.
func (d *Driver) phaseAhead(ctx context.Context, s *subscription, items []subscriptionItem, o billing.Subscription) (*billing.Ahead, error) {
	schedule := s.Schedule
	if schedule == nil || schedule.Status != sdk.SubscriptionScheduleStatusActive || schedule.CurrentPhase == nil {
		return nil, nil //nolint:nilnil // nothing is scheduled
	}
	var coupons []string // of the phase that runs, as far as they still count
	for i := range schedule.Phases {
		phase := &schedule.Phases[i]
		switch {
		case phase.StartDate == schedule.CurrentPhase.StartDate:
			if len(s.Discounts) > 0 || slices.ContainsFunc(items, func(i subscriptionItem) bool { return len(i.Discounts) > 0 }) {
				coupons = couponsOf(phase)
			}
		case phase.StartDate >= schedule.CurrentPhase.EndDate:
			amount, every, err := d.phaseCost(ctx, s, items, phase)
			if err != nil {
				return nil, err
			}
			kept := couponsOf(phase)
			same := amount == o.Amount && every == o.Interval
			if same && slices.Equal(kept, coupons) {
				continue
			}
			ahead := &billing.Ahead{Kind: billing.PriceChange, At: phaseCharge(s, o, phase, every), Amount: amount}
			if same && len(coupons) > 0 {
				ahead.Kind = billing.PromotionEnd
			}
			if len(kept) > 0 {
				ahead.Amount = billing.Money{} // the price without what the coupons take off
			}
			if ahead.At.IsZero() {
				return nil, nil //nolint:nilnil // at no time that we know
			}
			return ahead, nil
		}
	}
	return nil, nil //nolint:nilnil // all phases cost the same
}

// phaseCharge is when the first charge of a phase is due. A phase that begins a rhythm
// of its own charges when it begins; any other at the end of the period that runs.
func phaseCharge(s *subscription, o billing.Subscription, phase *phase, every billing.Interval) time.Time {
	start := moment(max(phase.StartDate, phase.TrialEnd))
	if every != o.Interval || phase.BillingCycleAnchor == sdk.SubscriptionSchedulePhaseBillingCycleAnchorPhaseStart || phase.TrialEnd > phase.StartDate {
		return start
	}
	return chargeFrom(s, o, start)
}

// couponsOf lists the coupons that a phase brings, of itself and of its items.
func couponsOf(phase *phase) (all []string) {
	for _, discount := range phase.Discounts {
		all = append(all, couponIn(discount))
	}
	for _, item := range phase.Items {
		for _, discount := range item.Discounts {
			all = append(all, couponIn(discount))
		}
	}
	slices.Sort(all)
	return all
}

func couponIn(d phaseDiscount) string {
	return cmp.Or(d.Coupon.idOf(), d.Discount.idOf(), d.PromotionCode.idOf())
}

// phaseCost is what one interval of a phase costs before discounts. A schedule names
// prices by their ids: those that the subscription has today are known, the others are
// read once.
func (d *Driver) phaseCost(ctx context.Context, s *subscription, items []subscriptionItem, phase *phase) (cost billing.Money, every billing.Interval, err error) {
	total := int64(0)
	for _, item := range phase.Items {
		if item.Price == nil {
			continue
		}
		price, err := d.price(ctx, items, item.Price.ID)
		if err != nil {
			return cost, every, err
		}
		total += priceOf(price, item.Quantity)
		if recurring := price.Recurring; recurring != nil && every.Unit == "" {
			every = billing.Interval{Unit: recurring.Interval, Count: recurring.IntervalCount}
		}
	}
	cost, err = money(total, s.Currency)
	return cost, every, err
}

// price reads a price, once: what a price costs can never be changed in Stripe, and
// many subscriptions will move to the same.
func (d *Driver) price(ctx context.Context, items []subscriptionItem, id string) (*price, error) {
	for _, item := range items {
		if item.Price != nil && item.Price.ID == id {
			return item.Price, nil
		}
	}
	if known, found := d.prices.Load(id); found {
		return known.(*price), nil //nolint:forcetypeassert // nothing else is stored
	}
	op := "fetch price " + clip(id, 64)
	if !isName(id) {
		return nil, d.malformed(op, errNoPrice)
	}
	found, err := retrieved[price](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.V1Prices.Retrieve(ctx, id, nil)
		return err
	})
	if err == nil && found.ID != id || err != nil && provider.KindOf(err) == provider.NotFound {
		return nil, d.malformed(op, errNoPrice) // it is not the subscription that is missing
	}
	if err != nil {
		return nil, err
	}
	d.prices.Store(id, &found)
	return &found, nil
}

var (
	errNoPrice   = errors.New("the schedule names a price that is not there")
	errNoPreview = errors.New("the answer is not an invoice with a date and an amount: check base_url")
)

// PreviewCharge implements [provider.Previewer] by the preview of the next invoice,
// corrections of the period that runs included, as they will be charged with it.
func (d *Driver) PreviewCharge(ctx context.Context, subscription provider.Ref) (provider.Charge, bool, error) {
	op := "preview the next invoice of subscription " + clip(subscription.ID, 64)
	if err := d.checkRef(op, subscription, billing.KindSubscription); err != nil {
		return provider.Charge{}, false, err
	}
	invoice, err := call(ctx, d, op, func(ctx context.Context) (*sdk.Invoice, error) {
		return d.api.V1Invoices.CreatePreview(ctx, &sdk.InvoiceCreatePreviewParams{Subscription: sdk.String(subscription.ID)})
	})
	if failure, told := errors.AsType[*provider.Error](err); told {
		switch {
		case failure.Code == string(sdk.ErrorCodeInvoiceUpcomingNone):
			return provider.Charge{}, false, nil
		case failure.Kind == provider.OutcomeUnknown:
			failure.Kind = provider.Unavailable // nothing can have come of it
		}
	}
	if err != nil {
		return provider.Charge{}, false, err
	}
	charge := provider.Charge{At: moment(invoice.PeriodEnd)}
	if charge.Amount, err = money(invoice.AmountDue, invoice.Currency); err != nil || charge.At.IsZero() || invoice.Object != "invoice" {
		return provider.Charge{}, false, d.malformed(op, errNoPreview)
	}
	taxes := int64(0)
	for _, tax := range invoice.TotalTaxes {
		taxes += tax.Amount
	}
	tax, err := money(taxes, invoice.Currency)
	charge.Tax = tax.Amount
	return charge, true, err
}
