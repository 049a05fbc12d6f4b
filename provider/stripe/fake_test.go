package stripe

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/providertest"
)

// fake answers calls from a script and keeps what it was asked.
type fake struct {
	status  int
	header  http.Header
	answers map[string]string // by "METHOD /path", or "METHOD /path?query"
	broken  string            // this call fails with 500
	calls   []exchange
}

// exchange is one call that a fake was asked.
type exchange struct {
	method, path string
	query, form  url.Values
	header       http.Header
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	made := exchange{method: req.Method, path: req.URL.Path, query: req.URL.Query(), header: req.Header}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		made.form, _ = url.ParseQuery(string(body))
	}
	f.calls = append(f.calls, made)
	status := f.status
	answer, known := f.answers[req.Method+" "+req.URL.Path]
	switch {
	case status == 0 && known:
		status = http.StatusOK
	case status == 0:
		status, answer = http.StatusNotFound, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"id","message":"No such thing"}}`
	}
	if f.broken == req.Method+" "+req.URL.Path {
		status, answer = http.StatusInternalServerError, "{}"
	}
	return providertest.Answer(req, status, f.header, answer), nil
}

func (f *fake) last() exchange { return f.calls[len(f.calls)-1] }

func (f *fake) driver(t *testing.T) *Driver {
	t.Helper()
	return newDriver(t, func(c *Config) { c.Transport, c.BaseURL = f, "http://stripe.test/prefix" })
}

func refTo(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: "stripe", Kind: kind, ID: id}
}

// fetched serves one object and fetches it.
func fetched(t *testing.T, kind billing.Kind, id, path, object string) (provider.Snapshot, *fake) {
	t.Helper()
	f := &fake{answers: map[string]string{
		"GET /prefix/v1/" + path + "/" + id: object,
		"GET /prefix/v1/charges":            `{"object":"list","url":"/v1/charges","has_more":false,"data":[]}`,
	}}
	snapshot, err := f.driver(t).Fetch(t.Context(), refTo(kind, id))
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.Ref != refTo(kind, id) {
		t.Errorf("the snapshot is of %v", snapshot.Ref)
	}
	return snapshot, f
}
