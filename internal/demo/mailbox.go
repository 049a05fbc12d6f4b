package demo

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/sim"
)

// mailbox takes the mails of all customers, and now and then fails: before it has
// taken one, or after. It can be asked what it has, as mail services can.
type mailbox struct {
	mu      sync.Mutex
	rng     *sim.Stream
	calm    bool
	letters []notify.Message
	failed  int
}

var (
	errMailAway = errors.New("the mail service is away")
	errMailLost = errors.New("the mail service did not answer")
)

// Name implements [notify.Channel].
func (*mailbox) Name() string { return notify.Email }

// Send implements [notify.Channel].
func (m *mailbox) Send(_ context.Context, letter notify.Message) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fate := m.rng.Intn(1000)
	switch {
	case m.calm, fate > 100:
		m.letters = append(m.letters, letter)
		return letter.ID, nil
	case fate > 50:
		m.failed++
		return "", &notify.Error{Kind: notify.Unavailable, Err: errMailAway}
	case fate > 25: // taken, and nobody is told
		m.letters = append(m.letters, letter)
	}
	m.failed++
	return "", &notify.Error{Kind: notify.Unknown, Err: errMailLost}
}

// Found implements [notify.Finder].
func (m *mailbox) Found(_ context.Context, id string) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := slices.ContainsFunc(m.letters, func(letter notify.Message) bool { return letter.ID == id })
	return id, found, nil
}

// judgeMail holds the mails that arrived against the service's account of what it
// said: each once, and none that it does not know of.
func (w *world) judgeMail(ctx context.Context, c *effectCounts) (wrong []Mismatch, err error) {
	arrived := map[string]int{}
	for _, letter := range w.mail.letters {
		arrived[letter.ID]++
	}
	for before := int64(0); ; {
		rows, err := w.db.Effects(ctx, store.EffectFilter{Kind: policy.Say, State: store.EffectDone, Before: before, Limit: 500})
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			some, err := w.unknownMail(ctx, arrived, c)
			return append(wrong, some...), err
		}
		for _, e := range rows {
			if before = e.Seq; e.Result == shownInApp {
				continue
			}
			c.Expected++
			switch n := arrived[e.Key]; {
			case n == 0:
				c.Missing++
				wrong = append(wrong, Mismatch{Kind: "message", ID: e.Key, Customer: e.Customer, Ledger: "said", Truth: "did not arrive"})
			case n > 1:
				c.Done, c.Duplicated = c.Done+1, c.Duplicated+n-1
				wrong = append(wrong, Mismatch{Kind: "message", ID: e.Key, Customer: e.Customer, Ledger: "said once", Truth: "arrived again"})
			default:
				c.Done++
			}
			delete(arrived, e.Key)
		}
	}
}

// shownInApp is the result of a message that leaves through no channel.
const shownInApp = "shown"

// unknownMail lists the mails that the service does not know of. One whose sending
// was cut off, and whose next try is still to come, it does.
func (w *world) unknownMail(ctx context.Context, arrived map[string]int, c *effectCounts) (wrong []Mismatch, err error) {
	for id, n := range arrived {
		e, err := w.db.Effect(ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if e.State == store.EffectUnknown && n == 1 {
			c.Expected, c.Done = c.Expected+1, c.Done+1
			continue
		}
		wrong = append(wrong, Mismatch{Kind: "message", ID: id, Customer: e.Customer, Ledger: "not said: " + e.State + " " + e.Result + " " + e.Error, Truth: "arrived"})
	}
	return wrong, nil
}
