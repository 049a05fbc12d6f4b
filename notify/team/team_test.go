package team_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/notifytest"
	"github.com/trivetdev/trivet/notify/team"
)

const token = "T0K3NofTheHook"

// room is where the alerts end up: a web server.
type room struct {
	channel *team.Channel
	mu      sync.Mutex
	bodies  []string
	paths   []string
	fail    notify.ErrorKind
}

func (r *room) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.fail {
	case notify.Refused:
		w.WriteHeader(404)
		return
	case notify.Unavailable:
		w.WriteHeader(503)
		return
	case notify.Unknown: // taken, below
	}
	r.bodies, r.paths = append(r.bodies, string(body)), append(r.paths, q.URL.Path)
	if r.fail == notify.Unknown {
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write([]byte("{}"))
}

func open(t *testing.T, address func(server string) string) *room {
	t.Helper()
	r := &room{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	c, err := team.New(address(server.URL), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.channel = c
	return r
}

func (r *room) Channel() notify.Channel { return r.channel }
func (r *room) Secrets() []string       { return []string{token} }

func (r *room) Taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, b := range r.bodies {
		var sent struct{ ID, Text string }
		_ = json.Unmarshal([]byte(b), &sent) // the suite sees an empty one
		ids = append(ids, sent.ID)
	}
	return ids
}

func (r *room) Fail(kind notify.ErrorKind) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = kind
	return true
}

func TestSuiteOfWebHooks(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Side {
		return open(t, func(server string) string { return server + "/hooks/" + token })
	})
}

func TestHookSaysTitleAndText(t *testing.T) {
	r := open(t, func(server string) string { return server + "/hooks/" + token })
	if err := r.channel.Alert(t.Context(), "dispute:1", "Dispute", "due on Friday"); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(r.bodies[0]), &got); err != nil || got["id"] != "dispute:1" || got["title"] != "Dispute" || got["text"] != "Dispute\ndue on Friday" {
		t.Errorf("%s %v", r.bodies[0], err)
	}
}

// TestLibrary sends through a service of the library that can be pointed at the test.
func TestLibrary(t *testing.T) {
	r := open(t, func(server string) string {
		return "gotify://" + strings.TrimPrefix(server, "http://") + "/AzyoeNS.D4iJLVa/?disabletls=yes"
	})
	if err := r.channel.Alert(t.Context(), "dispute:1", "Dispute", "due on Friday"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.bodies[0], "Dispute") || !strings.Contains(r.bodies[0], "due on Friday") {
		t.Errorf("%s", r.bodies[0])
	}
	r.Fail(notify.Unavailable)
	err := r.channel.Alert(t.Context(), "dispute:1", "Dispute", "")
	if e, _ := errors.AsType[*notify.Error](err); e == nil || e.Kind != notify.Unknown || strings.Contains(err.Error(), "AzyoeNS") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.channel.Alert(ctx, "x", "x", ""); err == nil {
		t.Error("sent although nobody waits")
	}
}

func TestAddresses(t *testing.T) {
	for name, address := range map[string]string{
		"Slack as shown":   "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
		"Discord as shown": "https://discord.com/api/webhooks/123456789012345678/" + token,
		"Slack":            "slack://hook:T00000000-B00000000-XXXXXXXXXXXXXXXXXXXXXXXX@webhook",
		"Telegram":         "telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw@telegram?chats=@ops",
		"ntfy":             "ntfy://ntfy.sh/ops",
	} {
		if _, err := team.New(address, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, test := range map[string]struct{ address, says string }{
		"none":             {"ops", "https://"},
		"unknown service":  {"pigeon://" + token, "pigeon"},
		"mail without one": {"mailto:ops@example.com", "[mail]"},
		"half a Discord":   {"https://discord.com/api/webhooks/" + token, "integrations"},
		"half a Slack":     {"https://hooks.slack.com/services/" + token, "slack"},
	} {
		_, err := team.New(test.address, nil)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMail(t *testing.T) {
	var got []string
	c, err := team.New("mailto:ops@example.com", func(_ context.Context, to string, m notify.Message) error {
		got = []string{to, m.ID, m.Title, m.Body}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Alert(t.Context(), "dispute:1", "Dispute", "due"); err != nil || strings.Join(got, "|") != "ops@example.com|dispute:1|Dispute|due" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := team.New("mailto:nobody", func(context.Context, string, notify.Message) error { return nil }); err == nil {
		t.Error("no address is one")
	}
}
