package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// heard is a policy that remembers what it was told and asks for one action for
// each change.
type heard struct {
	mu  sync.Mutex
	all []told
}

type told struct {
	change policy.Change
	known  policy.Known
}

func (*heard) Name() string { return "heard" }

func (p *heard) React(change policy.Change, known policy.Known) []policy.Action {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, told{change, known})
	if known.Customer.Name == "poison" {
		panic("poison")
	}
	object := change.Account + "/" + string(change.Kind) + "/" + change.ID
	return []policy.Action{{Key: fmt.Sprint("note:", object, ":", change.Kinds), Kind: "note", Account: change.Account, Object: object}}
}

// words says what was heard, oldest first, and forgets it.
func (p *heard) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var words []string
	for _, t := range p.all {
		words = append(words, fmt.Sprintf("%s %v of %s", t.change.ID, t.change.Kinds, t.known.Customer.Ref))
	}
	p.all = nil
	return strings.Join(words, "; ")
}

func withPolicy(p policy.Policy) apply.Config {
	return apply.Config{Bind: trusting.Bind, Policies: []policy.Policy{p}}
}

// eachHeard is both, with a policy of its own for each database.
func eachHeard(t *testing.T, config apply.Config, test func(t *testing.T, h *house, p *heard)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, url string) {
		p := &heard{}
		config.Policies = []policy.Policy{p}
		test(t, open(t, url, storetest.NewClock(), config), p)
	})
}

// A policy hears of every change of a linked object, whatever its kind, and knows
// all about the customer.
func TestPoliciesHear(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)), snap("pi_1", paid("price_life")),
			snap("re_1", billing.Refund{Status: billing.RefundSucceeded, Payment: "pi_1"}),
			snap("iw_1", billing.Warning{Actionable: true, Payment: "pi_1"}),
			snap("sub_x", subscribed(billing.SubscriptionActive), ownedBy("cus_nobody")))
		for _, step := range []struct {
			ref  provider.Ref
			want string
		}{
			{cus1, "cus_1 [recorded linked] of u"},
			{sub1, "sub_1 [started activated linked] of u"},
			{sub1, ""}, // nothing is new
			{ref(billing.KindPayment, "pi_1"), "pi_1 [paid linked] of u"},
			{ref(billing.KindRefund, "re_1"), "re_1 [recorded linked] of u"},
			{ref(billing.KindWarning, "iw_1"), "iw_1 [warned linked] of u"},
			{ref(billing.KindSubscription, "sub_x"), ""}, // nobody's
		} {
			h.look(step.ref)
			last := told{}
			if len(p.all) > 0 {
				last = p.all[len(p.all)-1]
			}
			if got := p.words(); got != step.want {
				t.Errorf("a look at %s: heard %q, want %q", step.ref, got, step.want)
			}
			if step.ref.Kind != billing.KindWarning {
				continue
			}
			facts := last.known.Facts
			if len(facts.Subscriptions) != 1 || len(facts.Payments) != 1 || len(last.known.Linked) != 1 || last.known.Linked[0].Object.Email != "a@b.test" {
				t.Errorf("what a policy knows of the customer: %+v", last.known)
			}
			if last.change.Before != nil || last.change.After.(billing.Warning).Payment != "pi_1" || !last.change.At.Equal(h.clock.Now()) {
				t.Errorf("the change: %+v", last.change)
			}
		}
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionPastDue)))
		h.look(sub1)
		last := p.all[len(p.all)-1]
		before, _ := last.change.Before.(billing.Subscription)
		if before.Status != billing.SubscriptionActive || !last.change.Has(billing.FellBehind) {
			t.Errorf("a change of a subscription: %+v", last.change)
		}
		if held := last.known.Facts.Subscriptions[0].Object.Status; held != billing.SubscriptionPastDue {
			t.Errorf("the facts are those from before the change: %s", held)
		}
	})
}

