package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// recorded is said of all that is done through the outbox.
const recorded = "The request is recorded as an effect and carried out in the background, once; the answer is the effect, " +
	"with status 202 while it is due and 200 when it has ended."

// Effect is something to be done at a provider, once.
type Effect struct {
	ID       string  `json:"id"`
	Key      string  `json:"key" doc:"The business key: what is asked for twice has it twice, and is done once."`
	Kind     string  `json:"kind" doc:"refund, cancel, cancel_at_period_end, uncancel, pause, resume, push_email …"`
	Provider string  `json:"provider"`
	Object   string  `json:"object" doc:"The id of what it acts on."`
	Customer *string `json:"customer"`

	State   string         `json:"state" enum:"due,unknown,done,dropped,failed,withheld,proposed,rejected" doc:"unknown: it was tried and nobody knows yet how that ended. dropped: no longer called for. withheld: only recorded, by the mode. proposed: waits for a person to accept or reject it. rejected: a person did not want it."`
	Details map[string]any `json:"details"`
	Result  string         `json:"result" doc:"What came of it."`
	Error   string         `json:"error" doc:"Why it failed, or what the latest try ran into."`
	Actor   string         `json:"actor" doc:"Who asked for it."`

	CreatedAt time.Time  `json:"created_at"`
	DoneAt    *time.Time `json:"done_at"`
}

type effectOutput struct {
	Status int
	Body   Effect
}

func effectOf(e store.Effect) Effect {
	row := Effect{
		ID: "ef_" + numbered(e.Seq), Key: e.Key, Kind: e.Kind, Provider: e.Account, Object: e.Object, Customer: orNull(e.Customer),
		State: e.State, Details: map[string]any{}, Result: e.Result, Error: e.Error, Actor: e.Actor,
		CreatedAt: e.CreatedAt.UTC(), DoneAt: moment(e.DoneAt),
	}
	if ref, err := provider.ParseRef(e.Object); err == nil {
		row.Object = publicID(ref.Account, ref.ID)
	}
	if err := json.Unmarshal([]byte(e.Doc), &row.Details); err != nil || row.Details == nil {
		row.Details = map[string]any{}
	}
	return row
}

// shown answers with an effect: accepted while it is still to be done.
func shown(e store.Effect) *effectOutput {
	out := &effectOutput{Status: http.StatusOK, Body: effectOf(e)}
	if e.State == store.EffectDue || e.State == store.EffectUnknown {
		out.Status = http.StatusAccepted
	}
	return out
}

// chosen is what tells one request from another: the caller's idempotency key,
// or else the occasion.
func chosen(key, occasion string) string {
	if key == "" {
		return occasion
	}
	return "key:" + digest([]byte(key))[:32]
}

// effectKey is the business key of a request.
func effectKey(kind string, o store.Object, occasion string) string {
	return kind + ":" + o.Key + ":" + occasion
}

// request records an effect.
func (s *server) request(ctx context.Context, o store.Object, kind, occasion string, details outbox.Details) (*effectOutput, error) {
	if err := s.knownAccount("path.id", o.Account); err != nil {
		return nil, err
	}
	e, err := s.Outbox.Request(ctx, store.Effect{
		Key: effectKey(kind, o, occasion), Kind: kind, Object: o.Key, Customer: o.Customer, Actor: actor(ctx),
	}, details)
	if err != nil {
		return nil, err
	}
	return shown(e), nil
}

func (s *server) effectOperations() {
	type listInput struct {
		ListInput
		Customer string `query:"customer"`
		State    string `query:"state" enum:"due,unknown,done,dropped,failed,withheld,proposed,rejected"`
		Kind     string `query:"kind"`
	}
	type effectInput struct {
		Key string `path:"key" maxLength:"1200" doc:"The effect's id, or its key with slashes written %2F."`
	}
	add(s, get("/v1/effects", "list-effects", "actions", "List effects, newest first"),
		func(ctx context.Context, in *listInput) (*pageOutput[Effect], error) {
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			rows, err := s.DB.Effects(ctx, store.EffectFilter{Customer: in.Customer, State: in.State, Kind: in.Kind, Before: before, Limit: in.Limit + 1})
			return page(rows, in.Limit, func(e store.Effect) string { return numbered(e.Seq) }, effectOf), err
		})
	add(s, get("/v1/effects/{key}", "get-effect", "actions", "Show an effect"),
		func(ctx context.Context, in *effectInput) (*effectOutput, error) {
			e, err := s.effect(ctx, in.Key)
			if errors.Is(err, store.ErrNotFound) {
				return nil, notFoundf("There is no effect %q: GET /v1/effects lists them.", in.Key)
			}
			return &effectOutput{Status: http.StatusOK, Body: effectOf(e)}, err
		})
}

// effect finds an effect by id or key.
func (s *server) effect(ctx context.Context, key string) (store.Effect, error) {
	if text, ok := strings.CutPrefix(key, "ef_"); ok {
		if seq, err := strconv.ParseInt(text, 10, 64); err == nil {
			return s.DB.EffectNumbered(ctx, seq)
		}
	}
	return s.DB.Effect(ctx, key)
}
