package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// watched is what a run prints, to be read while it goes on.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// fetch reads a page of a door that is open.
func fetch(t *testing.T, method, address, key string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestAKeptMailboxIsOpenUntilItIsEnded(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	yes, out := true, &watched{}
	o := Options{Seed: 4, Days: 12, Customers: 20, Providers: []string{"stripe"}, Listen: anyDoor, Keep: &yes}
	type ended struct {
		code int
		err  error
	}
	over := make(chan ended, 1)
	go func() {
		code, err := Run(ctx, o, out)
		over <- ended{code, err}
	}()
	var address string
	for address == "" {
		select {
		case e := <-over:
			t.Fatalf("the run ended by itself: %+v\n%s", e, out)
		case <-time.After(20 * time.Millisecond):
		}
		if found := regexp.MustCompile(`stays open at (http://127\.0\.0\.1:\d+) until`).FindStringSubmatch(out.String()); found != nil {
			address = found[1]
		}
	}
	if status, page := fetch(t, http.MethodGet, address, ""); status != http.StatusOK || !strings.Contains(page, "@example.com") || !strings.Contains(page, "curl -H") {
		t.Errorf("status %d and\n%s", status, page)
	}
	check := address + "/v1/check?customer=user_1&feature=app"
	if !strings.Contains(out.String(), check) {
		t.Errorf("no command to read %s in:\n%s", check, out)
	}
	var answer struct {
		Customer string
		Reason   string
	}
	status, text := fetch(t, http.MethodGet, check, apiKey)
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK || answer.Customer != "user_1" || answer.Reason == "" {
		t.Errorf("check: %d, %v, %s", status, err, text)
	}
	if status, text := fetch(t, http.MethodGet, check, ""); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d, %s", status, text)
	}
	if status, text := fetch(t, http.MethodPost, address+"/v1/reconcile", apiKey); status != http.StatusMethodNotAllowed || !strings.Contains(text, "read_only") {
		t.Errorf("a write: %d, %s", status, text)
	}
	if status, text := fetch(t, http.MethodGet, address+"/webhooks/stripe", ""); status != http.StatusNotFound {
		t.Errorf("webhooks: %d, %s", status, text)
	}
	end()
	if e := <-over; e.err != nil || e.code != exitGood {
		t.Errorf("code %d, %v", e.code, e.err)
	}
	if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://")); err == nil {
		conn.Close()
		t.Error("the door is open after the end")
	}
}

func TestTheDoorIsWhereItWasAskedFor(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", anyDoor)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	yes := true
	for _, test := range []struct {
		Options
		want string
	}{
		{Options{Listen: taken.Addr().String()}, "end the program that has the port"},
		{Options{Listen: "0.0.0.0:8025"}, "served to this machine alone"},
		{Options{Listen: ":8025"}, "served to this machine alone"},
		{Options{Listen: "example.com:8025"}, "served to this machine alone"},
		{Options{Listen: "8025"}, "give an address and a port, such as 127.0.0.1:8025"},
		{Options{Listen: "127.0.0.1:0", JSON: true}, "leave one of them out"},
		{Options{Keep: &yes, JSON: true}, "leave one of them out"},
		{Options{Keep: &yes, Listen: noDoor}, "leave one of them out"},
		{Options{Mode: "watch"}, "--mode watch: use observe, assist or enforce"},
	} {
		code, err := Run(t.Context(), test.Options, io.Discard)
		if _, isUsage := errors.AsType[*Usage](err); code != exitUsage || !isUsage || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: code %d, %v; want %q", test.Options, code, err, test.want)
		}
	}
}

func TestWhenThereIsADoor(t *testing.T) {
	yes, no := true, false
	for _, test := range []struct {
		Options
		live, opens, keeps bool
	}{
		{Options{}, false, true, false},
		{Options{}, true, true, true},
		{Options{Keep: &no}, true, true, false},
		{Options{Keep: &yes}, false, true, true},
		{Options{Fast: true}, false, false, false},
		{Options{Fast: true, Keep: &yes}, false, true, true},
		{Options{Fast: true, Listen: anyDoor}, false, true, false},
		{Options{JSON: true}, false, false, false},
		{Options{Listen: noDoor}, false, false, false},
	} {
		if test.opens != test.Options.opens() || test.keeps != test.Options.keeps(test.live) {
			t.Errorf("%+v, live %v: opens %v, keeps %v", test.Options, test.live, test.Options.opens(), test.Options.keeps(test.live))
		}
	}
}

func TestTheUsualPortMayBeTaken(t *testing.T) {
	w := &world{}
	first, err := w.bind(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := w.bind(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if first.Addr().String() == second.Addr().String() {
		t.Errorf("two doors at %s", first.Addr())
	}
}
