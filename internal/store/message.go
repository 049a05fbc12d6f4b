package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Message is the proof of what was said to a customer.
type Message struct {
	// Key is the effect's.
	Key      string
	Seq      int64
	Customer string
	Template string
	Channel  string
	// Locale is that of the words.
	Locale    string
	Recipient string
	Thread    string
	Subject   string
	// Body is the text as it was sent.
	Body string
	// Receipt is how the other side names it, if it does.
	Receipt string
	SentAt  time.Time
}

const messageColumns = `select key, seq, customer, template, channel, locale, recipient, thread, subject, body, receipt, sent_at from messages`

func scanMessage(rows *sql.Rows) (m Message, err error) {
	var sent stamp
	err = rows.Scan(&m.Key, &m.Seq, &m.Customer, &m.Template, &m.Channel, &m.Locale, &m.Recipient, &m.Thread, &m.Subject, &m.Body, &m.Receipt, &sent)
	m.SentAt = sent.Time
	return m, err
}

// AddMessage keeps what was said; a key that is kept already stays as it is.
func (tx *Tx) AddMessage(ctx context.Context, m Message) error {
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	return tx.insert(ctx, `insert into messages (key, seq, customer, template, channel, locale, recipient, thread, subject, body, receipt, sent_at)`,
		`on conflict (key) do nothing`, [][]any{{
			m.Key, numbers[0], m.Customer, m.Template, m.Channel, m.Locale, m.Recipient, m.Thread, m.Subject, m.Body, m.Receipt, stamp{tx.Now},
		}})
}

// MessageFilter selects messages. Zero fields do not filter.
type MessageFilter struct {
	Customer string
	Template string
	Channel  string
	// Before continues a list: only rows with a smaller Seq.
	Before int64
	Limit  int
}

// Messages lists messages, newest first.
func (db *DB) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	return messages(ctx, db, f)
}

// Messages is [DB.Messages] within a transaction.
func (tx *Tx) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	return messages(ctx, tx, f)
}

func messages(ctx context.Context, q queryer, f MessageFilter) ([]Message, error) {
	w := where{}
	w.equal("customer", f.Customer)
	w.equal("template", f.Template)
	w.equal("channel", f.Channel)
	if f.Before > 0 {
		w.add("seq < $%d", f.Before)
	}
	w.args = append(w.args, f.Limit)
	return collect(ctx, q, scanMessage, messageColumns+w.text()+fmt.Sprintf(" order by seq desc limit $%d + 0", len(w.args)), w.args...)
}

// Notice is what the application shows its customer.
type Notice struct {
	// Key is the effect's.
	Key      string
	Seq      int64
	Customer string
	Thread   string
	Template string
	// Standing notices are over when the effect is no longer called for.
	Standing bool
	Title    string
	Body     string
	// Action labels the button that leads to URL; both empty: no button.
	Action string
	URL    string
	SaidAt time.Time
	// OverAt is when it was no longer to be shown: another of its thread came, or
	// the customer put it away.
	OverAt time.Time
}

const noticeColumns = `select key, seq, customer, thread, template, standing, title, body, action, url, said_at, over_at from notices`

func scanNotice(rows *sql.Rows) (n Notice, err error) {
	var said, over stamp
	var standing int64
	err = rows.Scan(&n.Key, &n.Seq, &n.Customer, &n.Thread, &n.Template, &standing, &n.Title, &n.Body, &n.Action, &n.URL, &said, &over)
	n.SaidAt, n.OverAt, n.Standing = said.Time, over.Time, standing == 1
	return n, err
}

// AddNotice shows a notice from now on, instead of those of its thread. A key that
// is there already stays as it is.
func (tx *Tx) AddNotice(ctx context.Context, n Notice) error {
	if n.Thread != "" {
		if err := tx.EndThread(ctx, n.Customer, n.Thread, n.Key); err != nil {
			return err
		}
	}
	numbers, err := tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	return tx.insert(ctx, `insert into notices (key, seq, customer, thread, template, standing, title, body, action, url, said_at, over_at)`,
		`on conflict (key) do nothing`, [][]any{{
			n.Key, numbers[0], n.Customer, n.Thread, n.Template, flag(n.Standing), n.Title, n.Body, n.Action, n.URL, stamp{tx.Now}, stamp{n.OverAt},
		}})
}

// EndThread ends the open notices of a thread, except one.
func (tx *Tx) EndThread(ctx context.Context, customer, thread, except string) error {
	_, err := tx.exec(ctx, `update notices set over_at = $1 where customer = $2 and thread = $3 and over_at is null and key <> $4`,
		stamp{tx.Now}, customer, thread, except)
	return err
}

// EndNotice puts a notice away. The error is [ErrNotFound] if the customer has no
// such notice; one that is over already stays as it is.
func (tx *Tx) EndNotice(ctx context.Context, customer string, seq int64) (Notice, error) {
	if _, err := tx.exec(ctx, `update notices set over_at = $1 where customer = $2 and seq = $3 and over_at is null`, stamp{tx.Now}, customer, seq); err != nil {
		return Notice{}, err
	}
	return one(ctx, tx, scanNotice, noticeColumns+` where customer = $1 and seq = $2`, customer, seq)
}

// Notices lists a customer's notices, newest first; unless all are wanted, those
// that are to be shown.
func (db *DB) Notices(ctx context.Context, customer string, all bool, before int64, limit int) ([]Notice, error) {
	w := where{}
	w.equal("customer", customer)
	if !all {
		w.is("over_at is null")
	}
	if before > 0 {
		w.add("seq < $%d", before)
	}
	w.args = append(w.args, limit)
	return collect(ctx, db, scanNotice, noticeColumns+w.text()+fmt.Sprintf(" order by seq desc limit $%d + 0", len(w.args)), w.args...)
}

// StandingNotices lists the notices that are shown to customers as long as they are
// called for.
func (tx *Tx) StandingNotices(ctx context.Context, customers []string) ([]Notice, error) {
	return selectIn(ctx, tx, scanNotice, noticeColumns+` where customer in (%s) and over_at is null and standing = 1 order by seq`, customers)
}
