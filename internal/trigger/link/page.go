package link

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/provider"
)

const style = `body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}
button{font:inherit;padding:.7rem 1.4rem;border:0;border-radius:.4rem;background:#1a5fb4;color:#fff;cursor:pointer}`

var pages = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{{.Title}}</title><style>` + style + `</style></head><body><h1>{{.Title}}</h1>
{{range .Text}}<p>{{.}}</p>
{{end}}{{with .Button}}<form method="post"><button type="submit">{{.}}</button></form>
{{end}}</body></html>
`))

// page is what a browser is shown.
type page struct {
	status int
	Title  string
	Text   []string
	// Button posts to the page's own address; empty: there is none.
	Button string
	// again is after how long it may be tried again; zero: not said.
	again time.Duration
}

// patience bounds how long a browser waits for the provider.
const patience = 20 * time.Second

// ServeHTTP answers /go/{token}: GET with a page that has one button, POST, which is
// that button, with a redirect to the provider.
func (l *Links) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.guard(w)
	c, ok := l.read(r.PathValue("token"))
	switch {
	case !ok:
		notValid.write(w)
	case !l.DB.Now().Before(c.until):
		expired.write(w)
	case l.Apply.Drivers[c.account] == nil:
		gone.write(w)
	default:
		if driver := l.Apply.Drivers[c.account]; !leads(driver, c.kind) {
			_, note := provider.Can(driver, map[bool]provider.Ability{true: provider.PaymentUpdate, false: provider.Portal}[c.kind == notify.LinkPayment])
			elsewhere(note).write(w)
		} else if r.Method != http.MethodPost {
			door(c).write(w)
		} else {
			l.follow(w, r, c)
		}
	}
}

// Done answers GET /go/done, where providers send the browser back.
func (l *Links) Done(w http.ResponseWriter, _ *http.Request) {
	l.guard(w)
	done.write(w)
}

// guard sets what all pages have. A redirect after a form was sent counts as the
// form's target for some browsers, so that the policy must let it go to wherever
// providers have their pages.
func (l *Links) guard(w http.ResponseWriter) {
	targets := "'self' https:"
	if strings.HasPrefix(l.PublicURL, "http://") { // a trial on this machine, simulated providers included
		targets += " http:"
	}
	sum := sha256.Sum256([]byte(style))
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the token
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action "+targets+"; frame-ancestors 'none'")
}

// follow has the provider's link made and sends the browser there.
func (l *Links) follow(w http.ResponseWriter, r *http.Request, c claim) {
	leave, ok := l.bound.enter(c.customer, l.DB.Now())
	if !ok {
		busy(c).write(w)
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	target, err := l.target(ctx, c)
	if err != nil {
		l.Log.Warn("cannot follow a link", "account", c.account, "customer", c.customer, "object", c.object, "error", err)
		refusal(c, err).write(w)
		return
	}
	l.Log.Info("a link was followed", "account", c.account, "customer", c.customer, "object", c.object, "kind", c.kind)
	http.Redirect(w, r, target, http.StatusSeeOther)
}

func (p page) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.again > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.again.Seconds())))
	}
	w.WriteHeader(p.status)
	_ = pages.Execute(w, p) // the browser has gone
}

// The pages that are always the same.
var (
	notValid = page{status: http.StatusNotFound, Title: "This link is not valid", Text: []string{
		"It may have been cut in two on its way. Copy the whole address from the message, or open the message again and press its button.",
		"Nothing was changed.",
	}}
	expired = page{status: http.StatusGone, Title: "This link has expired", Text: []string{
		"For your safety it worked for a limited time only. Take the button of the latest message instead, or sign in to your account, or answer the message and ask for a new link.",
		"Nothing was changed.",
	}}
	gone = page{status: http.StatusGone, Title: "There is nothing here any more", Text: []string{
		"This subscription has ended or belongs to another account by now. If you think that it should be here, sign in to your account, or answer the message.",
		"Nothing was changed.",
	}}
	stuck = page{status: http.StatusBadGateway, Title: "The payment provider does not open its page", Text: []string{
		"Trying again does not help. Sign in to your account, or answer the message and tell us; nothing was changed.",
	}}
	several = page{status: http.StatusForbidden, Title: "We cannot open this page for you", Text: []string{
		"Under the same e-mail address there are purchases at the payment provider that are not yours, as far as we know, and its page would show them.",
		"Sign in to your account, or answer the message and tell us what you want changed. Nothing was changed.",
	}}
	done = page{status: http.StatusOK, Title: "Thank you", Text: []string{
		"That is all. You can close this page.",
	}}
)

// door is the page with the button.
func door(c claim) page {
	p := page{status: http.StatusOK, Title: "Manage your subscription", Button: "Continue", Text: []string{
		"You are sent on to the secure page of the payment provider, where you can change or cancel your subscription.",
	}}
	switch c.kind {
	case notify.LinkPayment:
		p.Title, p.Text = "Update how you pay", []string{"You are sent on to the secure page of the payment provider, where you can change how you pay."}
	case notify.LinkCancel:
		p.Title, p.Text = "Cancel your subscription", []string{
			"You are sent on to the secure page of the payment provider, where you can cancel it. Until you have confirmed it there, nothing changes.",
		}
	}
	return p
}

// elsewhere is the page for a provider that leads nobody anywhere.
func elsewhere(note string) page {
	return page{status: http.StatusOK, Title: "Change this at your payment provider", Text: []string{
		"There is no page that we could lead you to. Sign in at the payment provider with which you have bought, and change it there.", note,
	}}
}

func busy(c claim) page {
	p := door(c)
	p.status, p.again = http.StatusTooManyRequests, time.Minute
	p.Text = append([]string{"That was too often in a short time. Please wait a minute."}, p.Text...)
	return p
}

// refusal is the page for a link that leads nowhere now.
func refusal(c claim, err error) page {
	kind := provider.KindOf(err)
	switch {
	case errors.Is(err, store.ErrNotFound) || kind == provider.NotFound:
		return gone
	case errors.Is(err, apply.ErrShared):
		return several
	case kind == provider.Refused || kind == provider.Denied || kind == provider.Unsupported:
		return stuck
	}
	p := door(c)
	p.status, p.again, p.Title = http.StatusServiceUnavailable, time.Minute, "The payment provider does not answer"
	p.Text = []string{"Nothing was changed. Please try again in a minute."}
	return p
}
