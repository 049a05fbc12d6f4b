package reconcile_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// nothing is a provider that has nothing.
func nothing(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
	switch parts := strings.Split(req.URL.Path, "/"); {
	case req.Method != http.MethodGet:
		return pass()
	case len(parts) == 3 || strings.HasSuffix(req.URL.Path, "/sessions") || strings.HasSuffix(req.URL.Path, "/early_fraud_warnings"):
		return triggertest.Answer(req, http.StatusOK, `{"object":"list","data":[],"has_more":false,"url":"/v1/x"}`), nil
	}
	return triggertest.Answer(req, http.StatusNotFound, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such object"}}`), nil
}

func present(t *testing.T, h *triggertest.House, kind billing.Kind) int {
	t.Helper()
	return len(h.Objects(t, store.ObjectFilter{Present: true, Kind: string(kind)}))
}

// TestAnEmptyAccountRevisited: nor do looks at single objects bury an account, one
// after the other, over weeks.
func TestAnEmptyAccountRevisited(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{})
	h.Preload(60)
	h.PassDeaf(t, time.Hour)
	before := present(t, h, billing.KindSubscription)
	h.Net.Strike(nothing)
	h.PassDeaf(t, 12*day)
	if after := present(t, h, billing.KindSubscription); before-after > 2*before/10 {
		t.Errorf("%d of %d subscriptions are left", after, before)
	}
	h.Net.Strike(nil)
	h.PassDeaf(t, 3*day)
	inStep(t, h)
}

// TestASmallEmptyAccount: few objects are all gone as unlikely as many.
func TestASmallEmptyAccount(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: sweeping})
	h.Preload(15)
	h.PassDeaf(t, time.Hour)
	before := present(t, h, billing.KindSubscription)
	h.Net.Strike(nothing)
	h.PassDeaf(t, 2*day)
	if after := present(t, h, billing.KindSubscription); after != before {
		t.Errorf("%d of %d subscriptions are left", after, before)
	}
}

// TestUnlistedObjects: what no list shows is no sign of an empty account, and is
// looked at by itself.
func TestUnlistedObjects(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: sweeping})
	h.Pass(t, time.Minute)
	asked := map[string]bool{}
	h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		id, charge := strings.CutPrefix(req.URL.Path, "/v1/charges/")
		if !charge {
			return pass()
		}
		asked[id] = true
		return triggertest.Answer(req, http.StatusOK, fmt.Sprintf(
			`{"id":%q,"object":"charge","status":"succeeded","captured":true,"amount":900,"currency":"eur","created":1772452800,"livemode":false}`, id)), nil
	})
	for i := range 30 {
		_, err := h.Apply.Refs(t.Context(), apply.Cause{Trigger: apply.Request}, provider.Ref{Account: "stripe", Kind: billing.KindPayment, ID: fmt.Sprint("ch_", i)})
		check(t, err)
	}
	clear(asked)
	h.PassDeaf(t, 2*day)
	if _, last, err := h.Reconcile.Status(t.Context(), "stripe"); err != nil || last.Doubted != 0 || len(asked) != 30 {
		t.Errorf("doubted %+v, %v; looked at %d charges", last, err, len(asked))
	}
}

// clumsy is an application's policy with a mistake.
type clumsy struct{}

func (clumsy) Name() string { return "clumsy" }

func (clumsy) React(change policy.Change, known policy.Known) []policy.Action {
	if known.Customer.Ref == "user_1" && change.Kind == billing.KindSubscription && change.Before != nil {
		panic("a mistake")
	}
	return nil
}

// TestAnObjectThatCannotBeWritten: it does not keep the rest of its page, nor the
// sweep, from going on.
func TestAnObjectThatCannotBeWritten(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: sweeping, Policies: []policy.Policy{clumsy{}}})
	h.Pass(t, time.Minute)
	one, two := subscribe(t, h, "stripe", "user_1"), subscribe(t, h, "stripe", "user_2")
	h.PassDeaf(t, 2*day)
	check(t, h.CancelNow(one))
	check(t, h.CancelNow(two))
	h.PassDeaf(t, 2*day)
	if allowed(t, h, "user_2") {
		t.Error("what came after it was not written")
	}
	if now, last, err := h.Reconcile.Status(t.Context(), "stripe"); err != nil || now != nil || h.Clock.Now().Sub(last.FinishedAt) > 25*time.Hour {
		t.Errorf("the sweep stands still: %+v, %+v, %v", now, last, err)
	}
}

// TestAnEmptyAccount: a provider that suddenly has nothing, be it because the key
// opens another account, because a proxy answers or because it has lost its mind,
// buries nobody, however often it says so. What is really gone is found as ever.
func TestAnEmptyAccount(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Preload(60)
		h.PassDeaf(t, time.Hour)
		before := len(h.Objects(t, store.ObjectFilter{Present: true}))
		h.Net.Strike(nothing)
		h.PassDeaf(t, 3*day)
		after := len(h.Objects(t, store.ObjectFilter{Present: true}))
		_, last, err := h.Reconcile.Status(t.Context(), "stripe")
		if err != nil || last.Doubted < before/2 {
			t.Errorf("the sweep says %+v, %v", last, err)
		}
		// A few are believed to be gone.
		if before-after > 3*len(billing.Kinds()) {
			t.Errorf("%d of %d objects are left", after, before)
		}
		h.Net.Strike(nil)
		_, err = h.Reconcile.Request(t.Context(), "")
		check(t, err)
		h.PassDeaf(t, time.Hour)
		inStep(t, h)
	})
}
