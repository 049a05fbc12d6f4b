package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/policy"
)

// QueueEffect is the queue of effects to carry out; keys are effect keys.
const QueueEffect = "effect"

// The states of an effect.
const (
	// EffectDue: to be carried out.
	EffectDue = "due"
	// EffectUnknown: an attempt was made and how it ended is not known. Before
	// the next attempt somebody looks.
	EffectUnknown = "unknown"
	// EffectDone: it happened, once.
	EffectDone = "done"
	// EffectDropped: no longer called for when its time came.
	EffectDropped = "dropped"
	// EffectFailed: the provider refuses; a person must decide, and may ask again.
	EffectFailed = "failed"
	// EffectWithheld: what would have been done, had the mode allowed it.
	EffectWithheld = "withheld"
	// EffectProposed: waits for a person to accept or reject it.
	EffectProposed = "proposed"
	// EffectRejected: a person did not want it.
	EffectRejected = "rejected"
)

// NotCalledFor is the result of a standing effect that was dropped because its
// review no longer named it.
const NotCalledFor = "no longer called for"

// Unsayable begins the result of a message that was dropped because it could not be
// said, and certainly was not. See [Tx.Unsaid].
const Unsayable = "cannot be said: "

// Effect is something to be done in the outside world, once.
type Effect struct {
	// Key is the business key: whatever is decided twice has it twice and is
	// done once.
	Key     string
	Seq     int64
	Kind    string
	Account string
	// Object is the reference of what it acts on.
	Object   string
	Customer string
	// Doc holds the details as JSON; Result what came of it.
	Doc       string
	State     string
	Result    string
	Error     string
	Actor     string
	CreatedAt time.Time
	DoneAt    time.Time
	// Policy is which asked for it; empty: a person or the application did.
	Policy string
	// Standing effects are called for as long as the policy's review says so.
	Standing bool
	// Asked: what the policy asks for somebody asked of us before. It is not stored.
	Asked bool
	// DecidedBy is who accepted or rejected a proposal.
	DecidedBy string
	// AttemptedAt is when it was first tried; zero: it was not, or certainly in vain.
	AttemptedAt time.Time
	// CalledAt is when it was last tried; of a try that came to an unclear end, when it
	// did. Zero: never.
	CalledAt time.Time
	// Money is what the attempt moves, in minor units of Currency; zero: nothing,
	// or it was not tried.
	Money    int64
	Currency string
}

const effectColumns = `
	select key, seq, kind, account, object, customer, doc, state, result, error, actor, created_at, done_at,
		policy, standing, decided_by, attempted_at, called_at, money, currency
	from effects`

func scanEffect(rows *sql.Rows) (e Effect, err error) {
	var created, done, attempted, called stamp
	var standing int64
	err = rows.Scan(&e.Key, &e.Seq, &e.Kind, &e.Account, &e.Object, &e.Customer, &e.Doc, &e.State, &e.Result, &e.Error, &e.Actor, &created, &done,
		&e.Policy, &standing, &e.DecidedBy, &attempted, &called, &e.Money, &e.Currency)
	e.CreatedAt, e.DoneAt, e.AttemptedAt, e.CalledAt, e.Standing = created.Time, done.Time, attempted.Time, called.Time, standing == 1
	return e, err
}

// AddEffects records effects that are not recorded yet, and raises the work to
// carry out those that are due. A standing effect that was held back by a mode,
// and is now called for under a less careful one, moves on; one that was dropped
// because nothing called for it any more is called for again, and if the mode says so
// decided about again. One that waits takes on the details with which it is called for
// now. It returns which keys are new, moved on or have other details.
func (tx *Tx) AddEffects(ctx context.Context, effects []Effect) (fresh map[string]bool, err error) {
	fresh = map[string]bool{}
	seen := map[string]bool{}
	effects = slices.DeleteFunc(slices.Clone(effects), func(e Effect) bool {
		twice := seen[e.Key]
		seen[e.Key] = true
		return twice
	})
	if len(effects) == 0 {
		return fresh, nil
	}
	numbers, err := tx.Numbers(ctx, len(effects))
	if err != nil {
		return nil, err
	}
	rows := make([][]any, len(effects))
	for i, e := range effects {
		rows[i] = []any{e.Key, numbers[i], e.Kind, e.Account, e.Object, e.Customer, e.Doc, e.State, "", "", e.Actor, stamp{tx.Now}, e.Policy, flag(e.Standing)}
	}
	keys, err := insertReturning(ctx, tx, scanString, `insert into effects (key, seq, kind, account, object, customer, doc, state, result, error, actor, created_at, policy, standing)`,
		`on conflict (key) do update set state = excluded.state, doc = excluded.doc, result = '', error = '', done_at = null, decided_by = '',
			attempted_at = null, called_at = null, money = 0
		 where effects.standing = 1 and excluded.standing = 1 and (
			effects.state = 'withheld' and excluded.state in ('proposed', 'due') or effects.state = 'proposed' and excluded.state = 'due'
			or effects.state = 'dropped' and effects.result = '`+NotCalledFor+`'
			or effects.state in ('withheld', 'proposed') and effects.state = excluded.state and effects.doc <> excluded.doc)
		 returning key`, rows)
	if err != nil {
		return nil, fmt.Errorf("write effects: %w", err)
	}
	for _, key := range keys {
		fresh[key] = true
	}
	var wants []Want
	for _, e := range effects {
		if fresh[e.Key] && e.State == EffectDue {
			wants = append(wants, WantOf(e))
		}
	}
	return fresh, tx.Raise(ctx, numbers[len(numbers)-1], wants)
}