// What a policy asks for is recorded once and raised as work, or withheld.
func TestEffectsAreRecordedOnce(t *testing.T) {
	for mode, state := range map[policy.Mode]string{
		policy.Enforce: store.EffectDue, policy.Assist: store.EffectProposed, policy.Observe: store.EffectWithheld,
	} {
		config := trusting
		config.Modes = policy.Modes{Global: policy.Enforce, Policies: map[string]policy.Mode{"heard": mode}}
		eachHeard(t, config, func(t *testing.T, h *house, _ *heard) {
			h.world.say(mine("u"), snap("pi_1", paid("price_life")))
			h.look(cus1, ref(billing.KindPayment, "pi_1"))
			for range 3 { // the same change comes and goes
				h.world.forget(ref(billing.KindPayment, "pi_1"))
				h.webhook(ref(billing.KindPayment, "pi_1"))
				for range 6 {
					h.step()
					h.clock.Pass(time.Minute)
				}
				h.world.say(snap("pi_1", paid("price_life")))
				h.look(ref(billing.KindPayment, "pi_1"))
			}
			effects, err := h.db.Effects(t.Context(), store.EffectFilter{Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range effects {
				if e.State != state || e.Customer != "u" || e.Actor != "policy:heard" {
					t.Errorf("%+v", e)
				}
			}
			if len(effects) != 4 { // customer, payment, gone, back
				t.Errorf("%d effects: %+v", len(effects), effects)
			}
			claims, err := h.db.Claim(t.Context(), store.QueueEffect, 10, time.Minute)
			enforce := mode == policy.Enforce
			if want := map[bool]int{true: 4, false: 0}[enforce]; err != nil || len(claims) > want || enforce && len(claims) == 0 {
				t.Errorf("%d effects to carry out, %v", len(claims), err)
			}
		})
	}
}

// What fails in the middle leaves nothing: no row, no change, no access, no event
// taken for done. And one that always fails spoils no other.
func TestFailureLeavesNothing(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		if _, err := h.SetCustomer(t.Context(), billing.Customer{Ref: "bad"}, apply.Cause{Trigger: apply.Request}); err != nil {
			t.Fatal(err)
		}
		h.world.say(mine("bad"))
		h.look(cus1)
		if _, err := h.SetCustomer(t.Context(), billing.Customer{Ref: "bad", Name: "poison"}, apply.Cause{Trigger: apply.Request}); err == nil {
			t.Error("a panic in a policy was no error")
		}
		storetest.Write(t, h.db, poison)
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive)))
		id := h.webhook(sub1)
		var good []string
		for i := range 10 {
			n := fmt.Sprint("good_", i)
			h.world.say(snap(n, subscribed(billing.SubscriptionActive), ownedBy(""), claiming("metadata.user_id", n)))
			good = append(good, n)
		}
		var all sync.WaitGroup
		for i, n := range good {
			all.Go(func() {
				if i == 5 {
					if _, err := h.Refs(t.Context(), apply.Cause{Trigger: apply.Redirect}, sub1); err == nil {
						t.Error("a look whose commit fails was no error")
					}
				}
				if _, err := h.Refs(t.Context(), apply.Cause{Trigger: apply.Webhook}, ref(billing.KindSubscription, n)); err != nil {
					t.Errorf("%s suffers: %v", n, err)
				}
			})
		}
		all.Wait()
		h.step()
		for _, n := range good {
			h.wantAccess(n, "api", true)
		}
		h.wantStatus(sub1, "")
		h.wantEvent(id, store.EventReceived)
		h.wantAccess("bad", "api", false)
		if dead, err := h.db.EventNamed(t.Context(), id); err != nil || !strings.Contains(dead.Error, "poison") {
			t.Errorf("the event does not say what is wrong: %+v, %v", dead, err)
		}
		changes, err := h.db.Changes(t.Context(), store.ChangeFilter{ID: "sub_1", Limit: 10})
		if err != nil || len(changes) != 0 {
			t.Errorf("the trail tells of what did not happen: %+v, %v", changes, err)
		}
	})
}

