package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// QueueTask is the queue of periodic tasks; [TaskTurns] is the one that decides
// access anew where time alone changes it, [TaskAlerts] the one that tells the team.
const (
	QueueTask  = "task"
	TaskTurns  = "turns"
	TaskAlerts = "alerts"
)

// Want asks for something to be done.
type Want struct {
	// Queue and Key name the row of work; there is only one of a name.
	Queue string
	Key   string
	// Lane keeps rows from running at the same time; empty: the row has a lane
	// of its own.
	Lane string
	// DueAt is when to begin; zero: now.
	DueAt   time.Time
	Cause   string
	Payload string
}

func (w Want) lane() string {
	if w.Lane != "" {
		return w.Lane
	}
	return w.Queue + ":" + w.Key
}

// Claim is a row of work that a worker holds until its lease ends.
type Claim struct {
	ID    int64
	Queue string
	Key   string
	// Token fences: whatever the worker writes is refused once somebody else
	// holds the row. It is drawn from the counter when the row is claimed, so
	// what was wanted before is satisfied by what begins after it.
	Token int64
	// Attempts counts claims since the row was last finished, this one included;
	// Failures how many of the earlier ones failed for a reason that waiting alone
	// does not mend.
	Attempts int64
	Failures int64
	Cause    string
	Payload  string
}

// Raise asks for work to be done: it makes the rows or raises what they want. A
// number drawn from the counter says when, so to speak, it was wanted.
func (tx *Tx) Raise(ctx context.Context, number int64, wants []Want) error {
	wants = arranged(wants)
	if len(wants) == 0 {
		return nil
	}
	ids, err := tx.Numbers(ctx, len(wants))
	if err != nil {
		return err
	}
	return tx.raise(ctx, number, ids, wants)
}

