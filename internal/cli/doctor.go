package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

type doctorCommand struct {
	JSON    bool `help:"Print the findings as JSON." name:"json"`
	Offline bool `help:"Ask nobody but the database: no provider, mail server or name server, nor public_url."`
}

// Help implements kong.HelpProvider.
func (doctorCommand) Help() string {
	return "Looks at the configuration, the database, the clock, whether each provider takes the key, the mail server and the addresses; a service may run meanwhile. " +
		"It changes nothing anywhere and sends nothing. Exit code 0 if nothing is wrong, 1 if something is, 2 if the configuration cannot be used."
}

// The verdicts on what was looked at.
const (
	fine    = "ok"
	doubted = "warn"
	wrong   = "FAIL"
)

// finding is what was found about one thing.
type finding struct {
	Verdict string `json:"verdict"`
	Subject string `json:"subject"`
	Found   string `json:"found"`
	// Next is what to do about it; empty if nothing.
	Next string `json:"next"`
}

// checkup is one thing to look at.
type checkup func(ctx context.Context) []finding

// patience is how long one thing may take.
const patience = 10 * time.Second

// Run looks at everything.
func (c doctorCommand) Run(s *session) error {
	conf, err := s.loadUnconnected()
	if err != nil {
		return errors.Join(c.print(s, unusable(err)), usagef("the configuration cannot be used, and nothing else was looked at"))
	}
	e := examiner{session: s, conf: conf, offline: c.Offline}
	_, e.unbuilt = build(conf, slog.New(slog.DiscardHandler), s.Now)
	e.look = sync.OnceValues(func() (store.Looked, error) {
		ctx, cancel := context.WithTimeout(s.ctx, patience)
		defer cancel()
		return store.Look(ctx, databaseURL(conf.Database))
	})
	checkups := []checkup{e.configuration, e.database, e.reached, e.mail}
	for _, p := range conf.Providers {
		checkups = append(checkups, func(ctx context.Context) []finding { return e.provider(ctx, p) })
	}
	for _, endpoint := range conf.Endpoints {
		checkups = append(checkups, func(ctx context.Context) []finding { return e.endpoint(ctx, endpoint) })
	}
	found := make([][]finding, len(checkups))
	var all sync.WaitGroup
	for i, look := range checkups {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(s.ctx, patience)
			defer cancel()
			found[i] = look(ctx)
		})
	}
	all.Wait()
	findings := slices.Concat(found...)
	if err := c.print(s, findings); err != nil {
		return err
	}
	if e.unbuilt != nil {
		return usagef("the service would not start with this configuration")
	}
	bad := 0
	for _, f := range findings {
		if f.Verdict == wrong {
			bad++
		}
	}
	if bad > 0 {
		return &failure{exitWrong, fmt.Errorf("%d of %d findings are wrong", bad, len(findings))}
	}
	return nil
}

func (c doctorCommand) print(s *session, findings []finding) error {
	if c.JSON {
		doc, err := json.MarshalIndent(findings, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Stdout, "%s\n", doc)
		return nil
	}
	t := table{head: []string{"", "what", "found", "what to do"}}
	for _, f := range findings {
		t.add(f.Verdict, f.Subject, f.Found, f.Next)
	}
	t.print(s.Stdout)
	return nil
}

// unusable is what is wrong with a configuration that cannot be read.
func unusable(err error) (all []finding) {
	told, ok := errors.AsType[*config.Error](err)
	if !ok {
		return one(wrong, "configuration", err.Error(), "")
	}
	for _, p := range told.Problems {
		all = append(all, finding{wrong, "configuration", p.String(), ""})
	}
	return all
}

// examiner looks at what a configuration leads to.
type examiner struct {
	*session
	conf    *config.Config
	offline bool
	unbuilt error // why no service can be made of the configuration
	// look looks at the database, once.
	look func() (store.Looked, error)
}

// one is a single finding.
func one(verdict, subject, found, next string) []finding {
	return []finding{{verdict, subject, found, next}}
}

// configuration looks at what can be seen without leaving the process.
func (e examiner) configuration(context.Context) (all []finding) {
	note := func(verdict, subject, found, next string) { all = append(all, finding{verdict, subject, found, next}) }
	note(fine, "configuration", or(e.conf.Path, "from the environment alone"), "")
	private := e.conf.Files
	if e.conf.Secretive {
		private = append(slices.Clip(private), config.SecretFile{Key: "configuration", Path: e.conf.Path})
	}
	for _, f := range private {
		if info, err := os.Stat(f.Path); err == nil && info.Mode().Perm()&0o077 != 0 {
			note(doubted, f.Key, fmt.Sprintf("%s holds a secret and others can read it (mode %03o)", f.Path, info.Mode().Perm()), "chmod 600 "+f.Path)
		}
	}
	for _, name := range e.conf.Ignored {
		note(doubted, "configuration", name+" is no key and has no effect", "look at its spelling")
	}
	if len(e.conf.APIKeys)+len(e.conf.NamedKeys) == 0 {
		note(doubted, "API keys", "there are none, so that nobody can ask the service anything", "set api_keys to a long random text")
	}
	all = append(all, e.keys()...)
	if len(e.conf.Providers) == 0 {
		note(wrong, "providers", "none is configured", "add a section such as [providers.stripe]: trivet init writes one")
	}
	if len(e.conf.Plans) == 0 {
		note(doubted, "plans", "there are none, so that no purchase gives anything", "say in [[plan]] which prices give which features")
	}
	if e.unbuilt != nil {
		for _, f := range unusable(e.unbuilt) {
			note(f.Verdict, f.Subject, f.Found, "mend it: the service would not start")
		}
	}
	return all
}

