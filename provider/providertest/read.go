package providertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// fetch compares every object of a lively month with the truth.
func (h Harness) fetch(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	w.Crowd(t, 30)
	w.Month(t)
	seen := map[billing.Kind]int{}
	for _, truth := range w.Truth() {
		s, err := w.Driver.Fetch(t.Context(), w.ref(kinds[truth.Kind], truth.ID))
		if err != nil {
			t.Fatal(err)
		}
		seen[kinds[truth.Kind]]++
		w.same(t, truth, s)
		w.sameBeside(t, s)
		attempted(t, s)
		for _, related := range s.Related {
			if _, err := w.Driver.Fetch(t.Context(), related); err != nil {
				t.Errorf("%v is said to be related to %v: %v", s.Ref, related, err)
			}
		}
	}
	for _, kind := range w.Driver.Kinds() {
		if seen[kind] == 0 {
			t.Errorf("the month had no %s to fetch", kind)
		}
	}
	t.Logf("fetched %v", seen)
}

// attempted checks the attempts of a snapshot: each by itself and of this payment, and
// one of them with the money, if they are told of at all.
func attempted(t *testing.T, s provider.Snapshot) {
	t.Helper()
	if s.Ref.Kind != billing.KindPayment {
		if len(s.Attempts) > 0 {
			t.Errorf("%v has attempts and is no payment", s.Ref)
		}
		return
	}
	seen, good := map[string]bool{}, 0
	for _, a := range s.Attempts {
		if a.ID == "" || seen[a.ID] || a.Payment != s.Ref.ID || a.At.IsZero() {
			t.Errorf("%v: an attempt is %+v; seen before: %v", s.Ref, a, seen[a.ID])
		}
		if seen[a.ID] = true; a.Decline == nil {
			good++
		}
	}
	paid := s.Object.(billing.Payment).Status == billing.PaymentSucceeded //nolint:forcetypeassert // by its kind
	if len(s.Attempts) > 0 && paid != (good == 1) {
		t.Errorf("%v is paid: %v, and %d of its %d attempts succeeded", s.Ref, paid, good, len(s.Attempts))
	}
}

// sameBeside compares what a record is besides with the truth: no more and no less
// than what is fetched by itself.
func (w *World) sameBeside(t *testing.T, s provider.Snapshot) {
	t.Helper()
	for _, b := range s.Beside {
		there := false
		for _, truth := range w.truthOf(b.Ref.Kind, "") {
			if truth.ID == b.Ref.ID {
				there = true
				w.same(t, truth, b)
			}
		}
		if there == b.Gone {
			t.Errorf("%v, beside %v, is gone: %v; in truth it is there: %v", b.Ref, s.Ref, b.Gone, there)
		}
	}
}

// bundled checks that every object of the kinds that need not be listed comes along
// with those that are.
func (h Harness) bundled(t *testing.T, w *World) {
	t.Helper()
	beside, listed := map[provider.Ref]bool{}, provider.Listed(w.Driver)
	for _, kind := range listed {
		for ref, s := range w.whole(t, provider.Query{Kind: kind}, nil) {
			beside[ref] = !s.Gone
			for _, b := range s.Beside {
				beside[b.Ref] = !b.Gone
			}
		}
	}
	for _, kind := range w.Driver.Kinds() {
		if slices.Contains(listed, kind) {
			continue
		}
		for _, truth := range w.truthOf(kind, "") {
			if !beside[w.ref(kind, truth.ID)] {
				t.Errorf("%s %s comes along with nothing that is listed", kind, truth.ID)
			}
		}
	}
}

// list compares every list, of all and of one customer, with the truth.
func (h Harness) list(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	w.Crowd(t, 130)
	w.Month(t)
	h.bundled(t, w)
	for _, kind := range w.Driver.Kinds() {
		h.sameList(t, w, provider.Query{Kind: kind})
		if slices.Contains(h.Unfiltered, kind) {
			continue
		}
		owners := map[string]bool{}
		for _, truth := range w.truthOf(kind, "") {
			if owners[truth.Customer] = true; len(owners) == 5 {
				break
			}
		}
		delete(owners, "")
		for owner := range owners {
			h.sameList(t, w, provider.Query{Kind: kind, Owner: owner})
		}
	}
}

func (h Harness) sameList(t *testing.T, w *World, query provider.Query) {
	t.Helper()
	before := w.net.calls
	listed := w.everything(t, query, nil)
	truths := w.truthOf(query.Kind, query.Owner)
	for _, truth := range truths {
		s, found := listed[truth.ID]
		switch {
		case found:
			w.same(t, truth, s)
		case query.Owner != "" && h.Hidden != nil && h.Hidden(truth):
		case truth.Fields["deleted"] != "true":
			t.Errorf("%s %s is not listed", truth.Kind, truth.ID)
		}
	}
	if len(listed) > len(truths) {
		t.Errorf("%d of %s are listed, in truth there are %d", len(listed), query.Kind, len(truths))
	}
	if query.Owner == "" {
		t.Logf("%d of %s in %d calls", len(listed), query.Kind, w.net.calls-before)
	}
}

func (h Harness) notFound(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	for _, kind := range w.Driver.Kinds() {
		if page, err := w.Driver.List(t.Context(), provider.Query{Kind: kind}); err != nil || len(page.Snapshots) > 0 || page.Next != "" {
			t.Errorf("an empty world lists %+v, %v", page, err)
		}
	}
	w.missing(t)
}

