// Package notifytest is what every channel has to keep: that one message is
// recognized as one, what each kind of failure means, and that errors tell nobody's
// address and no secret.
package notifytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/trivetdev/trivet/notify"
)

// Side is a channel together with the other side that it talks to.
type Side interface {
	// Channel returns the channel.
	Channel() notify.Channel
	// Taken lists what the other side took, each by what it would tell two sendings of
	// one message by.
	Taken() []string
	// Fail makes the other side fail from now on so that the channel has to report the
	// kind; the empty kind ends that. For [notify.Unknown] it takes the message and
	// then says nothing. It reports whether the side can.
	Fail(kind notify.ErrorKind) bool
	// Secrets are words that no error may contain.
	Secrets() []string
}

// address is whom the suite writes to; no error may contain it whole.
const (
	address = "dana.secret@kern.example"
	phone   = "+4915112345678"
	body    = "Nobody but Dana may read this sentence"
)

// Message returns a message for the tests.
func Message(id string) notify.Message {
	return notify.Message{
		ID: id, Template: "paused", Locale: "en",
		To:      notify.Recipient{Customer: "user_42", Name: "Dana", Email: address, Phone: phone, TimeZone: "UTC"},
		Subject: "Paused: " + id, Text: body + "\n", HTML: "<p>" + body + "</p>", Short: body, Title: "Paused", Body: body,
	}
}

// Run tests a channel; open makes a fresh one with the other side ready.
func Run(t *testing.T, open func(t *testing.T) Side) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Side){
		"it is taken": taken, "one message is recognized as one": recognized, "failures": failures,
		"canceled before it begins": canceled, "together": together, "a channel has a name": named,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func named(t *testing.T, s Side) {
	if s.Channel().Name() == "" {
		t.Error("the channel has no name")
	}
}

func taken(t *testing.T, s Side) {
	for i := range 3 {
		if _, err := s.Channel().Send(t.Context(), Message(fmt.Sprintf("notice:%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Taken()); n != 3 {
		t.Errorf("the other side took %d messages, want 3", n)
	}
}

func recognized(t *testing.T, s Side) {
	for _, id := range []string{"notice:a", "notice:a", "notice:b"} {
		if _, err := s.Channel().Send(t.Context(), Message(id)); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Taken()
	if len(got) < 2 || got[0] == "" {
		t.Fatalf("taken: %q", got)
	}
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 2 {
		t.Errorf("a, a and b are %d different messages for the other side: %q", n, got)
	}
}

func failures(t *testing.T, s Side) {
	for _, kind := range []notify.ErrorKind{notify.Refused, notify.Unavailable, notify.Unknown} {
		if !s.Fail(kind) {
			continue
		}
		before := len(s.Taken())
		_, err := s.Channel().Send(t.Context(), Message("notice:"+string(kind)))
		check(t, s, err, kind)
		if n := len(s.Taken()); kind != notify.Unknown && n != before {
			t.Errorf("%s, but the other side took it", kind)
		}
	}
	s.Fail("")
	if _, err := s.Channel().Send(t.Context(), Message("notice:after")); err != nil {
		t.Errorf("after the failures: %v", err)
	}
}

// check looks at an error.
func check(t *testing.T, s Side, err error, kind notify.ErrorKind) {
	t.Helper()
	var e *notify.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("the error is %v, want one of kind %s", err, kind)
		return
	}
	for _, secret := range append(s.Secrets(), address, phone, body) {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells %q: %v", secret, err)
		}
	}
}

func canceled(t *testing.T, s Side) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Channel().Send(ctx, Message("notice:canceled"))
	check(t, s, err, notify.Unavailable)
	if n := len(s.Taken()); n != 0 {
		t.Errorf("taken all the same: %d", n)
	}
}

func together(t *testing.T, s Side) {
	const n = 16
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			if _, err := s.Channel().Send(t.Context(), Message(fmt.Sprintf("notice:%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got := s.Taken()
	slices.Sort(got)
	if len(slices.Compact(got)) != n {
		t.Errorf("taken %d different messages of %d", len(got), n)
	}
}
