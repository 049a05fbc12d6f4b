package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/batch"
	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// Trigger says how we came to look.
type Trigger string

// The triggers.
const (
	// Webhook, Redirect: the provider called; the customer came back.
	Webhook  Trigger = "webhook"
	Redirect Trigger = "redirect"
	// Listed: the provider's list of events told us, which is how an account
	// without webhooks works.
	Listed Trigger = "listed"
	// Pull, Sweep, Revisit: reconciliation read the provider's events, its lists,
	// or an object that was expected to change.
	Pull    Trigger = "pull"
	Sweep   Trigger = "sweep"
	Revisit Trigger = "revisit"
	// Request: a person or the application asked. Replay: of a stored event.
	Request Trigger = "request"
	Replay  Trigger = "replay"
	// Follow: a related object changed. Effect: we acted and look at what came
	// of it. Time: nothing but time has passed.
	Follow Trigger = "follow"
	Effect Trigger = "effect"
	Time   Trigger = "time"
)

// reconciling triggers find drift: had the other triggers worked, there would
// have been nothing to find.
func (t Trigger) reconciling() bool { return t == Pull || t == Sweep || t == Revisit }

// Cause says why something was looked at or written.
type Cause struct {
	Trigger Trigger
	// Event is the provider's event id, or the reference that led here.
	Event string
	// Actor is who did it, if not the provider: a person, an API key, a policy.
	Actor string
}

// Config is what an Applier works with.
type Config struct {
	DB      *store.DB
	Drivers map[string]provider.Driver
	Catalog billing.Catalog
	Rules   billing.Rules
	// Bind lists for each account the claims that say whose an object is, the
	// first found counting; see provider.Snapshot.Claims.
	Bind map[string][]string
	// Policies react to changes. Modes say whether what they ask for is done,
	// proposed or only recorded, unless a person switched.
	Policies []policy.Policy
	Modes    policy.Modes
	// Accounts are what policies may know of the provider accounts.
	Accounts map[string]policy.Account
	// Endpoints are the names of the application's endpoints that are told when a
	// customer's state changes.
	Endpoints []string
	// Wake is told that a queue has work; nil: nobody is.
	Wake func(queue string)
	Log  *slog.Logger
	// Flushers is how many transactions run at once; 0: 1.
	Flushers int
	// Doubt is how long after an event the provider's answers may still be from
	// before it: providers read from copies that lag. A look that began sooner is
	// taken once more when the time has passed. Zero: answers are never doubted.
	Doubt time.Duration
	// Confirm, if set, makes sure that an account is the one whose objects the ledger
	// holds, before one of them is buried. Its error says that it is not, or that
	// nobody knows.
	Confirm func(ctx context.Context, account string) error
	// Seen is told of each look that was written; nil: nobody is.
	Seen func(trigger Trigger, changed bool)
}

// Applier is the path. It is safe for concurrent use.
type Applier struct {
	Config
	batcher *batch.Batcher[*group]
	// digest tells which plans and rules decide here.
	digest string
	// reviewers are the policies that time alone can move.
	reviewers []policy.Reviewer
}

// group is what is committed or refused together: the result of one look, or
// one page of a sweep.
type group struct {
	sights []*sight
	// claim is the row of work that is finished with the group's only sight; nil:
	// none. lost: another worker has it, so nothing is written.
	claim *store.Claim
	lost  bool
}

// sight is what a look saw, on its way into the ledger.
type sight struct {
	ref      provider.Ref
	begun    int64
	snapshot provider.Snapshot
	// missing: the provider has no such object. looked: it was asked for this very
	// object; otherwise for a list. patient: it was asked again and again.
	missing, looked, patient bool
	// started is when the look began; withheld says that the object is not to be
	// buried, because too many were already. confirmed: somebody said that it is gone.
	started             time.Time
	withheld, confirmed bool
	cause               Cause
	outcome             Outcome
	// doc and claims are the snapshot as it will be stored.
	doc, claims string
}

// write puts the snapshot into the form in which it is stored, before anybody
// waits for the transaction that stores it.
func (s *sight) write() error {
	if s.missing || s.snapshot.Gone {
		return nil
	}
	doc, err := json.Marshal(s.snapshot.Object)
	if err != nil {
		return fmt.Errorf("write %s: %w", s.ref, err)
	}
	claims := []byte("{}")
	if len(s.snapshot.Claims) > 0 {
		if claims, err = json.Marshal(s.snapshot.Claims); err != nil {
			return fmt.Errorf("write %s: %w", s.ref, err)
		}
	}
	s.doc, s.claims = string(doc), string(claims)
	return nil
}

