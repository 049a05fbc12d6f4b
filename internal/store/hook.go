package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// HookQueue is the queue of what an endpoint of the application's is told. Each
// has one of its own, so that one that does not answer holds up no other.
func HookQueue(endpoint string) string { return "hook/" + endpoint }

// The keys of a hook queue say what is told: [HookState] and a customer, or
// [HookAlert] and an alert's Seq, with a space between.
const (
	HookState = "state"
	HookAlert = "alert"
)

// The states of a delivery.
const (
	// DeliveryDone: the endpoint has taken it.
	DeliveryDone = "delivered"
	// DeliveryFailing: it has not yet, and is tried again.
	DeliveryFailing = "failing"
	// DeliveryDead: it is not tried again until something changes, or a person asks.
	DeliveryDead = "dead"
)

// Delivery is how the latest delivery went of one thing that an endpoint is told.
type Delivery struct {
	Endpoint string
	// Key is that of the work.
	Key string
	// Seq numbers the rows in the order in which they were first written.
	Seq      int64
	Event    string
	Customer string
	// WebhookID and Sequence are those of what was sent.
	WebhookID string
	Sequence  int64
	State     string
	// Attempts counts tries since the last that ended well.
	Attempts int64
	Error    string
	// At is when it was last tried, DeliveredAt when one last ended well.
	At          time.Time
	DeliveredAt time.Time
}

const deliveryColumns = `
	select endpoint, key, seq, event, customer, webhook_id, sequence, state, attempts, error, at, delivered_at from deliveries`

func scanDelivery(rows *sql.Rows) (d Delivery, err error) {
	var at, delivered stamp
	err = rows.Scan(&d.Endpoint, &d.Key, &d.Seq, &d.Event, &d.Customer, &d.WebhookID, &d.Sequence, &d.State, &d.Attempts, &d.Error, &at, &delivered)
	d.At, d.DeliveredAt = at.Time, delivered.Time
	return d, err
}

// PutDelivery notes how a delivery went, now. Seq and the times are set here. An
// empty WebhookID says that nothing could be sent: those of what was sent before stay.
func (tx *Tx) PutDelivery(ctx context.Context, d Delivery) error {
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	if d.State == DeliveryDone {
		d.DeliveredAt = tx.Now
	}
	err = tx.insert(ctx, `insert into deliveries (endpoint, key, seq, event, customer, webhook_id, sequence, state, attempts, error, at, delivered_at)`,
		`on conflict (endpoint, key) do update set event = excluded.event,
			webhook_id = case when excluded.webhook_id = '' then deliveries.webhook_id else excluded.webhook_id end,
			sequence = case when excluded.webhook_id = '' then deliveries.sequence else excluded.sequence end,
			state = excluded.state, attempts = excluded.attempts, error = excluded.error, at = excluded.at,
			delivered_at = case when excluded.state = 'delivered' then excluded.delivered_at else deliveries.delivered_at end`,
		[][]any{{
			d.Endpoint, d.Key, numbers[0], d.Event, d.Customer, d.WebhookID, d.Sequence, d.State, d.Attempts, clip(d.Error), stamp{tx.Now}, stamp{d.DeliveredAt},
		}})
	if err != nil {
		return fmt.Errorf("write delivery: %w", err)
	}
	return nil
}

// DeliveryOf finds a delivery by endpoint and key.
func (db *DB) DeliveryOf(ctx context.Context, endpoint, key string) (Delivery, error) {
	return one(ctx, db, scanDelivery, deliveryColumns+` where endpoint = $1 and key = $2`, endpoint, key)
}

// DeliveryFilter selects deliveries. Zero fields do not filter.
type DeliveryFilter struct {
	Endpoint string
	Customer string
	State    string
	// Before continues a list: only rows with a smaller Seq.
	Before int64
	Limit  int
}

// Deliveries lists deliveries, those of what was last told for the first time first.
func (db *DB) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	w := where{}
	w.equal("endpoint", f.Endpoint)
	w.equal("customer", f.Customer)
	w.equal("state", f.State)
	if f.Before > 0 {
		w.add("seq < $%d", f.Before)
	}
	w.args = append(w.args, f.Limit)
	return collect(ctx, db, scanDelivery, deliveryColumns+w.text()+fmt.Sprintf(" order by seq desc limit $%d + 0", len(w.args)), w.args...)
}

// DeadDeliveries lists the keys of what an endpoint was not told, in the order of
// their Seq, after one, with the last Seq.
func (tx *Tx) DeadDeliveries(ctx context.Context, endpoint string, after int64, limit int) (keys []string, last int64, err error) {
	rows, err := collect(ctx, tx, scanDelivery, deliveryColumns+`
		where endpoint = $1 and state = 'dead' and seq > $2 order by seq limit $3 + 0`, endpoint, after, limit)
	for _, d := range rows {
		keys, last = append(keys, d.Key), d.Seq
	}
	return keys, last, err
}

// UndeliveredCounts counts what endpoints were not told, by endpoint and state.
func (db *DB) UndeliveredCounts(ctx context.Context) (map[[2]string]int64, error) {
	type count struct {
		name [2]string
		n    int64
	}
	rows, err := collect(ctx, db, func(rows *sql.Rows) (c count, err error) {
		return c, rows.Scan(&c.name[0], &c.name[1], &c.n)
	}, `select endpoint, state, count(*) from deliveries where state <> 'delivered' group by endpoint, state`)
	counts := map[[2]string]int64{}
	for _, c := range rows {
		counts[c.name] = c.n
	}
	return counts, err
}

// Disabled is an endpoint that wants nothing any more.
type Disabled struct {
	Name string
	// Address tells which address said so, without telling the address.
	Address string
	Reason  string
	At      time.Time
}

// Disable notes that an endpoint wants nothing any more.
func (tx *Tx) Disable(ctx context.Context, d Disabled) error {
	return tx.insert(ctx, `insert into endpoints (name, address, reason, disabled_at)`,
		`on conflict (name) do update set address = excluded.address, reason = excluded.reason, disabled_at = excluded.disabled_at`,
		[][]any{{d.Name, d.Address, clip(d.Reason), stamp{tx.Now}}})
}

// Enable takes back that an endpoint wants nothing.
func (tx *Tx) Enable(ctx context.Context, name string) error {
	_, err := tx.exec(ctx, `delete from endpoints where name = $1`, name)
	return err
}

// DisabledEndpoints lists the endpoints that want nothing, by name.
func (db *DB) DisabledEndpoints(ctx context.Context) (map[string]Disabled, error) {
	rows, err := collect(ctx, db, func(rows *sql.Rows) (d Disabled, err error) {
		var at stamp
		err = rows.Scan(&d.Name, &d.Address, &d.Reason, &at)
		d.At = at.Time
		return d, err
	}, `select name, address, reason, disabled_at from endpoints`)
	disabled := map[string]Disabled{}
	for _, d := range rows {
		disabled[d.Name] = d
	}
	return disabled, err
}
