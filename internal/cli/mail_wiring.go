package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// brandOf says who messages are from.
func brandOf(c *config.Config) words.Brand {
	return words.Brand{Name: c.Mail.Brand, URL: c.Mail.URL, Support: c.Mail.Support, Address: c.Mail.Address, Keep: c.Mail.Keep}
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
