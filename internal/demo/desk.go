package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/trivetdev/trivet/policy"
)

// apiKey opens the REST API of the demo's service.
const apiKey = "sk_demo_0123456789abcdef"

// desk is the application's side of the REST API.
type desk struct{ client *http.Client }

// order asks for a checkout.
type order struct {
	Customer       string     `json:"customer"`
	Plan           string     `json:"plan"`
	Provider       string     `json:"provider"`
	Price          string     `json:"price"`
	Email          string     `json:"email"`
	Locale         string     `json:"locale"`
	SuccessURL     string     `json:"success_url"`
	CancelURL      string     `json:"cancel_url"`
	PromotionCodes bool       `json:"promotion_codes,omitempty"`
	TrialEnd       *time.Time `json:"trial_end,omitempty"`
}

// page is a checkout that was made.
type page struct {
	ID         string
	URL        string
	ProviderID string `json:"provider_id"`
}

// refusal is an answer other than yes.
type refusal struct {
	Status int
	Code   string
	Detail string
}

// conflicts reports whether the service says that there is nothing to do.
func conflicts(err error) bool {
	no, refused := errors.AsType[*refusal](err)
	return refused && no.Status == http.StatusConflict
}

// Error implements error.
func (r *refusal) Error() string { return fmt.Sprintf("status %d, %s: %s", r.Status, r.Code, r.Detail) }

// checkout asks for a page to send a customer to.
func (d desk) checkout(ctx context.Context, o order, key string) (p page, err error) {
	err = d.call(ctx, http.MethodPost, "/v1/checkouts", key, o, &p)
	return p, err
}

// act asks for something to be done to an object, and returns the business key
// of what was recorded.
func (d desk) act(ctx context.Context, path, key string, body any) (string, error) {
	var effect struct{ Key string }
	err := d.call(ctx, http.MethodPost, path, key, body, &effect)
	return effect.Key, err
}

// link says whose an unlinked purchase is.
func (d desk) link(ctx context.Context, purchase, customer string) error {
	return d.call(ctx, http.MethodPost, "/v1/unlinked/"+url.PathEscape(purchase)+"/link", "", map[string]string{"customer": customer}, nil)
}

// profile is what the application says of a customer.
type profile struct {
	Email    string `json:"email"`
	Name     string `json:"name"`
	Locale   string `json:"locale"`
	TimeZone string `json:"time_zone"`
	// Attributes are the application's own; phone and sms say that texts are welcome.
	Attributes map[string]any `json:"attributes,omitempty"`
}

// introduce tells the service who a customer is.
func (d desk) introduce(ctx context.Context, ref string, who profile) error {
	return d.call(ctx, http.MethodPut, "/v1/customers/"+url.PathEscape(ref), "", who, nil)
}

// setMode switches how far the service may act by itself.
func (d desk) setMode(ctx context.Context, mode policy.Mode) error {
	return d.call(ctx, http.MethodPut, "/v1/mode", "", map[string]string{"scope": policy.ScopeGlobal, "mode": string(mode)}, nil)
}

// check asks whether a customer may use a feature.
func (d desk) check(ctx context.Context, ref, feature string) (allowed bool, reason string, err error) {
	var answer struct {
		Allowed bool
		Reason  string
	}
	query := url.Values{"customer": {ref}, "feature": {feature}}
	err = d.call(ctx, http.MethodGet, "/v1/check?"+query.Encode(), "", nil, &answer)
	return answer.Allowed, answer.Reason, err
}

// call makes one call of the REST API.
func (d desk) call(ctx context.Context, method, path, key string, body, into any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, publicURL+path, content)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		no := &refusal{Status: resp.StatusCode}
		return fmt.Errorf("%s %s: %w", method, path, errors.Join(json.NewDecoder(resp.Body).Decode(no), no))
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