// keys looks at when the API keys end.
func (e examiner) keys() (all []finding) {
	for _, k := range e.conf.NamedKeys {
		subject, at := "API key "+k.Name, k.Expires.Format(time.RFC3339)
		switch left := k.Expires.Sub(e.Now()); {
		case k.Expires.IsZero() || left > scope.ExpiryNotice:
		case left > 0:
			all = append(all, finding{doubted, subject, "expires at " + at, "make another and hand it out, or move its expires"})
		default:
			all = append(all, finding{doubted, subject, "has expired at " + at + " and is refused", "remove it, or move its expires"})
		}
	}
	return all
}

// said is what each mode means.
var said = map[config.Mode]string{
	config.Observe: "observe: nothing is done at a provider or said to a customer", config.Assist: "assist: a person is asked before anything is done",
	config.Enforce: "enforce: the policies act by themselves",
}

// database looks at the database, and at the mode, which may have been switched there.
func (e examiner) database(context.Context) []finding {
	where := "postgres"
	if e.conf.Database.Kind == config.SQLite {
		where = e.conf.Database.Path
	}
	seen, err := e.look()
	var about finding
	switch {
	case err != nil:
		about = finding{wrong, "database", err.Error(), "see that it runs, and that address, user and password are right"}
	case seen.Absent || seen.Schema == 0:
		about = finding{fine, "database", where + " is new: the service makes its tables at the first start", ""}
	case seen.Schema > seen.Known:
		about = finding{wrong, "database", fmt.Sprintf("%s was written by a newer version of trivet (schema %d, this one knows %d)", where, seen.Schema, seen.Known), "install the newer version again"}
	case seen.Schema < seen.Known:
		about = finding{doubted, "database", fmt.Sprintf("%s: schema %d; the next start of the service brings it to %d", where, seen.Schema, seen.Known), "trivet mode shows what is switched"}
	default:
		about = finding{fine, "database", fmt.Sprintf("%s: schema %d", where, seen.Schema), ""}
	}
	mode := finding{fine, "mode", "configured: " + said[e.conf.Mode], ""}
	if own := e.ownModes(); len(own) > 0 {
		mode.Found += "; of their own: " + strings.Join(own, ", ")
	}
	if len(seen.Switches) > 0 {
		var switched []string
		for _, s := range seen.Switches {
			switched = append(switched, s.Scope+" "+s.Value)
		}
		mode.Found += "; switched since, which counts: " + strings.Join(switched, ", ")
		mode.Next = "trivet mode shows what comes of it"
	}
	return []finding{about, mode}
}

// ownModes are the modes of accounts and policies that have one of their own.
func (e examiner) ownModes() (all []string) {
	for _, p := range e.conf.Providers {
		if p.Mode != "" {
			all = append(all, "provider/"+p.Name+" "+string(p.Mode))
		}
	}
	for _, p := range e.conf.Policies {
		if p.Mode != "" {
			all = append(all, "policy/"+p.Name+" "+string(p.Mode))
		}
	}
	return all
}

// reached looks at whether the service can be reached from outside.
func (e examiner) reached(ctx context.Context) []finding {
	const subject = "public_url"
	u, err := url.Parse(e.conf.PublicURL)
	if err != nil {
		return one(wrong, subject, "is no address", "write it like https://billing.example.com")
	}
	if why := unreachable(u); why != "" {
		next := "set it to where the service is reached from outside"
		if slices.ContainsFunc(e.conf.Providers, func(p config.Provider) bool { return p.Ingest.Webhooks() }) {
			next += `, or ingest = "pull" to do without webhooks`
		}
		return one(doubted, subject, e.conf.PublicURL+": "+why, next)
	}
	if e.offline {
		return nil
	}
	return healthy(ctx, e.conf.PublicURL)
}

// healthy asks a service for its health. Redirects are not followed, as providers do not
// follow them with webhooks.
func healthy(ctx context.Context, address string) []finding {
	const subject = "public_url"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/healthz", http.NoBody)
	if err != nil {
		return one(wrong, subject, err.Error(), "")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return one(doubted, subject, "does not answer from here: "+cause(err).Error(), "start the service, and see that the name leads to it")
	}
	defer resp.Body.Close()
	const most = 1 << 10
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	switch {
	case err != nil || resp.StatusCode != http.StatusOK:
		return one(doubted, subject, fmt.Sprintf("/healthz answers %s", resp.Status), "see that the address leads to the service")
	case strings.TrimSpace(string(body)) != "ok":
		return one(doubted, subject, "somebody else than the service answers /healthz", "see that the address leads to the service")
	}
	return one(fine, subject, address+" answers", "")
}

