package api

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

// ReplayRequest selects the events to replay.
type ReplayRequest struct {
	Provider string `json:"provider,omitempty"`
	Type     string `json:"type,omitempty" doc:"The provider's own name."`
	State    string `json:"state,omitempty" enum:"received,done,dead,ignored"`
	Ref      string `json:"ref,omitempty" doc:"What it is about: account/kind/id."`
	Cause    string `json:"cause,omitempty" doc:"Part of the error."`
	All      bool   `json:"all,omitempty" doc:"Needed to replay without any filter."`
	DryRun   bool   `json:"dry_run,omitempty" doc:"Only say what would be looked at."`
}

// Replay is what a replay looks at.
type Replay struct {
	DryRun  bool  `json:"dry_run"`
	Events  int64 `json:"events" doc:"How many events match."`
	Ignored int64 `json:"ignored" doc:"How many of them name nothing to look at."`
	Objects int   `json:"objects" doc:"How many objects they name."`
	// Refs are some of the objects.
	Refs []string `json:"refs" nullable:"false" doc:"The first hundred objects, account/kind/id."`
}

const (
	// replayBatch is how many events are replayed in one transaction.
	replayBatch = 200
	shownRefs   = 100
)

type replayOutput struct{ Body Replay }

func (s *server) replayOperations() {
	type oneInput struct {
		Idempotent
		ID   string `path:"id" maxLength:"300" doc:"Our id, or the provider's."`
		Body *struct{}
	}
	type manyInput struct {
		Idempotent
		Body ReplayRequest
	}
	add(s, with(post(scope.Admin, "/v1/events/{id}/replay", "replay-event", "events", "Look again at what an event names"), http.StatusAccepted,
		"The event is received again and its objects are looked at in the background. That is safe to repeat: nothing but the provider's present truth is recorded."),
		func(ctx context.Context, in *oneInput) (*replayOutput, error) {
			e, err := s.event(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			run := s.newReplay(ctx, e.ID)
			err = run.batch(ctx, []store.Event{e})
			return &replayOutput{run.result()}, err
		})
	add(s, with(post(scope.Admin, "/v1/events/replay", "replay-events", "events", "Look again at what all events of a filter name"), http.StatusAccepted,
		"With dry_run it only says what would be looked at."),
		func(ctx context.Context, in *manyInput) (*replayOutput, error) { return s.replayAll(ctx, in.Body) })
}

// replaying is a replay under way.
type replaying struct {
	*server
	cause   string
	dry     bool
	events  int64
	ignored int64
	refs    map[string]bool
}

func (s *server) newReplay(ctx context.Context, event string) *replaying {
	return &replaying{server: s, cause: string(apply.Replay) + " " + event + " " + actor(ctx), refs: map[string]bool{}}
}

// replayAll goes through the events from the newest to the oldest, so that what
// arrives meanwhile is left alone.
func (s *server) replayAll(ctx context.Context, q ReplayRequest) (*replayOutput, error) {
	filter := store.EventFilter{Account: q.Provider, Type: q.Type, State: q.State, Ref: q.Ref, Cause: q.Cause}
	if filter == (store.EventFilter{}) && !q.All {
		return nil, invalidf("The request selects every event there is: name a filter (provider, type, state, ref, cause), or send \"all\": true.")
	}
	if err := s.knownAccount("body.provider", q.Provider); err != nil {
		return nil, err
	}
	if err := knownRef("body.ref", q.Ref); err != nil {
		return nil, err
	}
	run := s.newReplay(ctx, "filter")
	run.dry = q.DryRun
	filter.Limit = replayBatch
	for {
		events, err := s.DB.EventHeads(ctx, filter)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			return &replayOutput{run.result()}, nil
		}
		if err := run.batch(ctx, events); err != nil {
			return nil, err
		}
		filter.Before = events[len(events)-1].Seq
	}
}

// batch replays some events in one transaction.
func (r *replaying) batch(ctx context.Context, events []store.Event) error {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
		r.events++
		if len(e.Refs) == 0 {
			r.ignored++
		}
		for _, ref := range e.Refs {
			r.refs[ref] = true
		}
	}
	if r.dry {
		return nil
	}
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Replay(ctx, ids, r.cause)
		return err
	})
	if err == nil {
		r.Wake(store.QueueLook)
	}
	return err
}

func (r *replaying) result() Replay {
	refs := slices.Sorted(maps.Keys(r.refs))
	return Replay{
		DryRun: r.dry, Events: r.events, Ignored: r.ignored, Objects: len(refs), Refs: listOf(refs[:min(len(refs), shownRefs)]),
	}
}

func encoded(body []byte) *string {
	text := base64.StdEncoding.EncodeToString(body)
	return &text
}
