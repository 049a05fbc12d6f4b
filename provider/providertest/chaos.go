package providertest

import (
	"errors"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// chaos reads and writes through every fault of the simulator at many times its
// usual rate. Each error must say that trying again helps; trying again must.
func (h Harness) chaos(t *testing.T) {
	faults := sim.DefaultChaos()
	faults.StaleRead = 0 // a stale read is no error; the caller's ordering catches it
	faults.RateLimited, faults.ServerError, faults.Truncated, faults.TimeoutBefore, faults.TimeoutAfter = 0.1, 0.1, 0.1, 0.1, 0.1
	w := h.world(t, faults)
	w.Crowd(t, 20)
	failures := map[provider.ErrorKind]int{}
	for _, truth := range w.Truth() {
		var s provider.Snapshot
		forgotten := false
		w.patiently(t, failures, func() (err error) {
			s, err = w.Driver.Fetch(t.Context(), w.ref(kinds[truth.Kind], truth.ID))
			if forgotten = w.forgot(t, w.row(truth), err); forgotten {
				return nil
			}
			return err
		})
		if !forgotten {
			w.same(t, w.row(truth), s)
		}
	}
	for _, op := range allWrites(t.Context()) {
		if op.name != "cancel now" && op.name != "refund" {
			continue
		}
		for range 20 {
			w.patientWrite(t, failures, op)
		}
	}
	for _, kind := range []provider.ErrorKind{provider.RateLimited, provider.Unavailable, provider.Malformed, provider.OutcomeUnknown} {
		if failures[kind] == 0 {
			t.Errorf("nothing failed as %s", kind)
		}
	}
	t.Logf("failures: %v", failures)
}

func (w *World) patientWrite(t *testing.T, failures map[provider.ErrorKind]int, op write) {
	t.Helper()
	ref := w.ref(op.kind, op.make(w)(t))
	count := func() int {
		if op.elsewhere {
			return w.effects(op.op, "")
		}
		return w.effects(op.op, ref.ID)
	}
	before, absent := count(), false
	w.patiently(t, failures, func() error {
		err := op.do(w, ref, op.name+" "+ref.ID)
		absent = errors.Is(err, errAbsent)
		if absent {
			return nil
		}
		return err
	})
	if n := count() - before; n != 1 && !absent {
		t.Errorf("%s of %v happened %d times", op.name, ref, n)
	}
	var s provider.Snapshot
	w.patiently(t, failures, func() (err error) {
		s, err = w.Driver.Fetch(t.Context(), ref)
		return err
	})
	if !absent && !op.done(s.Object) {
		t.Errorf("%s: afterwards %v is %+v", op.name, ref, s.Object)
	}
}

// patiently repeats a call, half an hour apart, until it works.
func (w *World) patiently(t *testing.T, failures map[provider.ErrorKind]int, do func() error) {
	t.Helper()
	for range 200 {
		err := do()
		if err == nil {
			return
		}
		w.discreet(t, err)
		failures[provider.KindOf(err)]++
		if !provider.KindOf(err).Temporary() {
			t.Fatalf("not worth another try: %v", err)
		}
		w.Advance(30 * time.Minute)
	}
	t.Fatal("it never works")
}

// row is the present truth about an object.
func (w *World) row(of sim.Object) sim.Object {
	for _, o := range w.truthOf(kinds[of.Kind], "") {
		if o.ID == of.ID {
			return o
		}
	}
	return of
}
