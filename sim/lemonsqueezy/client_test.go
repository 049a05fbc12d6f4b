package lemonsqueezy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// client calls the API of a world.
type client struct {
	t   *testing.T
	w   *Server
	key string
}

// send makes one call and returns the status and the whole body; err is a lost
// connection or a body that was cut off.
func (c client) send(method, path, body string) (int, http.Header, []byte, error) {
	req, err := http.NewRequest(method, "http://api.sim"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	key := c.key
	if key == "" {
		key = c.w.APIKey()
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Accept", mediaType)
	req.Header.Set("Content-Type", mediaType)
	resp, err := sim.Transport(c.w.Handler()).RoundTrip(req)
	if err != nil {
		return 0, nil, nil, err
	}
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, text, err
}

// do makes a call that must answer the given status.
func (c client) do(want int, method, path, body string) tree {
	c.t.Helper()
	status, _, text, err := c.send(method, path, body)
	if err != nil || status != want {
		c.t.Fatalf("%s %s: status %d, want %d: %s %v", method, path, status, want, text, err)
	}
	if len(text) == 0 {
		return tree{}
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return tree{v}
}

func (c client) get(path string) tree { return c.do(200, "GET", path, "") }

// doc is the body of a write.
func body(typ, id, attributes, relationships string) string {
	return fmt.Sprintf(`{"data":{"type":%q,"id":%q,"attributes":{%s},"relationships":{%s}}}`, typ, id, attributes, relationships)
}

const inStore = `"store":{"data":{"type":"stores","id":"1"}}`

func (c client) checkout(variant, attributes string) tree {
	c.t.Helper()
	return c.do(201, "POST", "/v1/checkouts", body("checkouts", "", attributes, inStore+`,"variant":{"data":{"type":"variants","id":"`+variant+`"}}`))
}

// tree is decoded JSON, read by dotted path: a.b.0.c.
type tree struct{ v any }

func (t tree) at(path string) tree {
	v := t.v
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i := 0
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(x) {
				return tree{nil}
			}
			v = x[i]
		default:
			return tree{nil}
		}
	}
	return tree{v}
}

func (t tree) str(path string) string {
	s, _ := t.at(path).v.(string)
	return s
}

func (t tree) num(path string) int64 {
	n, _ := t.at(path).v.(float64)
	return int64(n)
}

func (t tree) len(path string) int {
	list, _ := t.at(path).v.([]any)
	return len(list)
}

// newWorld makes a world with a catalog and somebody to call it.
func newWorld(t *testing.T, change func(*Config)) (*Server, client) {
	t.Helper()
	cfg := Config{Seed: 3, Clock: sim.NewClock(start), WebhookURL: "http://app.test/hook"}
	if change != nil {
		change(&cfg)
	}
	w := New(cfg)
	w.AddCatalog()
	return w, client{t: t, w: w}
}

// hook is a webhook as it came.
type hook struct {
	name, signature string
	body            []byte
	at              time.Time
}

func (h hook) tree(t *testing.T) tree {
	t.Helper()
	var v any
	if err := json.Unmarshal(h.body, &v); err != nil {
		t.Fatal(err)
	}
	return tree{v}
}

// run lets a world live for a while and hands what it sends to post.
func run(t *testing.T, w *Server, d time.Duration, status int) (hooks []hook) {
	t.Helper()
	post := func(r *http.Request) (int, error) {
		text, err := io.ReadAll(r.Body)
		hooks = append(hooks, hook{r.Header.Get("X-Event-Name"), r.Header.Get("X-Signature"), text, w.clock.Now()})
		return status, err
	}
	simtest.Run(t.Context(), w, w.clock.Now().Add(d), post)
	return hooks
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bought buys something and returns the order.
func bought(t *testing.T, w *Server, variant string) (order string) {
	t.Helper()
	order, err := w.Buy(Purchase{Email: "a@example.com", Variant: variant, Card: CardGood})
	must(t, err)
	return order
}

func (w *Server) status(t *testing.T, kind, id string) string {
	t.Helper()
	o, found := w.TruthIn(kind, id)
	if !found {
		t.Fatalf("there is no %s %s", kind, id)
	}
	return o.Fields["status"]
}