func TestDriverTalksNonsense(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"))
		for name, s := range map[string]provider.Snapshot{
			"nothing":    {Ref: sub1},
			"other kind": {Ref: sub1, Object: paid("x")},
			"far future": snap("sub_1", billing.Subscription{Status: billing.SubscriptionActive, PeriodEnd: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}),
		} {
			h.world.say(s)
			if _, err := h.Refs(t.Context(), apply.Cause{Trigger: apply.Request}, sub1); err == nil {
				t.Errorf("%s: no error", name)
			}
			// It keeps nothing else on its page from being written.
			beside := snap("sub_9", subscribed(billing.SubscriptionEnded), ownedBy("cus_9"))
			page := apply.Page{Cause: apply.Cause{Trigger: apply.Sweep}, Begun: h.begin(), Snapshots: []provider.Snapshot{s, beside}}
			outcomes, failed, err := h.Write(t.Context(), page)
			if err != nil || len(outcomes) != 1 || outcomes[0].Ref != beside.Ref || len(failed) != 1 || failed[0] != sub1 {
				t.Errorf("%s on a page: %+v, failed %v, %v", name, outcomes, failed, err)
			}
		}
		h.wantStatus(sub1, "")
		h.look(cus1)
		if _, err := h.Refs(t.Context(), apply.Cause{}, provider.Ref{Account: "none", Kind: billing.KindCustomer, ID: "x"}); err == nil {
			t.Error("an account that is not configured is looked at")
		}
	})
}

// Time alone ends grace; Turn finds it and nothing else.
func TestTurnAtTheEndOfGrace(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		behind := subscribed(billing.SubscriptionPastDue)
		behind.PastDueSince = h.clock.Now()
		h.world.say(mine("u"), snap("sub_1", behind))
		h.look(cus1, sub1)
		h.wantAccess("u", "api", true)
		turn := func() string {
			due, err := h.db.AccessDue(t.Context(), h.clock.Now(), 10)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Turn(t.Context(), due, apply.Cause{Trigger: apply.Time}); err != nil {
				t.Fatal(err)
			}
			return strings.Join(due, " ")
		}
		h.clock.Pass(7*24*time.Hour - time.Second)
		if got := turn(); got != "" {
			t.Errorf("a second too early: %s turns", got)
		}
		h.wantAccess("u", "api", true)
		h.clock.Pass(time.Second)
		if next, err := h.db.NextTurn(t.Context()); err != nil || !next.Equal(h.clock.Now()) {
			t.Errorf("the next turn is at %v, %v", next, err)
		}
		if got := turn(); got != "u" {
			t.Errorf("turned: %q", got)
		}
		h.wantAccess("u", "api", false)
		before := h.changes()
		if got := turn(); got != "" || h.changes() != before {
			t.Errorf("a second turn: %q, %d changes more", got, h.changes()-before)
		}
		if err := h.Turn(t.Context(), []string{"u", "nobody"}, apply.Cause{Trigger: apply.Time}); err != nil || h.changes() != before {
			t.Errorf("a turn without need: %v, %d changes more", err, h.changes()-before)
		}
		h.audit()
	})
}

func (h *house) changes() int {
	h.t.Helper()
	changes, err := h.db.Changes(h.t.Context(), store.ChangeFilter{Limit: 100_000})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(changes)
}

func TestSetCustomerIsIdempotent(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		cause := apply.Cause{Trigger: apply.Request, Actor: "api"}
		settings := billing.Customer{Ref: "u", Email: "new@b.test", Attributes: map[string]any{"kyc": true, "domains": 2.0, "list": []any{"a"}}}
		for i := range 3 {
			got, err := h.SetCustomer(t.Context(), settings, cause)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(settings, got); diff != "" {
				t.Error(diff)
			}
			if n := h.changes(); n != 1 {
				t.Errorf("after %d times: %d changes", i+1, n)
			}
		}
		if got := p.words(); got != " [customer_set] of u" {
			t.Errorf("policies heard %q", got)
		}
		settings.Ban = &billing.Ban{Reason: "by the back door"}
		if got, err := h.SetCustomer(t.Context(), settings, cause); err != nil || got.Ban != nil {
			t.Errorf("a ban was set with the settings: %+v, %v", got, err)
		}
		for _, bad := range []string{"", " u", "a\x00b", "\xff", strings.Repeat("x", 201)} {
			if _, err := h.SetCustomer(t.Context(), billing.Customer{Ref: bad}, cause); err == nil {
				t.Errorf("the reference %.10q was taken", bad)
			}
		}
		if _, err := h.SetCustomer(t.Context(), billing.Customer{Ref: "only a name"}, cause); err != nil || h.changes() != 2 {
			t.Errorf("a customer with nothing but a name: %v, %d changes", err, h.changes())
		}
		h.audit()
	})
}

