package hook_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/notifytest"
)

func open(t *testing.T, endpoints ...hook.Endpoint) (*hook.Hooks, error) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "trivet.db"), Now: time.Now, Volatile: true})
	check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return hook.New(hook.Config{DB: db, Endpoints: endpoints, Wake: func(string) {}})
}

// TestOverTheNetwork: an endpoint of this machine is refused when it is dialed,
// whatever name led there, unless that is meant; then the library verifies the
// signature and the time, with either secret.
func TestOverTheNetwork(t *testing.T) {
	var arrived atomic.Int64
	verifying := func(secret string) *httptest.Server {
		r := &receiver{t: t, secret: secret}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			arrived.Add(1)
			resp, err := r.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			w.WriteHeader(resp.StatusCode)
		}))
		t.Cleanup(server.Close)
		return server
	}
	server, behind := verifying(secret), verifying(older)
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	both := []string{secret, older}
	h, err := open(t,
		hook.Endpoint{Name: "refused", URL: server.URL, Secrets: both},
		hook.Endpoint{Name: "by-name", URL: "http://localhost" + port, Secrets: both},
		hook.Endpoint{Name: "mapped", URL: "http://[::ffff:127.0.0.1]" + port, Secrets: both},
		hook.Endpoint{Name: "allowed", URL: server.URL, Secrets: both, AllowPrivate: true},
		hook.Endpoint{Name: "behind", URL: behind.URL, Secrets: both, AllowPrivate: true},
	)
	check(t, err)
	for _, name := range []string{"refused", "by-name", "mapped"} {
		outcome, err := h.Test(t.Context(), name)
		check(t, err)
		if !strings.Contains(outcome.Failure, "set allow_private = true") || arrived.Load() != 0 {
			t.Errorf("%s: %+v, %d arrived", name, outcome, arrived.Load())
		}
	}
	for _, name := range []string{"allowed", "behind"} {
		if outcome, err := h.Test(t.Context(), name); err != nil || outcome.Failure != "" || outcome.Status != http.StatusNoContent {
			t.Errorf("%s: %+v, %v", name, outcome, err)
		}
	}
}

// TestARedirectIsNotFollowed, and a huge answer is not read.
func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, elsewhere.URL, http.StatusPermanentRedirect)
			return
		}
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	}))
	t.Cleanup(server.Close)
	h, err := open(t,
		hook.Endpoint{Name: "moved", URL: server.URL + "/moved", Secrets: []string{secret}, AllowPrivate: true},
		hook.Endpoint{Name: "huge", URL: server.URL + "/huge", Secrets: []string{secret}, AllowPrivate: true},
	)
	check(t, err)
	if outcome, err := h.Test(t.Context(), "moved"); err != nil || outcome.Status != http.StatusPermanentRedirect || outcome.Failure == "" {
		t.Errorf("%+v %v", outcome, err)
	}
	if outcome, err := h.Test(t.Context(), "huge"); err != nil || outcome.Failure == "" {
		t.Errorf("%+v %v", outcome, err)
	}
}

func TestEndpointsThatCannotBeMeant(t *testing.T) {
	good := hook.Endpoint{URL: "https://app.test/hooks?token=hush", Secrets: []string{secret}}
	for name, tt := range map[string]struct {
		change func(*hook.Endpoint)
		says   string
	}{
		"no address":     {func(e *hook.Endpoint) { e.URL = "hush" }, "no web address"},
		"a user":         {func(e *hook.Endpoint) { e.URL = "https://hush:hush@app.test" }, "no web address"},
		"a name":         {func(e *hook.Endpoint) { e.Name = "a/b" }, `"a/b"`},
		"unknown events": {func(e *hook.Endpoint) { e.Events = []string{"state_changed"} }, "customer.state_changed, message.due"},
		"no secret":      {func(e *hook.Endpoint) { e.Secrets = nil }, "secret is missing"},
		"empty secret":   {func(e *hook.Endpoint) { e.Secrets = []string{""} }, "openssl rand"},
		"weak secret":    {func(e *hook.Endpoint) { e.Secrets = []string{"whsec_aHVzaA=="} }, "24 to 64 bytes"},
	} {
		e := good
		tt.change(&e)
		_, err := open(t, e)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "aHVz") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open(t, good, good); err == nil || !strings.Contains(err.Error(), "app.test already") {
		t.Errorf("twice: %v", err)
	}
	if !slices.Equal(config.Events(), hook.Events()) {
		t.Error("the configuration knows other events")
	}
}

// side is the application's mailer, for the suite of channels.
type side struct {
	*receiver
	channel *hook.Mailer
}

func (s *side) Channel() notify.Channel { return s.channel }
func (s *side) Secrets() []string       { return []string{"hush", secret} }

func (s *side) Taken() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.took {
		ids = append(ids, g.id)
	}
	return ids
}

