package lemonsqueezy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// retryGaps are the waits between attempts, after which a delivery is lost for
// ever.
var retryGaps = [...]time.Duration{5 * time.Second, 25 * time.Second, 125 * time.Second}

// event is one event on its way to all who listen.
type event struct {
	name string
	body []byte
}

// id names an event as a receiver has to: the API gives none.
func (e *event) id() string {
	sum := sha256.Sum256(append([]byte(e.name), e.body...))
	return hex.EncodeToString(sum[:])
}

// delivery is one copy of an event on its way to one webhook.
type delivery struct {
	event   *event
	url     string
	secret  string
	attempt int
	// extra marks a duplicate, which is not tried again.
	extra bool
}

// emit announces an event about a resource as it is now. Custom data is that of
// the checkout that the resource came of.
func (s *Server) emit(name string, r resource, custom map[string]string) {
	meta := doc{{"test_mode", !s.cfg.Live}, {"event_name", name}}
	if len(custom) > 0 {
		meta = append(meta, field{"custom_data", custom})
	}
	body := doc{{"meta", meta}, {"data", s.object(r, r.attributes(s), nil)}}
	s.queue(&event{name: name, body: sim.AppendJSON(nil, body)}, r.about().store)
}

// queue plans the deliveries of an event, with whatever goes wrong on the way.
func (s *Server) queue(e *event, store int) {
	for _, to := range s.listeners(e.name, store) {
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
			s.post.Put(s.faults.Hold(s.now.Add(d)), &delivery{event: e, url: to.url, secret: to.secret, extra: i > 0})
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

// take removes the next due delivery and signs it.
func (s *Server) take(ctx context.Context) (*delivery, *http.Request) {
	defer s.enter()()
	for {
		d, _, found := s.post.Take(s.now)
		if !found {
			return nil, nil
		}
		req, err := sign(ctx, d)
		if err != nil {
			s.log.Error("webhook cannot be sent; give it an absolute URL", "url", d.url, "error", err)
			continue
		}
		return d, req
	}
}

// sign builds the request of one attempt. Nothing in it tells its time, so that
// all attempts are alike. The header with the event's name is not signed.
func sign(ctx context.Context, d *delivery) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(d.event.body))
	if err != nil {
		return nil, fmt.Errorf("sign event %s: %w", d.event.name, err)
	}
	mac := hmac.New(sha256.New, []byte(d.secret))
	mac.Write(d.event.body)
	req.Header.Set("X-Signature", hex.EncodeToString(mac.Sum(nil)))
	req.Header.Set("X-Event-Name", d.event.name)
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// record notes the answer to an attempt and plans the next one. Nothing but 200
// counts as taken.
func (s *Server) record(d *delivery, status int, err error) {
	defer s.enter()()
	s.log.Debug("lemon squeezy webhook", "event", d.event.name, "attempt", d.attempt+1, "status", status, "error", err)
	if err == nil {
		s.stats.Delivered++
	}
	if err == nil && status == http.StatusOK {
		s.stats.Acked++
		if id := d.event.id(); !s.acked[id] {
			s.acked[id] = true
			s.stats.AckedEvents = append(s.stats.AckedEvents, id)
		}
		return
	}
	if d.extra || d.attempt >= len(retryGaps) {
		return
	}
	d.attempt++
	s.post.Put(s.now.Add(retryGaps[d.attempt-1]), d)
}

// Run delivers by HTTP in real time until ctx ends; see [sim.Post].
func (s *Server) Run(ctx context.Context, client *http.Client) error {
	return sim.Post(ctx, client, s.Deliver)
}
