package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
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

// TestMailTestRefusesWhatIsNoAddress before a server is asked, and takes an address as
// people copy it.
func TestMailTestRefusesWhatIsNoAddress(t *testing.T) {
	run := func(args ...string) (int, string) {
		var out, err bytes.Buffer
		code := Main(t.Context(), Process{Args: append([]string{"mail"}, args...), Stdout: &out, Stderr: &err, Now: time.Now,
			Environ: []string{"TRIVET_MAIL_SMTP=smtp://127.0.0.1:1", "TRIVET_MAIL_FROM=Acme <billing@acme.test>"}})
		return code, err.String()
	}
	for _, to := range []string{"me", "a@kern.test, b@kern.test", "a@kern.test\r\nBcc: b@kern.test"} {
		if code, stderr := run("test", "paused", "--to", to); code != exitUsage || !strings.Contains(stderr, "--to") || !strings.Contains(stderr, "you@example.com") {
			t.Errorf("%q: %d %s", to, code, stderr)
		}
	}
	if code, stderr := run("test", "paused", "--to", "Me <me@kern.test>"); code != exitWrong || !strings.Contains(stderr, "did not let us in") {
		t.Errorf("%d %s", code, stderr)
	}
	if code, stderr := run("preview", "paused", "--locale", "german!"); code != exitUsage || !strings.Contains(stderr, "de or pt-BR") {
		t.Errorf("%d %s", code, stderr)
	}
}

// TestBrandOfTheConfiguration: no message says "a customer of" nobody, and people are
// told an address, not a header.
func TestBrandOfTheConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		mail config.Mail
		want words.Brand
	}{
		"said":               {config.Mail{Brand: "Kern", From: "Acme <a@acme.test>", Support: "Help <help@acme.test>"}, words.Brand{Name: "Kern", Support: "help@acme.test"}},
		"the sender's name":  {config.Mail{From: "Acme <a@acme.test>"}, words.Brand{Name: "Acme"}},
		"the sender's place": {config.Mail{From: "a@acme.test", Support: "help@acme.test"}, words.Brand{Name: "acme.test", Support: "help@acme.test"}},
		"the page's place":   {config.Mail{URL: "https://www.acme.test/x"}, words.Brand{Name: "acme.test", URL: "https://www.acme.test/x"}},
		"nothing":            {},
	} {
		if got := brandOf(&config.Config{Mail: test.mail}); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// outbox keeps messages.
type outbox struct{ sent []notify.Message }

func (o *outbox) Name() string { return notify.Email }
func (o *outbox) Send(_ context.Context, m notify.Message) (string, error) {
	o.sent = append(o.sent, m)
	return "", nil
}

// TestEveryAlertIsAMailOfItsOwn: programs show mails with one Message-ID as one. Two
// disputes over the same amount are two, and so is what comes back after it was dealt
// with; what is told again in the same moment is not. An alert may be its title alone.
func TestEveryAlertIsAMailOfItsOwn(t *testing.T) {
	box, now := &outbox{}, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	tell, err := teller(&config.Config{Alerts: []config.Alert{{URL: "mailto:ops@acme.test"}}}, mailer(box, func() time.Time { return now }), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	dispute := policy.Warning{Cause: "dispute:1", Kind: "dispute", Title: "A payment of 9.00 EUR is disputed"}
	other := dispute
	other.Cause = "dispute:2"
	for _, w := range []policy.Warning{dispute, dispute, other} {
		if err := tell(t.Context(), w, ""); err != nil {
			t.Fatal(err)
		}
	}
	now = now.AddDate(0, 0, 7)
	if err := tell(t.Context(), dispute, "user_1"); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, m := range box.sent {
		ids[m.ID] = true
		if m.Text == "" || m.Subject != dispute.Title || m.To.Email != "ops@acme.test" {
			t.Errorf("%+v", m)
		}
	}
	if len(box.sent) != 4 || len(ids) != 3 || box.sent[0].ID != box.sent[1].ID {
		t.Errorf("%v", ids)
	}
}

// TestTablesShowNoControls: what comes from outside cannot paint over the terminal, nor
// make columns or lines of its own.
func TestTablesShowNoControls(t *testing.T) {
	const name, fine = "a\x1b[2J\x1b]0;x\x07b\tc\nd\u202ee\x9bf\u009bg", "Ünïcödé 日本 👩\u200d👧 – 1\u00a0234,50 €"
	var out bytes.Buffer
	rows := table{head: []string{"name", "next"}}
	rows.add(name, fine)
	rows.print(&visible{to: &out})
	got := out.String()
	if !strings.HasPrefix(got, "NAME") || strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\x1b\x07\t\u202e\u009b") || !utf8.ValidString(got) || !strings.Contains(got, fine) {
		t.Errorf("%q", got)
	}
	// However it is cut, what is seen is the same.
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{fine, name, "日本", "\xe6", "ab\xffc"}).Draw(t, "text") + "end"
		whole, cut := &bytes.Buffer{}, &bytes.Buffer{}
		_, _ = (&visible{to: whole}).Write([]byte(text))
		pieces := &visible{to: cut}
		for rest := []byte(text); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if written, err := pieces.Write(rest[:n]); written != n || err != nil {
				t.Fatal(written, err)
			}
			rest = rest[n:]
		}
		if cut.String() != whole.String() || !strings.HasSuffix(cut.String(), "end") {
			t.Fatalf("%q, whole %q", cut, whole)
		}
	})
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
