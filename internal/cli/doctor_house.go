package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// database looks at what is there, and at what people have switched in it.
func (d *doctor) database(ctx context.Context) []finding {
	seen, err := store.Look(ctx, databaseURL(d.config.Database))
	var f finding
	switch {
	case err != nil:
		f = found(failed, "database", "%v", err).next("see to it, or set database (TRIVET_DATABASE)")
	case seen.Absent:
		f = found(fine, "database", "%s is not there yet; the service makes it at its start", d.config.Database.Path)
	case seen.Schema == 0:
		f = found(fine, "database", "it answers, and is empty; the service makes its tables at its start")
	case seen.Schema > seen.Known:
		f = found(failed, "database", "a newer version of trivet has worked on it: its schema is number %d, and this one knows %d", seen.Schema, seen.Known).next("install that version")
	case seen.Schema < seen.Known:
		f = found(doubt, "database", "its schema is number %d of %d; the service brings it up to date at its start", seen.Schema, seen.Known).next("back it up first: trivet backup")
	default:
		f = found(fine, "database", "it answers, and its schema is up to date (number %d)", seen.Schema)
	}
	return append([]finding{f}, d.mode(seen.Switches)...)
}

// does says what the modes mean.
var does = map[policy.Mode]string{
	policy.Observe: "it reads and writes down what it would do; nothing is done or sent",
	policy.Assist:  "it proposes, and what you accept is done",
	policy.Enforce: "it does what its policies ask for, and tells customers",
}

// mode tells how far the service may go.
func (d *doctor) mode(switches []store.Switch) (all []finding) {
	mode, from := policy.Mode(d.config.Mode), ""
	var others []string
	for _, p := range d.config.Providers {
		if p.Mode != "" {
			others = append(others, "provider/"+p.Name+" "+string(p.Mode))
		}
	}
	for _, p := range d.config.Policies {
		if p.Mode != "" {
			others = append(others, "policy/"+p.Name+" "+string(p.Mode))
		}
	}
	var brake []finding
	for _, s := range switches {
		switch s.Scope {
		case store.SwitchBrake:
			brake = append(brake, found(doubt, "mode", "the brake is on since %s by %s: no money moves", stamp(s.At), s.Actor).next("trivet mode brake off"))
		case policy.ScopeGlobal:
			mode, from = policy.Mode(s.Value), " (switched by "+s.Actor+")"
		default:
			others = append(others, s.Scope+" "+s.Value+" (switched)")
		}
	}
	f := found(fine, "mode", "%s%s: %s", mode, from, does[mode])
	if len(others) > 0 {
		f.Found += "; of their own: " + strings.Join(others, ", ")
	}
	return append(brake, f)
}

// address looks whether public_url leads to a service.
func (d *doctor) address(ctx context.Context) []finding {
	u, err := url.Parse(d.config.PublicURL)
	if err != nil {
		return []finding{found(failed, "public_url", "it is no web address")}
	}
	if why := unreachable(u); why != "" {
		return []finding{found(doubt, "public_url", "it is %s, %s", d.config.PublicURL, why).
			next("set public_url (TRIVET_PUBLIC_URL) to the https address at which providers and customers reach the service")}
	}
	if d.offline {
		return []finding{found(fine, "public_url", "it is %s", d.config.PublicURL)}
	}
	if err := answers(ctx, d.config.PublicURL+"/healthz"); err != nil {
		return []finding{found(doubt, "public_url", "%s/healthz is no running service (%v)", d.config.PublicURL, err).
			next("start it, and let the address lead to %s", d.config.Listen)}
	}
	return []finding{found(fine, "public_url", "%s leads to a running service", d.config.PublicURL)}
}

// answers asks a service for its health. Redirects are not followed: providers do not
// follow them either.
func answers(ctx context.Context, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	const most = 1 << 10
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return errors.New("it answers " + response.Status)
	case strings.TrimSpace(string(body)) != "ok":
		return errors.New("somebody else answers")
	}
	return nil
}

// mail looks whether the mail server takes us.
func (d *doctor) mail(ctx context.Context) []finding {
	channel, err := emailOf(d.config, d.Now)
	switch {
	case err != nil || channel == nil: // told with the settings
		return nil
	case d.offline:
		return nil
	}
	if err := channel.Try(ctx); err != nil {
		return []finding{found(failed, "mail", "%v", err).next("see to smtp in [mail]: address, user and password")}
	}
	return []finding{found(fine, "mail", "the server lets us in; nothing was sent")}
}

// templates renders every message of the operator's. Those that are built in are right.
func (d *doctor) templates(context.Context) []finding {
	if d.config.Mail.Templates == "" {
		return []finding{found(fine, "messages", "the texts that are built in are used")}
	}
	set, err := wordsOf(d.config)
	if err != nil {
		return nil // told with the settings
	}
	if problems := set.Check(); len(problems) > 0 {
		return []finding{found(failed, "messages", "%d problems, the first of them: %v", len(problems), problems[0]).next("trivet mail check lists them all")}
	}
	return []finding{found(fine, "messages", "all can be rendered, in %d languages", len(set.Locales()))}
}

// endpoint looks where an endpoint's name leads. Nothing is sent there.
func (d *doctor) endpoint(ctx context.Context, e config.Endpoint) []finding {
	u, err := url.Parse(e.URL)
	if err != nil || d.offline { // told with the settings
		return nil
	}
	f := leads(ctx, u.Hostname(), e.AllowPrivate)
	f.Subject = e.Name
	return []finding{f}
}

// leads looks up a name as sending to it would.
func leads(ctx context.Context, host string, private bool) finding {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		why := err
		if dns, ok := errors.AsType[*net.DNSError](err); ok {
			why = errors.New(dns.Err)
		}
		return found(failed, "endpoint", "%s cannot be looked up (%v)", host, why).next("see to url in its [[endpoint]]")
	}
	inside := ""
	for _, ip := range addresses {
		if !hook.Public(netip.Addr(ip)) {
			inside = ip.Unmap().String()
		}
	}
	switch {
	case inside == "":
		return found(fine, "endpoint", "%s leads to the open internet", host)
	case private:
		return found(fine, "endpoint", "%s leads to %s, of this machine or a private network, as is allowed", host, inside)
	}
	return found(failed, "endpoint", "%s leads to %s, of this machine or a private network, where nothing is sent", host, inside).
		next("if it is meant, set allow_private = true in its [[endpoint]]")
}
