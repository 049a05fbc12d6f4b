package stripe

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// retryGaps are the waits between attempts. Stripe publishes only that they
// grow and that it gives up after three days.
var retryGaps = [...]time.Duration{
	5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	10 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
}

// delivery is one copy of an event on its way to one endpoint.
type delivery struct {
	event   *event
	to      *endpoint
	attempt int
	// extra marks a duplicate, which is not tried again.
	extra bool
}

// queue plans the deliveries of a new event, with whatever goes wrong on the
// way.
func (s *Server) queue(e *event) {
	for _, to := range s.endpoints() {
		if !to.wants(e.typ) {
			continue
		}
		if s.switchedOff(to) {
			s.faults.MissedDisabled()
			continue
		}
		s.stats.Sent++
		e.pending++
		delays := s.faults.Deliveries()
		if len(delays) == 0 {
			s.stats.Dropped++
			continue
		}
		s.stats.Duplicated += len(delays) - 1
		for i, d := range delays {
			at := s.faults.Hold(s.now.Add(d))
			s.post.Put(at, &delivery{event: e, to: to, extra: i > 0})
		}
	}
}

// Due returns how many deliveries are due at now.
func (s *Server) Due(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.Due(now)
}

// Deliver posts, one after the other, every webhook that is due at the clock's
// time, and returns how many it posted. Several may run at once, each with its
// own share. The function gets a complete signed
// request and answers with the HTTP status, or with an error when there was no
// answer; http.Client.Do fits with a few lines. It may call the API meanwhile.
func (s *Server) Deliver(ctx context.Context, post func(*http.Request) (int, error)) (n int) {
	for ctx.Err() == nil {
		d, req := s.take(ctx)
		if d == nil {
			return n
		}
		status, err := post(req)
		s.record(d, status, err)
		n++
	}
	return n
}

// take removes the next due delivery and signs it.
func (s *Server) take(ctx context.Context) (*delivery, *http.Request) {
	defer s.enter()()
	for {
		d, _, found := s.post.Take(s.now)
		if !found {
			return nil, nil
		}
		req, err := s.sign(ctx, d)
		if err != nil {
			s.log.Error("webhook cannot be sent; give the endpoint an absolute URL", "url", d.to.url, "error", err)
			continue
		}
		return d, req
	}
}

// sign builds the request of one attempt. Each attempt carries its own time.
func (s *Server) sign(ctx context.Context, d *delivery) (*http.Request, error) {
	body := d.event.thin
	if body == nil {
		body = sim.AppendJSON(nil, d.event.in(d.to.version))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.to.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("sign event %s: %w", d.event.id, err)
	}
	t := s.now.Unix()
	var sig strings.Builder
	fmt.Fprintf(&sig, "t=%d", t)
	for _, secret := range d.to.secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", t, body)
		sig.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	req.Header.Set("Stripe-Signature", sig.String())
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	return req, nil
}

// record notes the answer to an attempt and plans the next one.
func (s *Server) record(d *delivery, status int, err error) {
	defer s.enter()()
	s.log.Debug("stripe webhook", "event", d.event.id, "type", d.event.typ, "attempt", d.attempt+1, "status", status, "error", err)
	if err == nil {
		s.stats.Delivered++
	}
	if err == nil && status >= 200 && status < 300 {
		s.stats.Acked++
		if !s.acked[d.event.id] {
			s.acked[d.event.id] = true
			s.stats.AckedEvents = append(s.stats.AckedEvents, d.event.id)
		}
		if !d.extra && d.event.pending > 0 {
			d.event.pending--
		}
		return
	}
	if d.extra || d.attempt >= len(retryGaps) {
		return
	}
	gap := retryGaps[d.attempt]
	d.attempt++
	s.post.Put(s.now.Add(gap), d)
}

// Run delivers by HTTP in real time until ctx ends; see [sim.Post].
func (s *Server) Run(ctx context.Context, client *http.Client) error {
	return sim.Post(ctx, client, s.Deliver)
}
