package apply_test

import (
	"testing"

	"github.com/trivetdev/trivet/internal/apply"
)

// A ban was no news to the policies, so that nobody was told of it.
func TestPoliciesHearOfBans(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		person := apply.Cause{Trigger: apply.Request, Actor: "anna"}
		for _, act := range []struct {
			do   func() error
			want string
		}{
			{func() error { return h.Ban(t.Context(), "u", "fraud", person) }, " [customer_set] of u;  [banned] of u"}, // nobody had heard of them
			{func() error { return h.Ban(t.Context(), "u", "fraud", person) }, ""},
			{func() error { return h.Unban(t.Context(), "u", person) }, " [unbanned] of u"},
		} {
			if err := act.do(); err != nil {
				t.Fatal(err)
			}
			if got := p.words(); got != act.want {
				t.Errorf("they hear %q, want %q", got, act.want)
			}
		}
		h.audit()
	})
}
