package paypal

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/transport"
)

// tokens caches the access token. One call at a time asks for a new one; the
// others wait for it.
type tokens struct {
	// turn holds one value while nobody asks.
	turn chan struct{}

	mu    *sync.Mutex
	token string
	until time.Time
}

func newTokens() tokens {
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	return tokens{turn: turn, mu: &sync.Mutex{}}
}

// early is how long before its end a token is replaced.
const early = 5 * time.Minute

func (t *tokens) held(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && now.Before(t.until) {
		return t.token
	}
	return ""
}

func (t *tokens) keep(token string, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.until = token, until
}

// drop forgets a token that the API did not take, unless it was replaced
// meanwhile.
func (t *tokens) drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = ""
	}
}

// token returns an access token, asking for one if there is none.
func (d *Driver) token(ctx context.Context, op string) (string, error) {
	if token := d.tokens.held(d.now()); token != "" {
		return token, nil
	}
	select {
	case <-d.tokens.turn:
		defer func() { d.tokens.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", &provider.Error{Account: d.account, Op: op, Kind: provider.Unavailable, Err: ctx.Err()}
	}
	if token := d.tokens.held(d.now()); token != "" {
		return token, nil
	}
	token, life, err := d.askToken(ctx, op)
	if err != nil {
		return "", err
	}
	d.tokens.keep(token, d.now().Add(max(life-early, life/2)))
	return token, nil
}

// askToken trades the client's secret for an access token. That it fails says
// nothing of the call it was for: that was not made.
func (d *Driver) askToken(ctx context.Context, op string) (token string, life time.Duration, err error) {
	ctx, outcome := transport.Watch(ctx)
	form := url.Values{"grant_type": {"client_credentials"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+"/v1/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, d.refused(op, "the address of PayPal cannot be used: check base_url")
	}
	req.SetBasicAuth(d.clientID, d.secret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	resp, err := d.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var body []byte
		if body, err = io.ReadAll(resp.Body); err == nil {
			err = json.Unmarshal(body, &answer)
		}
	}
	if err == nil && resp.StatusCode == http.StatusOK && answer.AccessToken != "" && !strings.ContainsAny(answer.AccessToken, " \r\n") {
		return answer.AccessToken, time.Duration(max(0, min(answer.ExpiresIn, 30*24*3600))) * time.Second, nil
	}
	e := outcome.Error(d.account, op+": get an access token", "")
	switch e.Kind {
	case provider.OutcomeUnknown, provider.Malformed, provider.NotFound:
		e.Kind = provider.Unavailable
	case provider.Refused:
		e.Kind, e.Err = provider.Denied, errors.New("PayPal does not take client_id and client_secret: check them, and that environment is theirs")
	default:
	}
	return "", 0, e
}
