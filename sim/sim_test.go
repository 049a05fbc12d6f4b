package sim

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func TestClockNeverGoesBack(t *testing.T) {
	c := NewClock(monday)
	c.Set(monday.Add(-time.Hour))
	c.Advance(-time.Hour)
	if !c.Now().Equal(monday) {
		t.Errorf("the clock went to %v", c.Now())
	}
	if got := c.Advance(time.Minute); !got.Equal(monday.Add(time.Minute)) || !c.Now().Equal(got) {
		t.Errorf("advanced to %v", got)
	}
	c.Set(monday.In(time.FixedZone("x", 3600)).Add(time.Hour))
	if got := c.Now(); got.Location() != time.UTC || !got.Equal(monday.Add(time.Hour)) {
		t.Errorf("set to %v", got)
	}
}

func TestStreams(t *testing.T) {
	draw := func(seed, number uint64) (out [20]int) {
		s := NewStream(seed, number)
		for i := range out {
			out[i] = s.Intn(1000)
		}
		return out
	}
	first := draw(1, 2)
	if again := draw(1, 2); first != again {
		t.Error("one stream, two results")
	}
	if first == draw(1, 3) || first == draw(2, 2) {
		t.Error("two streams, one result")
	}
	s := NewStream(1, 1)
	for range 1000 {
		if d := s.Between(time.Minute, time.Hour); d < time.Minute || d >= time.Hour {
			t.Fatalf("between a minute and an hour: %v", d)
		}
	}
	if s.Between(time.Hour, time.Hour) != time.Hour {
		t.Error("an empty range must give its start")
	}
}

func TestNoChaosNoFaults(t *testing.T) {
	f := NewFaults(1, Chaos{})
	for i := range 5000 {
		at := monday.Add(time.Duration(i) * time.Hour)
		if name := f.Call(at); name != "" {
			t.Fatalf("fault %s without chaos", name)
		}
		if d := f.Deliveries(); len(d) != 1 || d[0] > 5*time.Second {
			t.Fatalf("deliveries %v without chaos", d)
		}
		if _, off := f.Disabled(at); off || !f.Hold(at).Equal(at) || f.Stale() != 0 || f.Shift() != 0 {
			t.Fatal("a fault without chaos")
		}
	}
}

func TestDeliveriesKeepTheirBounds(t *testing.T) {
	f := NewFaults(1, Chaos{Drop: 0.1, Duplicate: 0.5, Delay: 0.5})
	dropped, most := 0, 0
	for range 2000 {
		d := f.Deliveries()
		if len(d) == 0 {
			dropped++
		}
		most = max(most, len(d))
		for _, x := range d {
			if x < 0 || x > 79*time.Hour {
				t.Fatalf("a delay of %v", x)
			}
		}
	}
	if dropped < 100 || dropped > 300 || most != 11 {
		t.Errorf("%d of 2000 dropped, at most %d copies", dropped, most)
	}
}

func TestWindowsDoNotDependOnWhoAsks(t *testing.T) {
	a, b := NewFaults(9, Chaos{Burst: 0.5}), NewFaults(9, Chaos{Burst: 0.5})
	held := 0
	for i := range 1000 {
		at := monday.Add(time.Duration(i) * 7 * time.Minute)
		b.Deliveries() // draws from b's stream
		if !a.Hold(at).Equal(b.Hold(at)) {
			t.Fatal("the outages of one seed differ")
		}
		if end := a.Hold(at); end.After(at) {
			held++
			if end.Sub(at) > 6*time.Hour || !a.Hold(end).Equal(end) {
				t.Fatalf("held from %v to %v", at, end)
			}
		}
	}
	if held == 0 {
		t.Error("nothing was held back")
	}
	a.Calm()
	if name := a.Call(monday); name != "" || !a.Hold(monday).Equal(monday) {
		t.Error("faults after Calm")
	}
}

