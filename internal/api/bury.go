package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/provider"
)

// BuryRequest asks what a provider no longer has, or confirms it.
type BuryRequest struct {
	Provider string       `json:"provider" minLength:"1" maxLength:"100" doc:"The account."`
	DryRun   bool         `json:"dry_run,omitempty" doc:"Only look, and list what is not there. This comes first: what it lists is what can be confirmed."`
	After    string       `json:"after,omitempty" maxLength:"1000" doc:"With dry_run: the next of the answer before."`
	Limit    int          `json:"limit,omitempty" minimum:"0" maximum:"200" doc:"With dry_run: how many objects to look at; 0: 50."`
	Objects  []BuryObject `json:"objects,omitempty" nullable:"false" maxItems:"200" doc:"Without dry_run: what to bury, as the dry run listed it."`
}

// BuryObject names an object of the account.
type BuryObject struct {
	Subject string `json:"subject" maxLength:"100" doc:"The kind of object."`
	Object  string `json:"object" maxLength:"500" doc:"The object's id."`
}

// Burial is the answer to a request to bury.
type Burial struct {
	Provider string `json:"provider"`
	DryRun   bool   `json:"dry_run"`
	Looked   int    `json:"looked" doc:"How many objects were looked at."`

	Absent  []Lost      `json:"absent" nullable:"false" doc:"With dry_run: what the provider does not have, and would be buried."`
	Buried  []Lost      `json:"buried" nullable:"false" doc:"What it does not have, and is buried."`
	Present []Lost      `json:"present" nullable:"false" doc:"What is there after all, and was kept."`
	Failed  []LostError `json:"failed" nullable:"false" doc:"What could not be looked at, and was kept."`

	Next *string `json:"next" doc:"With dry_run: send it as after to go on; null at the end."`
}

// Lost is an object that the provider seems to have lost.
type Lost struct {
	Subject    string  `json:"subject"`
	Object     string  `json:"object"`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer"`
	Status     string  `json:"status" doc:"As it was when it was last seen."`
}

// LostError is an object of which nobody knows whether it is lost.
type LostError struct {
	Subject string `json:"subject"`
	Object  string `json:"object"`
	Error   string `json:"error"`
}

func lostOf(o store.Object) Lost {
	return Lost{Subject: o.Kind, Object: publicID(o.Account, o.ID), ProviderID: o.ID, Customer: orNull(o.Customer), Status: o.Status}
}

type buryOutput struct{ Body Burial }

func (s *server) buryOperations() {
	type buryInput struct {
		Idempotent
		Body BuryRequest
	}
	add(s, with(post(scope.Admin, "/v1/drift/bury", "bury", "truth", "Confirm that a provider has lost objects"), http.StatusOK,
		"When more than a few objects seem to have vanished they are kept, as findings of kind orphan or uncounted, because the key is likelier to be wrong. "+
			"With dry_run this looks at them, some at a time, and lists those that are not there. Without, each object named is looked at once more and, "+
			"if the provider still does not have it, buried: it becomes a tombstone, and what was bought with it is lost. "+
			"Nothing is buried with a key that may open another account: 409 unproven."),
		func(ctx context.Context, in *buryInput) (*buryOutput, error) {
			if err := s.knownAccount("body.provider", in.Body.Provider); err != nil {
				return nil, err
			}
			if in.Body.DryRun {
				return s.missing(ctx, in.Body)
			}
			return s.bury(ctx, in.Body)
		})
}

// missing lists what would be buried.
func (s *server) missing(ctx context.Context, q BuryRequest) (*buryOutput, error) {
	if len(q.Objects) > 0 {
		return nil, invalidf("A dry run finds out itself what is lost: leave out objects.")
	}
	const usual = 50
	if q.Limit == 0 {
		q.Limit = usual
	}
	after, err := ListInput{After: q.After}.key()
	if err != nil || !reconcile.Place(after) {
		return nil, badCursor()
	}
	missed, err := s.Reconcile.Missing(ctx, q.Provider, after, q.Limit)
	if err != nil {
		return nil, err
	}
	out := emptyBurial(q)
	out.Body.Looked, out.Body.Next = missed.Looked, cursorOf(missed.Next)
	for _, o := range missed.Absent {
		out.Body.Absent = append(out.Body.Absent, lostOf(o))
	}
	return out, nil
}

func emptyBurial(q BuryRequest) *buryOutput {
	return &buryOutput{Burial{
		Provider: q.Provider, DryRun: q.DryRun, Absent: []Lost{}, Buried: []Lost{}, Present: []Lost{}, Failed: []LostError{},
	}}
}

// bury buries what is named and not there.
func (s *server) bury(ctx context.Context, q BuryRequest) (*buryOutput, error) {
	if len(q.Objects) == 0 {
		return nil, invalidf("Nothing is named: send {\"provider\": %q, \"dry_run\": true} first, and what it lists as absent as objects.", q.Provider)
	}
	if q.After != "" || q.Limit != 0 {
		return nil, invalidf("after and limit go with dry_run: leave them out.")
	}
	held := map[provider.Ref]store.Object{}
	var refs []provider.Ref
	for _, named := range q.Objects {
		o, err := s.buriable(ctx, q.Provider, named)
		if err != nil {
			return nil, err
		}
		if _, twice := held[refOf(o)]; !twice {
			held[refOf(o)], refs = o, append(refs, refOf(o))
		}
	}
	burials, err := s.Reconcile.Bury(ctx, q.Provider, refs, requested(ctx, "bury"))
	if err != nil {
		return nil, err
	}
	out := emptyBurial(q)
	out.Body.Looked = len(burials)
	for _, b := range burials {
		lost := lostOf(held[b.Ref])
		switch {
		case b.Err != nil:
			s.Log.Warn("cannot tell whether an object is lost", "object", b.Ref, "error", b.Err)
			out.Body.Failed = append(out.Body.Failed, LostError{lost.Subject, lost.Object, s.why(ctx, b.Err)})
		case b.Buried:
			out.Body.Buried = append(out.Body.Buried, lost)
		default:
			out.Body.Present = append(out.Body.Present, lost)
		}
	}
	return out, nil
}

// why says in the words of a problem why something failed.
func (s *server) why(ctx context.Context, err error) string {
	if p, ok := errors.AsType[*Problem](s.problem(ctx, err)); ok {
		return p.Detail
	}
	return "It failed."
}

// buriable finds an object of the ledger that is named to be buried.
func (s *server) buriable(ctx context.Context, account string, named BuryObject) (store.Object, error) {
	kind := billing.Kind(named.Subject)
	if !slices.Contains(billing.Kinds(), kind) {
		return store.Object{}, invalidf("%q is no kind of object: name what the dry run listed.", named.Subject)
	}
	id := strings.TrimSuffix(named.Object, "@"+account)
	o, err := s.DB.Object(ctx, provider.Ref{Account: account, Kind: kind, ID: id}.String())
	if errors.Is(err, store.ErrNotFound) {
		return o, notFoundf("The ledger has no %s %q of %s: name what the dry run listed.", kind, named.Object, account)
	}
	return o, err
}
