package paddle_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
	simpaddle "github.com/trivetdev/trivet/sim/paddle"
)

// A pause that was scheduled at Paddle is seen before it begins and leaves everything
// as it is until then: that service is about to stop was not to be seen anywhere.
func TestPauseToCome(t *testing.T) {
	w := newWorld(t, sim.Chaos{}, unwrapped)
	world, ref := w.Account.(*simpaddle.Server), provider.Ref{Account: "paddle", Kind: billing.KindSubscription, ID: w.Make.Subscription(t)}
	until := w.Now().AddDate(0, 3, 0)
	if err := world.SchedulePause(ref.ID, until); err != nil {
		t.Fatal(err)
	}
	look := func() billing.Subscription {
		t.Helper()
		s, err := w.Driver.Fetch(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return s.Object.(billing.Subscription)
	}
	before := look()
	if p := before.Pause; before.Status != billing.SubscriptionActive || p == nil || !p.From.Equal(before.PeriodEnd) || !p.Until.Equal(until) || !before.Revisit().Equal(p.From) {
		t.Errorf("before it: %+v, pause %+v", before, p)
	}
	w.Advance(before.PeriodEnd.Sub(w.Now()) + time.Hour)
	if after := look(); after.Status != billing.SubscriptionPaused || after.Pause == nil || !after.Pause.From.Equal(before.Pause.From) || !after.Pause.Until.Equal(until) {
		t.Errorf("in it: %+v, pause %+v", after, after.Pause)
	}
	if err := w.Driver.(provider.Pauser).Resume(t.Context(), ref, "resume"); err != nil {
		t.Fatal(err)
	}
	if err := world.SchedulePause(ref.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if to := look(); to.Pause == nil || !to.Pause.Until.IsZero() {
		t.Errorf("for good: %+v, pause %+v", to, to.Pause)
	}
	if err := w.Driver.(provider.Pauser).Resume(t.Context(), ref, "withdraw"); err != nil {
		t.Fatal(err)
	}
	if kept := look(); kept.Status != billing.SubscriptionActive || kept.Pause != nil {
		t.Errorf("withdrawn: %+v, pause %+v", kept, kept.Pause)
	}
}