// arranged sorts wants and drops doubles.
func arranged(wants []Want) []Want {
	wants = slices.Clone(wants)
	// Everybody locks in the same order, or deadlocks.
	slices.SortStableFunc(wants, func(a, b Want) int {
		if c := strings.Compare(a.Queue, b.Queue); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return slices.CompactFunc(wants, func(a, b Want) bool { return a.Queue == b.Queue && a.Key == b.Key })
}

// raise is [Tx.Raise] for arranged wants, with at least as many numbers for new
// rows.
func (tx *Tx) raise(ctx context.Context, number int64, ids []int64, wants []Want) error {
	rows := make([][]any, len(wants))
	for i, w := range wants {
		due := w.DueAt
		if due.IsZero() {
			due = tx.Now
		}
		rows[i] = []any{ids[i], w.Queue, w.Key, w.lane(), "ready", stamp{due}, number, 0, 0, 0, w.Cause, w.Payload, ""}
	}
	if err := tx.insert(ctx, raiseHead, raiseTail, rows); err != nil {
		return fmt.Errorf("raise work: %w", err)
	}
	return nil
}

// raiseHead and raiseTail write wanted work, around the values: a row that is
// there already keeps its place, and is woken if it rests.
const (
	raiseHead = `insert into work (id, queue, key, lane, state, due_at, wanted, seen, token, attempts, cause, payload, error)`
	raiseTail = `on conflict (queue, key) do update set
			wanted = case when work.wanted < excluded.wanted then excluded.wanted else work.wanted end,
			due_at = case
				when work.state in ('idle', 'dead') then excluded.due_at
				when work.state = 'ready' and work.attempts = 0 and excluded.due_at < work.due_at then excluded.due_at
				else work.due_at end,
			attempts = case when work.state in ('idle', 'dead') then 0 else work.attempts end,
			failures = case when work.state in ('idle', 'dead') then 0 else work.failures end,
			cause = case when work.state in ('idle', 'dead') then excluded.cause else work.cause end,
			payload = case when excluded.payload = '' then work.payload else excluded.payload end,
			state = case when work.state in ('idle', 'dead') then 'ready' else work.state end`
)

// Claim takes up to limit due rows of a queue for the length of a lease; if keys are
// given, only such rows.
func (db *DB) Claim(ctx context.Context, queue string, limit int, lease time.Duration, keys ...string) (claims []Claim, err error) {
	// Another process may take a row of the same lane at the same moment, which
	// the database refuses to one of them; that one looks again.
	for range tries {
		err = db.Write(ctx, func(ctx context.Context, tx *Tx) (err error) {
			claims, err = tx.claim(ctx, queue, limit, lease, keys)
			return err
		})
		if !duplicate(err) {
			break
		}
		claims = nil
	}
	if duplicate(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim work: %w", err)
	}
	slices.SortFunc(claims, func(a, b Claim) int { return int(a.ID - b.ID) })
	return claims, nil
}

// claim picks the rows first: a planner that is free to do so may run a
// subquery with a limit more than once, and take too many.
func (tx *Tx) claim(ctx context.Context, queue string, limit int, lease time.Duration, keys []string) ([]Claim, error) {
	args := []any{stamp{tx.Now.Add(lease)}, queue, stamp{tx.Now}, limit}
	if tx.db.writer != nil {
		token, err := tx.Numbers(ctx, 1)
		if err != nil {
			return nil, err
		}
		args = append(args, token[0])
	}
	named := ""
	for i, key := range keys {
		args = append(args, key)
		named += fmt.Sprintf(", $%d", len(args))
		if i == len(keys)-1 {
			named = " and w.key in (" + named[len(", "):] + ")"
		}
	}
	return collect(ctx, tx, scanClaim, `
		with picked as materialized (
			select w.id from work w where w.queue = $2 and w.state = 'ready' and w.due_at <= $3`+named+free+`
			order by w.due_at, w.id limit $4 + 0`+tx.db.dialect.skip+`)
		update work set state = 'running', token = `+tx.db.dialect.token+`, attempts = attempts + 1, lease_until = $1
		where id in (select id from picked)
		returning id, queue, key, token, attempts, failures, cause, payload`, args...)
}

func scanClaim(rows *sql.Rows) (c Claim, err error) {
	return c, rows.Scan(&c.ID, &c.Queue, &c.Key, &c.Token, &c.Attempts, &c.Failures, &c.Cause, &c.Payload)
}

// Hold locks the rows of the claims until the transaction ends and returns the
// ids of those that are still held: the others were lost to another worker, and
// nothing may be written for them.
func (tx *Tx) Hold(ctx context.Context, claims []Claim) (held map[int64]bool, err error) {
	return tx.held(ctx, claims, tx.db.dialect.lock)
}

// Held is [Tx.Hold] without the locks: a transaction that locks other rows first
// asks at its beginning, and learns from [Tx.Finish] whether the answer was good
// to the end.
func (tx *Tx) Held(ctx context.Context, claims []Claim) (held map[int64]bool, err error) {
	return tx.held(ctx, claims, "")
}

func (tx *Tx) held(ctx context.Context, claims []Claim, lock string) (held map[int64]bool, err error) {
	tokens := map[int64]int64{}
	ids := make([]int64, len(claims))
	for i, c := range claims {
		tokens[c.ID], ids[i] = c.Token, c.ID
	}
	rows, err := selectIn(ctx, tx, func(rows *sql.Rows) (r [2]int64, err error) { return r, rows.Scan(&r[0], &r[1]) },
		`select id, token from work where id in (%s) and state = 'running' order by id`+lock, ids)
	held = map[int64]bool{}
	for _, row := range rows {
		if token, asked := tokens[row[0]]; asked && token == row[1] {
			held[row[0]] = true
		}
	}
	return held, err
}

// LockWork locks what is there of the rows that are about to be finished and
// raised, all in the order in which [Tx.Raise] takes them. Without it, two
// transactions of which each raises what the other finishes would deadlock.
func (tx *Tx) LockWork(ctx context.Context, finish []Claim, raise []Want) error {
	if tx.db.writer != nil || len(finish)+len(raise) < 2 {
		return nil // nobody else writes, or there is no order
	}
	rows := slices.Clone(raise)
	for _, c := range finish {
		rows = append(rows, Want{Queue: c.Queue, Key: c.Key})
	}
	rows = arranged(rows)
	queues, keys := make([]string, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		queues[i], keys[i] = row.Queue, row.Key
	}
	// By position: the database may sort text in another way than we do.
	_, err := collect(ctx, tx, scanInt, `
		select w.id from unnest($1::text[], $2::text[]) with ordinality as v (queue, key, n)
		join work w on w.queue = v.queue and w.key = v.key order by v.n for update of w`, queues, keys)
	if err != nil {
		return fmt.Errorf("lock work: %w", err)
	}
	return nil
}

// Finish completes claims that are held. A row that was wanted again meanwhile
// is ready again; one with a next time is ready then; else it is idle. It
// returns an error if a claim was lost.
func (tx *Tx) Finish(ctx context.Context, claims []Claim, next time.Time) error {
	if len(claims) == 0 {
		return nil
	}
	state := "ready"
	if next.IsZero() {
		state, next = "idle", tx.Now
	}
	rows := make([][]any, len(claims))
	for i, c := range claims {
		rows[i] = []any{c.ID, c.Token, state, stamp{next}, stamp{tx.Now}}
	}
	done, err := update(ctx, tx, scanInt, `
		update work set
			state = case when work.wanted > v.column2 then 'ready' else v.column3 end,
			due_at = case when work.wanted > v.column2 then v.column5 else v.column4 end,
			attempts = 0, failures = 0, error = '', payload = '', lease_until = null, seen = v.column2
		from (values %s) as v
		where work.id = v.column1 and work.token = v.column2 and work.state = 'running'
		returning work.id`, rows)
	if err != nil {
		return fmt.Errorf("finish work: %w", err)
	}
	if len(done) != len(claims) {
		return ErrLost
	}
	return nil
}

// ErrLost says that a claim has passed to another worker, who does the work.
var ErrLost = errors.New("the claim was lost to another worker")

// Fail gives a claim back after an attempt that failed: to be tried again at
// retry, or if that is zero, to wait among the dead for a person. What was wanted
// again while the last attempt was under way is no less wanted than what comes a
// moment after it: the row is ready, its tries counted anew. A lost claim is
// [ErrLost].
func (tx *Tx) Fail(ctx context.Context, claim Claim, cause string, retry time.Time) error {
	state, anew := "ready", int64(0)
	if retry.IsZero() {
		state, retry, anew = "dead", tx.Now, 1
	}
	result, err := tx.exec(ctx, `
		update work set
			state = case when wanted > token then 'ready' else $1 end, due_at = $2, error = $3, lease_until = null,
			attempts = case when wanted > token and $4 = 1 then 0 else attempts end,
			failures = case when wanted > token and $4 = 1 then 0 else failures + 1 end
		where id = $5 and token = $6 and state = 'running'`, state, stamp{retry}, clip(cause), anew, claim.ID, claim.Token)
	return lostUnless(result, err, "fail work")
}

// Wait gives a claim back, like [Tx.Fail], after an attempt that failed for a
// reason which only waiting mends: it does not count against the row, however
// often it happens.
func (tx *Tx) Wait(ctx context.Context, claim Claim, cause string, retry time.Time) error {
	result, err := tx.exec(ctx, `
		update work set state = 'ready', due_at = $1, error = $2, lease_until = null
		where id = $3 and token = $4 and state = 'running'`, stamp{retry}, clip(cause), claim.ID, claim.Token)
	return lostUnless(result, err, "wait with work")
}

// Note keeps a text with a row of work until it is finished or raised with another:
// what its next worker should know of the attempts before. It is for the worker who
// holds the claim or has just given it back.
func (tx *Tx) Note(ctx context.Context, claim Claim, text string) error {
	result, err := tx.exec(ctx, `update work set payload = $1 where id = $2 and token = $3`, text, claim.ID, claim.Token)
	return lostUnless(result, err, "note on work")
}

// Release gives a claim back untouched, as if it had not been taken.
func (tx *Tx) Release(ctx context.Context, claim Claim) error {
	result, err := tx.exec(ctx, `
		update work set state = 'ready', attempts = attempts - 1, lease_until = null
		where id = $1 and token = $2 and state = 'running'`, claim.ID, claim.Token)
	return lostUnless(result, err, "release work")
}

// Seen tells, by key, the numbers at which the last finished looks began.
func (tx *Tx) Seen(ctx context.Context, keys []string) (map[string]int64, error) {
	type look struct {
		key  string
		seen int64
	}
	looks, err := selectIn(ctx, tx, func(rows *sql.Rows) (l look, err error) { return l, rows.Scan(&l.key, &l.seen) },
		`select key, seen from work where key in (%s) and queue = 'look' and seen > 0`, keys)
	seen := map[string]int64{}
	for _, l := range looks {
		seen[l.key] = l.seen
	}
	return seen, err
}

// DeadLooks tells which objects have a look that nobody takes any more because it
// failed too often.
func (tx *Tx) DeadLooks(ctx context.Context, keys []string) (dead []string, err error) {
	return selectIn(ctx, tx, scanString, `select key from work where key in (%s) and queue = 'look' and state = 'dead'`, sorted(keys))
}

// Pending tells, by key, the causes of the looks that are wanted or under way.
// Of several causes a webhook counts: the row of work keeps only the first.
func (tx *Tx) Pending(ctx context.Context, keys []string) (map[string]string, error) {
	causes := map[string]string{}
	for _, text := range []string{
		`select key, cause from work where key in (%s) and queue = 'look' and state in ('ready', 'running')`,
		`select ref, arrival from events where ref in (%s) and state in ('received', 'dead') and arrival = 'webhook'`,
	} {
		rows, err := selectIn(ctx, tx, func(rows *sql.Rows) (p [2]string, err error) { return p, rows.Scan(&p[0], &p[1]) }, text, keys)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			causes[row[0]] = row[1]
		}
	}
	return causes, nil
}

// Extend prolongs the leases of claims that are still held. Those whose rows
// somebody is writing just now are left out: they are about to end, or have
// their turn next time.
func (db *DB) Extend(ctx context.Context, claims []Claim, lease time.Duration) error {
	if len(claims) == 0 {
		return nil
	}
	return db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		held, err := tx.held(ctx, claims, tx.db.dialect.skip)
		if err != nil || len(held) == 0 {
			return err
		}
		var rows [][]any
		for _, c := range claims {
			if held[c.ID] {
				rows = append(rows, []any{c.ID, stamp{tx.Now.Add(lease)}})
			}
		}
		_, err = update(ctx, tx, scanInt, `
			update work set lease_until = v.column2 from (values %s) as v where work.id = v.column1 returning work.id`, rows)
		return err
	})
}

