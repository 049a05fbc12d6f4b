package lemonsqueezy

import (
	"strconv"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// The words of [sim.AppendJSON].
type (
	doc   = sim.Doc
	field = sim.Field
)

// stamp is a time as this API writes it: with room for microseconds, and counted in
// seconds; null for none.
func stamp(t time.Time) any {
	return sim.Stamp("2006-01-02T15:04:05.000000Z", t.Truncate(time.Second))
}

func orNull(s string) any { return sim.OrNull(s) }

func itoa(n int) string { return strconv.Itoa(n) }

func digits(n int64) string { return strconv.FormatInt(n, 10) }