// The application introduces a customer at the moment at which their first
// purchase does.
func TestSetCustomerBesideTheFirstPurchase(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		for i := range 25 {
			user, id := fmt.Sprint("u", i), fmt.Sprint("sub_", i)
			h.world.say(snap(id, subscribed(billing.SubscriptionActive), ownedBy(""), claiming("metadata.user_id", user)))
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := h.SetCustomer(t.Context(), billing.Customer{Ref: user, Email: user + "@b.test"}, apply.Cause{Trigger: apply.Request}); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if _, err := h.Refs(t.Context(), apply.Cause{Trigger: apply.Webhook}, ref(billing.KindSubscription, id)); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			h.wantAccess(user, "api", true)
			row, err := h.db.Customer(t.Context(), user)
			if err != nil || row.Email != user+"@b.test" || row.Sequence != 1 {
				t.Errorf("%+v, %v", row, err)
			}
		}
		h.audit()
	})
}

// Reconciliation finds what the webhooks did not tell, says what it meant for the
// customer, and leaves alone what is on its way.
func TestDrift(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		active, ended := subscribed(billing.SubscriptionActive), subscribed(billing.SubscriptionEnded)
		var seen int
		want := func(name, drift string) {
			t.Helper()
			all := h.drift()
			if got := strings.TrimPrefix(all[seen:], "; "); got != drift {
				t.Errorf("%s: drift %q, want %q", name, got, drift)
			}
			seen = len(all)
		}
		h.page(h.begin(), apply.Backfill, mine("u"), snap("sub_0", active))
		want("a first filling", "")
		h.page(h.begin(), "", snap("sub_0", active))
		want("nothing new", "")
		h.page(h.begin(), "", snap("sub_0", ended))
		want("ended unheard", "stale sub_0 healed unpaid_but_active")
		h.page(h.begin(), "", snap("sub_1", active))
		want("begun unheard", "missing sub_1 healed paid_but_blocked")
		h.page(h.begin(), "", snap("in_1", billing.Invoice{Status: billing.InvoiceOpen}))
		want("without meaning for access", "missing in_1 healed")
		h.webhook(sub1)
		h.page(h.begin(), "", snap("sub_1", ended))
		want("a webhook is on its way", "")
		h.world.say(snap("sub_1", active))
		h.step()
		want("a webhook's look", "")
		h.raise("sweep", sub1) // as for what a list did not have
		h.world.forget(sub1)
		for range 6 {
			h.step()
			h.clock.Pass(time.Minute)
		}
		want("gone unheard", "gone sub_1 healed unpaid_but_active")
		h.page(h.begin(), "", snap("sub_1", active))
		want("back unheard", "returned sub_1 healed paid_but_blocked")
		rows, err := h.db.Drift(t.Context(), store.DriftFilter{Limit: 1})
		if err != nil || !rows[0].Since.Before(rows[0].FoundAt) || rows[0].FoundBy != "sweep" || !json.Valid([]byte(rows[0].Diff)) {
			t.Errorf("%+v, %v", rows, err)
		}
		h.audit()
	})
}

