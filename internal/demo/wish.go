package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// wish is something that the application asked the service to do at a provider:
// to happen once.
type wish struct {
	// key is what the simulator's ledger shows for it.
	key      string
	op       string
	account  *account
	kind     billing.Kind
	object   string
	customer string
	amount   int64
	// refunded is how much of a payment had gone back when more was asked for.
	refunded int64
	email    string
	// asked and ended are when it was asked for and when the service was through
	// with it.
	asked, ended time.Time
	// settled: the service says that it is through with it.
	settled bool
	// moot says why nothing was to be done when its time came; empty: it was.
	moot string
}

// wishes is the demo's own account of what was asked for.
type wishes struct {
	all    []*wish
	open   []*wish
	visits map[string]*person // by our id of the checkout
}

func (ws *wishes) add(w *wish, now time.Time) {
	w.asked = now
	ws.all = append(ws.all, w)
	ws.open = append(ws.open, w)
}

// checkout notes a checkout, which is made before anybody knows of it.
func (ws *wishes) checkout(v visit, p *person) {
	if ws.visits == nil {
		ws.visits = map[string]*person{}
	}
	ws.visits[v.page.ID] = p
	ws.all = append(ws.all, &wish{key: v.page.ID, op: sim.OpCheckoutCreate, account: v.account, kind: billing.KindCheckout, object: v.page.ProviderID, customer: p.ref, settled: true})
}

// urge is something that the application may come to want on a day.
type urge struct {
	rate float64
	op   string
	// on is the kind of object, in one of the states.
	on     billing.Kind
	states []string
	// ending: only what is to end already (true) or not (false); nil: any.
	ending *bool
}

func urges() []urge {
	live := []string{"active", "trialing"}
	yes, no := true, false
	return []urge{
		{0.004, outbox.CancelNow, billing.KindSubscription, []string{"active", "trialing", "past_due", "paused"}, nil},
		{0.008, outbox.CancelAtPeriodEnd, billing.KindSubscription, live, &no},
		{0.050, outbox.Uncancel, billing.KindSubscription, live, &yes},
		{0.006, outbox.Pause, billing.KindSubscription, live, nil},
		{0.040, outbox.Resume, billing.KindSubscription, []string{"paused"}, nil},
		{0.008, outbox.Refund, billing.KindPayment, []string{"succeeded"}, nil},
		{0.006, outbox.PushEmail, billing.KindCustomer, []string{""}, nil},
	}
}

