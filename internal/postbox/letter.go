package postbox

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/email"
	"github.com/trivetdev/trivet/notify/words"
)

// read is the page of one letter.
type read struct {
	Letter
	// Path is where the letter is, Sample: it did not arrive but is a specimen.
	Path   string
	Sample bool
	// Locales are those of a specimen; Newer and Older are the numbers of the letters
	// beside one that arrived, 0 for none.
	Locales      []string
	Newer, Older int
	// Headers are those of the mail; empty for what is none. NoMail says why there is
	// none of what came by mail.
	Headers []field
	NoMail  string
}

// field is a header.
type field struct{ Name, Value string }

// arrived looks a letter up by its number in the path.
func (s *Site) arrived(then func(http.ResponseWriter, *http.Request, read)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.PathValue("number"))
		letter, found := s.Box.letter(number)
		if !found {
			s.problem(w, http.StatusNotFound, "There is no such letter. The box has "+strconv.Itoa(len(s.Box.Letters()))+" now, counted from 1; another run of the demo has others.")
			return
		}
		page := read{Letter: letter, Path: "/letters/" + strconv.Itoa(number), Older: number - 1}
		if number < len(s.Box.Letters()) {
			page.Newer = number + 1
		}
		then(w, r, page)
	}
}

// sampled makes the specimen that a path names.
func (s *Site) sampled(then func(http.ResponseWriter, *http.Request, read)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, locale := r.PathValue("name"), r.PathValue("locale")
		if !slices.Contains(words.Names(), name) || !slices.Contains(s.Words.Locales(), locale) {
			s.problem(w, http.StatusNotFound, fmt.Sprintf("There is no message %q in %q. The languages are %s.", name, locale, strings.Join(s.Words.Locales(), ", ")))
			return
		}
		m, err := s.sample(name, locale)
		if err != nil {
			s.problem(w, http.StatusInternalServerError, "The sample cannot be made: "+err.Error())
			return
		}
		then(w, r, read{
			Letter: Letter{Channel: notify.Email, At: words.SampleNow, Message: m}, Path: "/templates/" + name + "/" + locale,
			Sample: true, Locales: s.Words.Locales(),
		})
	}
}

// letter shows everything about a letter.
func (s *Site) letter(w http.ResponseWriter, _ *http.Request, page read) {
	if page.Channel == notify.Email {
		raw, err := s.mail(page.Letter)
		if err != nil {
			page.NoMail = err.Error()
		}
		page.Headers = headers(raw)
	}
	title, here := page.Subject, "letters"
	if page.Channel == notify.InApp {
		title = page.Title
	}
	if page.Sample {
		here = "templates"
	}
	s.show(w, http.StatusOK, "letter", sheet{Title: title, Here: here, Page: page})
}

// mail is a letter as a mail server would get it.
func (s *Site) mail(l Letter) ([]byte, error) {
	sender, err := email.New(email.Options{
		Server: "smtp://mail.invalid", From: s.Brand.Name + " <" + s.Brand.Support + ">", Now: func() time.Time { return l.At },
	})
	if err != nil {
		return nil, err
	}
	return sender.Raw(l.Message)
}

// headers reads the head of a mail: for the eye, as it was written, with long lines
// joined and encoded words decoded.
func headers(raw []byte) []field {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var all []field
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			if n := len(all); n > 0 {
				all[n-1].Value += " " + strings.TrimSpace(line)
			}
			continue
		}
		if name, value, found := strings.Cut(line, ":"); found {
			all = append(all, field{name, strings.TrimSpace(value)})
		}
	}
	for i, f := range all {
		if plain, err := new(mime.WordDecoder).DecodeHeader(f.Value); err == nil {
			all[i].Value = plain
		}
	}
	return all
}

// html serves the HTML part, to be framed.
func (s *Site) html(w http.ResponseWriter, _ *http.Request, page read) {
	w.Header().Set("Content-Security-Policy", letterPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(page.HTML)) // the reader may have gone
}

// raw serves the mail for a mail program to open.
func (s *Site) raw(w http.ResponseWriter, _ *http.Request, page read) {
	if page.Channel != notify.Email {
		s.problem(w, http.StatusNotFound, "This came by "+page.Channel+": it is no mail.")
		return
	}
	text, err := s.mail(page.Letter)
	if err != nil {
		s.problem(w, http.StatusUnprocessableEntity, "No mail can be made of this letter: "+err.Error())
		return
	}
	download(w, page.Template+".eml", "message/rfc822", text)
}

// file serves an attachment.
func (s *Site) file(w http.ResponseWriter, r *http.Request, page read) {
	i, err := strconv.Atoi(r.PathValue("file"))
	if err != nil || i < 0 || i >= len(page.Attachments) {
		s.problem(w, http.StatusNotFound, "The letter has no such attachment.")
		return
	}
	a := page.Attachments[i]
	download(w, a.Name, a.Type, a.Data)
}

// download serves a file that is not to be shown in the page's place.
func download(w http.ResponseWriter, name, kind string, data []byte) {
	w.Header().Set("Content-Security-Policy", filePolicy)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	_, _ = w.Write(data) // the reader may have gone
}
