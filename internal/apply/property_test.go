package apply_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

// story is a truth that changes while it is looked at in every way there is.
type story struct {
	*house
	n string // makes the names of this run its own
	// pages were read and are not written yet; looks have their answer and are not
	// written yet.
	pages []apply.Page
	// claims are held by workers that have not come to look.
	claims []store.Claim
	// version counts the changes of the truth; each object carries that of its
	// last. newest is the greatest that was ever seen in the ledger.
	version int
	newest  map[provider.Ref]int
	// told are the objects whose last change came with a webhook.
	told map[provider.Ref]bool
}

func (s *story) ref(kind billing.Kind, i int) provider.Ref { return ref(kind, fmt.Sprint(s.n, "_", i)) }

var storyKinds = []billing.Kind{
	billing.KindSubscription, billing.KindInvoice, billing.KindPayment, billing.KindDispute, billing.KindRefund, billing.KindCheckout, billing.KindCustomer,
}

// drawn makes one of two objects of each kind, of one of two customers.
func (s *story) drawn(t *rapid.T) provider.Snapshot {
	kind, i := rapid.SampledFrom(storyKinds).Draw(t, "kind"), rapid.IntRange(0, 1).Draw(t, "which")
	r := s.ref(kind, i)
	if rapid.IntRange(0, 9).Draw(t, "gone") == 0 {
		return provider.Snapshot{Ref: r, Gone: true}
	}
	s.version++
	version := fmt.Sprintf("v%d", s.version)
	one, other := s.ref(kind, i).ID, s.ref(kind, 1-i).ID
	var object billing.Object
	switch kind {
	case billing.KindSubscription:
		sub := subscribed(rapid.SampledFrom([]billing.SubscriptionStatus{
			billing.SubscriptionPending, billing.SubscriptionActive, billing.SubscriptionPastDue, billing.SubscriptionEnded,
		}).Draw(t, "status"))
		if rapid.Bool().Draw(t, "canceling") {
			sub.CancelAt = storetest.Start().Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "days")) * 24 * time.Hour)
		}
		sub.LatestInvoice = version
		object = sub
	case billing.KindInvoice:
		object = billing.Invoice{Number: version, Status: billing.InvoicePaid, Subscription: one, Payments: []string{one}, Paid: 900}
	case billing.KindPayment:
		p := paid("price_life")
		p.Refunded = rapid.SampledFrom([]int64{0, 900}).Draw(t, "refunded")
		p.Charge = version
		object = p
	case billing.KindDispute:
		object = billing.Dispute{Reason: version, Status: rapid.SampledFrom([]billing.DisputeStatus{billing.DisputeOpen, billing.DisputeLost, billing.DisputeWon}).Draw(t, "status"), Payment: one}
	case billing.KindRefund:
		object = billing.Refund{Reason: version, Status: billing.RefundSucceeded, Payment: other}
	case billing.KindCheckout:
		object = billing.Checkout{Status: billing.CheckoutComplete, Mode: "payment", PaymentStatus: version, Payment: one}
	default:
		object = billing.ProviderCustomer{Name: version, Email: rapid.SampledFrom([]string{"a@b.test", "c@d.test"}).Draw(t, "email")}
	}
	snapshot := provider.Snapshot{Ref: r, Object: object}
	if kind != billing.KindCustomer {
		snapshot.Owner = s.ref(billing.KindCustomer, i).ID
		snapshot.Related = []provider.Ref{s.ref(billing.KindCustomer, i)}
	}
	// Always the same of one object: who it belongs to does not change.
	if (kind == billing.KindCustomer || kind == billing.KindDispute) && i == 0 {
		snapshot.Claims = map[string]string{"metadata.user_id": "user " + s.n}
	}
	return snapshot
}

func (s *story) change(t *rapid.T) {
	snapshot := s.drawn(t)
	s.world.say(snapshot)
	if s.told[snapshot.Ref] = rapid.Bool().Draw(t, "told"); s.told[snapshot.Ref] {
		s.webhook(snapshot.Ref)
	}
}

var versionText = regexp.MustCompile(`"v(\d+)"`)

// each visits all objects.
func (s *story) each(visit func(r provider.Ref, truth provider.Snapshot, held store.Object)) {
	for _, kind := range storyKinds {
		for i := range 2 {
			r := s.ref(kind, i)
			visit(r, s.world.now(r), s.held(r))
		}
	}
}

// forward checks that what is held never gets older.
func (s *story) forward(t *rapid.T) {
	s.each(func(r provider.Ref, _ provider.Snapshot, held store.Object) {
		if held.Key == "" {
			return
		}
		version, err := strconv.Atoi(versionText.FindStringSubmatch(held.Doc)[1])
		if err != nil || version < s.newest[r] {
			t.Fatalf("%s went back from version %d to %s, %v", r, s.newest[r], held.Doc, err)
		}
		s.newest[r] = version
	})
}

func (s *story) any(t *rapid.T) provider.Ref {
	return s.ref(rapid.SampledFrom(storyKinds).Draw(t, "kind"), rapid.IntRange(0, 1).Draw(t, "which"))
}

func (s *story) redirect(t *rapid.T) {
	if _, err := s.Refs(s.t.Context(), apply.Cause{Trigger: apply.Redirect}, s.any(t)); err != nil {
		t.Fatal(err)
	}
}

