package paddle

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Attempts at a notification, and the wait after each: about a minute times the
// attempt's number to the power of 1.1, which makes nearly three days of sixty.
const (
	liveAttempts    = 60
	sandboxAttempts = 3
)

func (s *Server) gap(attempt int) time.Duration {
	if s.cfg.Sandbox {
		return 5 * time.Minute
	}
	return time.Duration(84*math.Pow(float64(attempt), 1.1)) * time.Second
}

// delivery is one copy of a notification on its way.
type delivery struct {
	about   *notification
	attempt int
	// signature is the one that is repeated, if it is.
	signature string
	// extra marks a duplicate, which is not tried again.
	extra bool
}

// queue plans the notifications of a new event, with whatever goes wrong on the
// way.
func (s *Server) queue(e *event) {
	for _, to := range s.destinations() {
		if !to.wants(e.typ) {
			continue
		}
		if s.switchedOff(to) {
			s.faults.MissedDisabled()
			continue
		}
		s.notify(e, to, "event")
	}
}

// notify makes a notification with an id of its own.
func (s *Server) notify(e *event, to *setting, origin string) *notification {
	n := &notification{head: s.newHead("notification", "ntf", ""), event: e, to: to, origin: origin, status: "not_attempted"}
	t := s.table("notification")
	n.pos = t.next
	t.next++
	t.rows = append(t.rows, n)
	s.all[n.id] = n
	s.stats.Sent++
	delays := s.faults.Deliveries()
	if len(delays) == 0 {
		s.stats.Dropped++
		return n
	}
	s.stats.Duplicated += len(delays) - 1
	for i, d := range delays {
		s.post.Put(s.faults.Hold(s.now.Add(d)), &delivery{about: n, extra: i > 0})
	}
	return n
}

// Due returns how many deliveries are due at now.
func (s *Server) Due(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.Due(now)
}

// Deliver posts, one after the other, every notification that is due at the
// clock's time, and returns how many it posted. The function gets a complete
// signed request and answers with the HTTP status, or with an error when there
// was no answer. It may call the API meanwhile.
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
			s.log.Error("notification cannot be sent; give the destination an absolute URL", "url", d.about.to.url, "error", err)
			continue
		}
		return d, req
	}
}

// sign builds the request of one attempt.
func (s *Server) sign(ctx context.Context, d *delivery) (*http.Request, error) {
	n := d.about
	body := sim.AppendJSON(nil, append(n.event.envelope(), field{"notification_id", n.id}))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.to.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("sign event %s: %w", n.event.id, err)
	}
	if d.signature == "" || !s.cfg.SignOnce {
		d.signature = signature(body, s.now, n.to.secrets)
	}
	req.Header.Set("Paddle-Signature", d.signature)
	req.Header.Set("Paddle-Version", "1")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Paddle")
	return req, nil
}

// signature signs with every secret of a destination.
func signature(body []byte, at time.Time, secrets []string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "ts=%d", at.Unix())
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d:%s", at.Unix(), body)
		text.WriteString(";h1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return text.String()
}

// record notes the answer to an attempt and plans the next one.
func (s *Server) record(d *delivery, status int, err error) {
	defer s.enter()()
	n := d.about
	s.log.Debug("paddle notification", "event", n.event.id, "type", n.event.typ, "attempt", d.attempt+1, "status", status, "error", err)
	if err == nil {
		s.stats.Delivered++
	}
	n.attempts++
	n.last = s.now
	if err == nil && status >= 200 && status < 300 {
		n.status, n.delivered = "delivered", s.now
		s.stats.Acked++
		if !s.acked[n.event.id] {
			s.acked[n.event.id] = true
			s.stats.AckedEvents = append(s.stats.AckedEvents, n.event.id)
		}
		return
	}
	if d.extra || n.status == "delivered" {
		return
	}
	most := liveAttempts
	if s.cfg.Sandbox {
		most = sandboxAttempts
	}
	d.attempt++
	if d.attempt >= most {
		n.status, n.retry = "failed", time.Time{}
		return
	}
	n.status, n.retry = "needs_retry", s.now.Add(s.gap(d.attempt))
	s.post.Put(n.retry, d)
}

// Run delivers by HTTP in real time until ctx ends; see [sim.Post].
func (s *Server) Run(ctx context.Context, client *http.Client) error {
	return sim.Post(ctx, client, s.Deliver)
}
