package lemonsqueezy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/providertest"
)

var noon = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

const (
	testKey   = "eyJtest.eyJleHAiOjE4MDY2ODE2MDB9.signature" // expires on 2027-04-02
	oldSecret = "the old secret"
	newSecret = "the new secret"
)

// fake answers calls from a script and keeps what it was asked.
type fake struct {
	// answers are by "METHOD path", without /prefix/v1/; the query is left out.
	answers map[string]string
	// status, if set, is that of every answer.
	status int
	calls  []string
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	call := req.Method + " " + strings.TrimPrefix(req.URL.Path, "/prefix/v1/")
	full := call
	if req.URL.RawQuery != "" {
		full += "?" + req.URL.Query().Encode()
	}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		full += " " + string(body)
	}
	f.calls = append(f.calls, full)
	answer, known := f.answers[call]
	status := f.status
	switch {
	case status == 0 && known:
		status = http.StatusOK
	case status == 0:
		status, answer = http.StatusNotFound, notFoundBody
	case !known:
		answer = f.answers["*"]
	}
	return providertest.Answer(req, status, nil, answer), nil
}

const notFoundBody = `{"jsonapi":{"version":"1.0"},"errors":[{"detail":"The related resource does not exist.","status":"404","title":"Not Found"}]}`

func (f *fake) last() string { return f.calls[len(f.calls)-1] }

func newDriver(t testing.TB, change func(*Config)) *Driver {
	t.Helper()
	config := Config{
		Account: "ls", APIKey: testKey, WebhookSecrets: []string{oldSecret, newSecret}, Now: func() time.Time { return noon },
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

func (f *fake) driver(t testing.TB) *Driver {
	t.Helper()
	return newDriver(t, func(c *Config) { c.Transport, c.BaseURL = f, "https://ls.test/prefix" })
}

func refTo(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: "ls", Kind: kind, ID: id}
}

// one is the document of one record; more is put beside its data.
func one(typ, id, attributes, more string) string {
	return fmt.Sprintf(`{"jsonapi":{"version":"1.0"},"data":%s%s}`, row(typ, id, attributes), more)
}

func row(typ, id, attributes string) string {
	return fmt.Sprintf(`{"type":%q,"id":%q,"attributes":{"store_id":1,"test_mode":false,%s}}`, typ, id, attributes)
}

// list is a page of a list.
func list(page, last int, rows ...string) string {
	next := ""
	if page < last {
		next = `,"next":"https://api.lemonsqueezy.com/v1/x?page%5Bnumber%5D=2"`
	}
	return fmt.Sprintf(`{"meta":{"page":{"currentPage":%d,"lastPage":%d}},"links":{"first":"x"%s},"data":[%s]}`, page, last, next, strings.Join(rows, ","))
}

// terms are the price and the store that a subscription's amount needs.
func terms(more map[string]string) map[string]string {
	all := map[string]string{
		"GET prices/9": one("prices", "9", `"unit_price":2900,"renewal_interval_unit":"month","renewal_interval_quantity":1`, ""),
		"GET stores/1": one("stores", "1", `"currency":"USD"`, ""),
	}
	for call, answer := range more {
		all[call] = answer
	}
	return all
}

// fetched serves answers and fetches an object.
func fetched(t *testing.T, ref provider.Ref, answers map[string]string) (provider.Snapshot, *fake) {
	t.Helper()
	f := &fake{answers: answers}
	s, err := f.driver(t).Fetch(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if s.Ref != ref {
		t.Errorf("the snapshot is of %v", s.Ref)
	}
	return s, f
}
