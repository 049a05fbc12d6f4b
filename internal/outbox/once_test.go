package outbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
)

// TestEveryKind: done once, however often it is asked for with one key; what is
// as wished already takes no call, and is believed at the second look; and the
// ledger knows it at once.
func TestEveryKind(t *testing.T) {
	for _, e := range effects() {
		t.Run(e.kind, func(t *testing.T) {
			triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
				s := e.ready(t, h)
				s.ask(t, e, "key 1")
				s.ask(t, e, "key 1")
				s.Step(t)
				s.ask(t, e, "key 1")
				s.Step(t)
				if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Error != "" || got.DoneAt.IsZero() {
					t.Errorf("ended as %+v", got)
				}
				if n := s.happened(e.op); n != 1 {
					t.Errorf("happened %d times", n)
				}
				if calls := s.writes(); len(calls) != 1 {
					t.Errorf("calls: %v", calls)
				}
				s.ask(t, e, "key 2")
				s.Step(t)
				if got := s.state(t, "key 2"); got.State != store.EffectDue || got.Error != "" {
					t.Errorf("asked again, after one look: %+v", got)
				}
				s.Pass(t, time.Minute)
				if got := s.state(t, "key 2"); got.State != e.again || got.Result == "" {
					t.Errorf("asked again: %+v", got)
				}
				if calls := s.writes(); len(calls) != 0 {
					t.Errorf("asked again, calls: %v", calls)
				}
				changes, err := s.DB.Changes(t.Context(), store.ChangeFilter{Customer: "user_1", Limit: 10})
				if err != nil || len(changes) == 0 || changes[0].Trigger != "effect" && changes[0].Trigger != "follow" {
					t.Errorf("the ledger was not told: %+v %v", changes, err)
				}
			})
		})
	}
}

// TestMisfortunes: whatever goes wrong on the way, the effect happens once.
func TestMisfortunes(t *testing.T) {
	for name, tt := range map[string]struct {
		strike roundTrip
		// meanwhile is the state after the first attempt.
		meanwhile string
	}{
		"acted, no answer":     {lost, store.EffectUnknown},
		"not acted, no answer": {triggertest.Down, store.EffectUnknown},
		"acted, half answer":   {cut, store.EffectUnknown},
		"acted, no JSON": {func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			resp, err := pass()
			if err != nil {
				return nil, err
			}
			resp.Body.Close()
			return triggertest.Answer(req, http.StatusOK, "<html>"), nil
		}, store.EffectUnknown},
		"too many calls": {answering(http.StatusTooManyRequests, `{"error":{"type":"invalid_request_error"}}`), store.EffectDue},
		"server error":   {answering(http.StatusInternalServerError, `{"error":{"type":"api_error"}}`), store.EffectUnknown},
		"gateway":        {answering(http.StatusBadGateway, `<html>`), store.EffectUnknown},
		"acted, bad answer": {func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			_, _ = lost(req, pass)
			return triggertest.Answer(req, http.StatusBadGateway, ""), nil
		}, store.EffectUnknown},
		"key expired": {answering(http.StatusUnauthorized, `{"error":{"type":"invalid_request_error"}}`), store.EffectDue},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range effects() {
				s := e.ready(t, triggertest.SQLite(t, quiet))
				s.ask(t, e, "key 1")
				s.Net.Strike(onWrite(1, tt.strike))
				s.Step(t)
				if got := s.state(t, "key 1"); got.State != tt.meanwhile || got.Error == "" {
					t.Errorf("%s: meanwhile %+v", e.kind, got)
				}
				s.Net.Strike(nil)
				s.Pass(t, time.Hour)
				if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Error != "" {
					t.Errorf("%s: ended as %+v", e.kind, got)
				}
				if n := s.happened(e.op); n != 1 {
					t.Errorf("%s: happened %d times", e.kind, n)
				}
			}
		})
	}
}

