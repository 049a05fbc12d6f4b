package stripe

import (
	"bytes"

	"github.com/trivetdev/trivet/sim"
)

// The words of [sim.AppendJSON].
type (
	doc   = sim.Doc
	field = sim.Field
	raw   = sim.Raw
)

func orNull(s string) any { return sim.OrNull(s) }

// stamp is a Unix time, null for zero.
func stamp(unix int64) any {
	if unix == 0 {
		return nil
	}
	return unix
}

// listDoc wraps rows as Stripe's lists are.
func listDoc(url string, rows []any, more bool) doc {
	if rows == nil {
		rows = []any{}
	}
	return doc{{"object", "list"}, {"data", rows}, {"has_more", more}, {"url", url}}
}

// changed returns the fields of before that differ in after, with their old
// values: Stripe's previous_attributes. Objects are compared field by field,
// lists as a whole.
func changed(before, after doc) doc {
	var out doc
	for _, f := range before {
		i := after.At(f.Key)
		if i < 0 || bytes.Equal(sim.AppendJSON(nil, f.Val), sim.AppendJSON(nil, after[i].Val)) {
			continue
		}
		old, wasDoc := f.Val.(doc)
		now, isDoc := after[i].Val.(doc)
		if wasDoc && isDoc && f.Key != "items" {
			out = append(out, field{f.Key, changed(old, now)})
			continue
		}
		out = append(out, f)
	}
	return out
}
