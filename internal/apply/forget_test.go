package apply_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// Tries that nobody asks for any more do not pile up for ever; the others stay.
func TestOldAttemptsAreForgotten(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		declined := billing.Payment{Status: billing.PaymentFailed, Amount: billing.Money{Amount: 900, Currency: "EUR"}, Charge: "ch"}
		h.world.say(mine("u"), snap("pi_1", declined, tries("pi_1", "fp1", "fp2", "fp3")))
		h.look(mine("u").Ref, ref(billing.KindPayment, "pi_1"))
		for _, step := range []struct {
			pass time.Duration
			want int64
		}{{0, 0}, {365*24*time.Hour - 90*time.Second, 2}, {time.Hour, 1}, {0, 0}} {
			h.clock.Pass(step.pass)
			if forgotten, err := h.ForgetAttempts(t.Context()); err != nil || forgotten != step.want {
				t.Errorf("after %s more %d are forgotten, want %d; %v", step.pass, forgotten, step.want, err)
			}
		}
	})
}
