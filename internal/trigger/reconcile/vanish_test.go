package reconcile_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
)

// TestAnEmptyAccount: a provider that suddenly has nothing, be it because the key
// opens another account, because a proxy answers or because it has lost its mind,
// buries nobody, however often it says so. What is really gone is found as ever.
func TestAnEmptyAccount(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Preload(60)
		h.PassDeaf(t, time.Hour)
		before := len(h.Objects(t, store.ObjectFilter{Present: true}))
		h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			switch parts := strings.Split(req.URL.Path, "/"); {
			case req.Method != http.MethodGet:
				return pass()
			case len(parts) == 3 || strings.HasSuffix(req.URL.Path, "/sessions") || strings.HasSuffix(req.URL.Path, "/early_fraud_warnings"):
				return triggertest.Answer(req, http.StatusOK, `{"object":"list","data":[],"has_more":false,"url":"/v1/x"}`), nil
			}
			return triggertest.Answer(req, http.StatusNotFound, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such object"}}`), nil
		})
		h.PassDeaf(t, 3*day)
		after := len(h.Objects(t, store.ObjectFilter{Present: true}))
		_, last, err := h.Reconcile.Status(t.Context(), "stripe")
		if err != nil || last.Doubted < before/2 {
			t.Errorf("the sweep says %+v, %v", last, err)
		}
		// Kinds of which there are few are believed to be gone.
		if before-after > 20 {
			t.Errorf("%d of %d objects are left", after, before)
		}
		h.Net.Strike(nil)
		_, err = h.Reconcile.Request(t.Context(), "")
		check(t, err)
		h.PassDeaf(t, time.Hour)
		inStep(t, h)
	})
}
