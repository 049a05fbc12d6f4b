package paddle

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/providertest"
)

const (
	testKey   = "pdl_live_apikey_01trivet"
	oldSecret = "pdl_ntfset_old0123456789"
	newSecret = "pdl_ntfset_new0123456789"
)

var noon = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func newDriver(t testing.TB, change func(*Config)) *Driver {
	t.Helper()
	config := Config{
		Account: "paddle", APIKey: testKey, WebhookSecrets: []string{oldSecret, newSecret}, Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&config)
	}
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fake answers calls from a script and keeps what it was asked.
type fake struct {
	status  int
	header  http.Header
	answers map[string]string // by "METHOD /path"
	failing map[string]string // the same, answered with 400
	calls   []exchange
}

// exchange is one call that a fake was asked.
type exchange struct {
	method, path string
	query        url.Values
	body         map[string]any
	header       http.Header
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	made := exchange{method: req.Method, path: req.URL.Path, query: req.URL.Query(), header: req.Header}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		if len(body) > 0 {
			if err := json.Unmarshal(body, &made.body); err != nil {
				return nil, err
			}
		}
	}
	f.calls = append(f.calls, made)
	name := req.Method + " " + req.URL.Path
	status, answer := f.status, f.answers[name]
	if text, fails := f.failing[name]; fails {
		delete(f.failing, name) // once
		status, answer = http.StatusBadRequest, text
	}
	switch _, known := f.answers[name]; {
	case status == 0 && known:
		status = http.StatusOK
	case status == 0:
		status, answer = http.StatusNotFound, `{"error":{"type":"request_error","code":"not_found","detail":"no"},"meta":{"request_id":"r"}}`
	}
	header := http.Header{"Content-Type": {"application/json"}}
	for k, v := range f.header {
		header[k] = v
	}
	return providertest.Answer(req, status, header, answer), nil
}

// writes are the calls that may have changed something.
func (f *fake) writes() (all []exchange) {
	for _, made := range f.calls {
		if made.method != http.MethodGet {
			all = append(all, made)
		}
	}
	return all
}

// driver speaks to the fake below a path, which must not get lost.
func (f *fake) driver(t testing.TB) *Driver {
	t.Helper()
	return newDriver(t, func(c *Config) { c.Transport, c.BaseURL = f, "https://paddle.test/prefix" })
}

func refTo(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: "paddle", Kind: kind, ID: id}
}

func data(object string) string { return `{"data":` + object + `,"meta":{"request_id":"r"}}` }

func rows(more bool, objects ...string) string {
	text := "false"
	if more {
		text = "true"
	}
	return `{"data":[` + strings.Join(objects, ",") + `],"meta":{"request_id":"r","pagination":{"per_page":50,"has_more":` + text + `,"next":"x","estimated_total":1}}}`
}

// fetched serves one object and fetches it.
func fetched(t *testing.T, kind billing.Kind, id, object string) provider.Snapshot {
	t.Helper()
	paths := map[billing.Kind]string{
		billing.KindCustomer: "customers", billing.KindSubscription: "subscriptions", billing.KindInvoice: "transactions",
		billing.KindPayment: "transactions", billing.KindCheckout: "transactions",
	}
	f := &fake{answers: map[string]string{"GET /prefix/adjustments": rows(false, object)}}
	if path, single := paths[kind]; single {
		f.answers = map[string]string{"GET /prefix/" + path + "/" + id: data(object)}
	}
	snapshot, err := f.driver(t).Fetch(t.Context(), refTo(kind, id))
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.Ref != refTo(kind, id) {
		t.Errorf("the snapshot is of %v", snapshot.Ref)
	}
	if key := f.calls[0].header.Get("Authorization"); key != "Bearer "+testKey {
		t.Errorf("the key that was sent: %q", key)
	}
	return snapshot
}

func ctx() context.Context { return context.Background() }
