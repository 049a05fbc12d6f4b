package config

import (
	"net/mail"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

// mail reads who messages are from and how mail goes out; the latter may be left
// out, and then it is left out whole.
func (r *reader) mail() Mail {
	s, ok := r.table("mail")
	if !ok {
		return Mail{}
	}
	m := Mail{
		SMTP: s.secret("smtp"), From: s.address("from"), ReplyTo: s.address("reply_to"), Templates: s.text("templates"),
		Locale: s.locale("locale"), Brand: s.text("brand"), Support: s.address("support"), Address: s.text("address"),
		HandOver: s.on("handover"),
	}
	if s.has("url") {
		m.URL = s.web("url")
	}
	if s.has("keep") {
		m.Keep = s.duration("keep", 0)
	}
	if !s.has("smtp") && !s.has("from") && !s.has("reply_to") && len(s.values) > 0 {
		return m
	}
	u, err := url.Parse(m.SMTP.Reveal())
	switch {
	case !s.has("smtp"):
		s.bad("smtp", "is missing: write it as smtps://user:password@mail.example.com:465")
	case m.SMTP == "": // reported by secret
	case err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "":
		s.bad("smtp", "is no mail server: write it as smtps://user:password@mail.example.com:465")
	}
	if !s.has("from") {
		s.bad("from", `is missing: write it as "Acme <billing@example.com>"`)
	}
	return m
}

// sms reads how SMS go out.
func (r *reader) sms() SMS {
	s, ok := r.table("sms")
	if !ok {
		return SMS{}
	}
	m := SMS{
		Kind: s.choice("kind", []string{Twilio, Gateway, HandOver}, ""), From: s.text("from"), Account: s.plain("account"),
		Token: s.secret("token"), URL: s.text("url"), Body: s.text("body"),
	}
	if !s.has("kind") {
		s.bad("kind", "is missing: write twilio, http for another gateway, or handover to have your application send them")
		return m
	}
	if m.Kind == HandOver {
		for _, key := range []string{"from", "account", "token", "url", "body"} {
			if s.has(key) {
				s.bad(key, "is for a gateway, and kind hands SMS over to your application: remove the key")
			}
		}
		return m
	}
	if m.From == "" {
		s.bad("from", "is missing: write the number that SMS come from, as in +15551234567, or a name that the gateway knows")
	}
	switch m.Kind {
	case Twilio:
		for _, key := range []string{"account", "token"} {
			if !s.has(key) {
				s.bad(key, "is missing: copy it from the console at twilio.com")
			}
		}
		for _, key := range []string{"url", "body"} {
			if s.has(key) {
				s.bad(key, "is for kind = \"http\": Twilio's is known; remove the key")
			}
		}
	case Gateway:
		address, _, _ := strings.Cut(m.URL, "?") // a gateway may want a query
		if why := webProblem(address); why != "" {
			s.bad("url", "%s", why)
		}
	}
	return m
}

func (s section) address(key string) string {
	text := s.text(key)
	if text == "" {
		return ""
	}
	if _, err := mail.ParseAddress(text); err != nil {
		s.bad(key, `%q is no mail address: write it as "Acme <billing@example.com>"`, text)
	}
	return text
}

func (s section) locale(key string) string {
	text := s.text(key)
	if text == "" {
		return ""
	}
	if _, err := language.Parse(text); err != nil {
		s.bad(key, "%q is no language: write it like de or pt-BR", text)
	}
	return text
}
