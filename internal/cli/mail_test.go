package cli

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/trivetdev/trivet/internal/config"
)

// postbox keeps what is sent to it.
type postbox struct{ mails chan string }

func (p postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }
func (p postbox) Reset()                                      {}
func (p postbox) Logout() error                               { return nil }
func (p postbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (p postbox) Rcpt(to string, _ *smtp.RcptOptions) error   { return refuseNobody(to) }
func (p postbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	p.mails <- string(text)
	return err
}

func refuseNobody(to string) error {
	if strings.HasPrefix(to, "nobody") {
		return &smtp.SMTPError{Code: 550, Message: "no such mailbox " + to}
	}
	return nil
}

func TestMailTest(t *testing.T) {
	box := postbox{make(chan string, 10)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, done := smtp.NewServer(box), make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = listener.Close(); _ = server.Close(); <-done })
	run := func(args ...string) (int, string, string) {
		var out, err bytes.Buffer
		code := Main(t.Context(), Process{
			Args: append([]string{"mail"}, args...), Stdout: &out, Stderr: &err, Now: time.Now,
			Environ: []string{"TRIVET_MAIL_SMTP=smtp://" + listener.Addr().String(), "TRIVET_MAIL_FROM=Acme <billing@acme.test>", "TRIVET_MAIL_BRAND=Kern"},
		})
		return code, out.String(), err.String()
	}
	code, out, stderr := run("test", "receipt", "--to", "me@kern.test", "--locale", "de")
	if code != 0 || !strings.Contains(out, "sent to me@kern.test") {
		t.Fatalf("%d %s %s", code, out, stderr)
	}
	mail := <-box.mails
	for _, want := range []string{"To: \"Dana Kern\" <me@kern.test>", "[Test] Ihr Zahlungsbeleg von Kern", "application/pdf", "Auto-Submitted"} {
		if !strings.Contains(strings.ReplaceAll(mail, "_", " "), want) {
			t.Errorf("no %q in %.900s", want, mail)
		}
	}
	if code, _, stderr := run("test", "paused", "--to", "nobody@kern.test"); code != 1 || !strings.Contains(stderr, "the mail was not sent: refused: ") || strings.Contains(stderr, "nobody@") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestSMSChannelOfTheConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		sms  config.SMS
		none bool
		says string
	}{
		"none":    {none: true},
		"twilio":  {sms: config.SMS{Kind: config.Twilio, Account: "AC1", Token: "t", From: "+15550001111"}},
		"bearer":  {sms: config.SMS{Kind: config.Gateway, URL: "https://gw.test", Token: "t", From: "Acme"}},
		"account": {sms: config.SMS{Kind: config.Gateway, URL: "https://gw.test", Account: "a", Token: "t", From: "Acme"}},
		"body":    {sms: config.SMS{Kind: config.Gateway, URL: "https://gw.test", Body: "{{.To", From: "Acme"}, says: "sms: the SMS gateway's body"},
	} {
		c, err := smsOf(&config.Config{SMS: test.sms}, time.Now)
		if test.says != "" {
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || (c == nil) != test.none {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}
