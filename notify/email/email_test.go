package email_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/email"
	"github.com/trivetdev/trivet/notify/notifytest"
)

func clientTLS(transport http.RoundTripper) *tls.Config {
	config := transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = "example.com"
	return config
}

func TestSuite(t *testing.T) {
	for name, h := range map[string]how{
		"plain":                   {scheme: "smtp", noTLS: true},
		"STARTTLS":                {scheme: "smtp"},
		"STARTTLS and a password": {scheme: "smtp", auth: true},
		"TLS and a password":      {scheme: "smtps", auth: true},
	} {
		t.Run(name, func(t *testing.T) {
			notifytest.Run(t, func(t *testing.T) notifytest.Side { return serve(t, h) })
		})
	}
}

func send(t *testing.T, s *server, m notify.Message) taken {
	t.Helper()
	if _, err := s.channel.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return s.last()
}

func TestTLSIsUsed(t *testing.T) {
	for scheme, auth := range map[string]bool{"smtp": true, "smtps": false} {
		got := send(t, serve(t, how{scheme: scheme, auth: auth}), notifytest.Message("notice:1"))
		if !got.tls || (got.user == "billing") != auth {
			t.Errorf("%s: TLS %v, user %q", scheme, got.tls, got.user)
		}
	}
}

func TestHeaders(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	m := notifytest.Message("notice:sub_1:2026-11-28:trial_ending")
	m.Subject, m.Thread, m.Locale = "Ihre Testphase endet – für 29,00 €", "charge:in_1", "de"
	m.To.Copy = "boss@kern.example"
	first := send(t, s, m)
	m.ID = "notice:another"
	second := send(t, s, m)
	subject, err := new(mime.WordDecoder).DecodeHeader(first.header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Content-Language": "de", "Reply-To": `"Help" <help@acme.example>`,
		"Cc": "<boss@kern.example>", "Date": "Sat, 21 Nov 2026 09:30:00 +0000",
	} {
		if got := first.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	id, thread := first.header.Get("Message-Id"), first.header.Get("References")
	if !strings.HasSuffix(id, "@acme.example>") || strings.Contains(id, "sub_1") || id == second.header.Get("Message-Id") {
		t.Errorf("Message-Id %q, the other's %q", id, second.header.Get("Message-Id"))
	}
	if thread == "" || thread == id || thread != second.header.Get("References") || thread != first.header.Get("In-Reply-To") {
		t.Errorf("References %q, the other's %q", thread, second.header.Get("References"))
	}
	if strings.Join(first.to, " ") != "dana.secret@kern.example boss@kern.example" || first.from != "billing@acme.example" {
		t.Errorf("from %s to %v", first.from, first.to)
	}
	m.Thread, m.To.Copy = "", ""
	bare := send(t, s, m)
	for _, name := range []string{"List-Unsubscribe", "List-Unsubscribe-Post", "References", "In-Reply-To", "Cc", "User-Agent", "X-Mailer"} {
		if got := bare.header.Get(name); got != "" {
			t.Errorf("%s: %q, want none", name, got)
		}
	}
}

// parts reads a mail as a mail program does.
func parts(t *testing.T, header func(string) string, body io.Reader) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	if !strings.HasPrefix(kind, "multipart/") {
		if strings.EqualFold(header("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{kind: strings.ReplaceAll(string(text), "\r\n", "\n")}
	}
	reader := multipart.NewReader(body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for k, text := range parts(t, part.Header.Get, part) {
			all[k] = text
		}
	}
}

func TestParts(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	m := notifytest.Message("notice:1")
	m.Text, m.HTML = "Grüße, 29,00 €\n\n.dot\n", "<p>Grüße 日本語</p>"
	m.Attachments = []notify.Attachment{{Name: "Reçu-1.pdf", Type: "application/pdf", Data: []byte("%PDF-1.4 x")}}
	got := send(t, s, m)
	read, err := mail.ReadMessage(bytes.NewReader(got.raw))
	if err != nil {
		t.Fatal(err)
	}
	all := parts(t, read.Header.Get, read.Body)
	if all["text/plain"] != m.Text || all["text/html"] != m.HTML || !strings.Contains(all["application/pdf"], "JVBERi0xLjQgeA==") {
		t.Errorf("%q", all)
	}
	for line := range bytes.SplitSeq(got.raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

func kindOf(t *testing.T, err error) notify.ErrorKind {
	t.Helper()
	e, ok := errors.AsType[*notify.Error](err)
	if !ok {
		t.Errorf("%v is no *notify.Error", err)
		return ""
	}
	if text := err.Error(); strings.Contains(text, password) || strings.Contains(text, "kern.example") {
		t.Errorf("tells too much: %v", err)
	}
	return e.Kind
}

func TestAnswersAreSorted(t *testing.T) {
	const mailbox, policy = 2, 7
	for name, test := range map[string]struct {
		step  string
		code  int
		want  notify.ErrorKind
		about int
	}{
		"no such mailbox":        {step: "rcpt", code: 550, want: notify.Refused},
		"mailbox full for good":  {"rcpt", 552, notify.Refused, mailbox},
		"relaying denied":        {"rcpt", 554, notify.Unavailable, policy},
		"log in first":           {step: "rcpt", code: 530, want: notify.Unavailable},
		"our address is listed":  {"rcpt", 550, notify.Unavailable, policy},
		"not signed as it wants": {"data", 550, notify.Unavailable, policy},
		"grey listing":           {step: "rcpt", code: 450, want: notify.Unavailable},
		"sender not allowed":     {step: "mail", code: 550, want: notify.Unavailable},
		"content refused":        {step: "data", code: 554, want: notify.Refused},
		"no space":               {step: "data", code: 452, want: notify.Unavailable},
		"cut within the content": {step: "within data", want: notify.Unknown},
	} {
		s := serve(t, how{scheme: "smtp", auth: true})
		s.set(test.step, test.code)
		s.about = test.about
		m := notifytest.Message("notice:1")
		_, err := s.channel.Send(t.Context(), m)
		if got := kindOf(t, err); got != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		if n := len(s.Taken()); n != 0 {
			t.Errorf("%s: taken all the same", name)
		}
	}
}

// TestLongMailIsCut: a connection that breaks before the final dot leaves nothing
// behind, and that is known.
func TestLongMailIsCut(t *testing.T) {
	s := serve(t, how{scheme: "smtp", noTLS: true})
	s.set("within data", 0)
	m := notifytest.Message("notice:1")
	m.Attachments = []notify.Attachment{{Name: "long.pdf", Type: "application/pdf", Data: make([]byte, 32<<20)}}
	_, err := s.channel.Send(t.Context(), m)
	if got := kindOf(t, err); got != notify.Unavailable {
		t.Errorf("%v, want unavailable", err)
	}
}

func TestRefusedCopyDoesNotKeepTheMailBack(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	s.refuse["gone@kern.example"] = 550
	m := notifytest.Message("notice:1")
	m.To.Copy = "gone@kern.example"
	receipt, err := s.channel.Send(t.Context(), m)
	if err != nil || !strings.Contains(receipt, "without the copy") {
		t.Errorf("%q, %v", receipt, err)
	}
	if got := s.last(); strings.Join(got.to, " ") != "dana.secret@kern.example" || got.header.Get("Cc") != "" {
		t.Errorf("sent to %v, Cc %q", got.to, got.header.Get("Cc"))
	}
	s.refuse["dana.secret@kern.example"] = 550
	if _, err := s.channel.Send(t.Context(), m); kindOf(t, err) != notify.Refused {
		t.Errorf("both refused: %v", err)
	}
}

// The address of a copy may be what a provider knows of a buyer.
func TestCopyToNoAddress(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	m := notifytest.Message("notice:1")
	m.To.Copy = "not at all"
	receipt, err := s.channel.Send(t.Context(), m)
	if err != nil || !strings.Contains(receipt, "without the copy") {
		t.Errorf("%q, %v", receipt, err)
	}
	if got := s.last(); strings.Join(got.to, " ") != "dana.secret@kern.example" || got.header.Get("Cc") != "" {
		t.Errorf("sent to %v, Cc %q", got.to, got.header.Get("Cc"))
	}
}

func TestServerDoesNotLetUsIn(t *testing.T) {
	s := serve(t, how{scheme: "smtp", auth: true})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, c := range map[string]*email.Channel{
		"wrong password": s.open("smtp://billing:wrong-"+password+"@"+s.address, time.Second),
		"nobody there":   s.open("smtp://"+gone.Addr().String(), time.Second),
		"no TLS there":   s.open("smtps://"+s.address, time.Second),
	} {
		if _, err := c.Send(t.Context(), notifytest.Message("notice:1")); kindOf(t, err) != notify.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPasswordNeedsTLS(t *testing.T) {
	s := serve(t, how{scheme: "smtp", noTLS: true, auth: true})
	if _, err := s.channel.Send(t.Context(), notifytest.Message("notice:1")); kindOf(t, err) != notify.Unavailable || len(s.Taken()) > 0 {
		t.Errorf("%v", err)
	}
}

// TestSilentServer: a server that never answers is given up on, and whether a mail
// was taken is said rightly.
func TestSilentServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := serve(t, how{scheme: "smtp"})
	c := s.open("smtp://"+listener.Addr().String(), 100*time.Millisecond)
	if _, err := c.Send(t.Context(), notifytest.Message("notice:1")); kindOf(t, err) != notify.Unavailable {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c = s.open("smtp://"+listener.Addr().String(), time.Minute)
	if _, err := c.Send(ctx, notifytest.Message("notice:1")); kindOf(t, err) != notify.Unavailable {
		t.Errorf("with a deadline: %v", err)
	}
}

func TestNobodyToWriteTo(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	for _, to := range []string{"", "nobody", "a@b@c", "x@kern.example\r\nBcc: y@kern.example"} {
		m := notifytest.Message("notice:1")
		m.To.Email = to
		if _, err := s.channel.Send(t.Context(), m); kindOf(t, err) != notify.Refused {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	m := notifytest.Message("notice:1\r\nBcc: a@b.example")
	m.Subject, m.To.Name, m.Locale = "x\r\nBcc: a@b.example", "Dana\r\nBcc: a@b.example", "de\r\nBcc: a@b.example"
	m.Thread = "t\r\nBcc: a@b.example"
	got := send(t, s, m)
	if got.header.Get("Bcc") != "" || len(got.to) != 1 {
		t.Errorf("Bcc %q, to %v", got.header.Get("Bcc"), got.to)
	}
}

// TestNamesAsPeopleHaveThem: whatever somebody is called, the mail reaches them and no
// one else, and the program shows the name.
func TestNamesAsPeopleHaveThem(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	for _, name := range []string{
		`Robert "Bob" Smith`, `back\slash`, `ends with \`, `x" <evil@kern.example>, "y`, `a" <evil@kern.example> (b`, "O'Neil, Dana", "佐藤 \"花子\"", "<Dana>", "a@b",
	} {
		m := notifytest.Message("notice:1")
		m.To.Name = name
		got := send(t, s, m)
		to, err := (&mail.AddressParser{WordDecoder: new(mime.WordDecoder)}).ParseList(got.header.Get("To"))
		if err != nil || len(to) != 1 || to[0].Name != name || to[0].Address != m.To.Email || strings.Join(got.to, " ") != m.To.Email {
			t.Errorf("%s: %v, %v, sent to %v", name, to, err, got.to)
		}
	}
}

// TestTheSendersName may have quotes as well.
func TestTheSendersName(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	c, err := email.New(email.Options{Server: "smtp://" + s.address, From: `"Acme \"Pro\" Ltd." <billing@acme.example>`, TLS: s.tls})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), notifytest.Message("notice:1")); err != nil {
		t.Fatal(err)
	}
	if from, err := mail.ParseAddress(s.last().header.Get("From")); err != nil || from.Name != `Acme "Pro" Ltd.` {
		t.Errorf("%v, %v", from, err)
	}
}

// TestAddressesOfTheWild: Japanese carriers gave out addresses whose dots stand where
// the standard wants quotes.
func TestAddressesOfTheWild(t *testing.T) {
	s := serve(t, how{scheme: "smtp"})
	for _, address := range []string{"dana..kern@docomo.example", "dana.@docomo.example", ".dana@docomo.example"} {
		m := notifytest.Message("notice:1")
		m.To.Email, m.To.Copy = address, address
		got := send(t, s, m)
		to, err := mail.ParseAddress(got.header.Get("To"))
		if err != nil || to.Address != address || len(got.to) != 2 || got.to[0] != address {
			t.Errorf("%s: %v, %v, sent to %v", address, to, err, got.to)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		options email.Options
		says    string
	}{
		"scheme":   {email.Options{Server: "http://u:" + password + "@mx", From: "a@b.example"}, "smtps://"},
		"host":     {email.Options{Server: "smtp://", From: "a@b.example"}, "smtps://"},
		"slash":    {email.Options{Server: "smtp://u:12/" + password + "@mx", From: "a@b.example"}, "%2F"},
		"port":     {email.Options{Server: "smtp://u:" + password + "@mx:70000", From: "a@b.example"}, "port"},
		"from":     {email.Options{Server: "smtp://mx", From: "Acme"}, "to send from"},
		"reply to": {email.Options{Server: "smtp://mx", From: "a@b.example", ReplyTo: "x"}, "to answer to"},
	} {
		_, err := email.New(test.options)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