// read reads a page, to be written some time later.
func (s *story) read(t *rapid.T) {
	page := apply.Page{Cause: apply.Cause{Trigger: apply.Sweep}, Begun: s.begin()}
	kind := rapid.SampledFrom(storyKinds).Draw(t, "kind")
	for i := range 2 {
		if snapshot := s.world.now(s.ref(kind, i)); !snapshot.Ref.IsZero() && !snapshot.Gone {
			page.Snapshots = append(page.Snapshots, snapshot)
		}
	}
	s.pages = append(s.pages, page)
}

func (s *story) turnPage(t *rapid.T) {
	if len(s.pages) == 0 {
		return // none was read
	}
	i := rapid.IntRange(0, len(s.pages)-1).Draw(t, "page")
	if _, failed, err := s.Write(s.t.Context(), s.pages[i]); err != nil || len(failed) > 0 {
		t.Fatal(err)
	}
	s.pages = append(s.pages[:i], s.pages[i+1:]...)
}

// claim lets a worker take a look upon itself; it dawdles.
func (s *story) claim(t *rapid.T) {
	claims, err := s.db.Claim(s.t.Context(), store.QueueLook, rapid.IntRange(1, 3).Draw(t, "claims"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.claims = append(s.claims, claims...)
}

// carry lets a worker that dawdled carry out its look; its claim may be lost.
func (s *story) carry(t *rapid.T) {
	if len(s.claims) == 0 {
		return // nothing is claimed
	}
	i := rapid.IntRange(0, len(s.claims)-1).Draw(t, "claim")
	err := s.Look(s.t.Context(), s.claims[i])
	if err != nil && !errors.Is(err, store.ErrLost) && !errors.Is(err, apply.ErrNotVisible) {
		t.Fatal(err)
	}
	if err == nil || errors.Is(err, store.ErrLost) {
		s.claims = append(s.claims[:i], s.claims[i+1:]...)
	}
}

func (s *story) pass(t *rapid.T) {
	s.clock.Pass(time.Duration(rapid.IntRange(1, 40).Draw(t, "hours")) * time.Hour)
	if _, err := s.db.Expire(s.t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *story) work(t *rapid.T) {
	if _, err := s.engine.Step(s.t.Context()); err != nil {
		t.Fatal(err)
	}
}

// settle writes what is left in any order and looks at everything once more.
func (s *story) settle(t *rapid.T) {
	for len(s.pages) > 0 {
		s.turnPage(t)
	}
	for range 6 {
		s.pass(t)
		s.work(t)
	}
	s.each(func(r provider.Ref, truth provider.Snapshot, held store.Object) {
		if s.told[r] && (held.Key != "" || !truth.Gone) && (held.Gone != truth.Gone || !truth.Gone && held.Doc != text(t, truth.Object)) {
			t.Errorf("a webhook told of the last change of %s, which is %s and held as %s (gone: %v)", r, text(t, truth.Object), held.Doc, held.Gone)
		}
	})
	for _, kind := range storyKinds {
		for i := range 2 {
			if _, err := s.Refs(s.t.Context(), apply.Cause{Trigger: apply.Request}, s.ref(kind, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.work(t)
	if err := s.Turn(s.t.Context(), []string{"user " + s.n}, apply.Cause{Trigger: apply.Time}); err != nil {
		t.Fatal(err)
	}
}

// verify compares the ledger with the truth, and access with what it rests on.
func (s *story) verify(t *rapid.T) {
	var facts billing.Facts
	s.each(func(r provider.Ref, truth provider.Snapshot, held store.Object) {
		if truth.Ref.IsZero() || truth.Gone {
			if held.Key != "" && !held.Gone {
				t.Errorf("%s is gone and held as %s", r, held.Doc)
			}
			return
		}
		if held.Doc != text(t, truth.Object) || held.Gone || held.Owner != truth.Owner {
			t.Errorf("%s is\n%s and held (gone: %v) as\n%s", r, text(t, truth.Object), held.Gone, held.Doc)
		}
		if held.Customer != "" {
			facts.Add("stripe", r.ID, truth.Object)
		}
	})
	stored, err := s.db.AccessOf(s.t.Context(), "user "+s.n)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for _, a := range stored {
		answers[a.Feature] = a.Doc
	}
	for _, feature := range s.Catalog.Features() {
		decision := billing.Access(s.Catalog, s.Rules, facts, feature, s.clock.Now())
		doc := text(t, decision)
		if kept := answers[feature]; kept != doc && (kept != "" || decision.Reason != billing.ReasonNone) {
			t.Errorf("access to %s is\n%s and stored as\n%s", feature, doc, kept)
		}
	}
	counts, err := s.db.EventCounts(s.t.Context())
	if err != nil || counts[store.EventReceived] != 0 || counts[store.EventDead] != 0 {
		t.Errorf("events by state after all was looked at: %v, %v", counts, err)
	}
}

func text(t *rapid.T, value any) string {
	doc, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// However looks, pages, redirects, webhooks and dawdling workers come between each
// other and the changes of the truth, after a last look the ledger is the truth,
// access follows from it, and the audit trail accounts for both.
func TestLedgerBecomesTruth(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := open(t, url, storetest.NewClock(), trusting)
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			s := &story{house: h, n: fmt.Sprint(run), newest: map[provider.Ref]int{}, told: map[provider.Ref]bool{}}
			rt.Repeat(map[string]func(*rapid.T){
				"change": s.change, "change again": s.change, "redirect": s.redirect, "read": s.read, "turn page": s.turnPage,
				"claim": s.claim, "carry": s.carry, "pass": s.pass, "work": s.work, "": s.forward,
			})
			s.settle(rt)
			s.verify(rt)
		})
		h.audit()
	})
}
