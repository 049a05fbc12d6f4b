package webhook_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/internal/trigger/webhook"
	"github.com/trivetdev/trivet/provider"
)

// learner is a driver that keeps what it is shown.
type learner struct {
	provider.Driver
	shown []string
}

func (l *learner) Recognize(header http.Header) {
	l.shown = append(l.shown, header.Get("Stripe-Signature"))
}

// After a restart a driver is shown the webhooks that were stored before it, the latest
// last; of what came otherwise there is nothing to learn.
func TestDriversRecognizeEarlierWebhooks(t *testing.T) {
	triggertest.Each(t, triggertest.Options{}, func(t *testing.T, h *triggertest.House) {
		again := func() *learner {
			t.Helper()
			l := &learner{Driver: h.Driver}
			handler := webhook.New(map[string]provider.Driver{"stripe": l, "other": h.Driver}, h.Inbox, h.Clock.Now, slog.New(slog.DiscardHandler))
			if err := handler.Recognize(t.Context(), h.DB); err != nil {
				t.Fatal(err)
			}
			return l
		}
		if l := again(); len(l.shown) != 0 {
			t.Errorf("shown without any webhook: %v", l.shown)
		}
		var want []string
		for n := range 3 {
			body := event(fmt.Sprint("evt_", n))
			signature := triggertest.Sign(h.Clock.Now(), body, secret)
			if w := serve(h, request("stripe", body, signature)); w.Code != http.StatusOK {
				t.Fatal(w.Code, w.Body)
			}
			want = append(want, signature)
		}
		listed := provider.Delivery{ID: "evt_listed", Type: "customer.updated", CreatedAt: h.Clock.Now(), Body: []byte("{}")}
		if _, err := h.Inbox.Add(t.Context(), "stripe", store.ArrivalPull, "", listed, nil); err != nil {
			t.Fatal(err)
		}
		if l := again(); fmt.Sprint(l.shown) != fmt.Sprint(want) {
			t.Errorf("shown %v, want %v", l.shown, want)
		}
	})
}
