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
	from    *Server
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
	n.pos = s.table("notification").Add(n)
	s.all[n.id] = n
	s.world.Send(func(extra bool) sim.Delivery { return &delivery{from: s, about: n, extra: extra} })
	return n
}

// Event implements [sim.Delivery].
func (d *delivery) Event() string { return d.about.event.id }

// Request implements [sim.Delivery].
func (d *delivery) Request(ctx context.Context) (*http.Request, error) {
	n := d.about
	body := sim.AppendJSON(nil, append(n.event.envelope(), field{"notification_id", n.id}))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.to.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("sign event %s: %w", n.event.id, err)
	}
	if d.signature == "" || !d.from.cfg.SignOnce {
		d.signature = signature(body, d.from.now, n.to.secrets)
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

// Answered implements [sim.Delivery].
func (d *delivery) Answered(status int, err error) (taken bool) {
	s, n := d.from, d.about
	n.attempts++
	n.last = s.now
	if sim.Taken(status, err) {
		n.status, n.delivered = "delivered", s.now
		return true
	}
	if d.extra || n.status == "delivered" {
		return false
	}
	most := liveAttempts
	if s.cfg.Sandbox {
		most = sandboxAttempts
	}
	d.attempt++
	if d.attempt >= most {
		n.status, n.retry = "failed", time.Time{}
		return false
	}
	n.status, n.retry = "needs_retry", s.now.Add(s.gap(d.attempt))
	s.world.Post(n.retry, d)
	return false
}
