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
	from    *Server
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
		e.pending++
		s.world.Send(func(extra bool) sim.Delivery { return &delivery{from: s, event: e, to: to, extra: extra} })
	}
}

// Event implements [sim.Delivery].
func (d *delivery) Event() string { return d.event.id }

// Request implements [sim.Delivery]. Each attempt carries its own time.
func (d *delivery) Request(ctx context.Context) (*http.Request, error) {
	body := d.event.thin
	if body == nil {
		body = sim.AppendJSON(nil, d.event.in(d.to.version))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.to.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("sign event %s: %w", d.event.id, err)
	}
	t := d.from.now.Unix()
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

// Answered implements [sim.Delivery].
func (d *delivery) Answered(status int, err error) (taken bool) {
	if sim.Taken(status, err) {
		if !d.extra && d.event.pending > 0 {
			d.event.pending--
		}
		return true
	}
	if !d.extra && d.attempt < len(retryGaps) {
		d.attempt++
		d.from.world.Post(d.from.now.Add(retryGaps[d.attempt-1]), d)
	}
	return false
}
