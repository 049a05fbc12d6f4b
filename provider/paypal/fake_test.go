package paypal

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/providertest"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// fake answers calls from a script and keeps what it was asked.
type fake struct {
	mu      sync.Mutex
	answers map[string]reply // by "METHOD /path"
	calls   []exchange
	tokens  int
}

type reply struct {
	status int
	body   string
}

// exchange is one call that a fake was asked.
type exchange struct {
	method, path string
	query        url.Values
	header       http.Header
	body         map[string]any
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer, known := f.answers[req.Method+" "+req.URL.Path]
	switch {
	case req.URL.Path == "/v1/oauth2/token" && !known:
		f.tokens++
		answer = reply{200, `{"access_token":"tok` + strings.Repeat("n", f.tokens) + `","expires_in":32400}`}
	case !known:
		answer = reply{404, `{"name":"RESOURCE_NOT_FOUND","message":"The specified resource does not exist.","debug_id":"d1"}`}
	case answer.status == 0:
		answer.status = 200
	}
	made := exchange{method: req.Method, path: req.URL.Path, query: req.URL.Query(), header: req.Header}
	if req.Body != nil {
		text, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		_ = json.Unmarshal(text, &made.body) // a form is none
	}
	if req.URL.Path != "/v1/oauth2/token" {
		f.calls = append(f.calls, made)
	}
	return providertest.Answer(req, answer.status, nil, answer.body), nil
}

func (f *fake) last() exchange { return f.calls[len(f.calls)-1] }

func (f *fake) driver(t *testing.T, change ...func(*Config)) *Driver {
	t.Helper()
	config := Config{
		Account: "paypal", ClientID: "client1", ClientSecret: "hush1", WebhookIDs: []string{"1AB"}, Transport: f,
		BaseURL: "https://pp.test", Now: func() time.Time { return noon },
	}
	for _, c := range change {
		c(&config)
	}
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func refTo(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: "paypal", Kind: kind, ID: id}
}

// fetched serves objects and fetches one.
func fetched(t *testing.T, kind billing.Kind, id string, answers map[string]string) provider.Snapshot {
	t.Helper()
	f := &fake{answers: map[string]reply{}}
	for path, body := range answers {
		f.answers["GET "+path] = reply{body: body}
	}
	snapshot, err := f.driver(t).Fetch(t.Context(), refTo(kind, id))
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.Ref != refTo(kind, id) {
		t.Errorf("the snapshot is of %v", snapshot.Ref)
	}
	return snapshot
}

func asText(t *testing.T, s provider.Snapshot) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