// Outcome says what became of a look.
type Outcome struct {
	Ref provider.Ref
	// Changed: the ledger was different. Overtaken: something newer landed while
	// we were looking, so nothing was written.
	Changed   bool
	Overtaken bool
	// Missing: the provider has no such object.
	Missing bool
	// Object is what was seen; nil if missing or gone.
	Object billing.Object
	// Customer is whose it is; empty if that is not known.
	Customer string
}

// most is how many groups share a transaction.
const most = 64

// New starts an applier. Close it when nothing uses it any more.
func New(config Config) *Applier {
	if config.Flushers == 0 {
		config.Flushers = 1
	}
	if config.Wake == nil {
		config.Wake = func(string) {}
	}
	if config.Seen == nil {
		config.Seen = func(Trigger, bool) {}
	}
	a := &Applier{Config: config, digest: digestOf(config.Catalog, config.Rules)}
	for _, p := range config.Policies {
		if r, ok := p.(policy.Reviewer); ok {
			a.reviewers = append(a.reviewers, r)
		}
	}
	a.batcher = batch.New(most, config.Flushers, batch.Alone(a.commit))
	return a
}

// Close waits for what is being written.
func (a *Applier) Close() { a.batcher.Close() }

// tries is how often a look is repeated because something newer landed.
const tries = 5

