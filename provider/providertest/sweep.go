package providertest

import (
	"context"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// sweep counts the calls that it takes to read everything once, and compares them
// with the fewest pages that cover the objects.
func (h Harness) sweep(t *testing.T) {
	if h.Fewest == nil {
		t.Skip("the provider's pages are not told")
	}
	w := h.world(t, sim.Chaos{})
	w.Crowd(t, 900)
	w.Month(t)
	w.sweepAll(t) // what is read once and for all, such as prices
	calls := w.sweepAll(t)
	fewest := h.Fewest(w)
	t.Logf("%d calls, where %d pages cover all objects", calls, fewest)
	if calls*10 > fewest*11 {
		t.Errorf("a sweep takes %d calls, where %d pages cover all objects", calls, fewest)
	}
}

func (w *World) sweepAll(t *testing.T) (calls int) {
	t.Helper()
	before := w.net.calls
	for _, kind := range provider.Listed(w.Driver) {
		w.whole(t, provider.Query{Kind: kind, Recall: w.recall}, nil)
	}
	return w.net.calls - before
}

// recall is what a caller has in whose ledger nothing has changed for long.
func (w *World) recall(_ context.Context, refs []provider.Ref) (map[provider.Ref]provider.Memory, error) {
	known := map[provider.Ref]provider.Memory{}
	for _, ref := range refs {
		at := w.Now().Add(-24 * time.Hour)
		known[ref] = provider.Memory{FirstAt: at, ChangedAt: at}
	}
	return known, nil
}

// Pages is how many pages of a size cover the objects of a kind; an empty list has
// one.
func (w *World) Pages(kind billing.Kind, size int) int {
	return max(1, (len(w.truthOf(kind, ""))+size-1)/size)
}
