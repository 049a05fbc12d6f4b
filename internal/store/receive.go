package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Receive stores events that are not stored yet and raises a look at what they
// name, in one commit. One that is dead is received anew: whoever has it sent again
// means that what was wrong is mended. It returns which of them (by index) were new
// or dead. Names that a
// database would refuse are kept in another form; see [name]: an event that its
// provider signed is never turned away.
//
// It may be called again whatever the error was: what was stored after all is not
// stored twice.
func (db *DB) Receive(ctx context.Context, events []Event) (fresh []bool, err error) {
	r := arriving(events)
	stored := map[[2]string]bool{}
	if len(r.distinct) == 0 {
		return make([]bool, len(events)), nil
	}
	if db.writer != nil || r.tells() {
		err = db.Write(ctx, func(ctx context.Context, tx *Tx) (err error) {
			stored, err = tx.receive(ctx, r)
			return err
		})
	} else {
		err = db.persist(ctx, func() (int, error) {
			if stored, err = db.receive(ctx, r); err != nil {
				return mostReceives(err), err
			}
			return 0, nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("store events: %w", err)
	}
	fresh = make([]bool, len(events))
	for name := range stored {
		fresh[r.first[name]] = true
	}
	return fresh, nil
}

// mostReceives is how often events may be stored anew after an error: since none
// is stored twice, also after a connection broke that may have committed.
func mostReceives(err error) int {
	return triesAfter(err, severed(err))
}

// arrivals are events on their way in.
type arrivals struct {
	// distinct are the events, each once, sorted, so that two transactions with
	// the same events wait for each other instead of deadlocking.
	distinct []Event
	// first is the index of each among those that were given.
	first map[[2]string]int
}

// tells reports whether any of the events makes claims, which the one statement has
// no place for.
func (r arrivals) tells() bool {
	return slices.ContainsFunc(r.distinct, func(e Event) bool { return len(e.Told) > 0 })
}

// named is what an event is known by: its account and the provider's id.
func (e Event) named() [2]string { return [2]string{e.Account, e.EventID} }

func arriving(events []Event) arrivals {
	r := arrivals{first: make(map[[2]string]int, len(events))}
	for i, e := range events {
		e = e.storable()
		if _, twice := r.first[e.named()]; twice {
			continue
		}
		r.first[e.named()] = i
		r.distinct = append(r.distinct, e)
	}
	slices.SortFunc(r.distinct, func(a, b Event) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.EventID, b.EventID))
	})
	return r
}

// about is what an event is about, and the state that it begins in.
func (e Event) about() (ref, state string) {
	if len(e.Refs) == 0 {
		return "", EventIgnored
	}
	return e.Refs[0], EventReceived
}

func scanNamed(rows *sql.Rows) (name [2]string, err error) {
	return name, rows.Scan(&name[0], &name[1])
}

// receiveTail ends the statement that writes events.
const receiveTail = `on conflict (account, event_id) do update set state = 'received', want = excluded.want, error = '', done_at = null
	where events.state = 'dead'
	returning account, event_id`

// receive stores events statement by statement, within a transaction.
func (tx *Tx) receive(ctx context.Context, r arrivals) (stored map[[2]string]bool, err error) {
	refs := 0
	for _, e := range r.distinct {
		refs += len(e.Refs)
	}
	numbers, err := tx.Numbers(ctx, len(r.distinct)+1+refs)
	if err != nil {
		return nil, err
	}
	want := numbers[len(r.distinct)]
	rows := make([][]any, len(r.distinct))
	for i, e := range r.distinct {
		ref, state := e.about()
		rows[i] = []any{fmt.Sprintf("ev_%d", numbers[i]), numbers[i], e.Account, e.EventID, e.Type, e.Arrival,
			stamp{e.CreatedAt}, stamp{tx.Now}, e.Headers, e.Body, state, ref, strings.Join(e.Refs, "\n"), want, 0, ""}
	}
	names, err := insertReturning(ctx, tx, scanNamed,
		`insert into events (id, seq, account, event_id, type, arrival, created_at, received_at, headers, body, state, ref, refs, want, attempts, error)`,
		receiveTail, rows)
	if err != nil {
		return nil, err
	}
	stored = make(map[[2]string]bool, len(names))
	for _, name := range names {
		stored[name] = true
	}
	var wants []Want
	var told []Told
	for _, e := range r.distinct {
		if stored[e.named()] {
			wants = append(wants, e.wants()...)
			told = append(told, e.Told...)
		}
	}
	if len(wants) > 0 {
		if err := tx.raise(ctx, want, numbers[len(r.distinct)+1:], arranged(wants)); err != nil {
			return nil, err
		}
	}
	return stored, tx.Tell(ctx, told)
}

// receive stores events by one statement, which is a transaction of its own: on
// PostgreSQL each statement costs a journey to the server and back, and this one
// is what everybody who sends a webhook waits for. It says the same as
// [Tx.receive], with numbers that the server draws itself.
func (db *DB) receive(ctx context.Context, r arrivals) (map[[2]string]bool, error) {
	now := stamp{db.Now()}
	rows := make([][]any, len(r.distinct))
	wants := [][]any{}
	for i, e := range r.distinct {
		ref, state := e.about()
		rows[i] = []any{e.Account, e.EventID, e.Type, e.Arrival, stamp{e.CreatedAt}, e.Headers, e.Body, state, ref, strings.Join(e.Refs, "\n")}
		for _, w := range e.wants() {
			wants = append(wants, []any{e.Account, e.EventID, w.Queue, w.Key, w.lane(), w.Cause})
		}
	}
	if len(wants) == 0 { // arrays need a row to tell their types by; this one joins nothing
		wants = append(wants, []any{"", "", "", "", "", ""})
	}
	events, args := arraysAfter(1, rows)
	looks, more := arraysAfter(1+len(args), wants)
	names, err := collect(ctx, db, scanNamed, `
		with drawn as materialized (select nextval('counter') as want),
		stored as (
			insert into events (id, seq, account, event_id, type, arrival, created_at, received_at, headers, body, state, ref, refs, want, attempts, error)
			select 'ev_' || v.n, v.n, v.account, v.event_id, v.type, v.arrival, v.created_at, $1::timestamptz, v.headers, v.body, v.state, v.ref, v.refs, drawn.want, 0, ''
			from (select nextval('counter') as n, u.* from `+events+` as u (account, event_id, type, arrival, created_at, headers, body, state, ref, refs)) v, drawn
			`+receiveTail+`
		), raised as (
			`+raiseHead+`
			select nextval('counter'), w.queue, w.key, w.lane, 'ready', $1::timestamptz, drawn.want, 0, 0, 0, w.cause, '', ''
			from (
				select distinct on (u.queue collate "C", u.key collate "C") u.queue, u.key, u.lane, u.cause
				from `+looks+` with ordinality as u (account, event_id, queue, key, lane, cause, place) join stored using (account, event_id)
				order by u.queue collate "C", u.key collate "C", u.place
			) w, drawn
			`+raiseTail+`
		)
		select account, event_id from stored`, append(append([]any{now}, args...), more...)...)
	stored := make(map[[2]string]bool, len(names))
	for _, name := range names {
		stored[name] = true
	}
	return stored, err
}