// TestOldReads: the provider acted, the answer was lost, and for a while it shows
// what was before. The call is not repeated, not even if the application, which has
// no answer either, asks again: not every provider knows idempotency keys.
func TestOldReads(t *testing.T) {
	for _, e := range effects() {
		t.Run(e.kind, func(t *testing.T) {
			s := e.ready(t, triggertest.SQLite(t, quiet))
			s.ask(t, e, "key 1")
			first := map[string]string{}
			old, writes := freeze(first), onWrite(1, lost)
			s.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
				if req.Method == http.MethodGet {
					return old(req, pass)
				}
				return writes(req, pass)
			})
			s.Pass(t, 15*time.Second)
			s.ask(t, e, "key 1")
			s.Pass(t, 15*time.Second)
			if got := s.state(t, "key 1"); got.State != store.EffectUnknown || got.Error == "" {
				t.Errorf("meanwhile %+v", got)
			}
			s.Net.Strike(nil)
			s.Pass(t, time.Hour)
			if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Error != "" {
				t.Errorf("ended as %+v", got)
			}
			if calls := s.writes(); len(calls) != 1 {
				t.Errorf("calls: %v", calls)
			}
			if n := s.happened(e.op); n != 1 {
				t.Errorf("happened %d times", n)
			}
		})
	}
}

// TestCrash: the process dies before the call, or after it, and the database
// fails to take the note: in the end it happened once.
func TestCrash(t *testing.T) {
	for name, strike := range map[string]func(end func()) roundTrip{
		"before the call": func(end func()) roundTrip {
			return func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
				end()
				return triggertest.Down(req, pass)
			}
		},
		"after the call": func(end func()) roundTrip {
			return func(_ *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
				defer end()
				return pass()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range effects() {
				t.Run(e.kind, func(t *testing.T) {
					triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
						s := e.ready(t, h)
						s.ask(t, e, "key 1")
						s.die(t, strike)
						if got := s.state(t, "key 1"); got.State != store.EffectUnknown {
							t.Errorf("after the crash: %+v", got)
						}
						s.Pass(t, time.Hour)
						if got := s.state(t, "key 1"); got.State != store.EffectDone {
							t.Errorf("ended as %+v", got)
						}
						if n := s.happened(e.op); n != 1 {
							t.Errorf("happened %d times", n)
						}
					})
				})
			}
		})
	}
}

// TestNoteFails: the database refuses the note after the call.
func TestNoteFails(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		refund := effect{kind: outbox.Refund, object: paymentOf, details: outbox.Details{Amount: 100}}
		s.ask(t, refund, "key 1")
		var mend func()
		s.Net.Strike(onWrite(1, func(_ *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			resp, err := pass()
			mend = s.Break(t, "effects")
			return resp, err
		}))
		claims, err := s.DB.Claim(t.Context(), store.QueueEffect, 1, time.Minute)
		check(t, err)
		if err := s.Outbox.Queue(1).Run(t.Context(), claims[0]); err == nil {
			t.Error("no error")
		}
		mend()
		if got := s.state(t, "key 1"); got.State != store.EffectUnknown {
			t.Errorf("%+v", got)
		}
		s.Clock.Advance(2 * time.Minute)
		if _, err := s.DB.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Pass(t, time.Hour)
		if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened("refund") != 1 {
			t.Errorf("%+v, happened %d times", got, s.happened("refund"))
		}
	})
}

// TestLateWorker: a worker that slept past its lease writes nothing, and its late
// call changes nothing.
func TestLateWorker(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		s.ask(t, effect{kind: outbox.Refund, object: paymentOf, details: outbox.Details{Amount: 100}}, "key 1")
		claims, err := s.DB.Claim(t.Context(), store.QueueEffect, 1, time.Minute)
		check(t, err)
		s.Net.Strike(onWrite(1, func(_ *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			s.Clock.Advance(2 * time.Minute)
			if _, err := s.DB.Expire(t.Context()); err != nil {
				return nil, err
			}
			s.Step(t) // another worker does it
			if got := s.state(t, "key 1"); got.State != store.EffectDone {
				t.Errorf("the other worker: %+v", got)
			}
			return pass()
		}))
		before := s.state(t, "key 1")
		if err := s.Outbox.Queue(1).Run(t.Context(), claims[0]); err == nil {
			t.Errorf("the late worker was not told; the effect was %+v", before)
		}
		if got := s.state(t, "key 1"); got.State != store.EffectDone || s.happened("refund") != 1 {
			t.Errorf("%+v, happened %d times", got, s.happened("refund"))
		}
	})
}

// freeze is a strike: every address answers for ever what it answered first.
func freeze(first map[string]string) roundTrip {
	return func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		if body, known := first[req.URL.String()]; known {
			return triggertest.Answer(req, http.StatusOK, body), nil
		}
		resp, err := pass()
		if err != nil || resp.StatusCode != http.StatusOK {
			return resp, err
		}
		body, err := readAll(resp)
		first[req.URL.String()] = body
		return triggertest.Answer(req, http.StatusOK, body), err
	}
}
