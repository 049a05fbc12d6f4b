package hygiene

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Stats is how the service itself stands at a moment.
type Stats struct {
	Now time.Time
	// DeadEvents counts, by account, the webhooks that were given up; DeadEffects those
	// effects that were, DeadLooks the objects that cannot be looked at.
	DeadEvents  map[string]int64
	DeadEffects map[string]int64
	DeadLooks   map[string]int64
	// Sweeps are the periodic comparisons with the providers, by account.
	Sweeps map[string]Sweep
	// Keys are when API keys run out, by account; a key without a date is left out.
	Keys map[string]time.Time
	// OwnKeys are when keys of our own API run out, by name; a key without a date is left
	// out.
	OwnKeys map[string]time.Time
	// Unlinked are the purchases that nobody's are, by account.
	Unlinked map[string]Unlinked
	// Disputes counts, by account, those that stand about purchases that nobody's are:
	// no policy sees them.
	Disputes map[string]int64
	// Catalog is what is sold, Known are the ways to pay beside those that are shipped.
	Catalog billing.Catalog
	Known   []string
	// Open are the causes of all open alerts.
	Open []string
}

// Sweep is how the comparison with one account goes.
type Sweep struct {
	// Last is when one was last completed; zero: none ever was.
	Last time.Time
	// Every is how often it should be; zero: never, so that none is late.
	Every time.Duration
	// Since is when the account was first looked after.
	Since time.Time
}

// Unlinked are purchases without a customer.
type Unlinked struct {
	Count int64
	// Oldest is when the oldest was first seen.
	Oldest time.Time
}

const (
	// keyNotice is how long before its end an expiring key is told.
	keyNotice = 30 * day
	// ownKeyNotice is the same for one of our own, which is made in a minute.
	ownKeyNotice = 14 * day
	// linkWait is how long a purchase may wait for whose it is: the customer may still
	// be on the way back from the checkout.
	linkWait = time.Hour
)

// The causes that [Watch] raises and closes, each followed by the account.
const (
	deadEvents  = "dead_events:"
	deadEffects = "dead_effects:"
	deadLooks   = "dead_looks:"
	lateSweep   = "late_sweep:"
	keyExpires  = "key_expires:"
	unlinked    = "unlinked:"
	disputed    = "unlinked_dispute:"
)

// ownKeyExpires is followed by the name of the key.
const ownKeyExpires = "api_key_expires:"

var causes = []string{deadEvents, deadEffects, deadLooks, lateSweep, keyExpires, ownKeyExpires, unlinked, disputed}

const (
	priceCause  = "price:"
	methodCause = "method:"
)

// Watch says what about the service needs a person, one warning for each cause, and
// closes those open alerts whose cause is over. It is pure, and may be asked as often
// as one likes: what is open is not raised again.
//
// The alerts about prices that mean no plan and ways to pay that nobody knows, which
// policies raise, are closed here too: that one was added to the configuration is no
// change of any customer.
func Watch(s Stats) (warnings []policy.Warning) {
	current := map[string]bool{}
	for _, w := range s.now() {
		current[w.Cause] = true
		if !slices.Contains(s.Open, w.Cause) {
			warnings = append(warnings, w)
		}
	}
	for _, cause := range slices.Compact(slices.Sorted(slices.Values(s.Open))) {
		if !current[cause] && s.over(cause) {
			warnings = append(warnings, policy.Warning{Cause: cause, Kind: "hygiene", Title: "over: " + cause, Over: true})
		}
	}
	return warnings
}

