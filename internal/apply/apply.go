package apply

import (
	"context"
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
	// Policies react to changes. Enforce says for each account whether what they
	// ask for is done or only recorded.
	Policies []policy.Policy
	Enforce  func(account, policy string) bool
	// Wake is told that a queue has work; nil: nobody is.
	Wake func(queue string)
	Log  *slog.Logger
	// Flushers is how many transactions run at once; 0: 1.
	Flushers int
	// Doubt is after what time a look is taken once more that an event led to and
	// that found nothing new: the provider's answer may have been an old one. Zero:
	// answers are never doubted.
	Doubt time.Duration
	// Seen is told of each look that was written; nil: nobody is.
	Seen func(trigger Trigger, changed bool)
}

// Applier is the path. It is safe for concurrent use.
type Applier struct {
	Config
	batcher *batch.Batcher[*group]
	// digest tells which plans and rules decide here.
	digest string
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
	cause                    Cause
	outcome                  Outcome
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
	if config.Enforce == nil {
		config.Enforce = func(string, string) bool { return true }
	}
	a := &Applier{Config: config, digest: digestOf(config.Catalog, config.Rules)}
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
		outcome, err := a.look(ctx, cause, ref, nil)
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

// patience is how many looks at an object that is not to be seen are taken for
// "not yet".
const patience = 4

// Look carries out a claim of the queue of objects to look at.
func (a *Applier) Look(ctx context.Context, claim store.Claim) error {
	ref, err := provider.ParseRef(claim.Key)
	if err != nil {
		return err
	}
	_, err = a.look(ctx, causeOf(claim), ref, &claim)
	return err
}

// look fetches and writes, again if something newer landed meanwhile.
func (a *Applier) look(ctx context.Context, cause Cause, ref provider.Ref, claim *store.Claim) (Outcome, error) {
	driver, known := a.Drivers[ref.Account]
	if !known {
		return Outcome{}, fmt.Errorf("no provider account %q is configured", ref.Account)
	}
	for try := 1; ; try++ {
		s := &sight{ref: ref, cause: cause, looked: true, patient: claim != nil}
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
		if s.snapshot, err = driver.Fetch(ctx, ref); err != nil {
			if provider.KindOf(err) != provider.NotFound {
				return Outcome{}, err
			}
			if claim != nil && claim.Failures+1 < patience {
				return Outcome{}, fmt.Errorf("%w: %w", ErrNotVisible, err)
			}
			s.missing = true
		} else if err := sound(ref, s.snapshot); err != nil {
			return Outcome{}, err
		}
		fail.Point("apply.fetched")
		g := &group{sights: append([]*sight{s}, s.beside()...), claim: claim}
		if err := a.batcher.Do(ctx, g); err != nil {
			return Outcome{}, err
		}
		if g.lost {
			return Outcome{}, store.ErrLost
		}
		if !s.outcome.Overtaken {
			return s.outcome, nil
		}
		if try == tries {
			return s.outcome, fmt.Errorf("%s keeps changing while we look", ref)
		}
	}
}

// beside are the other objects that the same record told of. They are like rows of a
// list: nobody asked for them, and one that something newer landed on is looked at
// by itself.
func (s *sight) beside() (others []*sight) {
	for _, b := range s.snapshot.Beside {
		others = append(others, &sight{ref: b.Ref, begun: s.begun, snapshot: b, cause: s.cause})
	}
	return others
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
// landed on are left alone and wanted again.
func (a *Applier) Write(ctx context.Context, page Page) ([]Outcome, error) {
	g := &group{}
	seen := map[provider.Ref]bool{}
	for _, snapshot := range page.Snapshots {
		if err := sound(snapshot.Ref, snapshot); err != nil {
			return nil, err
		}
		if !seen[snapshot.Ref] { // a page that shifted while it was read may repeat rows
			seen[snapshot.Ref] = true
			s := &sight{ref: snapshot.Ref, begun: page.Begun, snapshot: snapshot, cause: page.Cause}
			g.sights = append(append(g.sights, s), s.beside()...)
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
