package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// letter is a delivery of a world that has nothing else.
type letter struct {
	world   *World
	id      string
	extra   bool
	tries   int
	address string
}

func (l *letter) Event() string { return l.id }

func (l *letter) Request(ctx context.Context) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodPost, l.address, strings.NewReader(l.id))
}

func (l *letter) Answered(status int, err error) bool {
	if Taken(status, err) {
		return true
	}
	if l.tries++; !l.extra && l.tries < 3 {
		l.world.Post(l.world.now.Add(time.Hour), l)
	}
	return false
}

func newTestWorld(chaos Chaos) (w *World, now *time.Time) {
	now = new(time.Time)
	return NewWorld(Setup{Name: "test", Seed: 1, Clock: NewClock(monday), Chaos: chaos}, now), now
}

// TestWorldCatchesUp: things happen in order, each at its own time, and what they put
// on the agenda happens too.
func TestWorldCatchesUp(t *testing.T) {
	w, now := newTestWorld(Chaos{})
	var told []string
	tell := func(name string) { told = append(told, fmt.Sprintf("%s %s", name, now.Sub(monday))) }
	w.At(monday.Add(3*time.Hour), func() { tell("late") })
	w.At(monday.Add(time.Hour), func() {
		tell("early")
		w.At(monday, func() { tell("past") })
	})
	n := 0
	w.Every(30*time.Minute, 2*time.Hour, func() bool { n++; tell("again"); return n < 3 })
	account := w.Account()
	if at, found := account.NextAt(); !found || !at.Equal(monday.Add(30*time.Minute)) {
		t.Errorf("next at %v, %v", at, found)
	}
	account.Advance(monday.Add(24 * time.Hour))
	want := []string{"again 30m0s", "early 1h0m0s", "past 1h0m0s", "again 2h30m0s", "late 3h0m0s", "again 4h30m0s"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if !now.Equal(monday.Add(24*time.Hour)) || !w.Clock().Now().Equal(*now) {
		t.Errorf("it is %v, by the clock %v", now, w.Clock().Now())
	}
	if _, found := account.NextAt(); found {
		t.Error("something is left to happen")
	}
	w.Clock().Advance(time.Hour)
	w.Enter()()
	if !now.Equal(monday.Add(25 * time.Hour)) {
		t.Errorf("entered at %v", now)
	}
}

// TestWorldDelivers: what is not taken is tried again, each event is acked once, and
// the counts add up.
func TestWorldDelivers(t *testing.T) {
	w, _ := newTestWorld(Chaos{Drop: 0.1, Duplicate: 0.3})
	const events = 300
	for i := range events {
		w.Send(func(extra bool) Delivery {
			return &letter{world: w, id: fmt.Sprint(i), extra: extra, address: "http://app.test/hook"}
		})
	}
	w.Post(monday, &letter{world: w, id: "lost", address: "http://[not an address"})
	account := w.Account()
	posted := map[string]int{}
	got, tried := 0, 0
	for range 100 {
		account.Advance(w.Clock().Now().Add(time.Hour))
		got += account.Deliver(t.Context(), func(r *http.Request) (int, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return 0, err
			}
			switch tried++; tried % 4 {
			case 0:
				return 0, errors.New("nobody there")
			case 1:
				return 500, nil
			}
			posted[string(body)]++
			return 204, nil
		})
	}
	st := account.Stats()
	if st.Sent != events || st.Dropped == 0 || st.Duplicated == 0 || got != tried || posted["lost"] > 0 {
		t.Errorf("%+v, %d and %d posted", st, got, tried)
	}
	taken := 0
	for _, n := range posted {
		taken += n
	}
	if st.Acked != taken || st.Delivered != tried-tried/4 || len(st.AckedEvents) != len(posted) {
		t.Errorf("acked %d of %d, delivered %d of %d, %d events of %d", st.Acked, taken, st.Delivered, tried, len(st.AckedEvents), len(posted))
	}
	if account.Due(w.Clock().Now().Add(1000*time.Hour)) != 0 {
		t.Error("something is left to deliver")
	}
}

