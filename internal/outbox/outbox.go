// Package outbox carries out what was decided, in the outside world, once.
//
// It owns effects: recording what a person or the application asks for (what
// policies ask for is recorded by package apply), and carrying all of it out. It
// decides nothing.
//
// # Once
//
// An effect has a business key; what is asked twice is recorded once. Before a
// call is made the effect is marked unknown, so that a crash between the call
// and the note of its end leaves a trace. And before every call we look: whoever
// finds the provider's object already as it should be does not act again. Where
// the provider knows idempotency keys it is given the business key as well.
//
// A look also checks that the effect is still called for: a subscription that
// has ended needs no pause.
//
// Providers read from copies that may be some seconds old. That nothing is to be
// done is therefore believed only when a second look, some time later, finds so
// too; see [Outbox.confirmed]. And after a call whose outcome is unclear no look is
// taken before its work would show. A refund that bears our key, and an object that was
// deleted, are believed at once. An object that the provider does not show is
// neither: it is tried again.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// The kinds of effects that people ask for too; package policy has all.
const (
	CancelNow         = policy.CancelNow
	CancelAtPeriodEnd = policy.CancelAtPeriodEnd
	Uncancel          = policy.Uncancel
	Pause             = policy.Pause
	Resume            = policy.Resume
	Refund            = policy.Refund
	AcceptDispute     = policy.AcceptDispute
	PushEmail         = policy.PushEmail
	Collect           = policy.Collect
	ExtendTrial       = policy.ExtendTrial
	Capture           = policy.Capture
)

// Details are the particulars of an effect at a provider; which of them count
// depends on its kind.
type Details = policy.Details

// Config is what an Outbox works with.
type Config struct {
	DB    *store.DB
	Apply *apply.Applier
	// Wake is told that a queue has work.
	Wake func(queue string)
	Log  *slog.Logger
	// Messenger sends what is to be said to customers; nil: nobody does.
	Messenger Messenger
	// Tell tells the team of an open alert; nil: alerts are only kept.
	Tell func(ctx context.Context, w policy.Warning, customer string) error
	// Endpoints are the names of the application's endpoints that are told of alerts.
	Endpoints []string
	// Caps bound what money goes out in a day.
	Caps Caps
}

// Outbox carries out effects.
type Outbox struct{ Config }

// New makes an outbox.
func New(c Config) *Outbox {
	return &Outbox{c}
}

// ErrUnsupported says that the provider cannot do what was asked.
var ErrUnsupported = errors.New("the provider cannot do this")

// Request records an effect that a person or the application asks for, unless
// its key is recorded already, and returns it as recorded. One that the provider
// refused is tried again: somebody may have mended the cause.
func (o *Outbox) Request(ctx context.Context, e store.Effect, details Details) (store.Effect, error) {
	ref, err := provider.ParseRef(e.Object)
	if err != nil {
		return e, err
	}
	driver, known := o.Apply.Drivers[ref.Account]
	if !known {
		return e, fmt.Errorf("no provider account %q is configured", ref.Account)
	}
	if e.Key == "" {
		return e, errors.New("an effect needs a key, by which it is done once")
	}
	if err := able(driver, e.Kind, details); err != nil {
		return e, err
	}
	doc, err := json.Marshal(details)
	if err != nil {
		return e, err
	}
	e.Account, e.Doc, e.State = ref.Account, string(doc), store.EffectDue
	err = o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		fresh, err := tx.AddEffects(ctx, []store.Effect{e})
		if err != nil || fresh[e.Key] {
			return err
		}
		return again(ctx, tx, e)
	})
	if err != nil {
		return e, err
	}
	o.Wake(store.QueueEffect)
	return o.DB.Effect(ctx, e.Key)
}

// again sees to an effect that is asked for once more: had it run out of tries, or
// failed, it gets new ones. One that is done or dropped is not done again: see run.
// The work is written before the effect, as whoever records a failure does.
func again(ctx context.Context, tx *store.Tx, e store.Effect) error {
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	if err := tx.Raise(ctx, numbers[0], []store.Want{store.WantOf(e)}); err != nil {
		return err
	}
	return tx.ReviveEffect(ctx, e.Key)
}

// Queue is the outbox's queue of work.
func (o *Outbox) Queue(workers int) work.Queue {
	return work.Queue{
		Name: store.QueueEffect, Workers: workers, Lease: time.Minute,
		Run: o.run, Retry: retry, Waits: waits, Failed: o.failed,
	}
}

