package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// pay clicks through the provider's payment page, one click after the other.
func (w *world) pay(ctx context.Context, p *person, v visit, clicks []string) error {
	if w.stopped {
		return nil
	}
	form := url.Values{"action": {clicks[0]}, "email": {p.email()}}
	if v.offer.code != "" {
		form.Set("promotion_code", v.offer.code)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.page.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Demo-Account", v.account.name)
	resp, err := w.browser.Do(req)
	if err != nil {
		return fmt.Errorf("pay %s: %w", v.page.ID, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		if len(clicks) > 1 && resp.StatusCode == http.StatusPaymentRequired {
			w.later(p.chance.Between(5*time.Second, 2*time.Minute), func(ctx context.Context) error { return w.pay(ctx, p, v, clicks[1:]) })
		}
		return nil
	}
	w.comeBack(p, resp.Header.Get("Location"))
	return nil
}

// comeBack plans whether and when the browser arrives at the service: at once,
// which is before any webhook; later; twice; or never.
func (w *world) comeBack(p *person, address string) {
	if !strings.HasPrefix(address, publicURL+"/return/") {
		return // back to the shop without having paid
	}
	var delays []time.Duration
	switch n := p.chance.Intn(100); {
	case n < 40:
		delays = []time.Duration{0}
	case n < 65:
		delays = []time.Duration{p.chance.Between(time.Minute, 2*time.Hour)}
	case n < 75:
		delays = []time.Duration{time.Second, p.chance.Between(time.Minute, 48*time.Hour)}
	}
	for _, d := range delays {
		w.later(d, func(ctx context.Context) error { return w.arrive(ctx, p, address, 0) })
	}
}

// arrive loads the return page, again a few times while the money is on its way.
func (w *world) arrive(ctx context.Context, p *person, address string, poll int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := w.browser.Do(req)
	if err != nil {
		return fmt.Errorf("come back to %s: %w", address, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.answers[resp.Status]++
		if resp.StatusCode == http.StatusForbidden {
			return fmt.Errorf("%s came back and was refused: %s", p.ref, resp.Status)
		}
		return nil
	}
	var back struct{ Status string }
	if err := json.NewDecoder(resp.Body).Decode(&back); err != nil {
		return fmt.Errorf("read the answer to %s: %w", p.ref, err)
	}
	w.answers[back.Status]++
	if back.Status == "pending" && poll < 2 {
		w.later(2*time.Second, func(ctx context.Context) error { return w.arrive(ctx, p, address, poll+1) })
	}
	return nil
}