func TestWorldKeepsEffects(t *testing.T) {
	w, now := newTestWorld(Chaos{})
	w.At(monday.Add(time.Hour), func() { w.Effect(Effect{Op: OpCancel, Object: "sub_1", Key: "k"}) })
	w.Account().Advance(monday.Add(2 * time.Hour))
	got := w.Account().Effects()
	if want := (Effect{At: now.Add(-time.Hour), Op: OpCancel, Object: "sub_1", Key: "k"}); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	got[0].Op = "changed"
	if w.Account().Effects()[0].Op != OpCancel {
		t.Error("a caller can change the ledger")
	}
}

// TestServe: what a fault makes of a call, as its caller and the provider see it.
func TestServe(t *testing.T) {
	tests := map[string]struct {
		chaos  Chaos
		status int
		body   string
		done   bool
		want   string // what the caller gets: a status and a body, or how it is lost
		cut    bool   // some of the bodies say that they were longer, others do not
	}{
		"good":                {Chaos{}, 201, `{"a":1}`, true, `201 {"a":1}`, false},
		"no content":          {Chaos{}, 204, "", true, "204 ", false},
		"too many":            {Chaos{RateLimited: 1}, 201, `{"a":1}`, false, "429 refused", false},
		"out of order":        {Chaos{ServerError: 1}, 201, `{"a":1}`, false, "500 refused", false},
		"lost before":         {Chaos{TimeoutBefore: 1}, 201, `{"a":1}`, false, "lost", false},
		"lost after":          {Chaos{TimeoutAfter: 1}, 201, `{"a":1}`, true, "lost", false},
		"cut off":             {Chaos{Truncated: 1}, 201, `{"a":1}`, true, `201 {"a`, true},
		"an error is not cut": {Chaos{Truncated: 1}, 404, `{"a":1}`, true, `404 {"a":1}`, false},
		"nothing to cut":      {Chaos{Truncated: 1}, 204, "", true, "204 ", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := newTestWorld(tt.chaos)
			const calls = 40
			done, whole, short := 0, 0, 0
			h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				w.Serve(rw, r, "POST /x", "text/test", func(body []byte, fault string) Answer {
					if w.TryLock() {
						t.Error("the world is not locked")
					}
					switch fault {
					case FaultTimeoutBefore:
						return Answer{}
					case FaultRateLimited:
						return Answer{Status: 429, Body: []byte("refused")}
					case FaultServerError:
						return Answer{Status: 500, Body: []byte("refused")}
					}
					done++
					if string(body) != "in" {
						t.Errorf("the body is %q", body)
					}
					return Answer{Status: tt.status, Header: http.Header{"X-A": {"b"}}, Body: []byte(tt.body)}
				})
			})
			for range calls {
				resp, err := Transport(h).RoundTrip(httptest.NewRequest("POST", "http://api.test/x", strings.NewReader("in")))
				if err != nil {
					if tt.want != "lost" || !errors.Is(err, ErrConnectionLost) {
						t.Fatal(err)
					}
					continue
				}
				body, err := io.ReadAll(resp.Body)
				if got := fmt.Sprintf("%d %s", resp.StatusCode, body); got != tt.want {
					t.Fatalf("got %q, want %q", got, tt.want)
				}
				if media := resp.Header.Get("Content-Type"); (media == "text/test") != (resp.StatusCode != 204) {
					t.Errorf("a %d is of type %q", resp.StatusCode, media)
				}
				if tt.done && resp.Header.Get("X-A") != "b" {
					t.Error("a header is missing")
				}
				switch {
				case errors.Is(err, io.ErrUnexpectedEOF):
					short++
				case err != nil:
					t.Fatal(err)
				default:
					whole++
				}
			}
			if done > 0 != tt.done || tt.done && done != calls {
				t.Errorf("carried out %d of %d", done, calls)
			}
			if tt.cut && (short == 0 || whole == 0) || !tt.cut && short > 0 {
				t.Errorf("%d bodies too short, %d whole", short, whole)
			}
			if got := w.Account().Stats().Calls["POST /x"]; got != calls {
				t.Errorf("%d calls counted", got)
			}
		})
	}
}
