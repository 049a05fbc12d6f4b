// Package email sends messages as mails through an SMTP server.
//
// It owns how a message becomes a mail (parts, headers, threads) and what the
// server's answers mean. It does not own the words, nor when something is sent, nor
// that it is sent once: a mail's Message-ID follows from the message's ID, so a mail
// that was sent twice, because nobody knew whether the first arrived, is one mail to
// programs that compare them.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/trivetdev/trivet/notify"
)

// defaultTimeout bounds every step of a conversation with the server.
const defaultTimeout = 30 * time.Second

// Options says how mails are sent.
type Options struct {
	// Server is smtps://user:password@host:465, or smtp:// for a server that goes over
	// to TLS itself (STARTTLS). Ports are 465 and 587 if left out. A password is sent
	// through TLS only; what is special in it is written %2F for /, as in any address.
	Server string
	// From and ReplyTo are mail addresses, as in "Acme <billing@acme.example>";
	// ReplyTo may be empty.
	From, ReplyTo string
	// Timeout bounds every step; zero: 30 s.
	Timeout time.Duration
	// TLS is for servers with certificates of their own; nil: the machine's roots.
	TLS *tls.Config
	// Now is the clock for the Date header; nil: the real one.
	Now func() time.Time
}

// Channel sends mails.
type Channel struct {
	host          string
	options       []gomail.Option
	from, replyTo *mail.Address
	now           func() time.Time
	timeout       time.Duration
}

// New checks the options; nothing is connected yet. Errors do not repeat the
// server's address, for it holds a password.
func New(o Options) (*Channel, error) {
	u, err := url.Parse(o.Server)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the mail server is no address: write it as smtps://user:password@mail.example.com:465, and %2F for a / in the password")
	}
	c := &Channel{host: u.Hostname(), now: o.Now}
	if c.now == nil {
		c.now = time.Now //nolint:forbidigo // what the field promises when it is nil
	}
	if c.from, err = mail.ParseAddress(o.From); err != nil {
		return nil, fmt.Errorf(`%q is no mail address to send from: write it as "Acme <billing@acme.example>"`, o.From)
	}
	if o.ReplyTo != "" {
		if c.replyTo, err = mail.ParseAddress(o.ReplyTo); err != nil {
			return nil, fmt.Errorf(`%q is no mail address to answer to: write it as "Acme <help@acme.example>"`, o.ReplyTo)
		}
	}
	port, err := portOf(u)
	if err != nil {
		return nil, err
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	c.timeout = o.Timeout
	c.options = append(c.options, gomail.WithPort(port), gomail.WithoutNoop(),
		gomail.WithHELO(domain(c.from)))
	c.secure(u, o.TLS)
	if _, err := gomail.NewClient(c.host, c.options...); err != nil {
		return nil, fmt.Errorf("the mail server cannot be used: %w", err)
	}
	return c, nil
}

func portOf(u *url.URL) (int, error) {
	if u.Port() == "" {
		return map[string]int{"smtp": 587, "smtps": 465}[u.Scheme], nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("the mail server's port is none from 1 to 65535")
	}
	return int(port), nil
}

// secure sets how the connection is protected and who we are.
func (c *Channel) secure(u *url.URL, config *tls.Config) {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = c.host
	}
	c.options = append(c.options, gomail.WithTLSConfig(config))
	switch {
	case u.Scheme == "smtps":
		c.options = append(c.options, gomail.WithSSL())
	case u.User != nil:
		c.options = append(c.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		c.options = append(c.options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		c.options = append(c.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
}

// domain is what an address has after the @.
func domain(a *mail.Address) string {
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}

// Name implements [notify.Channel].
func (c *Channel) Name() string { return notify.Email }

// Dial finds out whether the server lets us in, and sends nothing.
func (c *Channel) Dial(ctx context.Context) error {
	client, err := gomail.NewClient(c.host, append(slices.Clip(c.options), gomail.WithTimeout(c.within(ctx)))...)
	if err != nil {
		return err
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("the mail server did not let us in: %w", plain(err))
	}
	_ = connection.Quit()
	return nil
}

// Send implements [notify.Channel]. The receipt is the server's word on having
// taken it.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", &notify.Error{Kind: notify.Unavailable, Err: err}
	}
	note := ""
	built, err := c.build(m, m.To.Copy)
	if err != nil && m.To.Copy != "" {
		if built, err = c.build(m, ""); err == nil {
			m.To.Copy, note = "", " (without the copy, whose address is none)"
		}
	}
	if err != nil {
		return "", &notify.Error{Kind: notify.Refused, Err: err}
	}
	client, err := gomail.NewClient(c.host, append(slices.Clip(c.options), gomail.WithTimeout(c.within(ctx)))...)
	if err != nil {
		return "", &notify.Error{Kind: notify.Unavailable, Err: err}
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return "", &notify.Error{Kind: notify.Unavailable, Err: fmt.Errorf("the mail server did not let us in: %w", plain(err))}
	}
	// Closing without QUIT: after a mail that was cut off, QUIT would end the mail
	// with the dot that makes the server take what it has.
	defer func() { _ = connection.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	err = client.SendWithSMTPClient(connection, built)
	if m.To.Copy != "" && refusesAddress(err) {
		// One of two addresses is refused. Whoever gets a copy must not keep the mail
		// from whom it is for.
		note = " (without the copy, whose address was refused)"
		if built, err = c.build(m, ""); err == nil {
			err = client.SendWithSMTPClient(connection, built)
		}
	}
	if err != nil && !built.IsDelivered() {
		return "", sort(err)
	}
	return mask(built.ServerResponse(), m.To) + note, nil
}

// within bounds a step by what ctx has left: while it connects, the library does not
// mind ctx otherwise.
func (c *Channel) within(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(min(c.timeout, time.Until(deadline)), time.Millisecond)
	}
	return c.timeout
}

// longestReceipt bounds what is kept of a server's answer.
const longestReceipt = 200

// mask takes the addresses out of what a server says.
func mask(text string, to notify.Recipient) string {
	for _, a := range []string{to.Email, to.Copy} {
		if a != "" {
			text = strings.ReplaceAll(text, a, "…")
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longestReceipt {
		text = strings.ToValidUTF8(text[:longestReceipt], "") + "…"
	}
	return text
}

// plain is an error of the network without what the server said in it.
func plain(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	if code := codeIn(err); code != 0 {
		return fmt.Errorf("it answers %d", code)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	for _, known := range []string{"STARTTLS", "certificate", "EOF", "timeout", "AUTH", "auth"} {
		if strings.Contains(err.Error(), known) {
			return errors.New(known)
		}
	}
	return errors.New("the conversation failed")
}
