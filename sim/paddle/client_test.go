package paddle

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/sim"
)

// client speaks to a world as any program would.
type client struct {
	t *testing.T
	w *Server
}

// object is what an answer has in data, or in error.
type object map[string]any

func (o object) str(name string) string { text, _ := o[name].(string); return text }

func (o object) in(path ...string) object {
	for _, name := range path {
		next, _ := o[name].(map[string]any)
		o = next
	}
	return o
}

func (o object) list(name string) (all []object) {
	rows, _ := o[name].([]any)
	for _, row := range rows {
		one, _ := row.(map[string]any)
		all = append(all, one)
	}
	return all
}

// send makes a call and returns the whole answer.
func (c client) send(method, path, body string) (int, object, error) {
	req, err := http.NewRequest(method, "https://api.paddle.test"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.w.APIKey())
	resp, err := sim.Transport(c.w.Handler()).RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		return resp.StatusCode, nil, err
	}
	return resp.StatusCode, answer, nil
}

// ok makes a call that must succeed.
func (c client) ok(method, path, body string) object {
	c.t.Helper()
	status, answer, err := c.send(method, path, body)
	if err != nil || status/100 != 2 {
		c.t.Fatalf("%s %s: %d, %v, %v", method, path, status, answer, err)
	}
	return answer
}

func (c client) get(path string) object { c.t.Helper(); return c.ok("GET", path, "").in("data") }
func (c client) post(path, body string) object {
	c.t.Helper()
	return c.ok("POST", path, body).in("data")
}

// no makes a call that must fail with a code.
func (c client) no(status int, code, method, path, body string) {
	c.t.Helper()
	got, answer, err := c.send(method, path, body)
	if err != nil || got != status || answer.in("error").str("code") != code {
		c.t.Errorf("%s %s %s: %d, %v, %v; want %d %s", method, path, body, got, answer, err, status, code)
	}
}

// shop is a world with a catalog.
func shop(t *testing.T, cfg Config) (*Server, client) {
	t.Helper()
	w := newWorld(cfg)
	w.AddCatalog()
	return w, client{t: t, w: w}
}

// buyer makes a customer with a subscription.
func buyer(t *testing.T, w *Server, email, price string) (customer, subscription string) {
	t.Helper()
	customer = w.CreateCustomer(email)
	subscription, err := w.CreateSubscription(NewSubscription{Customer: customer, Price: price})
	if err != nil {
		t.Fatal(err)
	}
	return customer, subscription
}

// truth is a row of the truth, which must exist.
func truth(t *testing.T, w *Server, kind, id string) map[string]string {
	t.Helper()
	o, found := w.TruthIn(kind, id)
	if !found {
		t.Fatalf("no %s %s", kind, id)
	}
	return o.Fields
}

// of is the newest object of a kind that a customer has.
func of(t *testing.T, w *Server, kind, customer string) string {
	t.Helper()
	id := ""
	for _, o := range w.Truth() {
		if o.Kind == kind && o.Customer == customer {
			id = o.ID
		}
	}
	if id == "" {
		t.Fatalf("%s has no %s", customer, kind)
	}
	return id
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
