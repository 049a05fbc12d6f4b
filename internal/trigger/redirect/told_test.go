package redirect_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/provider"
)

// told is what the ledger says, and which kinds of changes the audit trail has
// of each object.
func told(t *testing.T, h *triggertest.House) string {
	t.Helper()
	var lines []string
	for _, o := range h.Objects(t, store.ObjectFilter{}) {
		lines = append(lines, fmt.Sprintf("%s of %q: %s", o.Key, o.Customer, o.Doc))
	}
	changes, err := h.DB.Changes(t.Context(), store.ChangeFilter{Forward: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]string{}
	for _, c := range changes {
		var some []string
		if err := json.Unmarshal([]byte(c.Kinds), &some); err != nil {
			t.Fatal(err)
		}
		name := c.Subject + " " + c.ID
		kinds[name] = append(kinds[name], some...)
	}
	for name, some := range kinds {
		slices.Sort(some)
		lines = append(lines, name+": "+strings.Join(some, " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// get asks the provider itself.
func get(t *testing.T, h *triggertest.House, path string) []byte {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+h.SecretKey())
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func objectsOf(kind string) store.ObjectFilter { return store.ObjectFilter{Kind: kind} }

func refOf(o store.Object) provider.Ref {
	return provider.Ref{Account: o.Account, Kind: billing.Kind(o.Kind), ID: o.ID}
}
