package stripe

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/trivetdev/trivet/sim"
)

// send makes one call and returns the status and the whole body; err is a lost
// connection or a body that was cut off.
func (c client) send(method, path, form string, header http.Header) (int, []byte, error) {
	req, err := http.NewRequest(method, "http://api.stripe.sim"+path, strings.NewReader(form))
	if err != nil {
		c.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	key := c.key
	if key == "" {
		key = c.w.SecretKey()
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := sim.Transport(c.w.Handler()).RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	for k, v := range resp.Header {
		if header != nil {
			header[k] = v
		}
	}
	return resp.StatusCode, body, err
}

// do makes a call that must answer the given status.
func (c client) do(want int, method, path, form string) tree {
	c.t.Helper()
	status, body, err := c.send(method, path, form, nil)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if status != want {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, body)
	}
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, body)
	}
	return tree{v}
}

func (c client) get(path string) tree { return c.do(200, "GET", path, "") }

func (c client) post(path, form string) tree { return c.do(200, "POST", path, form) }

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
			for _, r := range step {
				i = i*10 + int(r-'0')
			}
			if i >= len(x) {
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

func (t tree) rows(path string) []tree {
	list, _ := t.at(path).v.([]any)
	out := make([]tree, len(list))
	for i, v := range list {
		out[i] = tree{v}
	}
	return out
}
