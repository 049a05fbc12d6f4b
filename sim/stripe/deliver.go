package stripe

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// retryGaps are the waits between attempts. Stripe publishes only that they
// grow and that it gives up after three days.
var retryGaps = [...]time.Duration{
	5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	10 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
}

// delivery is one copy of an event on its way to one endpoint.
type delivery struct {
	at      time.Time
	seq     int64
	event   *event
	to      *endpoint
	attempt int
	// extra marks a duplicate, which is not tried again.
	extra bool
}

// postbox holds deliveries by the time they are due.
type postbox struct {
	heap deliveryHeap
	seq  int64
}

type deliveryHeap []*delivery

func (h deliveryHeap) Len() int { return len(h) }
func (h deliveryHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h deliveryHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *deliveryHeap) Push(x any)   { *h = append(*h, x.(*delivery)) }
func (h *deliveryHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

func (p *postbox) next() (time.Time, bool) {
	if len(p.heap) == 0 {
		return time.Time{}, false
	}
	return p.heap[0].at, true
}

// put keeps the order of deliveries that are due at one time.
func (p *postbox) put(d *delivery) {
	p.seq++
	d.seq = p.seq
	heap.Push(&p.heap, d)
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
			s.post.put(&delivery{at: at, event: e, to: to, extra: i > 0})
		}
	}
}

// Due returns how many deliveries are due at now.
func (s *Server) Due(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, d := range s.post.heap {
		if !d.at.After(now) {
			n++
		}
	}
	return n
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
		at, ok := s.post.next()
		if !ok || at.After(s.now) {
			return nil, nil
		}
		d := heap.Pop(&s.post.heap).(*delivery)
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
		body = appendJSON(nil, d.event.in(d.to.version))
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
	d.at = s.now.Add(retryGaps[d.attempt])
	d.attempt++
	s.post.put(d)
}

// senders is how many webhooks Run has under way at once: Stripe does not wait
// for one before it sends the next.
const senders = 4

// Run delivers by HTTP in real time until ctx ends: for an interactive demo,
// whose clock somebody else moves. A nil client means http.DefaultClient.
func (s *Server) Run(ctx context.Context, client *http.Client) error {
	if client == nil {
		client = http.DefaultClient
	}
	var group sync.WaitGroup
	for range senders {
		group.Go(func() { s.send(ctx, client) })
	}
	group.Wait()
	return ctx.Err()
}

func (s *Server) send(ctx context.Context, client *http.Client) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		s.Deliver(ctx, Poster(client))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Poster makes the function that Deliver wants out of an HTTP client.
func Poster(client *http.Client) func(*http.Request) (int, error) {
	return func(r *http.Request) (int, error) {
		resp, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		_ = resp.Body.Close()
		return resp.StatusCode, nil
	}
}
