package redirect

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// polls is how often the waiting page asks again before it gives up waiting.
const polls = 5

var pages = template.Must(template.New("").Parse(`{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>{{if .Again}}<meta http-equiv="refresh" content="2;url={{.Again}}">{{end}}
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style></head><body>{{end}}
{{define "pending"}}{{template "head" .}}<h1>{{.Title}}</h1><p>Your payment is being confirmed. This page looks again by itself.</p>
<p><a href="{{.Next}}">Continue without waiting</a></p></body></html>{{end}}
{{define "foreign"}}{{template "head" .}}<h1>{{.Title}}</h1><p>This address does not belong to a checkout that was begun here.
Nothing was charged because of this page. Please go back to the application and try from there.</p></body></html>{{end}}`))

type page struct{ Title, Again, Next string }

// ServeHTTP answers GET /return/{account}: with a redirect to the application, or
// for a payment that is still on its way with a page that looks again. A client
// that asks for JSON gets the state instead, and counts its own visits in the
// parameter poll as the page does.
func (r *Redirect) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the token
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	back, err := r.Returned(req.Context(), req.PathValue("account"), req.URL.Query())
	asJSON := strings.Contains(req.Header.Get("Accept"), "application/json")
	switch {
	case errors.Is(err, ErrForeign):
		r.Log.Warn("refused a return", "account", req.PathValue("account"), "error", err)
		r.refuse(w, asJSON)
	case err != nil:
		r.Log.Error("cannot take a customer back", "error", err)
		w.Header().Set("Retry-After", "5")
		const sorry = "Something went wrong on our side. Your purchase is not lost; please load this page again."
		if asJSON {
			problem(w, http.StatusServiceUnavailable, "unavailable", sorry)
			return
		}
		http.Error(w, sorry, http.StatusServiceUnavailable)
	case asJSON:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(back)
	case back.State == Pending:
		r.wait(w, req, back)
	default:
		http.Redirect(w, req, back.URL, http.StatusSeeOther)
	}
}

func (r *Redirect) refuse(w http.ResponseWriter, asJSON bool) {
	if asJSON {
		problem(w, http.StatusForbidden, "invalid_link", ErrForeign.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_ = pages.ExecuteTemplate(w, "foreign", page{Title: "This link is not valid"})
}

// problem answers as the REST API does (RFC 9457).
func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail, "code": code})
}

// polled is how often the page has looked before.
func polled(query url.Values) int {
	text := query.Get("poll")
	if text == "" {
		return 0
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 0 {
		return polls // not from our page
	}
	return count
}

// wait shows the page that looks again, a few times; then the application takes
// over with the state pending.
func (r *Redirect) wait(w http.ResponseWriter, req *http.Request, back Return) {
	query := req.URL.Query()
	count := polled(query)
	if count >= polls {
		http.Redirect(w, req, back.URL, http.StatusSeeOther)
		return
	}
	query.Set("poll", strconv.Itoa(count+1))
	again := url.URL{Path: req.URL.Path, RawQuery: query.Encode()}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.ExecuteTemplate(w, "pending", page{Title: "One moment", Again: again.String(), Next: back.URL})
}
