package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// eventNames are the types of events that an endpoint can choose from.
var eventNames = []string{"customer.state_changed", messageDue, "alert.raised"}

// messageDue is the type of event that hands a message over.
const messageDue = "message.due"

// Events lists the types of events that an endpoint can choose from.
func Events() []string { return slices.Clone(eventNames) }

// EndpointName is what an endpoint is called that has no name of its own: its host,
// with the port if the URL has one.
func EndpointName(u *url.URL) string {
	return strings.Trim(strings.NewReplacer("[", "", "]", "").Replace(u.Host), ":")
}

// WeakSecret says why a secret cannot sign what endpoints are sent, or returns "".
// Standard Webhooks wants 24 to 64 random bytes, in base64 behind whsec_.
func WeakSecret(secret string) string {
	const (
		least, most = 24, 64
		varied      = 10 // different bytes; 24 random ones hardly ever have fewer
		// The one in the documentation of Standard Webhooks, which everybody knows.
		published = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	)
	encoded, found := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	different := map[byte]bool{}
	for _, b := range key {
		different[b] = true
	}
	switch {
	case !found || err != nil:
		return "is not whsec_ with base64 behind it" + makeOne
	case len(key) < least || len(key) > most:
		return "is not of 24 to 64 bytes" + makeOne
	case len(different) < varied || encoded == published:
		return "can be guessed" + makeOne
	}
	return ""
}

const makeOne = `: make one with: echo "whsec_$(openssl rand -base64 32)"`

func (r *reader) endpoints() []Endpoint {
	var all []Endpoint
	names := map[string]string{}
	for _, s := range r.numbered("endpoint") {
		e := Endpoint{
			Name: s.text("name"), URL: s.text("url"), Events: s.texts("events"),
			Secret: s.signing("secret"), PreviousSecret: s.signing("previous_secret"), AllowPrivate: s.on("allow_private"),
		}
		u := s.endpointURL(e)
		if !s.has("secret") {
			s.bad("secret", "is missing: what we send is signed with it, so that the receiver can tell it is from us%s", makeOne)
		}
		for _, event := range e.Events {
			if !slices.Contains(eventNames, event) {
				s.bad("events", "there are no events %q: %s", event, didYouMean(event, eventNames))
			}
		}
		if e.Name == "" && u != nil {
			e.Name = EndpointName(u)
		}
		if other := names[e.Name]; other != "" && e.Name != "" {
			s.bad("name", "%s is also that of %s: give each endpoint a name of its own", e.Name, other)
		}
		names[e.Name] = s.path
		all = append(all, e)
	}
	return all
}

// endpointURL checks the address of an endpoint; nil if it is none.
func (s section) endpointURL(e Endpoint) *url.URL {
	// A query is fine here, unlike in the addresses that we build upon.
	address, _, _ := strings.Cut(e.URL, "?")
	u, err := url.Parse(address)
	inside := err == nil && u.Scheme == "http" && u.Host != "" && u.User == nil && u.Fragment == ""
	switch why := webProblem(address); {
	case inside && e.AllowPrivate: // in a private network there is often no certificate
	case why != "" && inside:
		s.bad("url", "%s; for one in your own network that has no certificate set allow_private = true", why)
	case why != "":
		s.bad("url", "%s", why)
		return nil
	case loopback(u.Hostname()) && !e.AllowPrivate:
		s.bad("url", "leads to this machine: if that is meant, set allow_private = true")
	}
	return u
}

// signing reads a secret that signs what we send.
func (s section) signing(key string) Secret {
	secret := s.secret(key)
	if why := WeakSecret(secret.Reveal()); why != "" && secret != "" {
		from := key
		if s.values[key+"_file"] != nil {
			from = key + "_file"
		}
		s.bad(from, "%s", why)
	}
	return secret
}

// on reads a switch that is off unless set.
func (s section) on(key string) bool {
	if b, ok := s.values[key].(bool); ok || !s.has(key) {
		return b
	}
	switch strings.ToLower(s.text(key)) {
	case "true", "yes":
		return true
	case "false", "no":
		return false
	}
	s.bad(key, "must be true or false")
	return false
}

// handedOver checks that what is to be handed over has somebody to take it.
func (r *reader) handedOver(c *Config) {
	for section, on := range map[string]bool{"mail": c.Mail.HandOver, "sms": c.SMS.Kind == HandOver} {
		if !on {
			continue
		}
		s, _ := r.table(section)
		key := map[string]string{"mail": "handover", "sms": "kind"}[section]
		takers := slices.Collect(func(yield func(string) bool) {
			for _, e := range c.Endpoints {
				if (len(e.Events) == 0 || slices.Contains(e.Events, messageDue)) && !yield(e.Name) {
					return
				}
			}
		})
		switch {
		case len(takers) == 0:
			s.bad(key, "hands messages over, and no endpoint takes them: add an [[endpoint]] with events = [%q, …]", messageDue)
		case len(takers) > 1:
			s.bad(key, "hands messages over to one endpoint, and %s take them: leave %s out of the events of all but one", strings.Join(takers, " and "), messageDue)
		}
	}
}
