package paddle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/trivetdev/trivet/provider/strict"
	"github.com/trivetdev/trivet/provider/transport"
)

// wire is what the SDK makes its calls through. It keeps the answers for us and
// hands the SDK an empty one, for the SDK would read a list all or nothing and
// panics on one that is not JSON. The SDK still sees errors, which it knows.
type wire struct {
	client *http.Client
	path   string // of the base URL
}

// Do implements the SDK's client.
func (w wire) Do(req *http.Request) (*http.Response, error) {
	if w.path != "" {
		req.URL.Path = w.path + req.URL.Path
	}
	resp, err := w.client.Do(req) //nolint:gosec // the SDK makes the path, the configuration the host
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body) // the transport has bounded it
	if err != nil {
		return nil, err
	}
	if kept, ok := req.Context().Value(answerKey{}).(*answer); ok {
		kept.body = body
	}
	switch {
	case resp.StatusCode >= 400:
		resp.Body = io.NopCloser(bytes.NewReader(body))
	case resp.StatusCode >= 300:
		return nil, errors.New("a redirect")
	default:
		resp.Body = io.NopCloser(strings.NewReader("{}"))
	}
	return resp, nil
}

// answer is the body of the latest answer under a context.
type answer struct{ body []byte }

type answerKey struct{}

// call makes one API call and reads one object out of its answer. What goes wrong
// becomes a [*provider.Error].
func call[T any](ctx context.Context, d *Driver, op string, do func(context.Context) error) (T, error) {
	var object T
	err := d.ask(ctx, op, do, func(data, _ json.RawMessage) error { return json.Unmarshal(data, &object) }, '{')
	if err != nil {
		var none T
		return none, err
	}
	return object, nil
}

// list makes one API call and reads a page out of its answer: each row by itself,
// so that one that cannot be read does not cost the others.
func list(ctx context.Context, d *Driver, op string, do func(context.Context) error) (rows []json.RawMessage, more bool, err error) {
	err = d.ask(ctx, op, do, func(data, meta json.RawMessage) error {
		var page struct {
			Pagination *struct {
				HasMore *bool `json:"has_more"`
			} `json:"pagination"`
		}
		// An answer that is not a list, or has less, must not pass for "there is
		// nothing".
		if err := json.Unmarshal(meta, &page); err != nil || page.Pagination == nil || page.Pagination.HasMore == nil {
			return errors.New("no pagination")
		}
		more = *page.Pagination.HasMore
		return json.Unmarshal(data, &rows)
	}, '[')
	if err != nil {
		return nil, false, err
	}
	return rows, more && len(rows) > 0, nil
}

// ask makes one API call and hands data and meta of its answer to read. The data
// must begin as expected.
func (d *Driver) ask(ctx context.Context, op string, do func(context.Context) error, read func(data, meta json.RawMessage) error, begin byte) error {
	ctx, outcome := transport.Watch(ctx)
	kept := &answer{}
	if err := do(context.WithValue(ctx, answerKey{}, kept)); err != nil {
		return d.failure(op, outcome, kept, err)
	}
	envelope, err := strict.Parse(kept.body)
	if err == nil && (len(envelope["data"]) == 0 || envelope["data"][0] != begin) {
		err = errors.New("no data")
	}
	if err == nil {
		err = read(envelope["data"], envelope["meta"])
	}
	if err != nil {
		return transport.Missing(outcome.Error(d.account, op, ""), false, "Paddle")
	}
	return nil
}
