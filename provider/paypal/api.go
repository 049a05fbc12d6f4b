package paypal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/transport"
)

// request is one call of the API.
type request struct {
	method, path string
	query        url.Values
	body         any
	// form sends the body as the part "input" of a form, multipart/form-data, in which
	// others of its parts could be files.
	form bool
	// key is the PayPal-Request-Id. PayPal heeds it when it makes orders,
	// subscriptions, captures and refunds (72 hours, 6 for orders, 45 days for
	// payments); elsewhere it only helps to find the call again.
	key string
}

// get reads something.
func (d *Driver) get(ctx context.Context, op, path string, query url.Values, into any) error {
	return d.call(ctx, op, request{method: http.MethodGet, path: path, query: query}, into)
}

// send changes something; into is nil where PayPal answers without a body.
func (d *Driver) send(ctx context.Context, op, path, key string, body, into any) error {
	return d.call(ctx, op, request{method: http.MethodPost, path: path, body: body, key: key}, into)
}

// call makes one call and turns what goes wrong into a [*provider.Error]. A token
// that PayPal no longer takes is replaced, once: it did nothing with the call.
func (d *Driver) call(ctx context.Context, op string, r request, into any) error {
	for again := true; ; again = false {
		token, err := d.token(ctx, op)
		if err != nil {
			return err
		}
		status, failure := d.try(ctx, op, r, token, into)
		if status != http.StatusUnauthorized || !again {
			if failure == nil {
				return nil
			}
			return failure
		}
		d.tokens.drop(token)
	}
}

func (d *Driver) try(ctx context.Context, op string, r request, token string, into any) (status int, failure *provider.Error) {
	ctx, outcome := transport.Watch(ctx)
	req, err := d.newRequest(ctx, r, token)
	if err != nil {
		return 0, d.refused(op, "the call cannot be made: check base_url")
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, outcome.Error(d.account, op, "")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, outcome.Error(d.account, op, "")
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.StatusCode, d.failure(op, outcome, body)
	}
	if (into == nil || resp.StatusCode == http.StatusAccepted) && len(bytes.TrimSpace(body)) == 0 {
		return resp.StatusCode, nil
	}
	if into == nil {
		into = &json.RawMessage{}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return resp.StatusCode, outcome.Error(d.account, op, "")
	}
	return resp.StatusCode, nil
}

func (d *Driver) newRequest(ctx context.Context, r request, token string) (*http.Request, error) {
	body, kind, err := r.content()
	if err != nil {
		return nil, err
	}
	address := d.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Prefer", "return=representation")
	}
	if r.key != "" {
		req.Header.Set("PayPal-Request-Id", requestID(r.key))
	}
	return req, nil
}

// content is the body as it is sent, and its type; nil where there is none.
func (r request) content() (body io.Reader, kind string, err error) {
	const plain = "application/json"
	if r.body == nil {
		return nil, "", nil
	}
	text, err := json.Marshal(r.body)
	if err != nil || !r.form {
		return bytes.NewReader(text), plain, err
	}
	var whole bytes.Buffer
	form := multipart.NewWriter(&whole)
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="input"`}, "Content-Type": {plain}})
	if err == nil {
		_, err = part.Write(text)
	}
	return &whole, form.FormDataContentType(), errors.Join(err, form.Close())
}

// failure describes a failed call. PayPal's own text is left out, for it quotes
// what was sent; the debug id finds it at PayPal.
func (d *Driver) failure(op string, outcome *transport.Outcome, body []byte) *provider.Error {
	var answer struct {
		Name    string
		Error   string
		Message string
		DebugID string `json:"debug_id"`
		Details []struct{ Issue string }
	}
	_ = json.Unmarshal(body, &answer) // what is not PayPal's says nothing
	code := answer.Name
	if code == "" {
		code = answer.Error
	}
	missing := code == "RESOURCE_NOT_FOUND" || code == "INVALID_RESOURCE_ID"
	if len(answer.Details) > 0 && answer.Details[0].Issue != "" && code != resultTooLarge {
		code = answer.Details[0].Issue
	}
	if !isName(code) {
		code = ""
	}
	e := outcome.Error(d.account, op, code)
	if isName(answer.DebugID) {
		e.Err = fmt.Errorf("%w, PayPal's debug id is %s", e.Err, answer.DebugID)
	}
	if strings.HasPrefix(answer.Message, beyondBooks) {
		e.Err = fmt.Errorf("%w, %w", e.Err, errBeyondBooks)
	}
	e = transport.Missing(e, missing, "PayPal")
	if outcome.Status() == http.StatusForbidden && code == "NOT_AUTHORIZED" || code == "PERMISSION_DENIED" {
		e.Err = errors.New("the app may not do this: give it the right, developer.paypal.com, Apps & Credentials, Features")
	}
	return e
}

// malformed reports an answer that makes no sense.
func (d *Driver) malformed(op string, err error) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Malformed, Err: err}
}

// refused reports a call that was not made because PayPal would refuse it.
func (d *Driver) refused(op, why string) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Refused, Err: errors.New(why)}
}

// unsupported reports what PayPal cannot do.
func (d *Driver) unsupported(op, why string) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Unsupported, Err: errors.New(why)}
}

// explained makes a [*provider.Error] of an error that is not one: the answer
// made no sense.
func (d *Driver) explained(op string, err error) error {
	if _, ours := errors.AsType[*provider.Error](err); err == nil || ours {
		return err
	}
	return d.malformed(op, err)
}

// codeOf is PayPal's own code of an error; empty if it gave none.
func codeOf(err error) string {
	if e, ok := errors.AsType[*provider.Error](err); ok {
		return e.Code
	}
	return ""
}

var (
	errOther    = errors.New("the answer is about something else: check base_url")
	errNotAList = errors.New("the answer is not a list: check base_url")
)