func (s *side) Fail(kind notify.ErrorKind) bool {
	switch kind {
	case notify.Unavailable:
		s.answers(func(int, got) *http.Response { return status(http.StatusUnauthorized) })
	case notify.Unknown:
		s.answers(func(_ int, g got) *http.Response {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.took = append(s.took, g)
			return nil
		})
	case notify.Refused: // no answer of an endpoint says that about one message
		return false
	default:
		s.answers(nil)
	}
	return true
}

func TestMailerIsAChannel(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Side {
		r := &receiver{t: t, secret: secret}
		h, err := open(t, hook.Endpoint{URL: "https://app.test/?token=hush", Secrets: []string{secret}, Transport: r})
		check(t, err)
		mailer, err := h.Mailer(notify.Email)
		check(t, err)
		return &side{r, mailer}
	})
}

// TestWhatIsHandedOver: all of a message, by mail and by SMS.
func TestWhatIsHandedOver(t *testing.T) {
	r := &receiver{t: t, secret: secret}
	h, err := open(t, hook.Endpoint{URL: "https://app.test/", Secrets: []string{secret}, Transport: r})
	check(t, err)
	m := notifytest.Message("notice:1")
	m.Attachments = []notify.Attachment{{Name: "receipt.pdf", Type: "application/pdf", Data: []byte("pdf")}}
	m.Notice = notify.Notice{Template: "paused", Channel: notify.Email, Plan: "pro"}
	for _, channel := range []string{notify.Email, notify.SMS} {
		mailer, err := h.Mailer(channel)
		check(t, err)
		receipt, err := mailer.Send(t.Context(), m)
		check(t, err)
		took, _ := r.taken()
		var data struct {
			Key, Channel, Template, Locale, Subject, Text, HTML string
			To                                                  map[string]string
			Attachments                                         []struct{ Name, Type, Data string }
			Data                                                map[string]any
		}
		check(t, json.Unmarshal(took[0].data, &data))
		if took[0].kind != hook.MessageDue || !strings.Contains(receipt, took[0].id) || data.Key != "notice:1" || data.Channel != channel || data.To["email"] != m.To.Email ||
			data.To["customer"] != "user_42" || data.Data["plan"] != "pro" || data.Locale != "en" || data.Template != "paused" {
			t.Errorf("%s: %+v, receipt %s", channel, data, receipt)
		}
		mail := data.Subject == m.Subject && data.Text == m.Text && data.HTML == m.HTML && len(data.Attachments) == 1 && data.Attachments[0].Data == "cGRm"
		text := data.Subject == "" && data.Text == m.Short && data.HTML == "" && len(data.Attachments) == 0
		if mail != (channel == notify.Email) || text != (channel == notify.SMS) {
			t.Errorf("%s: %+v", channel, data)
		}
	}
}

// TestMailerThatIsGone: messages wait, and the team is told.
func TestMailerThatIsGone(t *testing.T) {
	r := &receiver{t: t, secret: secret}
	h, err := open(t, hook.Endpoint{URL: "https://app.test/", Secrets: []string{secret}, Transport: r})
	check(t, err)
	mailer, err := h.Mailer(notify.Email)
	check(t, err)
	r.answers(func(int, got) *http.Response { return status(http.StatusGone) })
	for range 2 {
		_, err = mailer.Send(t.Context(), notifytest.Message("notice:1"))
		said, ok := err.(*notify.Error) //nolint:errorlint // never wrapped
		if !ok || said.Kind != notify.Unavailable {
			t.Errorf("%v", err)
		}
	}
	alerts, err := h.DB.Alerts(context.WithoutCancel(t.Context()), store.AlertFilter{Open: true, Limit: 10})
	if _, tries := r.taken(); err != nil || len(alerts) != 1 || alerts[0].Kind != "hook" || tries != 1 {
		t.Errorf("%d tries, alerts %+v, %v", tries, alerts, err)
	}
	r.answers(nil)
	if _, err := h.Enable(t.Context(), "app.test"); err != nil {
		t.Fatal(err)
	}
	if _, err := mailer.Send(t.Context(), notifytest.Message("notice:1")); err != nil {
		t.Error(err)
	}
}

func TestMessagesAreHandedOverToOne(t *testing.T) {
	a, b := hook.Endpoint{URL: "https://a.test", Secrets: []string{secret}}, hook.Endpoint{URL: "https://b.test", Secrets: []string{secret}}
	h, err := open(t, a, b)
	check(t, err)
	if _, err := h.Mailer(notify.Email); err == nil || !strings.Contains(err.Error(), "a.test and b.test") {
		t.Errorf("two: %v", err)
	}
	a.Events = []string{hook.StateChanged}
	if h, err = open(t, a); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Mailer(notify.Email); err == nil || !strings.Contains(err.Error(), "no endpoint takes message.due") {
		t.Errorf("none: %v", err)
	}
}