// missing fetches what does not exist.
func (w *World) missing(t *testing.T) {
	t.Helper()
	for _, kind := range w.Driver.Kinds() {
		for _, id := range []string{"nothing_1", "no/../such", "", "ü"} {
			if s, err := w.Driver.Fetch(t.Context(), w.ref(kind, id)); err == nil {
				t.Errorf("there is a %s %q: %+v", kind, id, s)
			} else {
				w.fails(t, err, provider.NotFound)
			}
		}
	}
	other := provider.Ref{Account: "other", Kind: billing.KindCustomer, ID: "x_1"}
	_, err := w.Driver.Fetch(t.Context(), other)
	w.fails(t, err, provider.Refused)
	_, err = w.Driver.Fetch(t.Context(), w.ref("galaxy", "x_1"))
	w.fails(t, err, provider.Refused)
}

// failingReads checks what comes of every fault, and that the next call works.
func (h Harness) failingReads(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	w.Crowd(t, 1)
	truth := w.truthOf(billing.KindSubscription, "")[0]
	ref := w.ref(billing.KindSubscription, truth.ID)
	for f, want := range map[fault]provider.ErrorKind{
		limited: provider.RateLimited, broken: provider.Unavailable, down: provider.Unavailable, lostBefore: provider.Unavailable,
		lostAfter: provider.Unavailable, cut: provider.Malformed, half: provider.Malformed, html: provider.Malformed,
	} {
		t.Run(faultNames[f], func(t *testing.T) {
			w.net.strike(f, false)
			s, err := w.Driver.Fetch(t.Context(), ref)
			w.fails(t, err, want)
			if s.Object != nil || s.Gone {
				t.Errorf("a failed fetch tells %+v", s)
			}
			w.net.strike(f, false)
			page, err := w.Driver.List(t.Context(), provider.Query{Kind: billing.KindSubscription})
			w.fails(t, err, want)
			if len(page.Snapshots) > 0 || page.Next != "" {
				t.Errorf("a failed list tells %+v", page)
			}
			if s, err = w.Driver.Fetch(t.Context(), ref); err != nil {
				t.Fatalf("after the fault: %v", err)
			}
			w.same(t, truth, s)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Driver.Fetch(ctx, ref)
	w.fails(t, err, provider.Unavailable)
}

// shiftingPages lists while objects are made, and while the provider repeats
// rows across the borders of pages.
func (h Harness) shiftingPages(t *testing.T) {
	w := h.world(t, sim.Chaos{ShiftPages: 1})
	w.Crowd(t, 230)
	for _, kind := range []billing.Kind{billing.KindCustomer, billing.KindSubscription, billing.KindPayment} {
		if !slices.Contains(w.Driver.Kinds(), kind) {
			continue // the provider has none, or cannot list them
		}
		before := w.truthOf(kind, "")
		pages := 1
		listed := w.everything(t, provider.Query{Kind: kind}, func() { pages++; w.Crowd(t, 3) })
		for _, truth := range before {
			if s, found := listed[truth.ID]; !found {
				t.Errorf("%s %s was there throughout and is not listed", truth.Kind, truth.ID)
			} else {
				w.same(t, truth, s)
			}
		}
		if pages < 2 {
			t.Errorf("%d of %s were on one page", len(before), kind)
		}
	}
}

// unknownWords checks that a word from the future loses no object.
func (h Harness) unknownWords(t *testing.T) {
	for _, word := range h.Unknown {
		t.Run(fmt.Sprintf("%s %s", word.Kind, word.To), func(t *testing.T) {
			w := h.world(t, sim.Chaos{})
			w.Crowd(t, 15)
			w.Month(t)
			before := w.everything(t, provider.Query{Kind: word.Kind}, nil)
			w.net.swap = []string{word.From, word.To}
			after := w.everything(t, provider.Query{Kind: word.Kind}, nil)
			changed := 0
			for id, s := range before {
				now, found := after[id]
				if !found || now.Object == nil {
					t.Fatalf("%s %s is lost", word.Kind, id)
				}
				if now.Object.State() != s.Object.State() {
					changed++
				}
			}
			if changed == 0 {
				t.Errorf("no %s has the word %s", word.Kind, word.From)
			}
		})
	}
}

// pastEvents lists all events of a month, in order, and none is missing.
func (h Harness) pastEvents(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	lister, can := offered[provider.EventLister](t, w, "the provider lists no events")
	if !can {
		return
	}
	begun := w.Now()
	w.Crowd(t, 60)
	w.Month(t)
	want := map[string]provider.Delivery{}
	for _, hook := range w.Webhooks(t) {
		delivery, err := w.Driver.Verify(t.Context(), hook.Header, hook.Body, w.Now())
		if err != nil {
			t.Fatal(err)
		}
		if delivery.CreatedAt.After(w.Now().Add(-25 * 24 * time.Hour)) {
			want[delivery.ID] = delivery
		}
	}
	since := w.Now().Add(-25 * 24 * time.Hour)
	if since.Before(begun) {
		since = begun
	}
	last, listed := time.Time{}, map[string]provider.Delivery{}
	for after := ""; ; {
		page, err := lister.Events(t.Context(), since, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, delivery := range page.Deliveries {
			if delivery.CreatedAt.Before(last) {
				t.Fatalf("%s comes after something newer", delivery.ID)
			}
			last, listed[delivery.ID] = delivery.CreatedAt, delivery
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for id, delivery := range want {
		got, found := listed[id]
		if !found || got.Type != delivery.Type || !slices.Equal(got.Refs, delivery.Refs) || len(got.Body) == 0 {
			t.Errorf("%s %s came as a webhook; listed it is %+v", delivery.Type, id, got)
		}
	}
	t.Logf("%d events, %d of them came as webhooks", len(listed), len(want))
	w.net.strike(half, false)
	_, err := lister.Events(t.Context(), since, "")
	w.fails(t, err, provider.Malformed)
}
