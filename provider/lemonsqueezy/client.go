package lemonsqueezy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/transport"
)

const mediaType = "application/vnd.api+json"

// The JSON:API types of records.
const (
	typeUser         = "users"
	typeStore        = "stores"
	typePrice        = "prices"
	typeCustomer     = "customers"
	typeCheckout     = "checkouts"
	typeOrder        = "orders"
	typeOrderItem    = "order-items"
	typeSubscription = "subscriptions"
	typeInvoice      = "subscription-invoices"
	typeWebhook      = "webhooks"
)

// resource is one record. Attributes are decoded by whoever knows the type.
type resource struct {
	Type       string          `json:"type"`
	ID         string          `json:"id"`
	Attributes json.RawMessage `json:"attributes"`
}

// document is an answer of the API.
type document struct {
	Data     json.RawMessage `json:"data"`
	Included []resource      `json:"included"`
	Meta     struct {
		TestMode *bool `json:"test_mode"`
		Page     *struct {
			CurrentPage int `json:"currentPage"`
			LastPage    int `json:"lastPage"`
		} `json:"page"`
	} `json:"meta"`
	Links struct {
		Next string `json:"next"`
	} `json:"links"`
	// kin is what is included, decoded once; nil if nothing was.
	kin *kin
	// owed are the invoices that wait to be paid, by subscription; nil if they were
	// not read.
	owed map[number][]invoice
}

// failures is the document of an error.
type failures struct {
	JSONAPI *struct{} `json:"jsonapi"`
	Errors  []struct {
		Status json.RawMessage `json:"status"`
		Title  string          `json:"title"`
		Source struct {
			Pointer string `json:"pointer"`
		} `json:"source"`
	} `json:"errors"`
}

// call makes one API call. The answer may have no content, and then no data.
func (d *Driver) call(ctx context.Context, op, method, path string, query url.Values, body any) (document, error) {
	var doc document
	err := d.exchange(ctx, op, method, path, query, body, &doc, func() bool { return len(doc.Data) > 0 })
	doc.kin = kinOf(doc.Included)
	return doc, err
}

// exchange makes one API call and decodes the answer. Whole reports whether an answer
// that has content has all that it must have.
func (d *Driver) exchange(ctx context.Context, op, method, path string, query url.Values, body, into any, whole func() bool) error {
	ctx, outcome := transport.Watch(ctx)
	req, err := d.request(ctx, method, path, query, body)
	if err != nil {
		return d.refused(op, "the call could not be made")
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return outcome.Error(d.account, op, "")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return outcome.Error(d.account, op, "")
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return d.failure(op, outcome, text)
	case resp.StatusCode == http.StatusNoContent:
		return nil
	case json.Unmarshal(text, into) != nil || !whole():
		return outcome.Error(d.account, op, "")
	}
	return nil
}

func (d *Driver) request(ctx context.Context, method, path string, query url.Values, body any) (*http.Request, error) {
	address := d.base + "/v1/" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	req.Header.Set("Accept", mediaType)
	if body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	return req, nil
}

// failure describes a failed call. The provider's own text is left out, for it
// quotes what was sent; the member that it complains about is not.
func (d *Driver) failure(op string, outcome *transport.Outcome, text []byte) *provider.Error {
	var told failures
	own := json.Unmarshal(text, &told) == nil && told.JSONAPI != nil && len(told.Errors) > 0
	code := ""
	if own && isWords(told.Errors[0].Title) {
		code = told.Errors[0].Title
	}
	e := outcome.Error(d.account, op, code)
	if own && isPointer(told.Errors[0].Source.Pointer) {
		e.Err = fmt.Errorf("%w, at %s", e.Err, told.Errors[0].Source.Pointer)
	}
	said := own && string(bytes.Trim(told.Errors[0].Status, `"`)) == "404"
	return transport.Missing(e, said, "Lemon Squeezy")
}

// untold reports whether an error says that what was asked for beside an object is
// not to be had. The object itself is there all the same.
func untold(err error) bool {
	return err != nil && (provider.KindOf(err) == provider.NotFound || transport.Foreign(err))
}

// isWords reports whether a title can be shown: letters and spaces, and few.
func isWords(text string) bool {
	for _, c := range text {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != ' ' && c != ':' && c != '-' {
			return false
		}
	}
	return text != "" && len(text) <= 64
}

// isPointer reports whether a text points to a member of the request.
func isPointer(text string) bool {
	for _, c := range text {
		if (c < 'a' || c > 'z') && c != '_' && c != '/' && c != '-' {
			return false
		}
	}
	return text != "" && len(text) <= 100
}

// get reads one record, and what is included with it.
func (d *Driver) get(ctx context.Context, op, typ, id string, query url.Values) (resource, document, error) {
	doc, err := d.call(ctx, op, http.MethodGet, typ+"/"+id, query, nil)
	if err != nil {
		return resource{}, doc, err
	}
	r, err := d.one(op, typ, doc)
	if err == nil && r.ID != id {
		err = d.malformed(op, errors.New("the answer is about another object"))
	}
	return r, doc, err
}

// one is the record of an answer that must have exactly one.
func (d *Driver) one(op, typ string, doc document) (resource, error) {
	var r resource
	if json.Unmarshal(doc.Data, &r) != nil || r.Type != typ || r.ID == "" || len(r.Attributes) == 0 {
		return r, d.malformed(op, errors.New("the answer is not one of "+typ+": check base_url"))
	}
	return r, nil
}

// pageSize is the most that is returned at once.
const pageSize = 100

// rows reads one page of a list. More: there is another page. A 200 with something
// else in it, or with less, must not pass for "there is nothing".
func (d *Driver) rows(ctx context.Context, op, typ string, page int, query url.Values) (rows []resource, doc document, more bool, err error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("page[size]", fmt.Sprint(pageSize))
	query.Set("page[number]", fmt.Sprint(page))
	var answer struct {
		document
		Data []resource `json:"data"`
	}
	err = d.exchange(ctx, op, http.MethodGet, typ, query, nil, &answer, func() bool { return answer.Data != nil })
	if err != nil {
		return nil, doc, false, err
	}
	rows, doc = answer.Data, answer.document
	doc.kin = kinOf(doc.Included)
	at := doc.Meta.Page
	if at == nil || at.CurrentPage != page {
		return nil, doc, false, d.malformed(op, errors.New("the answer is not a page of a list: check base_url"))
	}
	for _, r := range rows {
		if r.Type != typ || r.ID == "" {
			return nil, doc, false, d.malformed(op, errors.New("an object of the list has no id or is of another type"))
		}
	}
	return rows, doc, doc.Links.Next != "" || at.CurrentPage < at.LastPage, nil
}

// all reads every page of a list that is short by its nature.
func (d *Driver) all(ctx context.Context, op, typ string, query url.Values) ([]resource, error) {
	var everything []resource
	for page := 1; ; page++ {
		rows, _, more, err := d.rows(ctx, op, typ, page, query)
		if err != nil {
			return nil, err
		}
		everything = append(everything, rows...)
		if !more {
			return everything, nil
		}
	}
}

// inStore limits a list to the configured store.
func (d *Driver) inStore(query url.Values) url.Values {
	if query == nil {
		query = url.Values{}
	}
	if d.store != "" {
		query.Set("filter[store_id]", d.store)
	}
	return query
}