// run carries out one effect.
func (o *Outbox) run(ctx context.Context, claim store.Claim) error {
	e, err := o.DB.Effect(ctx, claim.Key)
	if err != nil {
		return err
	}
	if e.State != store.EffectDue && e.State != store.EffectUnknown {
		return o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.Finish(ctx, []store.Claim{claim}, time.Time{})
		})
	}
	if err := o.released(ctx, e); err != nil {
		return err
	}
	began := o.DB.Now()
	if wait := fail.Wait(settles) - began.Sub(e.CalledAt); e.State == store.EffectUnknown && wait > 0 {
		return &doubt{why: "a call of a moment ago may not show yet", failure: e.Error, wait: wait}
	}
	act, err := o.prepare(ctx, e)
	if err != nil {
		return &tried{error: err, before: e.State}
	}
	if act.held != "" {
		return o.hold(ctx, claim, e, act)
	}
	if act.done != "" {
		if err := o.confirmed(claim, act, began); err != nil {
			return err
		}
		return o.note(ctx, claim, e, act, act.state, act.done)
	}
	if earlier := glanceOf(claim); earlier.State == refusedCall && e.Kind == Collect {
		return &tried{error: &standing{earlier.Words}, before: e.State}
	}
	if err := o.attempt(ctx, claim, e, act); err != nil {
		return err
	}
	fail.Point("outbox.marked")
	result, err := act.call(ctx)
	fail.Point("outbox.called")
	if err != nil {
		return &tried{error: fmt.Errorf("%s %s: %w", e.Kind, e.Object, err), before: e.State, called: true, passing: e.Kind == Capture}
	}
	return o.note(ctx, claim, e, act, store.EffectDone, result)
}

// attempt marks the effect before the provider is called: from now on nobody
// knows whether it happened, until somebody has looked.
func (o *Outbox) attempt(ctx context.Context, claim store.Claim, e store.Effect, next act) error {
	return o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		held, err := tx.Hold(ctx, []store.Claim{claim})
		if err != nil {
			return err
		}
		if !held[claim.ID] {
			return store.ErrLost
		}
		if claim.Payload != "" && !glanceOf(claim).refused() { // an earlier look found otherwise
			if err := tx.Note(ctx, claim, ""); err != nil {
				return err
			}
		}
		if err := o.room(ctx, tx, e, next.moves); err != nil {
			return err
		}
		return tx.Attempt(ctx, e.Key, next.doc, next.moves.Amount, next.moves.Currency)
	})
}

// hold leaves an effect be that the mode, or the person who was asked, does not let us
// carry out as it is now: it is proposed, or noted as what would have been done.
func (o *Outbox) hold(ctx context.Context, claim store.Claim, e store.Effect, as act) error {
	return o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.SetEffect(ctx, e.Key, as.held, "", ""); err != nil {
			return err
		}
		if as.doc != "" {
			if err := tx.AskAgain(ctx, e.Key, as.doc); err != nil {
				return err
			}
		}
		return tx.Finish(ctx, []store.Claim{claim}, time.Time{})
	})
}

// note records how an effect ended, and asks for a look at what it changed.
func (o *Outbox) note(ctx context.Context, claim store.Claim, e store.Effect, done act, state, result string) error {
	err := o.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if state == store.EffectDone && done.record != nil {
			if err := done.record(ctx, tx, result); err != nil {
				return err
			}
		}
		if err := tx.SetEffect(ctx, e.Key, state, result, ""); err != nil {
			return err
		}
		if wants := after(e, result); len(wants) > 0 {
			numbers, err := tx.Numbers(ctx, 1)
			if err != nil {
				return err
			}
			if err := tx.Raise(ctx, numbers[0], wants); err != nil {
				return err
			}
		}
		return tx.Finish(ctx, []store.Claim{claim}, time.Time{})
	})
	if err == nil {
		o.Wake(store.QueueLook)
		if e.Kind == policy.Alert {
			o.Wake(store.QueueTask)
		}
	}
	return err
}

// after lists what to look at when an effect has ended: what it acted on and, of a
// refund, what it made. Words and what is our own change nothing at a provider.
func after(e store.Effect, result string) []store.Want {
	if e.Account == policy.Own || e.Kind == policy.Say || e.Kind == policy.Alert {
		return nil
	}
	wants := []store.Want{{Queue: store.QueueLook, Key: e.Object, Cause: string(apply.Effect) + " " + e.Key}}
	if ref, err := provider.ParseRef(result); err == nil { // a refund that was made
		wants = append(wants, store.Want{Queue: store.QueueLook, Key: ref.String(), Cause: string(apply.Effect) + " " + e.Key})
	}
	return wants
}

var (
	// errMistaken says that what was asked for makes no sense.
	errMistaken = errors.New("ask for something else")
	// errNoAccount says that the account is not configured, at present.
	errNoAccount = errors.New("the provider account is not configured")
)

// hopeless reports whether repeating does not help.
func hopeless(err error) bool {
	kind := provider.KindOf(err)
	if _, ok := errors.AsType[*standing](err); ok {
		return true
	}
	if said, ok := errors.AsType[*notify.Error](err); ok {
		return said.Kind == notify.Refused
	}
	return kind == provider.Refused || kind == provider.Unsupported || errors.Is(err, ErrUnsupported) || errors.Is(err, errMistaken)
}

