package policy

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// Mode is how far the service may go in acting on what it learns.
type Mode string

// The modes, from the most careful.
const (
	// Observe records what would be done.
	Observe Mode = "observe"
	// Assist proposes it; a person accepts or rejects. The team is told all the same:
	// an [Alert] goes out.
	Assist Mode = "assist"
	// Enforce does it.
	Enforce Mode = "enforce"
)

// modes lists them from the most careful.
var modes = []Mode{Observe, Assist, Enforce}

// Modes say how far the service may go: in general, with each provider account,
// with each policy. The most careful of those that apply counts.
type Modes struct {
	// Global is the mode of all that has no other; empty: [Enforce].
	Global Mode
	// Accounts are the modes of provider accounts: one that is named here has this
	// mode instead of the global one. Policies are those of policies.
	Accounts map[string]Mode
	Policies map[string]Mode
	// Rollout gives for a policy the percentage of customers for whom it is
	// enforced although its own mode is more careful, unless that was switched to
	// [Observe]: it then acts on nobody. Who they are depends on nothing but the names of
	// policy and customer, and whoever is in at 10 % is in at 20 %.
	Rollout map[string]int
}

// For is the mode of what a policy asks for at an account about a customer. The
// account [Own] has the global mode.
func (m Modes) For(account, policy, customer string) Mode {
	mode := m.Global
	if mode == "" {
		mode = Enforce
	}
	if own, set := m.Accounts[account]; set && account != Own {
		mode = own
	}
	own, set := m.Policies[policy]
	if !set || m.Rollout[policy] > 0 && draw(policy, customer) < m.Rollout[policy] {
		return mode
	}
	return careful(mode, own)
}

// careful is the more careful of two modes.
func careful(a, b Mode) Mode { return modes[min(slices.Index(modes, a), slices.Index(modes, b))] }

// draw gives a customer a place from 0 to 99 in the rollout of a policy.
func draw(policy, customer string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(policy + "\x00" + customer))
	sum := h.Sum32()
	// FNV's low bits alone are poor for names that differ in their last digit.
	return int((sum ^ sum>>16) * 0x45d9f3b >> 8 % 100)
}

// The scopes of [Modes.With], beside "provider/NAME" and "policy/NAME".
const (
	ScopeGlobal   = "global"
	scopeProvider = "provider/"
	scopePolicy   = "policy/"
)

// ScopeOfProvider and ScopeOfPolicy name the scopes of a switch.
func ScopeOfProvider(account string) string { return scopeProvider + account }

// ScopeOfPolicy is the scope of one policy's switch.
func ScopeOfPolicy(policy string) string { return scopePolicy + policy }

// With returns the modes as switched by people: what was switched counts instead
// of what is configured. The keys are scopes; one that there is not is an error.
func (m Modes) With(switched map[string]Mode) (Modes, error) {
	if len(switched) == 0 {
		return m, nil
	}
	m.Accounts, m.Policies, m.Rollout = clone(m.Accounts), clone(m.Policies), clone(m.Rollout)
	for scope, mode := range switched {
		account, ofAccount := strings.CutPrefix(scope, scopeProvider)
		name, ofPolicy := strings.CutPrefix(scope, scopePolicy)
		switch {
		case !slices.Contains(modes, mode):
			return m, fmt.Errorf("%q is no mode: use observe, assist or enforce", mode)
		case scope == ScopeGlobal:
			m.Global = mode
		case ofAccount && account != "":
			m.Accounts[account] = mode
		case ofPolicy && name != "":
			m.Policies[name] = mode
			if mode == Observe {
				delete(m.Rollout, name)
			}
		default:
			return m, fmt.Errorf("%q is no scope of a mode: use %s, %sNAME or %sNAME", scope, ScopeGlobal, scopeProvider, scopePolicy)
		}
	}
	return m, nil
}

func clone[V any](m map[string]V) map[string]V {
	c := make(map[string]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