func TestTransportBehavesLikeASocket(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/drop":
			panic(http.ErrAbortHandler)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
		default:
			w.Header().Set("X-Host", r.Host)
			w.WriteHeader(201)
			_, _ = w.Write(append([]byte(r.Method+" "+r.RequestURI+" "), body...))
		}
	})
	web := httptest.NewServer(h)
	defer web.Close()
	for name, rt := range map[string]http.RoundTripper{"memory": Transport(h), "tcp": web.Client().Transport} {
		call := func(path string) (*http.Response, string, error) {
			req, err := http.NewRequest("POST", web.URL+path, strings.NewReader("in"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				return nil, "", err
			}
			defer resp.Body.Close()
			out, err := io.ReadAll(resp.Body)
			return resp, string(out), err
		}
		resp, body, err := call("/x?a=b")
		if err != nil || resp.StatusCode != 201 || body != "POST /x?a=b in" || resp.Header.Get("X-Host") == "" {
			t.Errorf("%s: %v %q %v", name, resp, body, err)
		}
		if _, body, err := call("/cut"); !errors.Is(err, io.ErrUnexpectedEOF) || body != "half" {
			t.Errorf("%s, cut: %q %v", name, body, err)
		}
		if _, _, err := call("/drop"); err == nil {
			t.Errorf("%s: no error for a dropped connection", name)
		}
	}
	req := httptest.NewRequest("GET", "/drop", nil)
	if _, err := Transport(h).RoundTrip(req); !errors.Is(err, ErrConnectionLost) {
		t.Errorf("dropped: %v", err)
	}
}

// TestTimetable: what is due first comes first, of equals the first put in, and
// what is put in for the past comes next.
func TestTimetable(t *testing.T) {
	var table Timetable[string]
	if _, found := table.Next(); found {
		t.Error("an empty table has something due")
	}
	for _, x := range []struct {
		after time.Duration
		name  string
	}{{time.Hour, "c"}, {time.Minute, "a"}, {time.Minute, "b"}, {2 * time.Hour, "e"}, {time.Hour, "d"}} {
		table.Put(monday.Add(x.after), x.name)
	}
	if at, found := table.Next(); !found || !at.Equal(monday.Add(time.Minute)) || table.Due(monday.Add(time.Hour)) != 4 {
		t.Errorf("next at %v, %d due in an hour", at, table.Due(monday.Add(time.Hour)))
	}
	got := ""
	for {
		name, _, found := table.Take(monday.Add(time.Hour))
		if !found {
			break
		}
		if got += name; name == "a" {
			table.Put(monday.Add(-time.Hour), "!")
		}
	}
	if got != "a!bcd" {
		t.Errorf("taken in the order %s", got)
	}
	if _, at, found := table.Take(monday.Add(3 * time.Hour)); !found || !at.Equal(monday.Add(2*time.Hour)) {
		t.Errorf("the last was due at %v, %v", at, found)
	}
}

// TestPast: what is kept is seen by some reads for a while and by none afterwards,
// and a second change within that time does not make the past younger.
func TestPast(t *testing.T) {
	seen := func(f *Faults, p *Past[string], now time.Time) (stale, fresh int, before string, there bool) {
		for range 200 {
			if b, is, old := p.Read(f, now); old {
				stale, before, there = stale+1, b, is
			} else {
				fresh++
			}
		}
		return stale, fresh, before, there
	}
	f := NewFaults(1, Chaos{StaleRead: 1, StaleFor: time.Minute})
	var made, changed Past[string]
	if stale, _, _, _ := seen(f, &made, monday); stale > 0 {
		t.Error("a read is stale though nothing changed")
	}
	made.Made(f, monday)
	if stale, fresh, _, there := seen(f, &made, monday); stale == 0 || fresh == 0 || there {
		t.Errorf("a new one: %d stale, %d fresh reads, there %v", stale, fresh, there)
	}
	changed.Changed(f, monday, "first")
	changed.Changed(f, monday, "second")
	if stale, fresh, before, there := seen(f, &changed, monday); stale == 0 || fresh == 0 || before != "first" || !there {
		t.Errorf("a changed one: %d stale, %d fresh reads, before %q, there %v", stale, fresh, before, there)
	}
	late := monday.Add(2 * time.Minute)
	for _, p := range []*Past[string]{&made, &changed} {
		if stale, _, _, _ := seen(f, p, late); stale > 0 {
			t.Error("a read is stale after the time")
		}
	}
	changed.Changed(f, late, "third")
	if _, _, before, _ := seen(f, &changed, late); before != "third" {
		t.Errorf("kept anew: %q", before)
	}
	calm := NewFaults(1, Chaos{})
	var p Past[string]
	p.Made(calm, monday)
	p.Changed(calm, monday, "x")
	if stale, _, _, _ := seen(calm, &p, monday); stale > 0 {
		t.Error("a stale read without faults")
	}
}
