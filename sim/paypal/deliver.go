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
	from    *Server
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
		s.world.Send(func(extra bool) sim.Delivery { return &delivery{from: s, event: e, to: to, extra: extra} })
	}
}

// Event implements [sim.Delivery].
func (d *delivery) Event() string { return d.event.id }

// Request implements [sim.Delivery]. Each attempt carries its own transmission id and
// time.
func (d *delivery) Request(ctx context.Context) (*http.Request, error) {
	s := d.from
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

// Answered implements [sim.Delivery].
func (d *delivery) Answered(status int, err error) (taken bool) {
	if sim.Taken(status, err) {
		return true
	}
	if d.attempt++; !d.extra && d.attempt < attempts {
		d.from.world.Post(d.from.now.Add(retryAfter(d.attempt)), d)
	}
	return false
}
