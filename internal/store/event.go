package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The states of an event in the inbox.
const (
	// EventReceived: stored; the objects it names are still to be looked at.
	EventReceived = "received"
	// EventDone: what it is about was looked at after it came.
	EventDone = "done"
	// EventDead: looking failed too often; a person must decide.
	EventDead = "dead"
	// EventIgnored: it names nothing that we look at.
	EventIgnored = "ignored"
)

// The ways in which events arrive.
const (
	ArrivalWebhook = "webhook"
	ArrivalPull    = "pull"
)

// Event is a row of the inbox.
type Event struct {
	ID         string
	Seq        int64
	Account    string
	EventID    string
	Type       string
	Arrival    string
	CreatedAt  time.Time
	ReceivedAt time.Time
	// Headers is JSON; Body is as it came, byte for byte.
	Headers string
	Body    []byte
	State   string
	// Refs are the objects that it names, the first being what it is about.
	Refs []string
	// Told are the claims that it makes about objects; stored along with it.
	Told []Told
	// Cause is what the looks that it leads to are put down to; empty: its
	// arrival. Not stored.
	Cause    string
	Attempts int64
	Error    string
	DoneAt   time.Time
}

// storable puts the names in an event into a form that can be stored.
func (e Event) storable() Event {
	e.EventID = name(e.EventID)
	e.Type = clip(e.Type)
	if e.Body == nil {
		e.Body = []byte{} // a listed event may have none
	}
	e.Refs = slices.Clone(e.Refs)
	for i, ref := range e.Refs {
		e.Refs[i] = name(ref)
	}
	return e
}

// wants are the looks that an event calls for.
func (e Event) wants() []Want {
	wants := make([]Want, len(e.Refs))
	for i, ref := range e.Refs {
		wants[i] = Want{Queue: QueueLook, Key: ref, Cause: cmp.Or(e.Cause, e.Arrival) + " " + e.EventID}
	}
	return wants
}

// QueueLook is the queue of objects to look at; keys are object references.
const QueueLook = "look"

// Settle marks the events done that were about these objects and were wanted
// before the number at which the look began. It returns when the newest of them
// came, by object.
//
// Call it after [Tx.Finish] and in the same transaction: an event that is stored
// meanwhile is seen by one of the two.
func (tx *Tx) Settle(ctx context.Context, begun map[string]int64) (newest map[string]time.Time, err error) {
	return tx.settle(ctx, begun, `'received', 'dead'`)
}

// Mend is [Tx.Settle] for dead events alone: for a look that nobody claimed, while
// others wait for theirs.
func (tx *Tx) Mend(ctx context.Context, begun map[string]int64) error {
	_, err := tx.settle(ctx, begun, `'dead'`)
	return err
}

func (tx *Tx) settle(ctx context.Context, begun map[string]int64, states string) (newest map[string]time.Time, err error) {
	rows := make([][]any, 0, len(begun))
	for ref, number := range begun {
		rows = append(rows, []any{ref, number, stamp{tx.Now}})
	}
	slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) }) //nolint:forcetypeassert // set above
	type settled struct {
		ref  string
		came stamp
	}
	done, err := update(ctx, tx, func(rows *sql.Rows) (s settled, err error) { return s, rows.Scan(&s.ref, &s.came) }, `
		update events set state = 'done', done_at = v.column3, error = ''
		from (values %s) as v
		where events.ref = v.column1 and events.want < v.column2 and events.state in ('received', 'dead') and events.state in (`+states+`)
		returning events.ref, events.received_at`, rows)
	if err != nil {
		return nil, fmt.Errorf("settle events: %w", err)
	}
	newest = map[string]time.Time{}
	for _, s := range done {
		if s.came.After(newest[s.ref]) {
			newest[s.ref] = s.came.Time
		}
	}
	return newest, nil
}

// Trouble notes on the events about an object that looking at it failed; dead
// says that it was the last attempt. Call it after [Tx.Fail]: if that found that
// the object was wanted again, nothing is dead.
func (tx *Tx) Trouble(ctx context.Context, ref, cause string, dead bool) error {
	state := EventReceived
	if dead {
		state = EventDead
	}
	_, err := tx.exec(ctx, `
		update events set attempts = attempts + 1, error = $1, state = case
			when exists (select 1 from work where queue = 'look' and key = $2 and state <> 'dead') then 'received'
			else $3 end
		where ref = $2 and state = 'received' and state in ('received', 'dead')`, clip(cause), ref, state)
	return err
}

// EventFilter selects events. Zero fields do not filter.
type EventFilter struct {
	Account string
	Type    string
	State   string
	// Ref is an object reference that the event is about.
	Ref string
	// Cause is part of the error text.
	Cause string
	// Before continues a list: only rows with a smaller Seq.
	Before int64
	Limit  int
}

func (f EventFilter) where() (string, []any) {
	w := where{}
	w.equal("account", f.Account)
	w.equal("type", f.Type)
	w.equal("state", f.State)
	w.equal("ref", f.Ref)
	if f.Cause != "" {
		w.add("replace(error, $%d, '') <> error", f.Cause)
	}
	if f.Before > 0 {
		w.add("seq < $%d", f.Before)
	}
	return w.text(), w.args
}

