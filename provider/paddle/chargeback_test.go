package paddle_test

import (
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
	simpaddle "github.com/trivetdev/trivet/sim/paddle"
)

// Who buys for ever and takes the money back at the bank kept what was bought, for
// ever: Paddle never says that a chargeback is lost.
func TestChargebackTakesWhatWasBought(t *testing.T) {
	catalog, err := billing.NewCatalog([]billing.Plan{{
		ID: "lifetime", Features: []string{"pro"}, Prices: map[string][]string{"paddle": {simpaddle.PriceForever}}, Kind: billing.GrantForever,
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, sim.Chaos{}, unwrapped)
	world := w.Account.(*simpaddle.Server)
	m := &maker{world: world, clock: w.Clock}
	checkout := m.transaction(t, simpaddle.PriceForever)
	m.pay(t, checkout)
	dispute := ""
	access := func(want bool, reason billing.Reason) {
		t.Helper()
		var facts billing.Facts
		for kind, id := range map[billing.Kind]string{billing.KindPayment: checkout, billing.KindDispute: dispute} {
			if id == "" {
				continue
			}
			s, err := w.Driver.Fetch(t.Context(), provider.Ref{Account: "paddle", Kind: kind, ID: id})
			if err != nil {
				t.Fatal(err)
			}
			facts.Add("paddle", id, s.Object)
		}
		if d := billing.Access(catalog, billing.DefaultRules(), facts, "pro", w.Now()); d.Allowed != want || d.Reason != reason {
			t.Errorf("access is %+v, want %t for %s", d, want, reason)
		}
	}
	access(true, billing.ReasonForever)
	if dispute, err = world.ChargeBack(checkout, true); err != nil {
		t.Fatal(err)
	}
	access(true, billing.ReasonForever) // a warning takes nothing
	if dispute, err = world.ChargeBack(checkout, false); err != nil {
		t.Fatal(err)
	}
	access(false, billing.ReasonDisputeLost)
	if err := world.ReverseChargeBack(dispute); err != nil {
		t.Fatal(err)
	}
	access(true, billing.ReasonForever)
}
