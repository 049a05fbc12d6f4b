package paddle

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"
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
	at      time.Time
	seq     int64
	about   *notification
	attempt int
	// signature is the one that is repeated, if it is.
	signature string
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
		s.post.put(&delivery{at: s.faults.Hold(s.now.Add(d)), about: n, extra: i > 0})
	}
	return n
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
		at, ok := s.post.next()
		if !ok || at.After(s.now) {
			return nil, nil
		}
		d := heap.Pop(&s.post.heap).(*delivery)
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
	body := appendJSON(nil, append(n.event.envelope(), field{"notification_id", n.id}))
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
	d.at = s.now.Add(s.gap(d.attempt))
	n.status, n.retry = "needs_retry", d.at
	s.post.put(d)
}

// senders is how many notifications Run has under way at once.
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

// Poster makes the function that Deliver wants out of an HTTP client. Redirects
// are not followed: Paddle takes them for failures.
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
