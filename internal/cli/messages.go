package cli

import "github.com/trivetdev/trivet/client"

type messagesCommand struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	Customer    string `help:"To this customer."`
	Template    string `help:"Made of this template, such as trial_ending."`
	Channel     string `help:"By this channel: email, sms, inapp."`
}

// Run lists what was said to customers, and when.
func (c messagesCommand) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Messages(s.ctx, client.MessageFilter{Customer: c.Customer, Template: c.Template, Channel: c.Channel}, c.list())
	return r.show(page, err, func() {
		t := table{none: "nothing was said", head: []string{"id", "sent", "template", "channel", "locale", "customer", "to", "subject"}}
		for _, m := range page.Data {
			t.add(m.ID, stamp(m.SentAt), m.Template, m.Channel, m.Locale, m.Customer, m.Recipient, brief(m.Subject, 60))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}