// Refs looks at objects now and returns what it saw, in order. It is what the
// triggers end in when somebody waits for the answer.
func (a *Applier) Refs(ctx context.Context, cause Cause, refs ...provider.Ref) ([]Outcome, error) {
	outcomes := make([]Outcome, 0, len(refs))
	for _, ref := range refs {
		outcome, err := a.look(ctx, cause, ref, nil, false)
		if err != nil {
			return outcomes, fmt.Errorf("look at %s: %w", ref, err)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

// ErrNotVisible says that the provider does not show the object. It may be too
// early: a webhook can be faster than the API it speaks of.
var ErrNotVisible = errors.New("the provider does not show the object (yet)")

// patience is how many looks in a row at an object that is not to be seen are taken
// for "not yet".
const patience = 4

// absent is what is noted on a row of work whose latest looks, so many in a row,
// did not find the object.
const absent = "absent %d"

// absences reads how many looks before this one did not find the object.
func absences(claim store.Claim) (n int) {
	_, _ = fmt.Sscanf(claim.Payload, absent, &n) // no such note, no absence
	return n
}

// ErrUnconfigured says that an object is of an account that is not configured. It
// may be left out for a while.
var ErrUnconfigured = errors.New("no provider account of this name is configured")

// ErrUnbelievable says that an object seems to have vanished, as too many others
// did, or from an account that may be another one.
var ErrUnbelievable = errors.New("the provider no longer has the object, and is not believed")

// Look carries out a claim of the queue of objects to look at.
func (a *Applier) Look(ctx context.Context, claim store.Claim) error {
	ref, err := provider.ParseRef(claim.Key)
	if err != nil {
		return err
	}
	_, err = a.look(ctx, causeOf(claim), ref, &claim, false)
	return err
}

// look fetches and writes, again if something newer landed meanwhile. What the
// provider does not show is buried after some patience, or if that is confirmed.
func (a *Applier) look(ctx context.Context, cause Cause, ref provider.Ref, claim *store.Claim, confirmed bool) (Outcome, error) {
	driver, known := a.Drivers[ref.Account]
	if !known {
		return Outcome{}, fmt.Errorf("%w: %s", ErrUnconfigured, ref.Account)
	}
	for try := 1; ; try++ {
		s := &sight{ref: ref, cause: cause, looked: true, patient: claim != nil, started: a.DB.Now()}
		if claim != nil && try == 1 {
			s.begun = claim.Token
		} else {
			number, err := a.DB.Number(ctx)
			if err != nil {
				return Outcome{}, err
			}
			s.begun = number
		}
		var err error
		if s.snapshot, err = a.fetch(ctx, driver, ref); err != nil {
			if provider.KindOf(err) != provider.NotFound {
				return Outcome{}, err
			}
			if claim != nil && absences(*claim)+1 < patience {
				return Outcome{}, fmt.Errorf("%w: %w", ErrNotVisible, err)
			}
			if err := a.confirm(ctx, claim, ref); err != nil {
				return Outcome{}, err
			}
			s.missing, s.confirmed = true, confirmed
		} else if err := sound(ref, s.snapshot); err != nil {
			return Outcome{}, err
		}
		if err := s.write(); err != nil {
			return Outcome{}, err
		}
		others, err := s.beside()
		if err != nil {
			return Outcome{}, err
		}
		fail.Point("apply.fetched")
		g := &group{sights: append([]*sight{s}, others...), claim: claim}
		if err := a.batcher.Do(ctx, g); err != nil {
			return Outcome{}, err
		}
		if g.lost {
			return Outcome{}, store.ErrLost
		}
		if s.withheld {
			return Outcome{}, fmt.Errorf("%w: %s of %s vanished within a day", ErrUnbelievable, ref.Kind, ref.Account)
		}
		if !s.outcome.Overtaken {
			return s.outcome, nil
		}
		if try == tries {
			return s.outcome, fmt.Errorf("%s keeps changing while we look", ref)
		}
	}
}

// confirm makes sure, before an object is buried, that its account is the right one.
func (a *Applier) confirm(ctx context.Context, claim *store.Claim, ref provider.Ref) error {
	if claim == nil || a.Confirm == nil {
		return nil
	}
	if err := a.Confirm(ctx, ref.Account); err != nil {
		return fmt.Errorf("%w: %w", ErrUnbelievable, err)
	}
	return nil
}

// beside are the other objects that the same record told of. They are like rows of a
// list: nobody asked for them, and one that something newer landed on is looked at
// by itself.
func (s *sight) beside() (others []*sight, err error) {
	for _, b := range s.snapshot.Beside {
		other := &sight{ref: b.Ref, begun: s.begun, snapshot: b, cause: s.cause}
		if err := other.write(); err != nil {
			return nil, err
		}
		others = append(others, other)
	}
	return others, nil
}

// sound reports whether what a driver says is about the object that it is said of.
func sound(ref provider.Ref, snapshot provider.Snapshot) error {
	for _, b := range snapshot.Beside {
		if b.Ref.Account != ref.Account {
			return fmt.Errorf("the driver of %s says something of %s", ref.Account, b.Ref)
		}
		if err := sound(b.Ref, b); err != nil {
			return err
		}
	}
	switch {
	case snapshot.Gone:
		return nil
	case snapshot.Object == nil:
		return fmt.Errorf("the driver of %s says nothing of %s, not even that it is gone", ref.Account, ref)
	case snapshot.Object.Kind() != ref.Kind:
		return fmt.Errorf("the driver of %s says that %s is a %s", ref.Account, ref, snapshot.Object.Kind())
	}
	return nil
}

// Page is one page of a sweep, to be written together.
type Page struct {
	Cause Cause
	// Begun is the number that was drawn before the page was asked for.
	Begun     int64
	Snapshots []provider.Snapshot
}

// Write folds a page of a sweep into the ledger. Rows that something newer
// landed on are left alone and wanted again. Where the page cannot be written as a
// whole, its objects are written one by one; those that cannot be are returned as
// failed, and the error is only of what concerns them all.
func (a *Applier) Write(ctx context.Context, page Page) (outcomes []Outcome, failed []provider.Ref, err error) {
	outcomes, err = a.writePage(ctx, page)
	if err == nil || ctx.Err() != nil {
		return outcomes, nil, err
	}
	var failures []error
	for _, snapshot := range page.Snapshots {
		one := page
		one.Snapshots = []provider.Snapshot{snapshot}
		some, err := a.writePage(ctx, one)
		if err != nil {
			failed, failures = append(failed, snapshot.Ref), append(failures, err)
			continue
		}
		outcomes = append(outcomes, some...)
	}
	if len(outcomes) == 0 && len(page.Snapshots) > 1 {
		return nil, nil, errors.Join(failures...) // it is not the objects
	}
	for i, err := range failures {
		a.Log.Error("an object of a list cannot be written", "object", failed[i], "error", err)
	}
	return outcomes, failed, nil
}

func (a *Applier) writePage(ctx context.Context, page Page) ([]Outcome, error) {
	g := &group{}
	seen := map[provider.Ref]bool{}
	for _, snapshot := range page.Snapshots {
		if err := sound(snapshot.Ref, snapshot); err != nil {
			return nil, err
		}
		if !seen[snapshot.Ref] { // a page that shifted while it was read may repeat rows
			seen[snapshot.Ref] = true
			s := &sight{ref: snapshot.Ref, begun: page.Begun, snapshot: snapshot, cause: page.Cause}
			if err := s.write(); err != nil {
				return nil, err
			}
			others, err := s.beside()
			if err != nil {
				return nil, err
			}
			g.sights = append(append(g.sights, s), others...)
		}
	}
	if err := a.batcher.Do(ctx, g); err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(g.sights))
	for i, s := range g.sights {
		outcomes[i] = s.outcome
	}
	return outcomes, nil
}

// causeOf reads a claim's cause, "webhook evt_1".
func causeOf(claim store.Claim) Cause {
	var cause Cause
	var trigger string
	if n, _ := fmt.Sscanf(claim.Cause, "%s %s %s", &trigger, &cause.Event, &cause.Actor); n == 0 {
		trigger = string(Request)
	}
	cause.Trigger = Trigger(trigger)
	return cause
}

// text is what causeOf reads.
func (c Cause) text() string {
	text := string(c.Trigger)
	for _, part := range []string{c.Event, c.Actor} {
		if part != "" {
			text += " " + part
		}
	}
	return text
}