// mail looks at the words, and whether the mail server lets us in.
func (e examiner) mail(ctx context.Context) (all []finding) {
	set, err := wordsOf(e.conf)
	if err != nil {
		return one(wrong, "messages", err.Error(), "")
	}
	if n := len(set.Check()); n > 0 {
		all = one(wrong, "messages", fmt.Sprintf("%d are not as they must be", n), "trivet mail check names them")
	}
	channel, err := emailOf(e.conf, e.Now)
	switch {
	case err != nil:
		return append(all, finding{wrong, "mail", err.Error(), ""})
	case channel == nil && e.conf.Mail.HandOver:
		return append(all, finding{fine, "mail", "your application is handed each mail to send (message.due)", ""})
	case channel == nil:
		return append(all, finding{doubted, "mail", "no [mail] is configured: customers are told nothing by mail", "set mail.smtp and mail.from, or hand messages over to your application (docs/hooks.md)"})
	}
	if e.offline {
		return all
	}
	if err := channel.Dial(ctx); err != nil {
		return append(all, finding{wrong, "mail", err.Error(), "look at mail.smtp"})
	}
	return append(all, finding{fine, "mail", "the server lets us in", "trivet mail test sends a message to yourself"})
}

// endpoint looks at where one of the application's endpoints leads.
func (e examiner) endpoint(ctx context.Context, endpoint config.Endpoint) []finding {
	subject := "endpoint " + endpoint.Name
	u, err := url.Parse(endpoint.URL)
	if err != nil {
		return one(wrong, subject, "its url is no address", "")
	}
	if e.offline {
		return nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return one(wrong, subject, "nobody knows the name "+u.Hostname(), "look at its url")
	}
	if slices.ContainsFunc(found, func(ip netip.Addr) bool { return !hook.Public(ip) }) && !endpoint.AllowPrivate {
		return one(wrong, subject, u.Hostname()+" is an address of this machine or of a private network, where nothing is sent", "if that is meant: allow_private = true")
	}
	return one(fine, subject, u.Hostname()+" is known", "trivet hooks test sends it a webhook")
}

// skew is how far our clock may be from the provider's: webhooks older or newer than
// five minutes are not believed.
const (
	skewDoubted = 30 * time.Second
	skewWrong   = 5 * time.Minute
)

// provider looks at whether a provider takes the key, and at the clock.
func (e examiner) provider(ctx context.Context, p config.Provider) (all []finding) {
	subject := "providers." + p.Name
	clock := &clockReader{now: e.Now}
	d, err := driverOver(p, e.Now, clock)
	if err != nil {
		return one(wrong, subject, err.Error(), "")
	}
	if checker, can := d.(provider.KeyChecker); can && !e.offline {
		all = e.keyTaken(ctx, p, checker)
	} else if able, tells := d.(liver); tells {
		all = e.keyOpens(p, mode(able.Live()))
	}
	if expirer, does := d.(provider.KeyExpirer); does {
		all = append(all, keyEnds(subject, expirer.KeyExpires(), e.Now())...)
	}
	if p.Ingest.Webhooks() && len(p.WebhookSecrets)+len(p.WebhookIDs) == 0 {
		all = append(all, finding{wrong, subject, "there is nothing to prove webhooks genuine with: the service does not start", "trivet connect " + p.Name + ` tells what to set; or ingest = "pull"`})
	}
	if !p.Ingest.Webhooks() {
		all = append(all, finding{doubted, subject, "events are listed, not sent: changes are seen some minutes late", "trivet connect " + p.Name + " makes the webhook"})
	}
	return append(all, clock.finding(subject)...)
}

// clockReader compares our clock with what answers say of the provider's.
type clockReader struct {
	now func() time.Time

	mu   sync.Mutex
	off  time.Duration
	told bool
}

// RoundTrip implements http.RoundTripper.
func (c *clockReader) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil && resp.Header.Get("Age") == "" { // which a cache adds
		c.mu.Lock()
		defer c.mu.Unlock()
		c.off, c.told = c.now().Sub(at), true
	}
	return resp, nil
}

func (c *clockReader) finding(subject string) []finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := c.off.Round(time.Second)
	way := "ahead of"
	if off < 0 {
		off, way = -off, "behind"
	}
	found := fmt.Sprintf("our clock is %s %s the provider's", off, way)
	switch {
	case !c.told || off <= skewDoubted:
		return nil
	case off >= skewWrong:
		return one(wrong, subject, found+": no webhook would be believed", "set the clock, and keep it by NTP")
	}
	return one(doubted, subject, found, "set the clock, and keep it by NTP")
}
