package sim

import "time"

// Chaos says how often things go wrong. All rates are between 0 and 1; the zero
// value is a perfect network. Rates of API faults are per call, those of
// delivery faults per delivery, those of windows (Burst, Outages, Disabled) per
// day.
type Chaos struct {
	// Drop loses a delivery for ever.
	Drop float64
	// Duplicate sends 1 to 10 extra copies: the same event, each signed anew.
	Duplicate float64
	// Reorder delays a delivery by minutes, so that later ones overtake it.
	Reorder float64
	// Delay holds a delivery back for hours, up to three days.
	Delay float64
	// Burst holds back all deliveries for some hours and then sends them at
	// once.
	Burst float64
	// Disabled switches the receiving endpoint off for some hours: what happens
	// meanwhile is never delivered.
	Disabled float64

	// StaleRead lets reads of a changed object answer the version before the
	// change, or 404 for one just made, for up to StaleFor.
	StaleRead float64
	// StaleFor bounds a stale read in virtual time; 20 s when zero.
	StaleFor time.Duration
	// RateLimited answers 429, every other time with Retry-After.
	RateLimited float64
	// ServerError answers 500, 502 or 503 and does nothing.
	ServerError float64
	// TimeoutBefore drops the connection with nothing done.
	TimeoutBefore float64
	// TimeoutAfter does what was asked and then drops the connection.
	TimeoutAfter float64
	// Truncated answers 200 with half a body.
	Truncated float64
	// ShiftPages repeats the last rows of a list page on the next one.
	ShiftPages float64
	// Outages takes the API down for some hours.
	Outages float64
}

// DefaultChaos has every fault at a rate that a month with a few hundred
// customers will almost surely see, and that a correct service must survive.
func DefaultChaos() Chaos {
	return Chaos{
		Drop: 0.05, Duplicate: 0.05, Reorder: 0.10, Delay: 0.02, Burst: 0.15, Disabled: 0.10,
		StaleRead: 0.10, StaleFor: 20 * time.Second, RateLimited: 0.01, ServerError: 0.01,
		TimeoutBefore: 0.005, TimeoutAfter: 0.005, Truncated: 0.005, ShiftPages: 0.10, Outages: 0.12,
	}
}

// Names of faults as Stats counts them.
const (
	FaultDrop          = "drop"
	FaultDuplicate     = "duplicate"
	FaultReorder       = "reorder"
	FaultDelay         = "delay"
	FaultBurst         = "burst"
	FaultDisabled      = "disabled"
	FaultStaleRead     = "stale_read"
	FaultRateLimited   = "rate_limited"
	FaultServerError   = "server_error"
	FaultTimeoutBefore = "timeout_before"
	FaultTimeoutAfter  = "timeout_after"
	FaultTruncated     = "truncated"
	FaultShiftPages    = "shift_pages"
	FaultOutage        = "outage"
)
