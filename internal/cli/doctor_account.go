package cli

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/provider"
)

// How far this machine's clock may be from a provider's. Beyond the second, which is
// as far as drivers let the time differ that is signed with a webhook, those may be
// refused. (Paddle and PayPal repeat webhooks as they were signed, and may be later; Lemon
// Squeezy signs no time.)
const (
	skewDoubt  = 30 * time.Second
	skewFailed = 300 * time.Second
)

// keyNotice is how long before its end a key is worth a warning.
const keyNotice = 30 * 24 * time.Hour

// account looks at a provider account.
func (d *doctor) account(ctx context.Context, p config.Provider) (all []finding) {
	watch := &dateWatch{now: d.Now}
	opened, err := driverOver(p, d.Now, watch)
	if err != nil {
		return []finding{about(p, found(failed, "account", "%v", err))}
	}
	if checker, able := opened.(provider.KeyChecker); able && !d.offline {
		all = append(all, about(p, keyWorks(ctx, p, checker)))
		if skew, known := watch.skew(); known {
			all = append(all, about(p, clock(skew)))
		}
	}
	if expirer, able := opened.(provider.KeyExpirer); able {
		if at := expirer.KeyExpires(); !at.IsZero() {
			all = append(all, about(p, keyAge(at, d.Now())))
		}
	}
	return append(all, about(p, webhooks(p)))
}

// about says which account was looked at.
func about(p config.Provider, f finding) finding {
	f.Subject = p.Name
	return f
}

// keyWorks asks the provider whether it takes the key.
func keyWorks(ctx context.Context, p config.Provider, checker provider.KeyChecker) finding {
	identity, err := checker.CheckKey(ctx)
	switch {
	case err != nil && provider.KindOf(err) == provider.Denied:
		return found(failed, "key", "the provider refuses it (%v)", err).next("copy it again from the provider's dashboard")
	case err != nil:
		return found(failed, "key", "the provider does not say whether it is good (%v)", err).next("try again; see whether this machine reaches it, and base_url if there is one")
	case identity != "":
		return found(fine, "key", "it opens %s", identity)
	}
	return found(fine, "key", "it works%s", modeOf(p, checker))
}

// modeOf tells in which mode an account is whose provider does not.
func modeOf(p config.Provider, d provider.KeyChecker) string {
	live, tells := d.(interface{ Live() bool })
	switch {
	case tells && p.Environment != "":
		return ", in the " + p.Environment + " environment"
	case tells && live.Live():
		return ", in live mode"
	case tells:
		return ", in test mode"
	}
	return ""
}

// clock judges how far ahead this machine's clock is.
func clock(skew time.Duration) finding {
	far, word := skew.Abs().Round(time.Second), "ahead"
	if skew < 0 {
		word = "behind"
	}
	const set = "set the clock by NTP"
	switch {
	case far > skewFailed:
		return found(failed, "clock", "this machine's is %s %s of the provider's, so that webhooks may be refused for the time that is signed with them", far, word).next(set)
	case far > skewDoubt:
		return found(doubt, "clock", "this machine's is %s %s of the provider's", far, word).next(set)
	}
	return found(fine, "clock", "this machine's is that of the provider")
}

func keyAge(at, now time.Time) finding {
	const anew = "make a new one in the provider's dashboard"
	switch left := at.Sub(now); {
	case left <= 0:
		return found(failed, "key's end", "it expired on %s", stamp(at)).next(anew)
	case left < keyNotice:
		return found(doubt, "key's end", "it expires on %s", stamp(at)).next(anew)
	}
	return found(fine, "key's end", "it is good until %s", stamp(at))
}

// webhooks looks whether an account's can be believed.
func webhooks(p config.Provider) finding {
	n, what := len(p.WebhookSecrets), "webhook_secrets"
	if p.Kind == config.PayPal {
		n, what = len(p.WebhookIDs), "webhook_ids"
	}
	switch {
	case !p.Ingest.Webhooks():
		return found(fine, "webhooks", "none are expected: ingest is pull")
	case n == 0 && p.WebhookSecretsFile != "":
		return found(failed, "webhooks", "%s_file names %s, which is not there", what, p.WebhookSecretsFile).next("trivet connect %s --save writes it", p.Name)
	case n == 0:
		return found(failed, "webhooks", "none is believed, for %s is missing", what).next(`trivet connect %s, or ingest = "pull" to do without webhooks`, p.Name)
	}
	return found(fine, "webhooks", "%s has %d", what, n)
}

// dateWatch notes by how much the clock of whoever answers differs from ours.
type dateWatch struct {
	now func() time.Time

	mu    sync.Mutex
	ahead time.Duration
	known bool
}

// skew is by how much our clock is ahead.
func (w *dateWatch) skew() (ahead time.Duration, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ahead, w.known
}

// RoundTrip implements http.RoundTripper.
func (w *dateWatch) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := w.now()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answered := w.now()
	// What a cache had is as old as the cache says, and so is its date.
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil && response.Header.Get("Age") == "" {
		w.mu.Lock()
		defer w.mu.Unlock()
		middle := asked.Add(answered.Sub(asked) / 2)
		const half = time.Second / 2 // dates are whole seconds, rounded down
		w.ahead, w.known = middle.Sub(date.Add(half)), true
	}
	return response, nil
}
