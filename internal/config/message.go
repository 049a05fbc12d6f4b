package config

import (
	"net/mail"
	"net/url"
	"strconv"
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
		Locale: s.locale("locale"), Brand: s.text("brand"), Support: s.address("support"), Address: s.text("address"), TaxID: s.text("tax_id"),
		HandOver: s.on("handover"),
	}
	if s.has("url") {
		m.URL = s.web("url")
	}
	if s.has("keep") {
		m.Keep = s.duration("keep", 0)
	}
	if !s.has("smtp") && (m.HandOver || !s.has("from") && !s.has("reply_to") && len(s.values) > 0) {
		return m
	}
	if !s.has("smtp") {
		s.bad("smtp", "is missing: "+likeSMTP)
	} else if m.SMTP != "" { // else reported by secret
		if why := smtpProblem(m.SMTP.Reveal()); why != "" {
			s.bad("smtp", "%s", why)
		}
	}
	if !s.has("from") {
		s.bad("from", `is missing: write it as "Acme <billing@example.com>"`)
	}
	return m
}

const likeSMTP = "write it as smtps://user:password@mail.example.com:465" //nolint:gosec // it shows the form

// smtpProblem says what is wrong with the address of a mail server, without showing
// any of it. A password with a slash ends the address where its host should be, which
// then is the user.
func smtpProblem(text string) string {
	u, err := url.Parse(text)
	known := strings.HasPrefix(text, "smtp://") || strings.HasPrefix(text, "smtps://")
	more := err == nil && (u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "")
	switch {
	case known && strings.Contains(text, "@") && (err != nil || more):
		return "the password has characters that are written as % and two digits in an address: %2F for /, %23 for #, %3F for ?, %25 for %, %5E for ^"
	case err != nil || !known || u.Hostname() == "":
		return "is no mail server: " + likeSMTP
	case more:
		return "has more than user, password, host and port: leave out the rest"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "has no port from 1 to 65535: " + likeSMTP
		}
	}
	return ""
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