// now lists all that is wrong, open or not, in a settled order.
func (s Stats) now() (all []policy.Warning) {
	add := func(cause, account, title, details string, due time.Time) {
		all = append(all, policy.Warning{Cause: cause + account, Kind: "hygiene", Title: title, Details: details, DueBy: due})
	}
	for account, n := range s.DeadEvents {
		if n > 0 {
			add(deadEvents, account, fmt.Sprintf("%d webhooks of %s were given up", n, account),
				"See what is wrong with `trivet events list --state dead`, and once that is mended replay them. What they told of is compared by the sweeps all the same.", time.Time{})
		}
	}
	for account, n := range s.DeadEffects {
		if n > 0 {
			add(deadEffects, account, fmt.Sprintf("%d things to be done at %s were given up", n, account),
				"Each says why in `trivet effects --state failed`. Do it by hand, or try it again.", time.Time{})
		}
	}
	for account, n := range s.DeadLooks {
		if n > 0 {
			add(deadLooks, account, fmt.Sprintf("%d objects of %s cannot be looked at", n, account),
				"Their state may be old until a sweep shows them. The log says what is wrong with each; `trivet reconcile` has another look.", time.Time{})
		}
	}
	for account, sweep := range s.Sweeps {
		if since, late := sweep.late(s.Now); late {
			add(lateSweep, account, fmt.Sprintf("%s was last compared with the provider on %s, which should be every %s", account, since.UTC().Format(time.DateTime), sweep.Every),
				"What got lost meanwhile is not found. The log says what keeps it; `trivet reconcile` starts one now.", time.Time{})
		}
	}
	for account, end := range s.Keys {
		if !end.IsZero() && s.Now.After(end.Add(-keyNotice)) {
			title := fmt.Sprintf("the API key of %s runs out on %s", account, end.UTC().Format(time.DateOnly))
			if !s.Now.Before(end) {
				title = fmt.Sprintf("the API key of %s ran out on %s", account, end.UTC().Format(time.DateOnly))
			}
			add(keyExpires, account, title, "Make a new key at the provider, put it into the configuration and start again; then delete the old one.", end)
		}
	}
	for account, u := range s.Unlinked {
		if u.Count > 0 && s.Now.Sub(u.Oldest) >= linkWait {
			add(unlinked, account, fmt.Sprintf("%d purchases at %s are nobody's, the oldest since %s", u.Count, account, u.Oldest.UTC().Format(time.DateTime)),
				"Somebody has paid and has no access. See /v1/unlinked for who it may be, and link each to its customer.", time.Time{})
		}
	}
	for account, n := range s.Disputes {
		if n > 0 {
			add(disputed, account, fmt.Sprintf("%d disputes at %s are about purchases that nobody's are", n, account),
				"No policy answers them. Answer each in the provider's dashboard before it is too late, or link its purchase to a customer (/v1/unlinked).", time.Time{})
			all[len(all)-1].Kind = "dispute"
		}
	}
	for name, end := range s.OwnKeys {
		if s.Now.After(end.Add(-ownKeyNotice)) {
			title := fmt.Sprintf("the API key %s expires at %s", name, end.UTC().Format(time.RFC3339))
			if !s.Now.Before(end) {
				title = fmt.Sprintf("the API key %s has expired at %s and is refused", name, end.UTC().Format(time.RFC3339))
			}
			add(ownKeyExpires, name, title, "Whoever sends it is locked out then: hand out another, or move its expires in [[api_key]]; take out one that is not used any more.", end)
		}
	}
	slices.SortFunc(all, func(a, b policy.Warning) int { return strings.Compare(a.Cause, b.Cause) })
	return all
}

// late reports whether a sweep is overdue, and since when there was none: it has
// twice the time, for one may just be under way.
func (s Sweep) late(now time.Time) (since time.Time, late bool) {
	since = s.Last
	if since.IsZero() {
		since = s.Since
	}
	return since, s.Every > 0 && !since.IsZero() && now.Sub(since) > 2*s.Every
}

// over reports whether an open alert that is not called for is one of ours to close.
func (s Stats) over(cause string) bool {
	for _, ours := range causes {
		if strings.HasPrefix(cause, ours) {
			return true
		}
	}
	if name, is := strings.CutPrefix(cause, priceCause); is {
		account, price, _ := strings.Cut(name, "/")
		_, found := s.Catalog.ByPrice(account, price)
		return found
	}
	if name, is := strings.CutPrefix(cause, methodCause); is {
		_, method, _ := strings.Cut(name, "/")
		return knownMethod(method) || slices.Contains(s.Known, method)
	}
	return false
}
