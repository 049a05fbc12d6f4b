package paddle

import (
	"strconv"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// The words of [sim.AppendJSON].
type (
	doc   = sim.Doc
	field = sim.Field
	raw   = sim.Raw
)

func orNull(s string) any { return sim.OrNull(s) }

// stamp is a time in RFC 3339 with microseconds, null for none.
func stamp(t time.Time) any { return sim.Stamp("2006-01-02T15:04:05.000000Z", t) }

// digits is an amount as Paddle writes it: a string of minor units.
func digits(n int64) string { return strconv.FormatInt(n, 10) }
