// Package simtest has what the tests of all simulated providers share: worlds that
// run, and what must hold of each of them.
package simtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// World is a simulated account of any provider.
type World interface {
	Advance(t time.Time)
	NextAt() (time.Time, bool)
	Deliver(ctx context.Context, post func(*http.Request) (int, error)) int
	Truth() []sim.Object
}

// Run lets a world live until a time, and delivers what it sends to post.
func Run(ctx context.Context, w World, until time.Time, post func(*http.Request) (int, error)) {
	for at, ok := w.NextAt(); ok && at.Before(until); at, ok = w.NextAt() {
		w.Advance(at)
		w.Deliver(ctx, post)
	}
	w.Advance(until)
	w.Deliver(ctx, post)
}

// Accept takes a delivery and looks at nothing of it.
func Accept(r *http.Request) (int, error) {
	_, err := io.Copy(io.Discard, r.Body)
	return http.StatusOK, err
}

// Trace lets a world live until a time, turns some deliveries away, and makes a hash
// of all that was sent, with the given header, and one of the truth at the end.
func Trace(ctx context.Context, w World, until time.Time, header string) (deliveries, truth string) {
	sent := sha256.New()
	Run(ctx, w, until, func(r *http.Request) (int, error) {
		body, _ := io.ReadAll(r.Body)
		sent.Write([]byte(r.Header.Get(header)))
		sent.Write(body)
		if len(body)%17 == 0 {
			return http.StatusInternalServerError, nil
		}
		return http.StatusOK, nil
	})
	all, _ := json.Marshal(w.Truth())
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sent.Sum(nil)), hex.EncodeToString(sum[:])
}

// SameSeed makes sure that a seed decides everything that happens in a world.
func SameSeed(t *testing.T, trace func(seed uint64, chaos sim.Chaos) (deliveries, truth string)) {
	t.Helper()
	d1, t1 := trace(7, sim.DefaultChaos())
	d2, t2 := trace(7, sim.DefaultChaos())
	if d1 != d2 || t1 != t2 {
		t.Error("two runs of one seed differ")
	}
	if d3, t3 := trace(8, sim.DefaultChaos()); d1 == d3 || t1 == t3 {
		t.Error("another seed gave the same world")
	}
}

// FaultsApart makes sure that faults change what is sent and nothing of what is true.
func FaultsApart(t *testing.T, trace func(seed uint64, chaos sim.Chaos) (deliveries, truth string)) {
	t.Helper()
	d1, t1 := trace(7, sim.Chaos{})
	d2, t2 := trace(7, sim.DefaultChaos())
	if t1 != t2 {
		t.Error("the truth depends on the faults")
	}
	if d1 == d2 {
		t.Error("the faults did not change the deliveries")
	}
}

// Struck makes sure that every fault struck, but for those named.
func Struck(t *testing.T, stats sim.Stats, but ...string) {
	t.Helper()
	for _, name := range []string{
		sim.FaultDrop, sim.FaultDuplicate, sim.FaultReorder, sim.FaultDelay, sim.FaultBurst, sim.FaultDisabled,
		sim.FaultStaleRead, sim.FaultRateLimited, sim.FaultServerError, sim.FaultTimeoutBefore, sim.FaultTimeoutAfter,
		sim.FaultTruncated, sim.FaultShiftPages, sim.FaultOutage,
	} {
		if stats.Faults[name] == 0 && !slices.Contains(but, name) {
			t.Errorf("%s never struck: %v", name, stats.Faults)
		}
	}
}
