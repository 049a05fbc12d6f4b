package crash

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
)

const apiKey = "key_crash_0000000000000000000000"

// shop lets an application refund purchases over the API, four at a time, until
// the returned function is called. It repeats every request until it is accepted, whatever
// becomes of the service meanwhile: an answer that was lost in a crash says
// nothing. What was accepted must happen, once.
func (h *house) shop() (stop func()) {
	ctx, cancel := context.WithCancel(h.world.t.Context())
	var done sync.WaitGroup
	var mu sync.Mutex
	asked, tries := map[string]store.Effect{}, 0
	one := func() {
		payment := h.payment(h.buy())
		failed := 0
		for h.refund(payment) != nil && h.world.t.Context().Err() == nil {
			failed++
			time.Sleep(25 * time.Millisecond)
		}
		mu.Lock()
		defer mu.Unlock()
		object := "stripe/payment/" + payment
		asked["refund:"+object+":300"] = store.Effect{Kind: outbox.Refund, Object: object}
		tries += failed
	}
	for range 4 {
		done.Go(func() {
			for ctx.Err() == nil {
				one()
				rest(ctx, 50*time.Millisecond)
			}
		})
	}
	return func() {
		h.t.Helper()
		cancel()
		done.Wait()
		for key, e := range asked {
			h.asked[key] = e
		}
		h.t.Logf("%d refunds were accepted over the API; %d requests were not, or lost their answer", len(asked), tries)
	}
}

// refund asks for a part of a payment, and reports why it was not accepted.
func (h *house) refund(payment string) error {
	base := strings.TrimSuffix(h.hook(), "/webhooks/stripe")
	req, err := http.NewRequestWithContext(h.world.t.Context(), http.MethodPost, base+"/v1/payments/"+payment+"/refund",
		strings.NewReader(`{"amount": 300, "reason": "requested_by_customer"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
