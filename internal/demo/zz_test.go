package demo

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
)

func TestZZ(t *testing.T) {
	w, r := simulate(t, Options{Seed: 3, Days: 60})
	t.Log(r.Mismatches)
	for _, a := range w.accounts {
		if a.name != "paypal" {
			continue
		}
		for _, e := range a.truth.Effects() {
			if e.Object == "I-N1K301JCL772" {
				t.Logf("%+v", e)
			}
		}
	}
	rows, _ := w.db.Changes(t.Context(), storeFilter("I-N1K301JCL772"))
	for _, c := range rows {
		t.Log(c.Seq, c.At, c.Kinds, c.Trigger, c.Diff)
	}
	_ = http.MethodGet
	_ = httptest.NewRecorder
}

func storeFilter(id string) store.ChangeFilter { return store.ChangeFilter{ID: id, Limit: 40} }
