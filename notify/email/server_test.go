package email_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/email"
)

const password = "s3cret-pa55word"

// server is a real SMTP server within the test.
type server struct {
	t       *testing.T
	channel *email.Channel
	address string
	tls     *tls.Config // for clients

	mu     sync.Mutex
	mails  []taken
	fail   notify.ErrorKind
	refuse map[string]int // addresses and the code that refuses them
	step   string         // where an answer of code comes instead of yes
	code   int
	about  int // the enhanced code's middle number, what it is about; zero: 1, the address
}

// taken is a mail that the server took.
type taken struct {
	from   string
	to     []string
	user   string
	tls    bool
	header mail.Header
	raw    []byte
}

// how says what the server asks for.
type how struct {
	scheme  string // smtp or smtps
	auth    bool
	noTLS   bool
	timeout time.Duration
}

func serve(t *testing.T, h how) *server {
	t.Helper()
	s := &server{t: t, refuse: map[string]int{}}
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	pool := web.Client().Transport
	s.tls = clientTLS(pool)
	backend := smtp.NewServer(s.backend(h.auth))
	backend.Domain = "mx.example"
	backend.AllowInsecureAuth = true
	if !h.noTLS {
		backend.TLSConfig = &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	if h.scheme == "smtps" {
		listener = tls.NewListener(listener, backend.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = backend.Serve(listener) }()
	t.Cleanup(func() { _ = listener.Close(); _ = backend.Close(); <-done })
	user := ""
	if h.auth {
		user = "billing:" + password + "@"
	}
	s.channel = s.open(h.scheme+"://"+user+s.address, h.timeout)
	return s
}

func (s *server) open(address string, timeout time.Duration) *email.Channel {
	s.t.Helper()
	c, err := email.New(email.Options{
		Server: address, From: "Acme Überweisung <billing@acme.example>", ReplyTo: "Help <help@acme.example>", TLS: s.tls,
		Timeout: timeout, Now: func() time.Time { return time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *server) Channel() notify.Channel { return s.channel }

func (s *server) Secrets() []string { return []string{password} }

func (s *server) Taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, m := range s.mails {
		ids = append(ids, m.header.Get("Message-Id"))
	}
	return ids
}

func (s *server) Fail(kind notify.ErrorKind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = kind
	return true
}

func (s *server) set(step string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step, s.code = step, code
}

func (s *server) last() taken {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) == 0 {
		s.t.Fatal("no mail was taken")
	}
	return s.mails[len(s.mails)-1]
}

// answer is what a step of the conversation gets.
func (s *server) answer(step, address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, max(s.about, 1), 1}, Message: "not <" + address + "> " + password}
	}
	switch {
	case step == "rcpt" && s.refuse[address] != 0:
		return reply(s.refuse[address])
	case step == s.step:
		return reply(s.code)
	case step == "rcpt" && s.fail == notify.Refused:
		return reply(550)
	case step == "rcpt" && s.fail == notify.Unavailable:
		return reply(451)
	}
	return nil
}

func (s *server) backend(auth bool) smtp.Backend {
	return smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		one := session{server: s, conn: c}
		if auth {
			return &authSession{one}, nil
		}
		return &one, nil
	})
}

type session struct {
	*server
	conn *smtp.Conn
	mail taken
}

func (s *session) Reset()        { user := s.mail.user; s.mail = taken{user: user} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return s.answer("mail", from)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.answer("rcpt", to); err != nil {
		return err
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	s.mu.Lock()
	cut := s.step == "within data"
	s.mu.Unlock()
	if cut {
		_ = s.conn.Conn().Close()
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.answer("data", ""); err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	s.mail.raw, s.mail.header = raw, m.Header
	_, s.mail.tls = s.conn.TLSConnectionState()
	s.mu.Lock()
	s.mails = append(s.mails, s.mail)
	silent := s.fail == notify.Unknown
	s.mu.Unlock()
	if silent { // taken, and then the line is dead
		_ = s.conn.Conn().Close()
	}
	return nil
}

type authSession struct{ session }

func (s *authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, secret string) error {
		if user != "billing" || secret != password {
			return errors.New("wrong " + secret)
		}
		s.mail.user = user
		return nil
	}), nil
}

func (s *authSession) Mail(from string, o *smtp.MailOptions) error {
	if s.mail.user == "" {
		return smtp.ErrAuthRequired
	}
	return s.session.Mail(from, o)
}
