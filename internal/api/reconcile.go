package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
)

// ReconcileRequest says what to compare with the providers.
type ReconcileRequest struct {
	Provider string `json:"provider,omitempty" doc:"The account; left out: all."`
	Customer string `json:"customer,omitempty" doc:"Compare this customer only, at once."`
	Full     *bool  `json:"full,omitempty" doc:"true (default): everything. false: missed events, and what was expected to change."`
}

// Reconciliation is the answer to a request to compare.
type Reconciliation struct {
	RequestedAt time.Time `json:"requested_at"`
	Accounts    []string  `json:"accounts" nullable:"false" doc:"The accounts that are compared; unless it is for one customer in the background: GET /v1/reconcile shows how far."`

	Customer *string `json:"customer" doc:"The customer who was compared."`
	Compared *int    `json:"compared" doc:"How many of the customer's objects were compared."`
	Changed  *int    `json:"changed" doc:"How many of them were different."`
}

// Sweep is how far the comparison of an account has come.
type Sweep struct {
	Provider string         `json:"provider"`
	Running  bool           `json:"running"`
	Progress *SweepProgress `json:"progress" doc:"Of the sweep under way."`
	Last     *SweepResult   `json:"last" doc:"The last that was complete."`
	NextAt   *time.Time     `json:"next_at"`
	Attempts int64          `json:"attempts" doc:"How often the present step was tried."`
	Error    string         `json:"error" doc:"Why the latest try failed."`
}

// SweepProgress counts.
type SweepProgress struct {
	_         struct{}  `nullable:"true"`
	Kind      string    `json:"kind" doc:"What is being read."`
	Pages     int       `json:"pages"`
	Objects   int       `json:"objects"`
	Changed   int       `json:"changed"`
	Doubted   int       `json:"doubted" doc:"Objects that the provider's lists did not have; too many to be believed, so nothing was done about them. Does the key open the right account?"`
	Backfill  bool      `json:"backfill" doc:"It is the first, which fills the ledger."`
	StartedAt time.Time `json:"started_at"`
}

// SweepResult is what a complete sweep did.
type SweepResult struct {
	_          struct{}  `nullable:"true"`
	Pages      int       `json:"pages"`
	Objects    int       `json:"objects"`
	Changed    int       `json:"changed"`
	Doubted    int       `json:"doubted"`
	Backfill   bool      `json:"backfill"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
}

type reconcileOutput struct {
	Status int
	Body   Reconciliation
}

func (s *server) reconcileOperations() {
	type requestInput struct {
		Idempotent
		Body *ReconcileRequest
	}
	add(s, get("/v1/reconcile", "get-reconcile", "truth", "Show how far the comparison with the providers has come"), s.listSweeps)
	add(s, with(post(scope.Write, "/v1/reconcile", "reconcile", "truth", "Compare the ledger with the providers"), http.StatusAccepted,
		"One customer is compared at once: 200. Everything else goes on in the background: 202. A sweep that is under way is continued, not begun anew."),
		func(ctx context.Context, in *requestInput) (*reconcileOutput, error) {
			if in.Body == nil {
				in.Body = &ReconcileRequest{}
			}
			return s.reconcile(ctx, *in.Body)
		})
}

func (s *server) reconcile(ctx context.Context, q ReconcileRequest) (*reconcileOutput, error) {
	if err := s.knownAccount("body.provider", q.Provider); err != nil {
		return nil, err
	}
	out := &reconcileOutput{Status: http.StatusAccepted, Body: Reconciliation{RequestedAt: s.DB.Now(), Accounts: []string{}}}
	if q.Customer != "" {
		if _, err := s.knownCustomer(ctx, q.Customer); err != nil {
			return nil, err
		}
		compared, changed, err := s.Reconcile.Customer(ctx, q.Customer, q.Provider)
		if err != nil {
			return nil, err
		}
		out.Status, out.Body.Customer, out.Body.Compared, out.Body.Changed = http.StatusOK, &q.Customer, &compared, &changed
		if out.Body.Accounts = []string{q.Provider}; q.Provider == "" {
			out.Body.Accounts = slices.Sorted(maps.Keys(s.Apply.Drivers))
		}
		return out, nil
	}
	ask := s.Reconcile.Request
	if q.Full != nil && !*q.Full {
		ask = s.Reconcile.RequestRecent
	}
	accounts, err := ask(ctx, q.Provider)
	slices.Sort(accounts)
	out.Body.Accounts = listOf(accounts)
	return out, err
}

func (s *server) listSweeps(ctx context.Context, in *ListInput) (*pageOutput[Sweep], error) {
	all, err := s.sweeps(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(all, *in, func(row Sweep) string { return row.Provider }, func(row Sweep) Sweep { return row })
}

// sweeps shows all accounts.
func (s *server) sweeps(ctx context.Context) ([]Sweep, error) {
	all := []Sweep{}
	for _, account := range slices.Sorted(maps.Keys(s.Apply.Drivers)) {
		sweep, err := s.sweep(ctx, account)
		if err != nil {
			return nil, err
		}
		all = append(all, sweep)
	}
	return all, nil
}

func (s *server) sweep(ctx context.Context, account string) (Sweep, error) {
	now, last, err := s.Reconcile.Status(ctx, account)
	if err != nil {
		return Sweep{}, err
	}
	sweep := Sweep{Provider: account, Running: now != nil, Progress: progressOf(now), Last: resultOf(last)}
	row, err := s.DB.WorkNamed(ctx, store.QueueTask, "sweep/"+account)
	if errors.Is(err, store.ErrNotFound) {
		return sweep, nil
	}
	sweep.NextAt, sweep.Attempts, sweep.Error = moment(row.DueAt), row.Attempts, row.Error
	return sweep, err
}

func progressOf(p *reconcile.Progress) *SweepProgress {
	if p == nil {
		return nil
	}
	return &SweepProgress{
		Kind: string(p.Kind), Pages: p.Pages, Objects: p.Objects, Changed: p.Changed, Doubted: p.Doubted, Backfill: p.Backfill, StartedAt: p.StartedAt.UTC(),
	}
}

func resultOf(r *reconcile.Swept) *SweepResult {
	if r == nil {
		return nil
	}
	return &SweepResult{
		Pages: r.Pages, Objects: r.Objects, Changed: r.Changed, Doubted: r.Doubted, Backfill: r.Backfill,
		StartedAt: r.StartedAt.UTC(), FinishedAt: r.FinishedAt.UTC(),
	}
}