const eventColumns = `select id, seq, account, event_id, type, arrival, created_at, received_at, headers, body, state, refs, attempts, error, done_at from events`

// Events lists events, newest first.
func (db *DB) Events(ctx context.Context, filter EventFilter) ([]Event, error) {
	where, args := filter.where()
	return collect(ctx, db, scanEvent, eventColumns+where+fmt.Sprintf(" order by seq desc limit $%d + 0", len(args)+1), append(args, filter.Limit)...)
}

// CountEvents counts what [DB.Events] would list without a limit.
func (db *DB) CountEvents(ctx context.Context, filter EventFilter) (int64, error) {
	where, args := filter.where()
	return one(ctx, db, scanInt, `select count(*) from events`+where, args...)
}

// EventNamed finds an event by our id or by the provider's.
func (db *DB) EventNamed(ctx context.Context, id string) (Event, error) {
	e, err := one(ctx, db, scanEvent, eventColumns+` where id = $1`, id)
	if err != ErrNotFound { //nolint:errorlint // from one, never wrapped
		return e, err
	}
	// The index begins with the account, so each is asked for. Which there are takes
	// a leap through the index for each, not a look at every event.
	accounts, err := collect(ctx, db, scanString, `
		with recursive known (account) as (
			select min(account) from events
			union all
			select (select min(account) from events where events.account > known.account) from known where known.account is not null
		)
		select account from known where account is not null`)
	if err != nil {
		return e, err
	}
	for _, account := range accounts {
		e, err = one(ctx, db, scanEvent, eventColumns+` where account = $1 and event_id = $2`, account, id)
		if err != ErrNotFound { //nolint:errorlint // from one, never wrapped
			return e, err
		}
	}
	return e, ErrNotFound
}

// Replay makes events received again and raises a look at what they name. It
// returns how many there were to look at.
func (tx *Tx) Replay(ctx context.Context, ids []string, cause string) (int, error) {
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	events, err := selectIn(ctx, tx, scanEvent, eventColumns+` where id in (%s) and ref <> '' order by id`+tx.db.dialect.lock, ids)
	if err != nil {
		return 0, err
	}
	rows := make([][]any, len(events))
	var wants []Want
	for i, e := range events {
		rows[i] = []any{e.ID, numbers[0]}
		for _, ref := range e.Refs {
			wants = append(wants, Want{Queue: QueueLook, Key: ref, Cause: cause})
		}
	}
	if len(rows) == 0 {
		return 0, nil
	}
	if _, err := update(ctx, tx, scanString, `
		update events set state = 'received', want = v.column2, error = '', done_at = null
		from (values %s) as v where events.id = v.column1 returning events.id`, rows); err != nil {
		return 0, err
	}
	return len(events), tx.Raise(ctx, numbers[0], wants)
}

// EventCounts counts events by state.
func (db *DB) EventCounts(ctx context.Context) (map[string]int64, error) {
	return db.counts(ctx, `select state, count(*) from events group by state`)
}

func scanEvent(rows *sql.Rows) (e Event, err error) {
	var created, received, done stamp
	var refs string
	err = rows.Scan(&e.ID, &e.Seq, &e.Account, &e.EventID, &e.Type, &e.Arrival, &created, &received,
		&e.Headers, &e.Body, &e.State, &refs, &e.Attempts, &e.Error, &done)
	e.CreatedAt, e.ReceivedAt, e.DoneAt = created.Time, received.Time, done.Time
	if refs != "" {
		e.Refs = strings.Split(refs, "\n")
	}
	return e, err
}

// where gathers conditions and their arguments.
type where struct {
	conditions []string
	args       []any
}

// add adds a condition whose %d is the argument's number.
func (w *where) add(condition string, arg any) {
	w.args = append(w.args, arg)
	w.conditions = append(w.conditions, fmt.Sprintf(condition, len(w.args)))
}

// equal adds a condition unless the value is empty.
func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = $%d", value)
	}
}

// is adds a condition without an argument.
func (w *where) is(condition string) { w.conditions = append(w.conditions, condition) }

// linked adds the condition that a row is a customer's, in the words of the
// index of such rows.
func (w *where) linked(customer string) {
	if customer != "" {
		w.equal("customer", customer)
		w.conditions = append(w.conditions, "customer <> ''")
	}
}

func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " where " + strings.Join(w.conditions, " and ")
}

// counts reads pairs of a name and a number.
func (db *DB) counts(ctx context.Context, text string) (map[string]int64, error) {
	type pair struct {
		name string
		n    int64
	}
	rows, err := collect(ctx, db, func(rows *sql.Rows) (p pair, err error) { return p, rows.Scan(&p.name, &p.n) }, text)
	counts := map[string]int64{}
	for _, row := range rows {
		counts[row.name] = row.n
	}
	return counts, err
}
