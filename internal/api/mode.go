package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// Modes say how far the service may go by itself.
type Modes struct {
	Scopes    []ModeScope     `json:"scopes" nullable:"false" doc:"What is configured and switched: global, each provider, each policy."`
	Effective []EffectiveMode `json:"effective" nullable:"false" doc:"What comes of it, for each provider account and policy."`
	Brake     Brake           `json:"brake"`
}

// ModeScope is what is said of one scope.
type ModeScope struct {
	Scope      string  `json:"scope" doc:"global, provider/NAME or policy/NAME."`
	Configured *string `json:"configured" enum:"observe,assist,enforce" doc:"By the configuration; null: it says nothing of this scope."`
	Switched   *Switch `json:"switched" doc:"By a person, since when it counts instead of what is configured."`
	Rollout    *int    `json:"rollout" doc:"Of a policy: for how many percent of the customers its own mode does not hold it back."`
}

// Switch is what a person switched.
type Switch struct {
	_    struct{}  `nullable:"true"`
	Mode string    `json:"mode" enum:"observe,assist,enforce"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// EffectiveMode is how far a policy may go at an account.
type EffectiveMode struct {
	Provider string `json:"provider" doc:"The account; trivet for what is at no provider, such as a ban."`
	Policy   string `json:"policy"`
	Mode     string `json:"mode" enum:"observe,assist,enforce"`
	// RolloutMode is null where all customers have the same mode.
	RolloutMode *string `json:"rollout_mode" enum:"observe,assist,enforce" doc:"The mode for the customers of the rollout; null: the same."`
}

// Brake stops all money.
type Brake struct {
	On bool       `json:"on" doc:"No money moves: refunds, captures, collections and concessions wait."`
	By *string    `json:"by"`
	At *time.Time `json:"at"`
}

// ModeRequest switches a scope.
type ModeRequest struct {
	Scope string `json:"scope" maxLength:"200" doc:"global, provider/NAME or policy/NAME."`
	Mode  string `json:"mode" enum:"observe,assist,enforce" doc:"observe: record what would be done. assist: propose it. enforce: do it."`
}

// BrakeRequest pulls or releases the brake.
type BrakeRequest struct {
	On bool `json:"on"`
}

type modesOutput struct{ Body Modes }

func (s *server) modeOperations() {
	type setInput struct{ Body ModeRequest }
	type clearInput struct {
		Scope string `path:"scope" maxLength:"200" doc:"global, or provider%2FNAME or policy%2FNAME."`
	}
	type brakeInput struct{ Body BrakeRequest }
	const soon = "Everybody is reviewed soon after: what was held back and is still called for moves on. "
	add(s, with(get("/v1/mode", "get-mode", "modes", "Show how far the service may go"), http.StatusOK,
		"The most careful of the modes counts that apply: the provider's (the global one, if it has none of its own) and the policy's."),
		func(ctx context.Context, _ *struct{}) (*modesOutput, error) { return s.modes(ctx) })
	add(s, with(operation(scope.Admin, http.MethodPut, "/v1/mode", "set-mode", "modes", "Switch a mode"), http.StatusOK,
		soon+"Who switched it and when is in the audit trail; DELETE gives it back to the configuration."),
		func(ctx context.Context, in *setInput) (*modesOutput, error) {
			if err := s.Apply.SetMode(ctx, in.Body.Scope, policy.Mode(in.Body.Mode), requested(ctx, "")); err != nil {
				return nil, err
			}
			return s.modes(ctx)
		})
	add(s, with(operation(scope.Admin, http.MethodDelete, "/v1/mode/{scope}", "clear-mode", "modes", "Give a mode back to the configuration"), http.StatusOK,
		soon+"Nothing happens to a scope that is not switched."),
		func(ctx context.Context, in *clearInput) (*modesOutput, error) {
			if err := s.Apply.SetMode(ctx, in.Scope, "", requested(ctx, "")); err != nil {
				return nil, err
			}
			return s.modes(ctx)
		})
	add(s, with(operation(scope.Admin, http.MethodPut, "/v1/brake", "set-brake", "modes", "Stop all money, or let it go on"), http.StatusOK,
		"While the brake is on, refunds, captures, collections and the conceding of disputes wait, whoever asks for them."),
		func(ctx context.Context, in *brakeInput) (*modesOutput, error) {
			if err := s.Apply.SetBrake(ctx, in.Body.On, requested(ctx, "")); err != nil {
				return nil, err
			}
			return s.modes(ctx)
		})
}

func (s *server) modes(ctx context.Context) (*modesOutput, error) {
	now, switches, err := s.Apply.Switched(ctx)
	if err != nil {
		return nil, err
	}
	out := &modesOutput{Modes{Scopes: s.scopes(switches), Effective: s.effective(now)}}
	for _, sw := range switches {
		if sw.Scope == store.SwitchBrake {
			out.Body.Brake = Brake{On: true, By: &sw.Actor, At: moment(sw.At)}
		}
	}
	return out, nil
}

// scopes lists every scope there is, with what is said of it. A switch of what is
// no longer configured is listed too: it would count again if that came back.
func (s *server) scopes(switches []store.Switch) []ModeScope {
	configured := map[string]policy.Mode{policy.ScopeGlobal: s.Apply.Modes.Global}
	if configured[policy.ScopeGlobal] == "" {
		configured[policy.ScopeGlobal] = policy.Enforce
	}
	for name := range s.Apply.Drivers {
		configured[policy.ScopeOfProvider(name)] = s.Apply.Modes.Accounts[name]
	}
	rollout := map[string]*int{}
	for _, p := range s.Apply.Policies {
		scope := policy.ScopeOfPolicy(p.Name())
		configured[scope] = s.Apply.Modes.Policies[p.Name()]
		if percent := s.Apply.Modes.Rollout[p.Name()]; percent > 0 {
			rollout[scope] = &percent
		}
	}
	switched := map[string]*Switch{}
	for _, sw := range switches {
		if sw.Scope == store.SwitchBrake {
			continue
		}
		switched[sw.Scope] = &Switch{Mode: sw.Value, By: sw.Actor, At: sw.At.UTC()}
		configured[sw.Scope] += "" // has an entry from now on
	}
	all := []ModeScope{}
	for _, scope := range slices.Sorted(maps.Keys(configured)) {
		all = append(all, ModeScope{Scope: scope, Configured: orNull(string(configured[scope])), Switched: switched[scope], Rollout: rollout[scope]})
	}
	return all
}

// effective is what comes of the modes.
func (s *server) effective(now policy.Modes) []EffectiveMode {
	without, within := now, now
	without.Rollout = nil
	within.Policies = maps.Clone(now.Policies)
	for name, percent := range now.Rollout {
		if percent > 0 {
			delete(within.Policies, name)
		}
	}
	all := []EffectiveMode{}
	for _, account := range append(slices.Sorted(maps.Keys(s.Apply.Drivers)), policy.Own) {
		for _, p := range s.Apply.Policies {
			row := EffectiveMode{Provider: account, Policy: p.Name(), Mode: string(without.For(account, p.Name(), ""))}
			if mode := string(within.For(account, p.Name(), "")); mode != row.Mode {
				row.RolloutMode = &mode
			}
			all = append(all, row)
		}
	}
	return all
}
