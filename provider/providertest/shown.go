package providertest

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// shown checks that an event proves which look is not older than it: that the look
// saw what the event shows, or something later. A look from before must never be
// taken for one; that of an event that came first is as good as such a look.
func (h Harness) shown(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	shower, can := offered[provider.Shower](t, w, "events prove nothing here")
	if !can {
		return
	}
	w.Crowd(t, 30)
	w.Month(t)
	versions := w.versions(t, shower)
	proven, doubted := map[billing.Kind]int{}, map[billing.Kind]int{}
	for ref, all := range versions {
		for _, earlier := range all {
			for _, later := range all {
				if earlier.UpdatedAt.Before(later.UpdatedAt) && earlier.Covers(later) {
					t.Errorf("%v: %+v is taken for news of %+v", ref, earlier, later)
				}
			}
		}
		s, err := w.Driver.Fetch(t.Context(), ref)
		if ref.Kind == billing.KindCheckout && w.forgot(t, w.row(sim.Object{Kind: sim.KindCheckout, ID: ref.ID}), err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range all {
			if s.Version.Covers(version) {
				proven[ref.Kind]++
			} else {
				doubted[ref.Kind]++
			}
		}
	}
	for kind, n := range doubted {
		if proven[kind] == 0 {
			t.Errorf("of %d events that show a %s, none is proven to have been seen", n, kind)
		}
	}
	for _, body := range []string{"", "null", "[]", "{}", `{"data":null,"resource":null}`, "\xff"} {
		if ref, version := shower.Shown([]byte(body)); version != (provider.Version{}) {
			t.Errorf("%q shows %+v of %v", body, version, ref)
		}
	}
	t.Logf("proven %v, doubted %v", proven, doubted)
	h.shownAtOnce(t, w, shower)
}

// versions are what the events that have to be delivered by now show, by object.
func (w *World) versions(t *testing.T, shower provider.Shower) map[provider.Ref][]provider.Version {
	t.Helper()
	versions := map[provider.Ref][]provider.Version{}
	for _, hook := range w.Webhooks(t) {
		delivery, err := w.Driver.Verify(t.Context(), hook.Header, hook.Body, w.Now())
		if err != nil {
			t.Fatal(err)
		}
		ref, version := shower.Shown(hook.Body)
		if len(delivery.Refs) == 0 || version == (provider.Version{}) {
			continue
		}
		if ref != delivery.Refs[0] && ref.Kind == delivery.Refs[0].Kind {
			t.Errorf("%s names %v and shows %v", delivery.Type, delivery.Refs[0], ref)
		}
		if version.Facts == "" || version.UpdatedAt.IsZero() {
			t.Errorf("%s shows %+v of %v", delivery.Type, version, ref)
		}
		versions[ref] = append(versions[ref], version)
	}
	return versions
}

// shownAtOnce looks at new subscriptions when their webhooks come, which is the
// usual case: most looks need no other.
func (h Harness) shownAtOnce(t *testing.T, w *World, shower provider.Shower) {
	t.Helper()
	proven, all := 0, 0
	for range 10 {
		if w.Make.Subscription(t); w.Make.Payment != nil {
			w.Make.Payment(t)
		}
		w.Advance(10 * time.Second)
		for _, hook := range w.Webhooks(t) {
			ref, version := shower.Shown(hook.Body)
			if version == (provider.Version{}) {
				continue
			}
			s, err := w.Driver.Fetch(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if all++; s.Version.Covers(version) {
				proven++
			}
		}
	}
	t.Logf("%d of %d looks that came at once are proven", proven, all)
	if proven*3 < all {
		t.Errorf("only %d of %d looks that came at once are proven", proven, all)
	}
}
