package paypal

import (
	"maps"
	"slices"
	"time"
)

// Anybody can send us the address of a certificate that we do not have, real or made up.
// What that can cost is bounded, and must not keep out those who really sign.
const (
	// fetchesPerMinute bounds how often strangers can make us ask for a certificate
	// under an address that is new to us, and as often again under addresses that we
	// refused to ask for before: who signs comes back, who makes up names has to come
	// twice with each.
	fetchesPerMinute = 10
	// comesBack is how long it takes until coming back counts.
	comesBack = 10 * time.Second
	// How long we do not ask again: for what is no certificate of PayPal's, for what
	// could not be had, and for what was a good one before.
	untrustedFor   = 10 * time.Minute
	unavailableFor = time.Minute
	provenFor      = 10 * time.Second
	// mostRefused bounds the addresses that we refused to ask for.
	mostRefused = 1024
	// mostProven bounds the addresses by which webhooks were rightly signed.
	mostProven = 4
)

// proven are the addresses by which webhooks were rightly signed, the latest last. They
// are asked for whatever strangers do.
type proven []string

func (p proven) has(address string) bool { return slices.Contains(p, address) }

func (p *proven) add(address string) {
	if n := len(*p); n > 0 && (*p)[n-1] == address {
		return
	}
	rest := slices.DeleteFunc(*p, func(a string) bool { return a == address })
	if len(rest) == mostProven {
		rest = rest[1:]
	}
	*p = append(rest, address)
}

// askings bound how often we ask for certificates because of strangers.
type askings struct {
	// first and again are when we asked within the last minute: for what was new, and
	// for what we had refused before.
	first, again []time.Time
	// refused is since when an address has been refused.
	refused map[string]time.Time
	// failures are remembered for a while. Each cost a fetch, which bounds them.
	failures map[string]failure
}

type failure struct {
	err   error
	until time.Time
}

func newAskings() askings {
	return askings{refused: map[string]time.Time{}, failures: map[string]failure{}}
}

// may reports whether an address may be asked for now, and counts it.
func (a *askings) may(address string, now time.Time) bool {
	since, before := a.refused[address]
	budget := &a.first
	if before && now.Sub(since) >= comesBack {
		budget = &a.again
	}
	*budget = slices.DeleteFunc(*budget, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if len(*budget) < fetchesPerMinute {
		*budget = append(*budget, now)
		delete(a.refused, address)
		return true
	}
	if !before {
		for other := range a.refused { // any: a flood must not drive out one in particular
			if len(a.refused) < mostRefused {
				break
			}
			delete(a.refused, other)
		}
		a.refused[address] = now
	}
	return false
}

// failed says why an address could not be had a moment ago; nil if it may be tried.
func (a *askings) failed(address string, now time.Time) error {
	if f, there := a.failures[address]; there && now.Before(f.until) {
		return f.err
	}
	return nil
}

// fail remembers for a while that an address could not be had.
func (a *askings) fail(address string, err error, now time.Time, span time.Duration) {
	maps.DeleteFunc(a.failures, func(_ string, f failure) bool { return f.until.Before(now) })
	a.failures[address] = failure{err, now.Add(span)}
}