// A price that is in no plan is told once and stays open until it is mapped, or
// the subscription is over.
func TestUnmappedPrice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		clock := storetest.NewClock()
		h := open(t, url, clock, trusting)
		odd := subscribed(billing.SubscriptionActive)
		odd.Price, odd.Items = "price_odd", []billing.Item{{Price: "price_odd", Quantity: 1}}
		late := odd
		late.Status = billing.SubscriptionPastDue
		h.world.say(mine("u"), snap("sub_1", odd), snap("sub_2", odd))
		h.look(cus1, sub1, ref(billing.KindSubscription, "sub_2"))
		// The two belong to one customer, so that one of them is also one too many.
		const open1, open2 = "unmapped_price sub_1 open paid_but_blocked; duplicate sub_1 open", "unmapped_price sub_2 open paid_but_blocked"
		const late1 = "unmapped_price sub_1 open; duplicate sub_1 open" // not paid now
		const healed1 = "unmapped_price sub_1 healed; duplicate sub_1 healed"
		if got := h.drift(); got != open1+"; "+open2 {
			t.Errorf("drift: %s", got)
		}
		h.world.say(snap("sub_1", late))
		h.look(sub1, sub1)
		if got := h.drift(); got != late1+"; "+open2 {
			t.Errorf("drift when it is seen again: %s", got)
		}
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionEnded)))
		h.look(sub1)
		if got := h.drift(); got != healed1+"; "+open2 {
			t.Errorf("drift when it has ended: %s", got)
		}
		mapped, err := billing.NewCatalog([]billing.Plan{{ID: "odd", Prices: map[string][]string{"stripe": {"price_odd"}}}})
		if err != nil {
			t.Fatal(err)
		}
		config := trusting
		config.Catalog = mapped
		again := open(t, url, clock, config) // restarted with another plan; nothing changed at the provider
		again.page(again.begin(), "", snap("sub_2", odd))
		if got := h.drift(); got != healed1+"; unmapped_price sub_2 healed paid_but_blocked" {
			t.Errorf("drift when the price is in a plan: %s", got)
		}
	})
}

func TestLookAtKeyThatIsNone(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		err := h.Look(t.Context(), store.Claim{Key: "nonsense"})
		if err == nil || errors.Is(err, store.ErrLost) {
			t.Errorf("the error is %v", err)
		}
	})
}

// A policy knows what policies have asked for about its customer, and what of it was
// carried out; not what a person rejected, nor what was asked for about others.
func TestPoliciesKnowWhatWasAskedFor(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.look(cus1, sub1)
		effect := func(key, kind, customer, name string) store.Effect {
			return store.Effect{Key: key, Kind: kind, Account: "stripe", Object: "stripe/subscription/sub_1", Customer: customer, Doc: "{}", State: store.EffectProposed, Policy: name}
		}
		storetest.Write(t, h.db, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.AddEffects(ctx, []store.Effect{
				effect("a", policy.CancelNow, "u", "duplicate"), effect("b", policy.Refund, "u", "fraud"), effect("c", policy.Alert, "u", "fraud"),
				effect("d", policy.Refund, "u", "duplicate"), effect("e", policy.Refund, "u", ""), effect("f", policy.Refund, "other", "fraud"), effect("g", policy.Say, "u", "dunning"),
			})
			return errors.Join(err, tx.Attempt(ctx, "a", "", 0, ""), tx.Attempt(ctx, "b", "", 250, "EUR"), tx.SetEffect(ctx, "b", store.EffectDone, "", ""),
				tx.SetEffect(ctx, "d", store.EffectRejected, "", ""))
		})
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionPastDue)))
		h.look(sub1)
		demand := func(key, kind, name string, tried bool, money int64) policy.Demand {
			return policy.Demand{Policy: name, Key: key, Kind: kind, Object: "stripe/subscription/sub_1", Tried: tried, Money: money}
		}
		want := []policy.Demand{
			demand("a", policy.CancelNow, "duplicate", true, 0), demand("b", policy.Refund, "fraud", true, 250), demand("c", policy.Alert, "fraud", false, 0),
		}
		if diff := cmp.Diff(want, p.all[len(p.all)-1].known.Demands); diff != "" {
			t.Error(diff)
		}
	})
}
