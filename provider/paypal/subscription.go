package paypal

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// subscription is as much of PayPal's as we read.
type subscription struct {
	ID         string
	PlanID     string `json:"plan_id"`
	Status     string
	Note       string    `json:"status_change_note"`
	StatusAt   time.Time `json:"status_update_time"`
	CreateTime time.Time `json:"create_time"`
	UpdateTime time.Time `json:"update_time"`
	StartTime  time.Time `json:"start_time"`
	Quantity   string
	CustomID   string `json:"custom_id"`
	Overridden bool   `json:"plan_overridden"`
	Plan       *plan
	Subscriber struct {
		PayerID string `json:"payer_id"`
	}
	Billing *billingInfo `json:"billing_info"`
	Links   []link
}

type billingInfo struct {
	Outstanding *amount `json:"outstanding_balance"`
	Last        *struct {
		Amount *amount
		Time   time.Time
	} `json:"last_payment"`
	Next       time.Time `json:"next_billing_time"`
	Failed     int       `json:"failed_payments_count"`
	LastFailed *struct {
		Time   time.Time
		Reason string    `json:"reason_code"`
		Retry  time.Time `json:"next_payment_retry_time"`
	} `json:"last_failed_payment"`
	Executions []struct {
		Tenure    string `json:"tenure_type"`
		Sequence  int
		Completed int `json:"cycles_completed"`
		Remaining int `json:"cycles_remaining"`
		Version   int `json:"current_pricing_scheme_version"`
	} `json:"cycle_executions"`
}

// getSubscription reads a subscription with its plan.
func (d *Driver) getSubscription(ctx context.Context, op, id string) (*subscription, error) {
	var s subscription
	if err := d.get(ctx, op, "/v1/billing/subscriptions/"+id, url.Values{"fields": {"last_failed_payment,plan"}}, &s); err != nil {
		return nil, err
	}
	if s.ID != id {
		return nil, d.malformed(op, errOther)
	}
	return &s, nil
}

// fetchSubscription reads a subscription as what it is asked for.
func (d *Driver) fetchSubscription(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	op := fmt.Sprintf("fetch %s %s", ref.Kind, ref.ID)
	s, err := d.getSubscription(ctx, op, ref.ID)
	if err != nil {
		return provider.Snapshot{}, err
	}
	read := d.subscription
	if ref.Kind == billing.KindCheckout {
		read = d.approval
	}
	snapshot, err := read(ctx, s)
	return d.versioned(op, snapshot, s.version(), err)
}

