package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/client"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/scope"
)

// remoteFlags say which service a command asks, and how it answers.
type remoteFlags struct {
	URL  string `help:"Where the service listens (default TRIVET_URL, else public_url of the configuration)." name:"url" placeholder:"URL"`
	Key  string `help:"API key (default TRIVET_API_KEY, else the first of the configuration)." placeholder:"KEY"`
	JSON bool   `help:"Print the answer as JSON." name:"json"`
}

// remote is a service to ask.
type remote struct {
	*client.Client
	*session
	address string
	json    bool
}

// connect finds out where the service is and with which key to ask. The
// configuration is read only if something is missing.
func (f remoteFlags) connect(s *session) (*remote, error) {
	address, key := or(f.URL, s.env(envURL)), or(f.Key, s.env(envKey))
	if address == "" || key == "" {
		c, err := s.load()
		if err != nil {
			return nil, err
		}
		address = or(address, c.PublicURL)
		key = or(key, configuredKey(c, s.Now()))
	}
	if key == "" {
		return nil, usagef("there is no API key to ask with: set TRIVET_API_KEY to one of the service's keys: of an [[api_key]] that has key_sha256 the configuration knows no more than the hash, and one that has expired is refused")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef("%q is not the address of a service: write it like http://127.0.0.1:8990", address)
	}
	return &remote{Client: client.New(address, key), session: s, address: address, json: f.JSON}, nil
}

// configuredKey is the first key that the configuration tells and that opens
// everything, else the first that it tells; empty if there is none. Keys that have
// expired are none.
func configuredKey(c *config.Config, now time.Time) string {
	if len(c.APIKeys) > 0 {
		return c.APIKeys[0].Reveal()
	}
	best := config.APIKey{}
	for _, k := range c.NamedKeys {
		if expired := !k.Expires.IsZero() && !now.Before(k.Expires); expired || k.Key == "" {
			continue
		}
		if best.Key == "" || slices.Contains(k.Scopes, string(scope.All)) && !slices.Contains(best.Scopes, string(scope.All)) {
			best = k
		}
	}
	return best.Key.Reveal()
}

func or(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// explain puts a failed call into words that say what to do.
func (r *remote) explain(err error) error {
	if err == nil || r.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err
	}
	if p, ok := errors.AsType[*client.Problem](err); ok {
		switch p.Status {
		case http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusBadRequest:
			return usage(p)
		case http.StatusForbidden:
			return usagef("%w Name another key by --key or TRIVET_API_KEY.", p)
		}
		return p
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("cannot reach the service at %s: %w: is it running (trivet serve), and is this its address (--url, TRIVET_URL)?", r.address, cause(failed.Err))
	}
	return err
}

// show prints an answer: as JSON if that was asked for, else as print does.
func (r *remote) show(answer any, err error, print func()) error {
	if err != nil {
		return r.explain(err)
	}
	if !r.json {
		print()
		return nil
	}
	doc, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(r.Stdout, "%s\n", doc)
	return nil
}

// listFlags say which part of a list to print.
type listFlags struct {
	Limit int    `help:"How many rows at most, from 1 to 200." default:"50"`
	After string `help:"Continue after this, which the page before printed." placeholder:"CURSOR"`
}

func (f listFlags) list() client.List { return client.List{Limit: f.Limit, After: f.After} }

// more tells how to go on with a list.
func (s *session) more(next *string) {
	if next != nil {
		fmt.Fprintf(s.Stdout, "more: --after %s\n", *next)
	}
}

// deref shows what may be missing.
func deref(text *string) string {
	if text == nil {
		return "-"
	}
	return *text
}

// brief cuts a text to one short line.
func brief(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