// Expire makes rows ready whose worker let the lease run out: it crashed, or
// stands still. It returns how many.
func (db *DB) Expire(ctx context.Context) (count int64, err error) {
	lapsed, err := one(ctx, db, scanInt, `select count(*) from work where state = 'running' and lease_until <= $1`, stamp{db.Now()})
	if err != nil || lapsed == 0 {
		return 0, err
	}
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		result, err := tx.exec(ctx, `
			update work set state = 'ready', error = 'the lease ran out', lease_until = null
			where id in (select id from work where state = 'running' and lease_until <= $1 order by id`+tx.db.dialect.skip+`)`, stamp{tx.Now})
		if err != nil {
			return err
		}
		count, err = result.RowsAffected()
		return err
	})
	return count, err
}

// Work is a row of work as people see it.
type Work struct {
	Claim
	State string
	DueAt time.Time
	Error string
}

// Dead lists rows that wait for a person, oldest first, after an id.
func (db *DB) Dead(ctx context.Context, after int64, limit int) ([]Work, error) {
	return collect(ctx, db, scanWork, workColumns+` where state = 'dead' and id > $1 order by id limit $2 + 0`, after, limit)
}

// WorkNamed finds a row of work.
func (db *DB) WorkNamed(ctx context.Context, queue, key string) (Work, error) {
	return one(ctx, db, scanWork, workColumns+` where queue = $1 and key = $2`, queue, key)
}