// absent reports whether the provider does not show the object. It may yet: a
// deleted object is another matter.
func absent(err error) bool {
	return provider.KindOf(err) == provider.NotFound || errors.Is(err, apply.ErrNotVisible)
}

// idle reports whether a failed call certainly did nothing.
func idle(err error) bool {
	if said, ok := errors.AsType[*notify.Error](err); ok {
		return said.Kind != notify.Unknown
	}
	failure, ok := errors.AsType[*provider.Error](err)
	return ok && failure.Kind != provider.OutcomeUnknown && failure.Kind != provider.Malformed
}

const (
	// attempts is how often an effect is tried whose outcome stays unclear or
	// whose provider stays away or does not show the object: with the growing gaps
	// about three days.
	attempts = 40
	// refusals is how many tries a refusal is doubted for that follows on a call
	// of which we do not know how it ended: it may be refused because that call
	// acted, while what we read is still from before. Some twenty minutes.
	refusals = 8
	// copies is how often a message is sent of which nobody learns whether it arrived,
	// within two hours: a server that takes it and never says so delivers each of them,
	// and not every mail program shows equal ones as one.
	copies = 4
	// confirm is how long after a look that found nothing to do another has to find
	// so too. The copies that providers read from lag by less.
	confirm = 30 * time.Second
	// settles is how long after a call of which we do not know how it ended a look tells
	// whether it acted: the provider is through with what it went on doing after we had
	// hung up, and its copies have caught up. An earlier look would have it done twice,
	// where the provider knows no idempotency keys.
	settles = time.Minute
	// absence is how long to wait for an account that is not configured.
	absence = 5 * time.Minute
)

// retry counts failures, not claims: waiting costs no tries.
func retry(claim store.Claim, err error) (time.Duration, bool) {
	if d, ok := errors.AsType[*doubt](err); ok {
		return d.wait, true
	}
	if errors.Is(err, errNoAccount) {
		return absence, true
	}
	if held, ok := errors.AsType[*full](err); ok {
		return held.wait, true
	}
	try := claim.Failures + 1
	t, _ := errors.AsType[*tried](err)
	doubted := t != nil && (t.passing || t.before == store.EffectUnknown) && (!t.called || try < refusals)
	if unexpected(claim, t) && try < attempts {
		return work.Backoff(try, fail.Wait(confirm), 2*time.Hour, err), true
	}
	if hopeless(err) && !doubted || try >= attempts {
		return 0, false
	}
	if said, ok := errors.AsType[*notify.Error](err); ok && said.Kind == notify.Unknown && !said.Once {
		again := t == nil || t.before != store.EffectUnknown || try < copies
		return work.Backoff(2*try-1, 5*time.Minute, 6*time.Hour, err), again
	}
	return work.Backoff(try, 10*time.Second, 2*time.Hour, err), true
}

// waits tells what only time mends: a second look, or an account that somebody
// configures again.
func waits(err error) bool {
	_, doubtful := errors.AsType[*doubt](err)
	_, held := errors.AsType[*full](err)
	return doubtful || held || errors.Is(err, errNoAccount)
}

// tried is how an attempt failed: at the look, or if called, at the call that
// acts.
type tried struct {
	error
	called bool
	// before is the state of the effect before the attempt.
	before string
	// passing: that it is refused may be news that the next look tells, and then
	// nothing is left to be done. The bank of a customer who agreed to pay declines,
	// and the checkout waits for the customer again.
	passing bool
}

// Unwrap returns the cause.
func (t *tried) Unwrap() error { return t.error }

// failed notes on the effect what went wrong, and on the work what another look
// has to confirm, if anything. The failure of a look says nothing about whether an
// earlier call acted, nor does that of a later call, so the state goes back to what
// it was.
func (o *Outbox) failed(ctx context.Context, tx *store.Tx, claim store.Claim, cause error, dead bool) error {
	state, failure, note := "", cause.Error(), ""
	if !dead && glanceOf(claim).refused() { // remembered until it is given up
		note = claim.Payload
	}
	if d, ok := errors.AsType[*doubt](cause); ok {
		failure, note = d.failure, d.note
	}
	if t, ok := errors.AsType[*tried](cause); ok {
		if t.called && !idle(cause) {
			if err := tx.Called(ctx, claim.Key); err != nil {
				return err
			}
		}
		if unexpected(claim, t) {
			note = refusedNote(t)
		}
		switch {
		case dead && (hopeless(cause) || absent(cause)) && (t.called || t.before == store.EffectDue):
			state = store.EffectFailed
		case t.called && idle(cause):
			state = t.before
		}
	}
	if note != claim.Payload {
		if err := tx.Note(ctx, claim, note); err != nil {
			return err
		}
	}
	return tx.SetEffect(ctx, claim.Key, state, "", failure)
}
