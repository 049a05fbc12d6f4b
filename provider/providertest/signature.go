package providertest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// signatures checks what is and what is not let in.
func (h Harness) signatures(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	w.Crowd(t, 1)
	hooks := w.Webhooks(t)
	if len(hooks) == 0 {
		t.Fatal("the simulator delivers nothing")
	}
	hook, now := hooks[0], w.Now()
	if _, err := w.Driver.Verify(t.Context(), hook.Header, hook.Body, now); err != nil {
		t.Fatalf("a real webhook: %v", err)
	}
	for _, secret := range w.WebhookSecrets {
		if _, err := w.Driver.Verify(t.Context(), w.Sign(hook.Body, now, secret), hook.Body, now); err != nil {
			t.Errorf("one of several secrets: %v", err)
		}
	}
	good := w.WebhookSecrets[0]
	changed := slices.Clone(hook.Body)
	changed[len(changed)-1] ^= 1
	w.rejected(t, "no header", http.Header{}, hook.Body, now, provider.Unsigned)
	w.rejected(t, "another account's secret", w.Sign(hook.Body, now, good+"x"), hook.Body, now, provider.BadSignature)
	w.rejected(t, "a changed body", hook.Header, changed, now, provider.BadSignature)
	w.rejected(t, "an empty body", hook.Header, nil, now, provider.BadSignature)
	w.rejected(t, "no event", w.Sign([]byte("{}"), now, good), []byte("{}"), now, provider.BadBody)
	if h.Behind > 0 {
		if _, err := w.Driver.Verify(t.Context(), hook.Header, hook.Body, now.Add(h.Behind-time.Minute)); err != nil {
			t.Errorf("a signature as old as it may be: %v", err)
		}
	}
	if h.Ahead > 0 {
		if _, err := w.Driver.Verify(t.Context(), hook.Header, hook.Body, now.Add(time.Minute-h.Ahead)); err != nil {
			t.Errorf("a signature as far ahead as it may be: %v", err)
		}
	}
	if !h.Timeless {
		w.rejected(t, "an old one", hook.Header, hook.Body, now.Add(h.Behind+time.Hour), provider.Stale)
		w.rejected(t, "one from the future", hook.Header, hook.Body, now.Add(-h.Ahead-time.Hour), provider.Future)
	}
	if w.OtherMode != nil {
		other := w.OtherMode(hook.Body)
		w.rejected(t, "one of the other mode", w.Sign(other, now, good), other, now, provider.WrongMode)
	}
}

func (w *World) rejected(t *testing.T, what string, header http.Header, body []byte, now time.Time, want provider.Reason) {
	t.Helper()
	delivery, err := w.Driver.Verify(t.Context(), header, body, now)
	w.discreet(t, err)
	rejection, ok := errors.AsType[*provider.Rejection](err)
	switch {
	case !ok:
		t.Errorf("%s: let in as %+v, error %v", what, delivery, err)
	case rejection.Reason != want:
		t.Errorf("%s: rejected as %s, want %s", what, rejection.Reason, want)
	case delivery.ID != "" || len(delivery.Refs) > 0:
		t.Errorf("%s: rejected, and yet names %+v", what, delivery)
	}
}

// events lets a month go by and follows every name in every event.
func (h Harness) events(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	w.Crowd(t, 30)
	w.Month(t)
	w.Month(t)
	seen, empty := map[string]int{}, 0
	ids := map[string]bool{}
	for _, object := range w.Truth() {
		ids[w.ref(kinds[object.Kind], object.ID).String()] = true
	}
	for _, hook := range w.Webhooks(t) {
		delivery, err := w.Driver.Verify(t.Context(), hook.Header, hook.Body, w.Now())
		if err != nil {
			t.Fatalf("%s: %v", hook.Body, err)
		}
		seen[delivery.Type]++
		if len(delivery.Refs) == 0 {
			empty++
		}
		for _, ref := range delivery.Refs {
			if !ids[ref.String()] {
				t.Errorf("%s names %v, which does not exist", delivery.Type, ref)
			}
		}
	}
	for _, name := range h.EventTypes {
		if seen[name] == 0 {
			t.Errorf("no %s came in two months", name)
		}
	}
	if empty == 0 || empty > len(seen)*200 {
		t.Errorf("%d events name nothing", empty)
	}
	t.Logf("%d types: %s", len(seen), strings.Join(sorted(seen), " "))
}

func sorted(seen map[string]int) []string {
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