// Demands lists the cancellations, refunds and alerts that policies asked for about
// customers and nobody rejected, oldest first. Of each only what it is and how far it
// came is read.
func (tx *Tx) Demands(ctx context.Context, customers []string) ([]Effect, error) {
	return selectIn(ctx, tx, func(rows *sql.Rows) (e Effect, err error) {
		var attempted stamp
		err = rows.Scan(&e.Key, &e.Kind, &e.Object, &e.Customer, &e.State, &e.Policy, &e.Money, &attempted)
		e.AttemptedAt = attempted.Time
		return e, err
	}, `select key, kind, object, customer, state, policy, money, attempted_at from effects
		where customer in (%s) and customer <> '' and policy <> '' and state <> 'rejected'
			and kind in ('cancel', 'cancel_at_period_end', 'refund', 'alert') order by seq`, customers)
}

// WantOf is the work of carrying out an effect. Effects on one object take turns;
// what is said about it waits for nothing and holds nothing up.
func WantOf(e Effect) Want {
	want := Want{Queue: QueueEffect, Key: e.Key}
	if e.Kind != policy.Say && e.Kind != policy.Alert {
		want.Lane = "effect:" + e.Object
	}
	return want
}

// Effect reads an effect by key.
func (db *DB) Effect(ctx context.Context, key string) (Effect, error) {
	return one(ctx, db, scanEffect, effectColumns+` where key = $1`, key)
}

// SetEffect notes how an effect stands; an empty state leaves it as it is. One that
// is due again was certainly not carried out: what it was to move was not moved.
func (tx *Tx) SetEffect(ctx context.Context, key, state, result, failure string) error {
	var done time.Time
	switch state {
	case EffectDone, EffectDropped, EffectFailed, EffectRejected:
		done = tx.Now
	}
	_, err := tx.exec(ctx, `
		update effects set state = case when $1 = '' then state else $1 end, result = $2, error = $3, done_at = $4,
			attempted_at = case when $1 = 'due' then null else attempted_at end, money = case when $1 = 'due' then 0 else money end
		where key = $5`, state, result, clip(failure), stamp{done}, key)
	return err
}

// ReviveEffect makes an effect due again that failed, as one that was not tried yet;
// any other stays as it is.
func (tx *Tx) ReviveEffect(ctx context.Context, key string) error {
	_, err := tx.exec(ctx, `
		update effects set state = $1, result = '', error = '', done_at = $2, attempted_at = null, called_at = null, money = 0 where key = $3 and state = $4`,
		EffectDue, stamp{}, key, EffectFailed)
	return err
}

// Unsaid has what was to be said to customers, and was dropped because it could not
// be, called for anew if their policies still call for it: they may be reached now.
func (tx *Tx) Unsaid(ctx context.Context, customers []string) error {
	_, err := selectIn(ctx, tx, scanString, `
		update effects set result = '`+NotCalledFor+`'
		where customer in (%s) and customer <> '' and kind = '`+policy.Say+`' and standing = 1 and state = 'dropped' and result like '`+Unsayable+`%' returning key`, customers)
	return err
}

// EffectFilter selects effects. Zero fields do not filter.
type EffectFilter struct {
	Customer string
	State    string
	Kind     string
	Policy   string
	// Before continues a list: only rows with a smaller Seq.
	Before int64
	Limit  int
}

// Effects lists effects, newest first.
func (db *DB) Effects(ctx context.Context, f EffectFilter) ([]Effect, error) {
	w := where{}
	w.linked(f.Customer)
	w.equal("state", f.State)
	w.equal("kind", f.Kind)
	w.equal("policy", f.Policy)
	if f.Before > 0 {
		w.add("seq < $%d", f.Before)
	}
	w.args = append(w.args, f.Limit)
	return collect(ctx, db, scanEffect, effectColumns+w.text()+fmt.Sprintf(" order by seq desc limit $%d + 0", len(w.args)), w.args...)
}

// EffectCounts counts effects by state.
func (db *DB) EffectCounts(ctx context.Context) (map[string]int64, error) {
	return db.counts(ctx, `select state, count(*) from effects group by state`)
}

// Answer is a stored answer of the REST API.
type Answer struct {
	// Request is a digest of what was asked; the same key with another request
	// is a mistake.
	Request string
	Status  int64
	Body    []byte
}

// AnswerTo finds the stored answer to an idempotency key.
func (db *DB) AnswerTo(ctx context.Context, key string) (Answer, error) {
	return one(ctx, db, func(rows *sql.Rows) (a Answer, err error) { return a, rows.Scan(&a.Request, &a.Status, &a.Body) },
		`select request, status, body from answers where key = $1`, key)
}

// KeepAnswer stores an answer; kept is false if the key has one already.
func (db *DB) KeepAnswer(ctx context.Context, key string, a Answer) (kept bool, err error) {
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		keys, err := insertReturning(ctx, tx, scanString, `insert into answers (key, request, status, body, created_at)`,
			`on conflict (key) do update set status = excluded.status, body = excluded.body
			 where answers.status = 0 and answers.request = excluded.request returning key`,
			[][]any{{key, a.Request, a.Status, a.Body, stamp{tx.Now}}})
		kept = len(keys) == 1
		return err
	})
	return kept, err
}
