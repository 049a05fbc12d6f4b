package billing

import (
	"slices"
	"time"
)

// SubscriptionStatus is the state of a subscription in our words. The
// provider's own word is kept beside it.
type SubscriptionStatus string

// The states of a subscription. [SubscriptionMachine] says how each is left.
const (
	SubscriptionPending  SubscriptionStatus = "pending"
	SubscriptionTrialing SubscriptionStatus = "trialing"
	SubscriptionActive   SubscriptionStatus = "active"
	SubscriptionPastDue  SubscriptionStatus = "past_due"
	SubscriptionUnpaid   SubscriptionStatus = "unpaid"
	SubscriptionPaused   SubscriptionStatus = "paused"
	SubscriptionEnded    SubscriptionStatus = "ended"
)

// Subscription is an agreement to pay again every interval.
type Subscription struct {
	// Status is [SubscriptionPaused] for every pause, even where the provider's
	// own status does not change (Stripe's pause_collection).
	Status SubscriptionStatus `json:"status"`
	// ProviderStatus is the provider's own word, for people and for support.
	ProviderStatus string `json:"provider_status"`

	// Price is the provider's id of the first item's price, Quantity how many of
	// it; Items has them all.
	Price    string `json:"price"`
	Quantity int64  `json:"quantity"`
	// Amount is what one interval costs before discounts and tax, all items together.
	Amount   Money    `json:"amount"`
	Interval Interval `json:"interval,omitzero"`
	Items    []Item   `json:"items,omitempty"`

	StartedAt time.Time `json:"started_at,omitzero"`
	// PeriodStart and PeriodEnd bound the current, paid or owed, period. Where
	// items differ PeriodEnd is the latest (Stripe, per item since 2025-03-31).
	PeriodStart time.Time `json:"period_start,omitzero"`
	PeriodEnd   time.Time `json:"period_end,omitzero"`
	// TrialEnd may be long past: providers keep the date.
	TrialEnd time.Time `json:"trial_end,omitzero"`
	// CancelAt is when the subscription will end, or has ended, because somebody
	// canceled it. Until then it is as good as any other.
	CancelAt time.Time `json:"cancel_at,omitzero"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	// PastDueSince is when the charge that is still owed was first due.
	PastDueSince time.Time `json:"past_due_since,omitzero"`
	Pause        *Pause    `json:"pause,omitempty"`
	// Ahead is the next change of what is charged that is settled already; nil: none
	// is, or the provider does not tell.
	Ahead *Ahead `json:"ahead,omitempty"`

	// LatestInvoice is the provider's id of the newest invoice.
	LatestInvoice string `json:"latest_invoice,omitempty"`
}

// Item is one price of a subscription or a checkout.
type Item struct {
	// Price is the provider's id. A Quantity below 1 counts as 1.
	Price    string `json:"price"`
	Quantity int64  `json:"quantity"`
}

// Interval is how often a subscription renews: every Count units.
type Interval struct {
	// Unit is "day", "week", "month" or "year".
	Unit  string `json:"unit"`
	Count int64  `json:"count"`
}

// After is n intervals after a time, by the calendar: a month ends on the same day, or
// on the last of a month that has no such day. Zero for a unit that nobody knows.
func (i Interval) After(from time.Time, n int) time.Time {
	count := n * int(max(1, i.Count))
	switch i.Unit {
	case "day":
		return from.AddDate(0, 0, count)
	case "week":
		return from.AddDate(0, 0, 7*count)
	case "month":
		return CalendarPeriod{Months: count}.After(from, 1)
	case "year":
		return CalendarPeriod{Years: count}.After(from, 1)
	}
	return time.Time{}
}

// Ahead is a change of what a subscription costs that will come by itself.
type Ahead struct {
	// Kind is [PromotionEnd] or [PriceChange].
	Kind AheadKind `json:"kind"`
	// At is when the first charge at the new amount is due.
	At time.Time `json:"at"`
	// Amount is what one interval costs from then on, before tax; zero: not known.
	Amount Money `json:"amount,omitzero"`
}

// AheadKind says why a subscription will cost something else.
type AheadKind string

// The changes that can lie ahead: a discount or an introductory price runs out, or
// the merchant has scheduled another price.
const (
	PromotionEnd AheadKind = "promotion_end"
	PriceChange  AheadKind = "price_change"
)

// PauseFree is the mode of a pause that leaves the service on without charge
// (Lemon Squeezy calls it "free").
const PauseFree = "free"

// PauseOver is the mode of a pause whose end has come at a provider that does not
// resume by itself (PayPal): the subscription is still suspended, and the service
// has to resume it.
const PauseOver = "over"

// Pause is a suspension of charging that the merchant or the customer asked for.
type Pause struct {
	// From is when it began, or is to begin while the status is another yet; zero
	// where the provider does not say.
	From time.Time `json:"from,omitzero"`
	// Until is when the provider resumes by itself; zero: when told.
	Until time.Time `json:"until,omitzero"`
	// Mode is the provider's word for what happens meanwhile, such as "void";
	// [PauseFree] keeps access, [PauseOver] asks to be resumed.
	Mode string `json:"mode,omitempty"`
}

// Live reports whether the provider may still charge for the subscription: it
// is neither ended nor still waiting for its first payment.
func (s Subscription) Live() bool {
	return s.Status != SubscriptionEnded && s.Status != SubscriptionPending
}

// Kind implements [Object].
func (Subscription) Kind() Kind { return KindSubscription }

// State implements [Object].
func (s Subscription) State() string { return string(s.Status) }

// Revisit implements [Object]: the earliest of period end, cancellation, pause to
// come, resumption and, in a trial, its end.
func (s Subscription) Revisit() time.Time {
	if s.Status == SubscriptionEnded {
		return time.Time{}
	}
	at := earliest(s.PeriodEnd, s.CancelAt)
	if s.Status == SubscriptionPaused && s.Pause != nil && !s.Pause.Until.IsZero() {
		// PayPal's periods stand still meanwhile; one that is long over would hide the
		// day on which the pause is.
		at = s.CancelAt
	}
	if s.Status == SubscriptionTrialing {
		// Stripe keeps the date of a trial long gone, which would hide all others.
		at = earliest(at, s.TrialEnd)
	}
	if s.Pause != nil {
		at = earliest(at, s.Pause.Until)
		if s.Status != SubscriptionPaused {
			at = earliest(at, s.Pause.From)
		}
	}
	return at
}

func (s Subscription) changesFrom(before Object) []ChangeKind {
	was, known := before.(Subscription)
	var named []ChangeKind
	name := func(kind ChangeKind, happened bool) {
		if happened {
			named = append(named, kind)
		}
	}
	entered := func(status SubscriptionStatus) bool { return s.Status == status && was.Status != status }
	behind := was.Status == SubscriptionPastDue || was.Status == SubscriptionUnpaid
	good := s.Status == SubscriptionActive || s.Status == SubscriptionTrialing
	name(Started, !known && s.Status != SubscriptionEnded)
	name(Recovered, behind && good)
	name(Resumed, was.Status == SubscriptionPaused && s.Status != SubscriptionPaused && s.Status != SubscriptionEnded)
	name(Activated, entered(SubscriptionActive) && !behind && was.Status != SubscriptionPaused)
	name(FellBehind, entered(SubscriptionPastDue))
	name(WentUnpaid, entered(SubscriptionUnpaid))
	name(Paused, entered(SubscriptionPaused))
	name(Ended, entered(SubscriptionEnded))
	name(Renewed, !was.PeriodEnd.IsZero() && s.PeriodEnd.After(was.PeriodEnd) && s.PeriodStart.After(was.PeriodStart) && s.Status != SubscriptionEnded)
	name(Replanned, known && !slices.Equal(s.bought(), was.bought()))
	name(CancelScheduled, !s.CancelAt.IsZero() && !s.CancelAt.Equal(was.CancelAt) && s.Status != SubscriptionEnded)
	name(CancelWithdrawn, s.CancelAt.IsZero() && !was.CancelAt.IsZero() && s.Status != SubscriptionEnded)
	return changesOf(before, named)
}

// bought lists all items, of which a subscription always has one.
func (s Subscription) bought() []Item {
	if len(s.Items) == 0 {
		return []Item{{Price: s.Price, Quantity: s.Quantity}}
	}
	return s.Items
}

// Earliest is the first of several moments; zero times do not count.
func Earliest(times ...time.Time) time.Time { return earliest(times...) }

func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
