package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/trivetdev/trivet/notify"
)

// build makes the mail. Its errors name no address.
func (c *Channel) build(m notify.Message, copyTo string) (*gomail.Msg, error) {
	if m.Subject == "" || m.Text == "" {
		return nil, errors.New("a mail needs a subject and a text")
	}
	b := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	b.FromMailAddress(c.from)
	if c.replyTo != nil {
		b.ReplyToMailAddress(c.replyTo)
	}
	if m.To.Email == "" {
		return nil, errors.New("the customer has no mail address")
	}
	to, err := address(header(m.To.Name), m.To.Email)
	if err != nil {
		return nil, errors.New("the customer's mail address is none")
	}
	b.ToMailAddress(to)
	if copyTo != "" {
		also, err := address("", copyTo)
		if err != nil {
			return nil, errors.New("the address for the copy is none")
		}
		b.CcMailAddress(also)
	}
	b.SetDateWithValue(c.now())
	b.Subject(header(m.Subject))
	c.headers(b, m)
	b.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		b.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	for _, a := range m.Attachments {
		if err := b.AttachReader(header(a.Name), bytes.NewReader(a.Data), gomail.WithFileContentType(gomail.ContentType(a.Type))); err != nil {
			return nil, fmt.Errorf("the attachment %s: %w", header(a.Name), err)
		}
	}
	return b, nil
}

// address reads a mail address without a name, and adds one. Some that are in use
// are none by RFC 5322 unless the part before the @ stands in quotes, as it then does
// in the header.
func address(name, text string) (*mail.Address, error) {
	read, err := mail.ParseAddress(text)
	if i := strings.LastIndexByte(text, '@'); err != nil && i > 0 && !strings.ContainsAny(text[:i], `@"\<>()[],;: `) {
		read, err = mail.ParseAddress(`"` + text[:i] + `"` + text[i:])
	}
	switch {
	case err != nil:
		return nil, err
	case read.Name != "":
		return nil, errors.New("it has a name in it")
	}
	return &mail.Address{Name: name, Address: read.Address}, nil
}

// Raw is a mail as a server would be handed it, for people to look at: headers, both
// bodies, attachments.
func (c *Channel) Raw(m notify.Message) ([]byte, error) {
	built, err := c.build(m, m.To.Copy)
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if _, err := built.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	return raw.Bytes(), nil
}

// headers sets what programs read.
func (c *Channel) headers(b *gomail.Msg, m notify.Message) {
	b.SetMessageIDWithValue(c.stable("message", m.ID))
	// RFC 3834; the second keeps Exchange from sending absence notes back.
	b.SetGenHeader("Auto-Submitted", "auto-generated")
	b.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Locale != "" {
		b.SetGenHeader("Content-Language", header(m.Locale))
	}
	if m.Thread != "" {
		// The root of the thread is a mail that was never sent: programs put those
		// together that answer the same mail, whichever of them came.
		root := "<" + c.stable("thread", m.Thread) + ">"
		b.SetGenHeaderPreformatted("In-Reply-To", root)
		b.SetGenHeaderPreformatted("References", root)
	}
}

// stable makes a Message-ID's content out of an ID: equal for equal IDs, and without
// what the ID tells of the customer.
func (c *Channel) stable(kind, id string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + id))
	return hex.EncodeToString(sum[:16]) + "@" + domain(c.from)
}

// header makes a text fit for a header line.
func header(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == ' ' }), " ")
}
