package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/team"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dispute"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/duplicate"
	"github.com/trivetdev/trivet/policy/fraud"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/policy/renewal"
)

// shipped are the policies, in the order in which they are asked, each made from
// its section.
var shipped = []struct {
	name string
	make func(section map[string]any) (policy.Policy, error)
}{
	{"hygiene", made(hygiene.Decode, hygiene.New)},
	{"renewal", made(renewal.Decode, renewal.New)},
	{"dunning", made(dunning.Decode, dunning.New)},
	{"dispute", made(dispute.Decode, dispute.New)},
	{"duplicate", made(duplicate.Decode, duplicate.New)},
	{"fraud", made(fraud.Decode, fraud.New)},
}

func made[S any, P policy.Policy](decode func(map[string]any) (S, error), create func(S) (P, error)) func(map[string]any) (policy.Policy, error) {
	return func(section map[string]any) (policy.Policy, error) {
		settings, err := decode(section)
		if err != nil {
			return nil, err
		}
		return create(settings)
	}
}

// policies makes the policies from their sections, and a text that is another when
// one of them is.
func policies(c *config.Config) (all []policy.Policy, digest string, err error) {
	sections := map[string]map[string]any{}
	for _, p := range c.Policies {
		sections[p.Name] = p.Settings
	}
	var wrong []error
	for _, s := range shipped {
		p, err := s.make(sections[s.name])
		if err != nil {
			wrong = append(wrong, settingsWrong(c, s.name, sections[s.name], err)...)
			continue
		}
		all = append(all, p)
	}
	if err := together(wrong); err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(sections)
	return all, string(text), err
}

// settingsWrong tells the operator what a policy says of its section: where each
// setting is, and what was meant. What a policy says of a setting's value begins with the
// setting's name.
func settingsWrong(c *config.Config, name string, section map[string]any, err error) (all []error) {
	path := "policy." + name
	told, ok := errors.AsType[policy.SettingErrors](err)
	if !ok {
		if key, why, found := strings.Cut(err.Error(), ": "); found && section[key] != nil {
			return []error{c.Wrong(path+"."+key, "%s", why)}
		}
		return []error{c.Wrong(path, "%v", err)}
	}
	for _, e := range told {
		if e.Known != nil {
			last := e.Key[strings.LastIndexByte(e.Key, '.')+1:]
			all = append(all, c.Wrong(path+"."+e.Key, "is not a key: %s", config.DidYouMean(last, e.Known)))
			continue
		}
		all = append(all, c.Wrong(path+"."+e.Key, "%v", e.Err))
	}
	return all
}

// says configures what is said, who says it and how it gets there.
func says(c *config.Config, built *trivet.Config, log *slog.Logger) error {
	set, err := wordsOf(c)
	if err != nil {
		return err
	}
	if c.Mail.Templates != "" {
		if err := set.Broken(); err != nil {
			return fmt.Errorf("mail.templates: these messages could not be sent: %w\nput the templates right (trivet mail check lists all that is wrong), or take them out of %s", err, c.Mail.Templates)
		}
	}
	built.Words, built.Brand = set, brandOf(c)
	mails, err := emailOf(c, built.Now)
	if err != nil {
		return err
	}
	texts, err := smsOf(c, built.Now)
	if err != nil {
		return err
	}
	var mail team.Mail
	if mails != nil {
		built.Channels = append(built.Channels, mails)
		mail = mailer(mails, built.Now)
	}
	if texts != nil {
		built.Channels = append(built.Channels, texts)
	}
	if c.Mail.HandOver {
		built.HandOver = append(built.HandOver, notify.Email)
	}
	if c.SMS.Kind == config.HandOver {
		built.HandOver = append(built.HandOver, notify.SMS)
	}
	built.Tell, err = teller(c, mail, log)
	return err
}

// mailer tells the team by mail. Programs show two mails with one Message-ID as one,
// which is right for what is told again because nobody knows whether it arrived, and
// wrong for an alert that was closed and is raised anew: hence the hour.
func mailer(mails notify.Channel, now func() time.Time) team.Mail {
	return func(ctx context.Context, to string, m notify.Message) error {
		_, err := mails.Send(ctx, notify.Message{
			ID: "alert:" + m.ID + ":" + to + ":" + now().UTC().Format("2006-01-02T15"), Subject: m.Title, Text: or(m.Body, m.Title), To: notify.Recipient{Email: to},
		})
		return err
	}
}

// teller tells the team of alerts: every [[alert]] section whose when names the
// alert's kind, or that names none. That one address fails does not keep the others
// from being told.
func teller(c *config.Config, mail team.Mail, log *slog.Logger) (func(context.Context, policy.Warning, string) error, error) {
	type room struct {
		channel *team.Channel
		when    []string
	}
	var rooms []room
	for i, a := range c.Alerts {
		channel, err := team.New(a.URL.Reveal(), mail)
		if err != nil {
			return nil, fmt.Errorf("alert %d: url: %w", i+1, err)
		}
		rooms = append(rooms, room{channel, a.When})
	}
	if len(rooms) == 0 {
		return nil, nil //nolint:nilnil // nobody is told
	}
	return func(ctx context.Context, w policy.Warning, customer string) error {
		text := w.Details
		if customer != "" {
			text += "\n\nCustomer: " + customer
		}
		if !w.DueBy.IsZero() {
			text += "\nDue by: " + w.DueBy.UTC().Format(time.RFC3339)
		}
		var failures []error
		told := 0
		for _, r := range rooms {
			if len(r.when) > 0 && !slices.Contains(r.when, w.Kind) {
				continue
			}
			if err := r.channel.Alert(ctx, w.Cause, w.Title, strings.TrimSpace(text)); err != nil {
				log.Error("an alert could not be sent", "kind", w.Kind, "error", err)
				failures = append(failures, err)
				continue
			}
			told++
		}
		if told > 0 { // to tell all again would tell some twice
			return nil
		}
		return errors.Join(failures...)
	}, nil
}
