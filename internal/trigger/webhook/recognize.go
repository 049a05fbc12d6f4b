package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// recognizedBy is how many of an account's latest events are looked at for the webhooks
// among them.
const recognizedBy = 50

// Recognize shows drivers that learn from webhooks the latest that are stored, so that
// they know after a restart what they knew before it.
func (h *Handler) Recognize(ctx context.Context, db *store.DB) error {
	for account, driver := range h.drivers {
		recognizer, learns := driver.(provider.Recognizer)
		if !learns {
			continue
		}
		events, err := db.Events(ctx, store.EventFilter{Account: account, Limit: recognizedBy})
		if err != nil {
			return fmt.Errorf("read the latest webhooks of %s: %w", account, err)
		}
		for _, e := range slices.Backward(events) {
			var headers map[string]string
			if e.Arrival != store.ArrivalWebhook || json.Unmarshal([]byte(e.Headers), &headers) != nil {
				continue
			}
			header := http.Header{}
			for name, value := range headers {
				header.Set(name, value)
			}
			recognizer.Recognize(header)
		}
	}
	return nil
}
