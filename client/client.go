// Package client calls the REST API of a running Trivet.
//
// It owns addressing, authentication, and the shapes of requests and answers; it
// imports nothing but the standard library, and retries nothing by itself. It
// does not cache: what to do while the service cannot be reached is for the
// application to decide, which knows what a wrong answer costs.
//
//	c := client.New("http://127.0.0.1:8990", os.Getenv("TRIVET_API_KEY"))
//	answer, err := c.Check(ctx, "user_42", "export")
//	if err == nil && answer.Allowed {
//		…
//	}
//
// An answer that is not 2xx comes back as a [*Problem]. Fields may be added to
// answers at any time, and values to the words that states and reasons are
// written in; none changes its meaning.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls one service. It is safe for concurrent use.
type Client struct {
	url, key string
	http     *http.Client
}

// patience bounds a call unless its context does; comparing a customer with slow
// providers may take a while.
const patience = 2 * time.Minute

// New makes a client for the service at an address such as
// "http://127.0.0.1:8990". The key is one of the configured API keys.
func New(address, key string) *Client {
	return With(address, key, &http.Client{Timeout: patience})
}

// With is [New] with an HTTP client of the caller's.
func With(address, key string, h *http.Client) *Client {
	return &Client{url: strings.TrimRight(address, "/"), key: key, http: h}
}

// Problem is an answer that is not 2xx (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong and what to do next; Code the same for programs.
	Detail string `json:"detail"`
	Code   string `json:"code"`
	// PortalURL is where a customer can mend the subscription that is in the way
	// of a checkout (code "subscribed").
	PortalURL string `json:"portal_url"`
	// SafeToRepeat tells after a provider's failure (code "provider") whether
	// sending the request again can do no harm.
	SafeToRepeat bool `json:"safe_to_repeat"`
	// Reference finds the cause in the service's log.
	Reference string `json:"reference"`
	// MissingScope is what the request needs and Scopes what the API key has instead
	// (code "forbidden").
	MissingScope string   `json:"missing_scope"`
	Scopes       []string `json:"scopes"`
	// RetryAfter is how long to wait before asking again; zero: not said.
	RetryAfter time.Duration `json:"-"`
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Reference != "" {
		return p.Detail + " Reference: " + p.Reference + "."
	}
	return p.Detail
}

// Page is one page of a list.
type Page[T any] struct {
	Data []T `json:"data"`
	// Next continues the list; nil on the last page.
	Next *string `json:"next"`
}

// List says which part of a list is wanted.
type List struct {
	// Limit is how many rows at most, from 1 to 200; 0: 50.
	Limit int
	// After is the Next of the page before; empty: the first page.
	After string
}

// whole reads a list to its end.
func whole[T any](ctx context.Context, c *Client, path string) (Page[T], error) {
	all := Page[T]{Data: []T{}}
	for l := (List{Limit: longest}); ; {
		var answer Page[T]
		if err := c.get(ctx, path, l.query(), &answer); err != nil {
			return Page[T]{}, err
		}
		all.Data = append(all.Data, answer.Data...)
		if answer.Next == nil {
			return all, nil
		}
		l.After = *answer.Next
	}
}

// longest is how many rows a page has at most.
const longest = 200

func (l List) query() url.Values {
	q := url.Values{}
	if l.Limit > 0 {
		q.Set("limit", strconv.Itoa(l.Limit))
	}
	set(q, "after", l.After)
	return q
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any
	// key is the idempotency key; empty: none.
	key string
}

func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query}, into)
}

func (c *Client) post(ctx context.Context, path, key string, body, into any) error {
	return c.do(ctx, call{method: http.MethodPost, path: path, key: key, body: body}, into)
}

func (c *Client) put(ctx context.Context, path string, body, into any) error {
	return c.do(ctx, call{method: http.MethodPut, path: path, body: body}, into)
}

func (c *Client) remove(ctx context.Context, path string, into any) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path}, into)
}

// most bounds what is read of an answer; a page of events is the longest.
const most = 16 << 20

func (c *Client) do(ctx context.Context, q call, into any) error {
	request, err := c.request(ctx, q)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", q.method, q.path, err)
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return problem(answer, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read the answer to %s %s: is this the address of a Trivet? %w", q.method, q.path, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, q call) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		doc, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(doc)
	}
	address := c.url + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	request.Header.Set("Accept", "application/json")
	if q.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if q.key != "" {
		request.Header.Set("Idempotency-Key", q.key)
	}
	return request, nil
}

// problem reads an answer that is not 2xx, whoever gave it: a proxy in between
// knows nothing of RFC 9457.
func problem(answer *http.Response, body []byte) *Problem {
	p := &Problem{}
	if err := json.Unmarshal(body, p); err != nil || p.Detail == "" {
		p = &Problem{Title: answer.Status, Detail: "The answer is " + answer.Status + ", and not from a Trivet: check the address."}
	}
	p.Status = answer.StatusCode
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}

// at writes a path with parts that may hold anything.
func at(parts ...string) string {
	path := "/v1"
	for _, part := range parts {
		part = url.PathEscape(part)
		if part == "." || part == ".." { // would be taken for a way up
			part = strings.ReplaceAll(part, ".", "%2E")
		}
		path += "/" + part
	}
	return path
}
