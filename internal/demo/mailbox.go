package demo

import (
	"context"
	"errors"
	"sync"

	"github.com/trivetdev/trivet/internal/postbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/sim"
)

// mailbox takes the mails of all customers, and now and then fails: before it has
// taken one, or after. It can be asked what it has, as mail services can.
type mailbox struct {
	box    *postbox.Box
	clock  *sim.Clock
	mu     sync.Mutex
	rng    *sim.Stream
	calm   bool
	failed int
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
		m.box.Put(notify.Email, m.clock.Now(), letter)
		return letter.ID, nil
	case fate > 50:
		m.failed++
		return "", &notify.Error{Kind: notify.Unavailable, Err: errMailAway}
	case fate > 25: // taken, and nobody is told
		m.box.Put(notify.Email, m.clock.Now(), letter)
	}
	m.failed++
	return "", &notify.Error{Kind: notify.Unknown, Err: errMailLost}
}

// Found implements [notify.Finder].
func (m *mailbox) Found(_ context.Context, id string) (string, bool, error) {
	return id, m.box.Has(notify.Email, id), nil
}

// handset takes the text messages of all customers. It never fails: mails do that.
type handset struct {
	box   *postbox.Box
	clock *sim.Clock
}

// Name implements [notify.Channel].
func (handset) Name() string { return notify.SMS }

// Send implements [notify.Channel].
func (h handset) Send(_ context.Context, text notify.Message) (string, error) {
	h.box.Put(notify.SMS, h.clock.Now(), text)
	return text.ID, nil
}

// shelf takes what is shown in the application, and keeps a copy of it in the box.
type shelf struct {
	box   *postbox.Box
	clock *sim.Clock
}

// Name implements [notify.Channel].
func (shelf) Name() string { return notify.InApp }

// Send implements [notify.Channel]. Asked again about one that it has, it has it
// still.
func (s shelf) Send(_ context.Context, notice notify.Message) (string, error) {
	if !s.box.Has(notify.InApp, notice.ID) {
		s.box.Put(notify.InApp, s.clock.Now(), notice)
	}
	return shownInApp, nil
}

// judgeMail holds the mails and texts that arrived against the service's account of what it
// said: each once, and none that it does not know of.
func (w *world) judgeMail(ctx context.Context, c *effectCounts) (wrong []Mismatch, err error) {
	arrived := map[string]int{}
	for _, letter := range w.box.Letters() {
		if letter.Channel != notify.InApp {
			arrived[letter.ID]++
		}
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

// shownInApp is the result of a message that is shown, not sent.
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