const workColumns = `select id, queue, key, token, attempts, failures, cause, payload, state, due_at, error from work`

func scanWork(rows *sql.Rows) (w Work, err error) {
	var due stamp
	err = rows.Scan(&w.ID, &w.Queue, &w.Key, &w.Token, &w.Attempts, &w.Failures, &w.Cause, &w.Payload, &w.State, &due, &w.Error)
	w.DueAt = due.Time
	return w, err
}

// WorkCounts counts the rows of each queue and state; idle rows, which are most,
// are left out.
func (db *DB) WorkCounts(ctx context.Context) (map[[2]string]int64, error) {
	type count struct {
		name [2]string
		n    int64
	}
	rows, err := collect(ctx, db, func(rows *sql.Rows) (c count, err error) {
		return c, rows.Scan(&c.name[0], &c.name[1], &c.n)
	}, `
		select queue, 'ready', count(*) from work where state = 'ready' group by queue union all
		select queue, 'running', count(*) from work where state = 'running' group by queue union all
		select queue, 'dead', count(*) from work where state = 'dead' group by queue`)
	counts := map[[2]string]int64{}
	for _, c := range rows {
		counts[c.name] = c.n
	}
	return counts, err
}

func lostUnless(result sql.Result, err error, op string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return ErrLost
}

// clip keeps an error text short enough to be stored and shown.
func clip(text string) string {
	const most = 2000
	text = clean(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
