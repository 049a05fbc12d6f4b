package postbox

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/pdf"
	"github.com/trivetdev/trivet/notify/words"
)

// Config is what the pages show.
type Config struct {
	Box *Box
	// Words are the texts whose samples are shown, Brand who they are from.
	Words *words.Set
	Brand words.Brand
	// Now is the clock that letters arrive by.
	Now func() time.Time
	// Hint is a line below every page; empty: none.
	Hint string
}

// Site serves a box. Make it with [New].
type Site struct {
	Config
	pages map[string]*template.Template
	mux   *http.ServeMux
}

// New makes the pages. Serve them behind a [Guard]: they ask nobody who he is.
func New(c Config) (*Site, error) {
	if c.Box == nil || c.Words == nil || c.Now == nil {
		return nil, errors.New("a site shows a box and words, by a clock: set Box, Words and Now")
	}
	parsed, err := pages()
	if err != nil {
		return nil, err
	}
	s := &Site{Config: c, pages: parsed, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /{$}", s.letters)
	s.mux.HandleFunc("GET /style.css", s.style)
	s.mux.HandleFunc("GET /templates", s.templates)
	s.mux.HandleFunc("GET /templates/{name}", s.template)
	s.mux.HandleFunc("GET /letters/{number}", s.arrived(s.letter))
	s.mux.HandleFunc("GET /letters/{number}/html", s.arrived(s.html))
	s.mux.HandleFunc("GET /letters/{number}/raw", s.arrived(s.raw))
	s.mux.HandleFunc("GET /letters/{number}/files/{file}", s.arrived(s.file))
	s.mux.HandleFunc("GET /templates/{name}/{locale}", s.sampled(s.letter))
	s.mux.HandleFunc("GET /templates/{name}/{locale}/html", s.sampled(s.html))
	s.mux.HandleFunc("GET /templates/{name}/{locale}/raw", s.sampled(s.raw))
	s.mux.HandleFunc("GET /templates/{name}/{locale}/files/{file}", s.sampled(s.file))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.problem(w, http.StatusMethodNotAllowed, "Letters can be looked at, nothing more.")
			return
		}
		s.problem(w, http.StatusNotFound, "There is no such page.")
	})
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// perPage is how many letters a page lists.
const perPage = 100

// list is the page of what arrived.
type list struct {
	Letters []Letter
	// All counts the letters, Fitting those that the filter lets through.
	All, Fitting        int
	Template, Customer  string
	Templates, Channels []string
	Channel             string
	// Older leads to the next page; empty: there is none. Same is this very list.
	Older, Same string
	// Follow: the page is fetched again by itself.
	Follow bool
}

// letters lists what arrived, newest first.
func (s *Site) letters(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	all := s.Box.Letters()
	page := list{
		All: len(all), Template: asked.Get("template"), Customer: asked.Get("customer"), Channel: asked.Get("channel"), Follow: asked.Get("follow") != "",
	}
	before, err := strconv.Atoi(asked.Get("before"))
	if err != nil {
		before = len(all) + 1
	}
	seen := map[string]bool{}
	for _, l := range slices.Backward(all) {
		seen["template "+l.Template], seen["channel "+l.Channel] = true, true
		if page.Template != "" && l.Template != page.Template || page.Customer != "" && l.To.Customer != page.Customer || page.Channel != "" && l.Channel != page.Channel {
			continue
		}
		page.Fitting++
		switch {
		case l.Number >= before:
		case len(page.Letters) < perPage:
			page.Letters = append(page.Letters, l)
		default:
			page.Older = "/?" + with(asked, "before", strconv.Itoa(page.Letters[perPage-1].Number), "follow", "")
		}
	}
	for _, name := range words.Names() {
		if seen["template "+name] || name == page.Template {
			page.Templates = append(page.Templates, name)
		}
	}
	for _, name := range []string{notify.Email, notify.SMS, notify.InApp} {
		if seen["channel "+name] {
			page.Channels = append(page.Channels, name)
		}
	}
	page.Same = "/?" + with(asked, "before", "", "follow", "")
	s.show(w, http.StatusOK, "letters", sheet{Title: "Letters", Here: "letters", Page: page})
}

// with is a query with some values set anew, given in pairs; an empty one is left out.
func with(query url.Values, pairs ...string) string {
	changed := url.Values{}
	for key := range query {
		if value := query.Get(key); value != "" {
			changed.Set(key, value)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		changed.Del(pairs[i])
		if pairs[i+1] != "" {
			changed.Set(pairs[i], pairs[i+1])
		}
	}
	return changed.Encode()
}

// specimen is a message of which there are samples.
type specimen struct {
	Name, Subject string
	// Sent counts the letters of this kind that arrived.
	Sent int
}

// gallery is the page of all messages.
type gallery struct {
	Locales   []string
	Specimens []specimen
}

// templates lists all messages that there are.
func (s *Site) templates(w http.ResponseWriter, _ *http.Request) {
	page := gallery{Locales: s.Words.Locales()}
	sent := map[string]int{}
	for _, l := range s.Box.Letters() {
		sent[l.Template]++
	}
	for _, name := range words.Names() {
		m, err := s.sample(name, words.English)
		if err != nil {
			s.problem(w, http.StatusInternalServerError, "The sample of "+name+" cannot be made: "+err.Error())
			return
		}
		page.Specimens = append(page.Specimens, specimen{Name: name, Subject: m.Subject, Sent: sent[name]})
	}
	s.show(w, http.StatusOK, "templates", sheet{Title: "All messages", Here: "templates", Page: page})
}

// template shows one message in all languages.
func (s *Site) template(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !slices.Contains(words.Names(), name) {
		s.problem(w, http.StatusNotFound, "There is no message "+strconv.Quote(name)+".")
		return
	}
	var all []notify.Message
	for _, locale := range s.Words.Locales() {
		m, err := s.sample(name, locale)
		if err != nil {
			s.problem(w, http.StatusInternalServerError, "The sample cannot be made: "+err.Error())
			return
		}
		all = append(all, m)
	}
	s.show(w, http.StatusOK, "template", sheet{Title: name, Here: "templates", Page: all})
}

// sample is a message with made-up facts.
func (s *Site) sample(name, locale string) (notify.Message, error) {
	d := words.Sample(name, locale, s.Brand)
	d.Draw = pdf.Draw
	return s.Words.Render(d)
}
