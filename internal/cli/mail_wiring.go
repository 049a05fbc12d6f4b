package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/notify/email"
	"github.com/trivetdev/trivet/notify/sms"
	"github.com/trivetdev/trivet/notify/words"
)

// wordsOf loads the words, with the folder of the configuration over them.
func wordsOf(c *config.Config) (*words.Set, error) {
	var folder fs.FS
	if c.Mail.Templates != "" {
		info, err := os.Stat(c.Mail.Templates)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("mail.templates: there is no folder %s: make it, or remove the key", c.Mail.Templates)
		case err != nil:
			return nil, fmt.Errorf("mail.templates: %w", err)
		case !info.IsDir():
			return nil, fmt.Errorf("mail.templates: %s is no folder", c.Mail.Templates)
		}
		folder = os.DirFS(c.Mail.Templates)
	}
	set, err := words.Load(folder, c.Mail.Locale)
	if err != nil {
		return nil, fmt.Errorf("mail.templates: %w", err)
	}
	return set, nil
}

// brandOf says who messages are from. Without a brand it is the sender's name, or
// where mails or the product are at home: "a customer of" has to go on.
func brandOf(c *config.Config) words.Brand {
	b := words.Brand{Name: c.Mail.Brand, URL: c.Mail.URL, Support: c.Mail.Support, Address: c.Mail.Address, TaxID: c.Mail.TaxID, Keep: c.Mail.Keep}
	if support, err := mail.ParseAddress(b.Support); err == nil {
		b.Support = support.Address
	}
	if from, err := mail.ParseAddress(c.Mail.From); err == nil {
		_, domain, _ := strings.Cut(from.Address, "@")
		b.Name = or(b.Name, or(from.Name, domain))
	}
	if page, err := url.Parse(b.URL); err == nil {
		b.Name = or(b.Name, strings.TrimPrefix(page.Hostname(), "www."))
	}
	return b
}

// emailOf makes the channel for mails; nil if none is configured.
func emailOf(c *config.Config, now func() time.Time) (*email.Channel, error) {
	if c.Mail.SMTP == "" {
		return nil, nil //nolint:nilnil // no mail is configured, which is no error
	}
	channel, err := email.New(email.Options{Server: c.Mail.SMTP.Reveal(), From: c.Mail.From, ReplyTo: c.Mail.ReplyTo, Now: now})
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return channel, nil
}

// smsOf makes the channel for SMS; nil if none is configured.
func smsOf(c *config.Config, now func() time.Time) (*sms.Channel, error) {
	var o sms.Options
	switch c.SMS.Kind {
	case config.Twilio:
		o = sms.Twilio(c.SMS.Account, c.SMS.Token.Reveal(), c.SMS.From)
	case config.Gateway:
		o = sms.Options{URL: c.SMS.URL, Body: c.SMS.Body, From: c.SMS.From}
		switch {
		case c.SMS.Account != "":
			o.User, o.Password = c.SMS.Account, c.SMS.Token.Reveal()
		case c.SMS.Token != "":
			o.Header = map[string]string{"Authorization": "Bearer " + c.SMS.Token.Reveal()}
		}
	default:
		return nil, nil //nolint:nilnil // no SMS are configured, which is no error
	}
	o.Now = now
	channel, err := sms.New(o)
	if err != nil {
		return nil, fmt.Errorf("sms: %w", err)
	}
	return channel, nil
}
