package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/trivetdev/trivet/provider/strict"
	"github.com/trivetdev/trivet/provider/transport"
)

// aside keeps the answers that are read here and hands stripe-go an empty one
// instead. Decoding an object into stripe-go's own types takes several times as long
// as reading what is needed of it, and a list is decoded all or nothing. What Stripe
// refuses goes through as it is: these errors stripe-go knows.
type aside struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a aside) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(req)
	kept, ours := req.Context().Value(answerKey{}).(*answer)
	if err != nil || !ours || resp.StatusCode/100 != 2 {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body) // the transport has bounded it
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	kept.body = body
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
	return resp, nil
}

// answer is the body of the answer to a call under a context.
type answer struct{ body []byte }

type answerKey struct{}

// ask makes one API call and reads the answer.
func ask(ctx context.Context, d *Driver, op string, do func(context.Context) error, read func(body []byte) error) error {
	ctx, outcome := transport.Watch(ctx)
	kept := &answer{}
	if err := do(context.WithValue(ctx, answerKey{}, kept)); err != nil {
		return d.failure(op, outcome, err)
	}
	err := read(kept.body)
	if errors.Is(err, errNotAList) {
		return d.malformed(op, err)
	}
	if err != nil {
		return transport.Missing(outcome.Error(d.account, op, ""), false, "Stripe")
	}
	return nil
}

// retrieved makes one API call and reads one object.
func retrieved[T any](ctx context.Context, d *Driver, op string, do func(context.Context) error) (object T, err error) {
	err = ask(ctx, d, op, do, func(body []byte) error { return json.Unmarshal(body, &object) })
	return object, err
}

// listed makes one API call and reads a page of a list.
func listed[T any](ctx context.Context, d *Driver, op string, do func(context.Context) error) (page listPage[T], err error) {
	err = ask(ctx, d, op, do, func(body []byte) error {
		page, err = readPage[T](body)
		return err
	})
	return page, err
}

// listPage is a page of a list.
type listPage[T any] struct {
	rows []T
	more bool
}

// row is an object of a list; id is known even if the object could not be read.
type row[T any] struct {
	object T
	id     string
	err    error
}

// UnmarshalJSON implements json.Unmarshaler. It is for the rare page with an object
// that cannot be read, which must not cost the others.
func (r *row[T]) UnmarshalJSON(text []byte) error {
	r.err = json.Unmarshal(text, &r.object)
	r.id = rowID(text)
	return nil
}

func readPage[T any](body []byte) (listPage[T], error) {
	var page struct {
		Object  string `json:"object"`
		HasMore *bool  `json:"has_more"`
		Data    []T    `json:"data"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return listPage[T]{}, err
	}
	// A 200 with something else in it, or with less, must not pass for "there is
	// nothing".
	if page.Object != "list" || page.HasMore == nil || page.Data == nil {
		return listPage[T]{}, errNotAList
	}
	return listPage[T]{page.Data, *page.HasMore && len(page.Data) > 0}, nil
}

// listedRows is listed for a page of which every object counts by itself.
func listedRows[T any](ctx context.Context, d *Driver, op string, id func(T) string, do func(context.Context) error) (page listPage[row[T]], err error) {
	err = ask(ctx, d, op, do, func(body []byte) error {
		good, err := readPage[T](body)
		if err != nil {
			page, err = readPage[row[T]](body)
			return err
		}
		page.more = good.more
		for _, object := range good.rows {
			page.rows = append(page.rows, row[T]{object: object, id: id(object)})
		}
		return nil
	})
	return page, err
}

// errNotAList is the cause of a page that cannot be trusted.
var errNotAList = errors.New("the answer is not a list: check base_url")

// whole reads what did not fit into a list inside another object, page by page.
func whole[T any](ctx context.Context, d *Driver, op string, id func(T) string, page func(ctx context.Context, after *string) error) ([]T, error) {
	var everything []T
	var after *string
	for {
		some, err := listed[T](ctx, d, op, func(ctx context.Context) error { return page(ctx, after) })
		if err != nil {
			return nil, err
		}
		everything = append(everything, some.rows...)
		if !some.more {
			return everything, nil
		}
		last := id(some.rows[len(some.rows)-1])
		if !isName(last) {
			return nil, d.malformed(op, errNoID)
		}
		after = &last
	}
}

var errNoID = errors.New("an object of the list has no id")

// rowID reads the id of a row, even if the row cannot be read otherwise; empty if it
// has none.
func rowID(row json.RawMessage) string {
	object, err := strict.Members(row)
	if err != nil {
		return ""
	}
	return object.Text("id")
}
