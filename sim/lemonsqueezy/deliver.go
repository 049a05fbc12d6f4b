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
	from    *Server
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
		s.world.Send(func(extra bool) sim.Delivery {
			return &delivery{from: s, event: e, url: to.url, secret: to.secret, extra: extra}
		})
	}
}

// Event implements [sim.Delivery].
func (d *delivery) Event() string { return d.event.id() }

// Request implements [sim.Delivery]. Nothing in it tells its time, so that all
// attempts are alike. The header with the event's name is not signed.
func (d *delivery) Request(ctx context.Context) (*http.Request, error) {
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

// Answered implements [sim.Delivery]. Nothing but 200 counts as taken.
func (d *delivery) Answered(status int, err error) (taken bool) {
	if err == nil && status == http.StatusOK {
		return true
	}
	if !d.extra && d.attempt < len(retryGaps) {
		d.attempt++
		d.from.world.Post(d.from.now.Add(retryGaps[d.attempt-1]), d)
	}
	return false
}