// count is the quantity; 1 where none is told.
func (s *subscription) count() int64 {
	n, err := strconv.ParseInt(s.Quantity, 10, 64)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// price is what was bought. Whoever makes a subscription can override the plan's
// amounts, in a browser too, so such a one is not what the plan's id says: it is
// mapped only where the merchant names it.
func (s *subscription) price() string {
	if s.Overridden {
		return s.PlanID + "/overridden"
	}
	return s.PlanID
}

func (s *subscription) info() billingInfo {
	if s.Billing == nil {
		return billingInfo{}
	}
	return *s.Billing
}

// paid is when the last payment came; zero if none ever did.
func (s *subscription) paid() time.Time {
	if last := s.info().Last; last != nil {
		return last.Time
	}
	return time.Time{}
}

const (
	// youth is how long how a subscription was bought may change with it: it waits three
	// days for approval, its first payment may succeed at the second try more, five days
	// apart, and an eCheck takes three days.
	youth = ApprovalLife + (2*5+3+2)*24*time.Hour
	// firstCycles is how many cycles there may have been before the first that was paid: a
	// subscription that was suspended over its first payment may be activated again.
	firstCycles = 3
)

// unsettled reports whether how a subscription was bought may be changing with it: it
// is young, was not paid yet, or its first payment may just have come.
func (s *subscription) unsettled(now time.Time) bool {
	paid, cycles := s.paid(), 0
	for _, e := range s.info().Executions {
		cycles += e.Completed
	}
	return now.Sub(s.CreateTime) < youth || paid.IsZero() || cycles <= firstCycles && now.Sub(paid) < youth
}

// subscription translates a subscription.
func (d *Driver) subscription(_ context.Context, s *subscription) (provider.Snapshot, error) {
	if s.Plan == nil {
		return provider.Snapshot{}, fmt.Errorf("subscription %s has no plan", s.ID)
	}
	t := termsOf(s, *s.Plan)
	object := billing.Subscription{
		ProviderStatus: s.Status, Price: s.price(), Quantity: s.count(), Interval: t.interval,
		Items: []billing.Item{{Price: s.price(), Quantity: s.count()}}, StartedAt: s.StartTime.UTC(),
	}
	if s.StartTime.After(s.CreateTime.Add(deferred)) {
		object.StartedAt = s.CreateTime.UTC() // it was agreed on then, and is free until charging starts
	}
	var err error
	if object.Amount, err = priceOf(*s.Plan, s.count()); err != nil {
		return provider.Snapshot{}, fmt.Errorf("subscription %s: %w", s.ID, err)
	}
	d.state(&object, s, t)
	object.Ahead = s.promotionEnd(t, object)
	snapshot := provider.Snapshot{Ref: d.ref(billing.KindSubscription, s.ID), Object: object, Claims: claims(s.CustomID, s.Subscriber.PayerID)}
	if s.unsettled(d.now()) {
		snapshot.Related = []provider.Ref{d.ref(billing.KindCheckout, s.ID)}
	}
	return snapshot, nil
}

// priceOf is what one regular cycle costs.
func priceOf(p plan, quantity int64) (billing.Money, error) {
	cycle := p.regular()
	if cycle == nil || cycle.Pricing.Fixed == nil {
		return billing.Money{}, nil // priced by tiers: only the payments tell
	}
	m, err := cycle.Pricing.Fixed.money()
	if err != nil {
		return m, err
	}
	if m.Amount > 0 && quantity > (1<<62)/m.Amount {
		return m, fmt.Errorf("a quantity of %d is out of range", quantity)
	}
	m.Amount *= quantity
	return m, nil
}

// state fills in status and dates.
func (d *Driver) state(o *billing.Subscription, s *subscription, t terms) {
	now := d.now()
	if s.Billing == nil && (s.Status == "APPROVAL_PENDING" || s.Status == "APPROVED") {
		o.Status = billing.SubscriptionPending
		return
	}
	if t.trial {
		o.TrialEnd = t.base.UTC()
	}
	over := s.Status == "CANCELLED" || s.Status == "EXPIRED"
	o.PeriodEnd = s.info().Next.UTC()
	if over || o.PeriodEnd.IsZero() {
		o.PeriodEnd = paidUntil(s, t).UTC()
	}
	if o.PeriodStart = t.periodStart(o.PeriodEnd).UTC(); o.PeriodEnd.IsZero() {
		o.PeriodStart = time.Time{}
	}
	if over {
		o.CancelAt = endOf(s, o.PeriodEnd).UTC()
	}
	if over && !o.CancelAt.After(now) {
		o.Status, o.EndedAt = billing.SubscriptionEnded, o.CancelAt
		return
	}
	switch s.Status {
	case "SUSPENDED":
		if defaulted(s) {
			o.Status, o.PastDueSince = billing.SubscriptionUnpaid, owedSince(s, t, now)
		} else {
			o.Status, o.Pause = billing.SubscriptionPaused, pauseOf(s, now)
		}
	case "ACTIVE", "CANCELLED", "EXPIRED":
		o.Status = running(s, t, over, now)
		if o.Status == billing.SubscriptionPastDue {
			o.PastDueSince = owedSince(s, t, now)
		}
	default:
		o.Status = billing.SubscriptionPending
	}
	if o.Status == billing.SubscriptionPastDue || o.Status == billing.SubscriptionUnpaid {
		o.Failure = failureOf(s)
	}
}

// defaulted reports whether a suspended subscription was suspended by PayPal because
// charges failed, and not by somebody who wanted a break. PayPal does not say. Its
// count of failures tells until money comes: an eCheck that was on its way, and clears
// when a later charge has failed, sets the count to 0 and lifts no suspension. From
// then on it is what is outstanding that tells, and that nobody left a note, which
// whoever suspends through the API must.
func defaulted(s *subscription) bool {
	threshold := s.Plan.Preferences.Threshold
	return threshold > 0 && (s.info().Failed >= threshold || s.Note == "" && owes(s.info()))
}

// paidUntil is until when the payer has paid, or has it free.
func paidUntil(s *subscription, t terms) time.Time {
	if noted := dateIn(s.Note, noteUntil); s.Status == "CANCELLED" && !noted.IsZero() {
		return t.paidSince(s, noted)
	}
	until := t.covered(s.paid())
	if last := t.lastCharged(s); !last.IsZero() && s.paid().After(s.StatusAt) && last.Before(until) {
		until = last
	}
	switch over := s.Status == "CANCELLED" || s.Status == "EXPIRED"; {
	case s.Status == "SUSPENDED" && s.paid().After(s.StatusAt) && defaulted(s):
		until = t.periodStart(t.covered(s.StatusAt)) // what failed last is not paid: this was for a cycle before
	case over && s.billsOutstanding() && s.info().Failed == 0 && owes(s.info()) && t.clearedLate(s.paid()):
		// Money sets the count of failures to 0, and so does whoever activates again what
		// was suspended for them. A later cycle's money would have settled what is
		// outstanding: so if this came late, it was for a cycle before.
		until = t.periodStart(until)
	}
	if t.trial && t.base.After(until) {
		until = t.base
	}
	return until
}

// lastCharged is the end of the last cycle that PayPal can have charged for who was
// canceled or suspended, or has expired: none begins from then on. An eCheck that was
// on its way clears three days later, perhaps beyond that end, and still pays for the
// cycle that it was sent for. Zero for who is charged, and if the time is not known.
func (t terms) lastCharged(s *subscription) time.Time {
	switch {
	case s.StatusAt.IsZero():
		return time.Time{}
	case s.Status == "EXPIRED":
		return t.boundaryAfter(s.StatusAt.Add(-t.slack())) // it expires where the last one ends
	case s.Status == "CANCELLED" || s.Status == "SUSPENDED":
		return t.boundaryAfter(s.StatusAt)
	}
	return time.Time{}
}

// paidSince is until when the payer has paid who, when we canceled, had paid until the
// date that we noted. Money that was on its way then, an eCheck, may have come since:
// it was for the cycle that ran at the time or, if something is still outstanding, for
// the one before, whose end we noted as the last that was paid.
func (t terms) paidSince(s *subscription, noted time.Time) time.Time {
	switch {
	case !s.paid().After(s.StatusAt) || noted.After(s.StatusAt):
		return noted
	case owes(s.info()):
		return t.boundaryAfter(noted)
	}
	return t.boundaryAfter(s.StatusAt)
}

// endOf is when access to a canceled or expired subscription ends: with what was
// paid for, at once if our note says so, and never before it was canceled.
func endOf(s *subscription, paid time.Time) time.Time {
	if s.Note == noteEnds || !paid.After(s.StatusAt) {
		return s.StatusAt
	}
	return paid
}

// running is the state of a subscription that PayPal charges for, or that was
// canceled and has time left. It takes more than PayPal's word ACTIVE: somebody
// must have paid, or it is in a free time.
func running(s *subscription, t terms, over bool, now time.Time) billing.SubscriptionStatus {
	info := s.info()
	free := s.Plan.regular() != nil && freeOfCharge(*s.Plan)
	untried := s.paid().IsZero() && info.Failed == 0
	switch {
	case t.trial && (now.Before(t.base) || untried && !over && !info.Next.IsZero() && !info.Next.After(now)):
		return billing.SubscriptionTrialing // or over since a moment ago, and not charged yet
	case over || free:
		return billing.SubscriptionActive
	case s.paid().IsZero() && (!t.trial || info.Failed == 0):
		return billing.SubscriptionPending // nobody has paid for it yet
	case info.Failed > 0, owes(info) && !t.covered(s.paid()).After(now) && info.Next.After(now):
		return billing.SubscriptionPastDue
	}
	return billing.SubscriptionActive
}

func freeOfCharge(p plan) bool {
	price, err := priceOf(p, 1)
	return err == nil && price.Currency != "" && price.Amount == 0
}

func owes(info billingInfo) bool {
	if info.Outstanding == nil {
		return false
	}
	m, err := info.Outstanding.money()
	return err == nil && m.Amount > 0
}

// owedSince is when the charge was due that is owed: when what was paid before
// was used up.
func owedSince(s *subscription, t terms, now time.Time) time.Time {
	since := paidUntil(s, t)
	if failed := s.info().LastFailed; failed != nil && (since.IsZero() || since.After(now)) {
		since = failed.Time
	}
	if since.After(now) {
		return time.Time{}
	}
	return since.UTC()
}

// pauseOf reads a pause. PayPal does not resume by itself: once the date in our
// note has come, somebody has to.
func pauseOf(s *subscription, now time.Time) *billing.Pause {
	pause := &billing.Pause{From: s.StatusAt.UTC(), Until: dateIn(s.Note, notePaused)}
	if !pause.Until.IsZero() && !pause.Until.After(now) {
		pause.Mode = billing.PauseOver
	}
	return pause
}

// bought is what was to be approved. PayPal only tells what a subscription is now,
// which may have been revised before the customer's browser is back; so our custom_id
// says what it was. It informs: access counts on the subscription's own price.
func (s *subscription) bought() []billing.Item {
	if item, noted := itemIn(s.CustomID); noted {
		return []billing.Item{item}
	}
	return []billing.Item{{Price: s.price(), Quantity: s.count()}}
}

// approval translates a subscription as the page on which it was approved.
func (d *Driver) approval(_ context.Context, s *subscription) (provider.Snapshot, error) {
	if s.Plan == nil {
		return provider.Snapshot{}, fmt.Errorf("subscription %s has no plan", s.ID)
	}
	t := termsOf(s, *s.Plan)
	object := billing.Checkout{
		Status: billing.CheckoutOpen, PaymentStatus: billing.CheckoutUnpaid, Mode: "subscription",
		Items: s.bought(), CreatedAt: s.CreateTime.UTC(), ExpiresAt: s.CreateTime.Add(ApprovalLife).UTC(),
	}
	switch s.Status {
	case "ACTIVE", "SUSPENDED":
		object.Status = billing.CheckoutComplete
	case "CANCELLED", "EXPIRED":
		if object.Status = billing.CheckoutComplete; s.Billing == nil {
			object.Status = billing.CheckoutExpired
		}
	default:
		if !d.now().Before(object.ExpiresAt) {
			object.Status = billing.CheckoutExpired
		}
	}
	if object.Status == billing.CheckoutComplete {
		object.Subscription = s.ID
		switch {
		case t.trial:
			object.PaymentStatus = billing.CheckoutNoPayment
		case !s.paid().IsZero():
			object.PaymentStatus = billing.CheckoutPaid
		}
	}
	return provider.Snapshot{
		Ref: d.ref(billing.KindCheckout, s.ID), Object: object, Claims: claims(s.CustomID, s.Subscriber.PayerID),
		Related: []provider.Ref{d.ref(billing.KindSubscription, s.ID)},
	}, nil
}
