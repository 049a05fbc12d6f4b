package postbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

//go:embed page
var files embed.FS

// The policies of what is served. A page has a style sheet of ours and may frame our
// own letters; what is in a letter may only be looked at, as in a mail program that
// blocks what is remote. A sandbox without any permission runs no script, sends no
// form and opens no window.
const (
	pagePolicy   = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	letterPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
	filePolicy   = "sandbox; default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)

// pages are the templates by the name of their file, each with the frame around it.
func pages() (map[string]*template.Template, error) {
	parsed := map[string]*template.Template{}
	for _, name := range []string{"letters", "letter", "templates", "template", "problem"} {
		t, err := template.New(name+".html").Funcs(template.FuncMap{"moment": moment, "size": size}).
			ParseFS(files, "page/frame.html", "page/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		parsed[name] = t
	}
	return parsed, nil
}

func moment(t time.Time) string { return t.UTC().Format("Jan 2, 15:04") }

func size(data []byte) string { return fmt.Sprintf("%.1f kB", float64(len(data))/1000) }

// sheet is what the frame around a page shows, and the page's own.
type sheet struct {
	Title string
	// Here is the entry of the menu that the page belongs to.
	Here  string
	Brand string
	Now   time.Time
	Hint  string
	Page  any
}

// show writes a page.
func (s *Site) show(w http.ResponseWriter, status int, name string, page sheet) {
	page.Brand, page.Now, page.Hint = s.Brand.Name, s.Now(), s.Hint
	var text bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&text, "frame.html", page); err != nil {
		http.Error(w, "The page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the reader has gone
}

// problem says what is not there, and where to go on.
func (s *Site) problem(w http.ResponseWriter, status int, what string) {
	s.show(w, status, "problem", sheet{Title: "Not here", Page: what})
}

// style serves the pages' style sheet.
func (s *Site) style(w http.ResponseWriter, _ *http.Request) {
	text, err := files.ReadFile("page/style.css")
	if err != nil {
		s.problem(w, http.StatusInternalServerError, "The style sheet is missing: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(text) // the reader has gone
}
