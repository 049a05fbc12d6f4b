package paypal

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// attempts is how often PayPal tries to deliver, within three days.
const attempts = 25

// retryAfter is the wait before try number n, counted from 1: they grow, and add
// up to three days.
func retryAfter(n int) time.Duration {
	return min(time.Duration(n*n)*2*time.Minute, 4*time.Hour)
}

// delivery is one copy of an event on its way to one webhook.
type delivery struct {
	event   *event
	to      *webhook
	attempt int
	// extra marks a duplicate, which is not tried again.
	extra bool
}

// queue plans the deliveries of a new event, with whatever goes wrong on the
// way.
func (s *Server) queue(e *event) {
	for _, to := range s.hooks.all {
		if !to.wants(e.typ) {
			continue
		}
		if _, off := s.faults.Disabled(s.now); off {
			s.faults.MissedDisabled()
			continue
		}
		s.stats.Sent++
		delays := s.faults.Deliveries()
		if len(delays) == 0 {
			s.stats.Dropped++
			continue
		}
		s.stats.Duplicated += len(delays) - 1
		for i, d := range delays {
			s.post.Put(s.faults.Hold(s.now.Add(d)), &delivery{event: e, to: to, extra: i > 0})
		}
	}
}

// Deliver posts, one after the other, every webhook that is due at the clock's
// time, and returns how many it posted. The function gets a complete signed
// request and answers with the HTTP status, or with an error when there was no
// answer. It may call the API meanwhile.
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

// take removes the next due delivery and signs it. Each attempt carries its own
// transmission id and time.
func (s *Server) take(ctx context.Context) (*delivery, *http.Request) {
	defer s.enter()()
	for {
		d, _, found := s.post.Take(s.now)
		if !found {
			return nil, nil
		}
		req, err := s.request(ctx, d)
		if err != nil {
			s.log.Error("webhook cannot be sent; give it an absolute URL", "url", d.to.url, "error", err)
			continue
		}
		return d, req
	}
}

func (s *Server) request(ctx context.Context, d *delivery) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.to.url, bytes.NewReader(d.event.body))
	if err != nil {
		return nil, fmt.Errorf("deliver event %s: %w", d.event.id, err)
	}
	s.sent++
	header, err := s.Sign(d.event.body, s.now, d.to.id, s.sent)
	if err != nil {
		return nil, err
	}
	req.Header = header
	return req, nil
}

// record notes the answer to an attempt and plans the next one.
func (s *Server) record(d *delivery, status int, err error) {
	defer s.enter()()
	s.log.Debug("paypal webhook", "event", d.event.id, "type", d.event.typ, "attempt", d.attempt+1, "status", status, "error", err)
	if err == nil {
		s.stats.Delivered++
	}
	if err == nil && status >= 200 && status < 300 {
		s.stats.Acked++
		if !s.acked[d.event.id] {
			s.acked[d.event.id] = true
			s.stats.AckedEvents = append(s.stats.AckedEvents, d.event.id)
		}
		return
	}
	if d.attempt++; d.extra || d.attempt >= attempts {
		return
	}
	s.post.Put(s.now.Add(retryAfter(d.attempt)), d)
}

// Due returns how many deliveries are due at now.
func (s *Server) Due(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.Due(now)
}

// Run delivers by HTTP in real time until ctx ends; see [sim.Post].
func (s *Server) Run(ctx context.Context, client *http.Client) error {
	return sim.Post(ctx, client, s.Deliver)
}