// wish lets the application want things for a person, as it knows them from the
// service.
func (w *world) wish(ctx context.Context, p *person) error {
	for _, u := range urges() {
		wants, variant, days := p.chance.Chance(u.rate), p.chance.Intn(3), p.chance.Intn(10)
		if !wants {
			continue
		}
		target, found, err := w.target(ctx, p, u)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if able, _ := provider.Can(w.account(target.Account).driver, u.ability()); !able {
			continue // the application knows what it may ask for
		}
		if u.op == outbox.PushEmail {
			err = w.rename(ctx, p)
		} else {
			err = w.request(ctx, p, u.op, target, variant, days)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ability is what a provider must be able to do.
func (u urge) ability() provider.Ability {
	if u.op == outbox.CancelNow {
		return provider.CancelNow
	}
	return provider.Ability(u.op)
}

// target finds the newest object that an urge is about.
func (w *world) target(ctx context.Context, p *person, u urge) (newest store.Object, found bool, err error) {
	rows, err := w.db.Objects(ctx, store.ObjectFilter{Customer: p.ref, Kind: string(u.on), Present: true, Limit: 1000})
	if err != nil {
		return newest, false, err
	}
	for _, row := range rows {
		fits, err := u.fits(row)
		if err != nil {
			return newest, false, err
		}
		fits = fits && able(w.account(row.Account).driver, u.op)
		if fits && (!found || row.FirstAt.After(newest.FirstAt)) {
			newest, found = row, true
		}
	}
	return newest, found, nil
}

// able reports whether a provider can do what an effect of a kind is; of pauses and
// refunds, all that the application asks for.
func able(d provider.Driver, op string) bool {
	needs := []provider.Ability{provider.Ability(op)}
	switch op {
	case outbox.CancelNow:
		needs[0] = provider.CancelNow
	case outbox.Pause:
		needs = append(needs, provider.PauseUntil)
	case outbox.Refund:
		needs = append(needs, provider.PartialRefund)
	}
	for _, ability := range needs {
		if can, _ := provider.Can(d, ability); !can {
			return false
		}
	}
	return true
}

// fits reports whether an urge can be about an object.
func (u urge) fits(row store.Object) (bool, error) {
	if !slices.Contains(u.states, row.Status) {
		return false, nil
	}
	if u.ending == nil {
		return true, nil
	}
	fields, err := fieldsOf(row)
	return (fields["cancel_at"] != "") == *u.ending, err
}

// request asks for an effect on one object, twice with one key now and then, as
// an application does whose first call timed out.
func (w *world) request(ctx context.Context, p *person, op string, target store.Object, variant, days int) error {
	p.asked++
	asked := &wish{op: simOp(op), account: w.account(target.Account), kind: billing.Kind(target.Kind), object: target.ID, customer: p.ref}
	path, body := "/v1/subscriptions/"+target.ID+"@"+target.Account, map[string]any{}
	switch op {
	case outbox.CancelNow:
		path, body["at"] = path+"/cancel", "now"
	case outbox.CancelAtPeriodEnd:
		path += "/cancel"
	case outbox.Uncancel:
		path, body["undo"] = path+"/cancel", true
	case outbox.Pause:
		path += "/pause"
		if variant > 0 {
			body["until"] = w.clock.Now().AddDate(0, 0, days+1)
		}
	case outbox.Resume:
		path += "/resume"
	case outbox.Refund:
		path = "/v1/payments/" + target.ID + "@" + target.Account + "/refund"
		body["reason"] = "requested_by_customer"
		var payment billing.Payment
		if err := json.Unmarshal([]byte(target.Doc), &payment); err != nil {
			return fmt.Errorf("read %s: %w", target.Key, err)
		}
		asked.refunded = payment.Refunded
		if left := payment.Amount.Amount - payment.Refunded; variant > 0 && left > 4 {
			asked.amount = left / 4
			if coarse := w.account(target.Account).coarse; coarse != nil && coarse(payment.Amount.Currency) {
				asked.amount -= asked.amount % 100
			}
			body["amount"] = asked.amount
		}
	}
	var err error
	if asked.key, err = w.desk.act(ctx, path, p.key(op), body); conflicts(err) {
		return nil
	}
	if err != nil {
		return err
	}
	w.wishes.add(asked, w.clock.Now())
	if variant == 1 {
		_, err = w.desk.act(ctx, path, p.key(op), body)
	}
	return err
}

// simOp is the simulators' word for what is asked.
func simOp(kind string) string {
	switch kind {
	case outbox.CancelNow:
		return sim.OpCancel
	case outbox.PushEmail:
		return sim.OpEmail
	case outbox.ExtendTrial:
		return sim.OpTrialEnd
	case outbox.AcceptDispute:
		return sim.OpDisputeClose
	case outbox.Collect:
		return sim.OpPayInvoice
	}
	return kind // the rest have one name
}

// rename tells the service a new address. It is to reach every provider that
// knows the person under another.
func (w *world) rename(ctx context.Context, p *person) error {
	linked, err := w.db.Objects(ctx, store.ObjectFilter{Customer: p.ref, Kind: string(billing.KindCustomer), Present: true, Limit: 1000})
	if err != nil {
		return err
	}
	p.emails++
	if err := w.desk.introduce(ctx, p.ref, p.profile()); err != nil {
		return err
	}
	keys, err := w.pushes(ctx, p)
	if err != nil {
		return err
	}
	for _, row := range linked {
		if keys[row.Key].held() {
			continue // a policy passes addresses on, and may only say that it would
		}
		w.wishes.add(&wish{
			key: keys[row.Key].key, op: sim.OpEmail, account: w.account(row.Account), kind: billing.KindCustomer, object: row.ID,
			customer: p.ref, email: p.email(),
		}, w.clock.Now())
	}
	return nil
}

// push is the effect that passes an address on.
type push struct{ key, state string }

// held reports whether the mode lets the service only say that it would.
func (p push) held() bool { return p.state == store.EffectWithheld || p.state == store.EffectProposed }

// pushes finds the effects by which the service passes the latest address on, by the
// object that they act on.
func (w *world) pushes(ctx context.Context, p *person) (map[string]push, error) {
	rows, err := w.db.Effects(ctx, store.EffectFilter{Customer: p.ref, Kind: outbox.PushEmail, Limit: 200})
	found := map[string]push{}
	for _, e := range rows {
		var details outbox.Details
		if json.Unmarshal([]byte(e.Doc), &details) == nil && details.Email == p.email() {
			found[e.Object] = push{e.Key, e.State}
		}
	}
	return found, err
}

func (w *world) account(name string) *account {
	for _, a := range w.accounts {
		if a.name == name {
			return a
		}
	}
	return nil
}

// settle looks which wishes the service is through with. One that left no trace
// at the provider must have had nothing left to do at this very time.
func (ws *wishes) settle(ctx context.Context, w *world) error {
	var open []*wish
	for _, wish := range ws.open {
		e, err := w.db.Effect(ctx, wish.key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && (e.State == store.EffectDue || e.State == store.EffectUnknown) {
			open = append(open, wish)
			continue
		}
		wish.settled, wish.ended = true, w.clock.Now()
		if wish.count() == 0 {
			wish.moot = wish.needless()
		}
	}
	ws.open = open
	return nil
}

// count is how often the provider saw the wish carried out.
func (w *wish) count() (n int) {
	for _, e := range w.account.truth.Effects() {
		if w.explains(e) {
			n++
		}
	}
	return n
}

// explains reports whether an effect is what was wished for: by the key or, where
// the provider's writes carry none, because it happened to the object while the
// service was at it.
func (w *wish) explains(e sim.Effect) bool {
	if e.Op != w.op || e.Object != w.object || w.amount != 0 && e.Amount != w.amount {
		return false
	}
	if w.account.keyless && e.Key == "" && w.op != sim.OpCheckoutCreate {
		return !e.At.Before(w.asked) && (w.ended.IsZero() || !e.At.After(w.ended))
	}
	return e.Key == w.key
}

// needless says why the wish has nothing to do at the provider now; empty if it
// has.
func (w *wish) needless() string {
	truth, found := w.account.truthIn(string(w.kind), w.object)
	f := truth.Fields
	switch {
	case !found:
		return "it does not exist"
	case f["deleted"] == "true":
		return "it was deleted"
	case truth.Kind == sim.KindSubscription && f["status"] == "ended":
		return "it has ended"
	}
	if w.account.final != nil {
		if why := w.account.final(w.op, f); why != "" {
			return why
		}
	}
	switch w.op {
	case sim.OpCancelAtPeriodEnd:
		return when(f["cancel_at"] != "", "its end is set")
	case sim.OpUncancel:
		return when(f["cancel_at"] == "", "no end is set")
	case sim.OpPause:
		return when(f["status"] == "paused", "it is paused")
	case sim.OpResume:
		return when(f["status"] != "paused", "it is not paused")
	case sim.OpEmail:
		return when(f["email"] == w.email, "it has the address")
	case sim.OpRefund:
		left := number(f["amount"]) - number(f["refunded"])
		if w.account.keyless && number(f["refunded"]) != w.refunded {
			return "something else was refunded meanwhile"
		}
		return when(f["status"] != "succeeded" || left == 0 || w.amount > left || f["disputed"] != "", "there is not as much to give back")
	}
	return ""
}

func when(holds bool, why string) string {
	if holds {
		return why
	}
	return ""
}

// effectCounts is the verdict on effects.
type effectCounts struct {
	Expected   int `json:"expected"`
	Done       int `json:"done"`
	Duplicated int `json:"duplicated"`
	Missing    int `json:"missing"`
}

// judge holds the demo's account of what it asked for against the providers' of
// what was done.
func (w *world) judgeEffects(ctx context.Context) (c effectCounts, wrong []Mismatch, err error) {
	asked := map[string]bool{}
	for _, wish := range w.wishes.all {
		asked[wish.key] = true
		n := wish.count()
		if n == 0 && wish.moot != "" {
			continue
		}
		c.Expected++
		switch {
		case n == 0:
			c.Missing++
			wrong = append(wrong, wish.mismatch("missing"))
		case n > 1:
			c.Duplicated += n - 1
			wrong = append(wrong, wish.mismatch(fmt.Sprintf("done %d times", n)))
			c.Done++
		default:
			c.Done++
		}
	}
	for _, a := range w.accounts {
		some, err := w.unasked(ctx, a, asked)
		if err != nil {
			return c, nil, err
		}
		c.Duplicated += len(some)
		wrong = append(wrong, some...)
	}
	some, err := w.judgeMail(ctx, &c)
	return c, append(wrong, some...), err
}

// unasked lists effects that nobody asked for. A checkout whose making was not
// confirmed to the application may exist once, and so may what a policy of the
// service asked for by itself; a refused checkout leads to the portal.
func (w *world) unasked(ctx context.Context, a *account, asked map[string]bool) (wrong []Mismatch, err error) {
	once, records := map[string]bool{}, own{}
	if a.keyless {
		if records, err = w.ownOf(ctx, a); err != nil {
			return nil, err
		}
	}
	for _, e := range a.truth.Effects() {
		if asked[e.Key] && e.Key != "" || e.Op == sim.OpPortalLink {
			continue
		}
		if a.keyless && slices.ContainsFunc(w.wishes.all, func(w *wish) bool { return w.account == a && w.explains(e) }) {
			continue
		}
		if e.Key == "" && records.explain(e) {
			continue
		}
		if e.Key != "" && !once[e.Key] {
			once[e.Key] = true
			known, err := w.ours(ctx, e)
			if err != nil {
				return nil, err
			}
			if known {
				continue
			}
		}
		wrong = append(wrong, Mismatch{
			Provider: a.name, Kind: "effect", ID: e.Object, Field: e.Op, Ledger: "nobody asked for it", Truth: "done at " + e.At.Format(time.RFC3339),
		})
	}
	return wrong, nil
}

// ours reports whether the service has an account of an effect that the
// application did not ask for.
func (w *world) ours(ctx context.Context, e sim.Effect) (bool, error) {
	var err error
	if e.Op == sim.OpCheckoutCreate {
		_, err = w.db.CheckoutNamed(ctx, e.Key)
	} else {
		var recorded store.Effect
		if recorded, err = w.db.Effect(ctx, e.Key); err == nil {
			held := recorded.State == store.EffectWithheld || recorded.State == store.EffectProposed
			return strings.HasPrefix(recorded.Actor, "policy:") && !held, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (w *wish) mismatch(what string) Mismatch {
	return Mismatch{Provider: w.account.name, Kind: "effect", ID: w.object, Customer: w.customer, Field: w.op, Ledger: "asked once as " + w.key, Truth: what}
}
