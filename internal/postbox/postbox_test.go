package postbox_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/postbox"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// stand is a box behind its guard.
type stand struct {
	*testing.T
	box     *postbox.Box
	handler http.Handler
}

func newStand(t *testing.T) stand {
	t.Helper()
	set, err := words.Load(nil, words.English)
	if err != nil {
		t.Fatal(err)
	}
	box := &postbox.Box{}
	site, err := postbox.New(postbox.Config{
		Box: box, Words: set, Brand: words.Brand{Name: "Acme", URL: "https://acme.example", Support: "help@acme.example"},
		Now: func() time.Time { return noon }, Hint: "curl 'http://127.0.0.1:1/v1/check?customer=user_1&feature=app'",
	})
	if err != nil {
		t.Fatal(err)
	}
	return stand{t, box, postbox.Guard(site)}
}

// ask makes a request of a host.
func (s stand) ask(method, host, path string) *http.Response {
	s.Helper()
	r := httptest.NewRequestWithContext(s.Context(), method, path, http.NoBody)
	r.Host = host
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Result()
}

// page fetches a page that must be there.
func (s stand) page(path string) string {
	s.Helper()
	resp := s.ask(http.MethodGet, "127.0.0.1:8025", path)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %d, %v", path, resp.StatusCode, err)
	}
	return string(text)
}

// put puts a message in, made of a sample.
func (s stand) put(channel, name, locale, customer string, at time.Time, change func(*notify.Message)) {
	s.Helper()
	set, err := words.Load(nil, words.English)
	if err != nil {
		s.Fatal(err)
	}
	m, err := set.Render(words.Sample(name, locale, words.Brand{Name: "Acme"}))
	if err != nil {
		s.Fatal(err)
	}
	m.ID, m.To.Customer, m.To.Email = fmt.Sprintf("%s:%s:%s", name, customer, at), customer, customer+"@example.com"
	if change != nil {
		change(&m)
	}
	s.box.Put(channel, at, m)
}

func (s stand) wants(page string, texts ...string) {
	s.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			s.Errorf("%q is missing in:\n%s", text, page)
		}
	}
}

func (s stand) lacks(page string, texts ...string) {
	s.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			s.Errorf("%q should not be in:\n%s", text, page)
		}
	}
}

func TestLettersAreListedNewestFirstAndFiltered(t *testing.T) {
	s := newStand(t)
	s.wants(s.page("/"), "Nothing has arrived yet")
	s.put(notify.Email, "canceled", "de-AT", "user_1", noon, nil)
	s.put(notify.InApp, "payment_failed.1", "en", "user_2", noon.Add(time.Hour), nil)
	s.put(notify.Email, "payment_failed.1", "en", "user_2", noon.Add(2*time.Hour), nil)

	all := s.page("/")
	s.wants(all, "Mar 2, 12:00", "Mar 2, 14:00", "user_1@example.com", "in the application", "3 letters", `>canceled</a>`, "<td>de</td>")
	if first, last := strings.Index(all, "/letters/3"), strings.Index(all, "/letters/1"); first < 0 || last < first {
		t.Errorf("the newest letter is not first: at %d and %d", first, last)
	}
	canceled := s.page("/?template=canceled")
	s.wants(canceled, "/letters/1", "1 of 3 letters", "<option selected>canceled</option>")
	s.lacks(canceled, "/letters/2", "/letters/3")
	theirs := s.page("/?customer=user_2&channel=email")
	s.wants(theirs, "/letters/3", "1 of 3 letters", `value="user_2"`)
	s.lacks(theirs, "/letters/1", "/letters/2")
	s.wants(s.page("/?customer=nobody"), "No letter fits")
	s.wants(s.page("/?customer=user_2&follow=1"), `<meta http-equiv="refresh"`, "/?customer=user_2\"")
	s.lacks(all, "http-equiv")
}

func TestManyLettersHavePages(t *testing.T) {
	s := newStand(t)
	for i := range 250 {
		s.box.Put(notify.Email, noon, notify.Message{ID: fmt.Sprint(i), Template: "canceled", Subject: "S", To: notify.Recipient{Customer: "user_" + fmt.Sprint(i%2)}})
	}
	seen := map[string]bool{}
	path := "/?customer=user_1"
	for turns := 0; path != ""; turns++ {
		if turns > 3 {
			t.Fatal("the pages do not end")
		}
		page := s.page(path)
		for _, found := range regexp.MustCompile(`/letters/\d+`).FindAllString(page, -1) {
			if seen[found] {
				t.Errorf("%s is on two pages", found)
			}
			seen[found] = true
		}
		path = ""
		if next := regexp.MustCompile(`href="([^"]+)">older letters`).FindStringSubmatch(page); next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	if len(seen) != 125 {
		t.Errorf("%d letters on all pages, want the 125 of user_1", len(seen))
	}
}

func TestALetterShowsAllItsParts(t *testing.T) {
	s := newStand(t)
	s.put(notify.Email, "receipt", "en", "user_1", noon, func(m *notify.Message) {
		m.To.Copy, m.Thread = "books@kern.example", "invoice 7"
		m.Attachments = []notify.Attachment{{Name: "Receipt ü.pdf", Type: "application/pdf", Data: []byte("%PDF-1.7 made up")}}
	})
	s.put(notify.InApp, "payment_failed.1", "en", "user_1", noon, nil)
	s.put(notify.SMS, "payment_failed.final", "en", "user_1", noon, func(m *notify.Message) { m.To.Phone = "+4915112345678" })

	page := s.page("/letters/1")
	s.wants(page, "user_1@example.com, copy to books@kern.example", `<iframe class="mail" sandbox src="/letters/1/html"`, "Text part", "Your Acme receipt for $29.00",
		"Message-ID", "Auto-Submitted", "In-Reply-To", "help@acme.example", "Receipt ü.pdf", "0.0 kB", "SMS", "In the application", `href="/letters/2">newer`)
	s.wants(s.page("/letters/1/html"), "<!DOCTYPE html>", "Acme")

	notice := s.page("/letters/2")
	s.wants(notice, "<strong>Payment did not go through</strong>", "Update your payment method")
	s.lacks(notice, "<iframe", "Headers", "<h2>SMS</h2>")
	text := s.page("/letters/3")
	s.wants(text, "<h2>SMS</h2>", "4915112345678")
	s.lacks(text, "<iframe", "<h2>In the application</h2>")
}

func TestAMailCanBeTakenAway(t *testing.T) {
	s := newStand(t)
	data := []byte("%PDF-1.7 made up")
	s.put(notify.Email, "receipt", "ja", "user_1", noon, func(m *notify.Message) {
		m.Attachments = []notify.Attachment{{Name: "領収書.pdf", Type: "application/pdf", Data: data}}
	})
	raw := s.ask(http.MethodGet, "localhost", "/letters/1/raw")
	defer raw.Body.Close()
	letter, err := mail.ReadMessage(raw.Body)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := letter.Header.Date(); err != nil || !at.Equal(noon) || letter.Header.Get("To") != "\"Dana Kern\" <user_1@example.com>" {
		t.Errorf("a mail of %v, %v to %s", at, err, letter.Header.Get("To"))
	}
	file := s.ask(http.MethodGet, "localhost", "/letters/1/files/0")
	defer file.Body.Close()
	got, _ := io.ReadAll(file.Body)
	kind, params, err := mime.ParseMediaType(file.Header.Get("Content-Disposition"))
	if err != nil || kind != "attachment" || params["filename"] != "領収書.pdf" || !bytes.Equal(got, data) || file.Header.Get("Content-Type") != "application/pdf" {
		t.Errorf("%s %v, %v: %q", kind, params, err, got)
	}
}

func TestEveryMessageIsThereInEveryLanguage(t *testing.T) {
	s := newStand(t)
	set, err := words.Load(nil, words.English)
	if err != nil {
		t.Fatal(err)
	}
	s.put(notify.Email, "canceled", "en", "user_1", noon, nil)
	all := s.page("/templates")
	s.wants(all, `<a href="/?template=canceled">1</a>`)
	for _, name := range words.Names() {
		wall := s.page("/templates/" + name)
		for _, locale := range set.Locales() {
			path := "/templates/" + name + "/" + locale
			s.wants(all, `href="`+path+`"`)
			s.wants(wall, `src="`+path+`/html"`)
			s.wants(s.page(path), `src="`+path+`/html"`, "Content-Language", `lang="`+locale+`"`)
			s.wants(s.page(path+"/html"), `<html lang="`+locale+`"`)
		}
	}
	for _, name := range []string{"receipt", "refund_receipt"} {
		if pdf := s.page("/templates/" + name + "/de/files/0"); !strings.HasPrefix(pdf, "%PDF-") {
			t.Errorf("%s: no PDF but %.40q", name, pdf)
		}
	}
}

func TestWhatIsInALetterCanDoNothing(t *testing.T) {
	s := newStand(t)
	evil := `<script>alert(1)</script><img src=x onerror=alert(1)>`
	s.put(notify.Email, "canceled", "en", "user_1", noon, func(m *notify.Message) {
		m.Subject, m.Text, m.HTML, m.To.Name, m.Short, m.Title, m.Body = evil, evil, evil, evil, evil, evil, evil
		m.To.Customer, m.URL, m.Template = `"><script>`, "javascript:alert(1)", evil
		m.Attachments = []notify.Attachment{{Name: "a\r\nSet-Cookie: x=y", Type: "text/html", Data: []byte(evil)}}
	})
	for _, path := range []string{"/", "/letters/1", "/?customer=" + url.QueryEscape(evil), "/?template=" + url.QueryEscape(evil)} {
		s.lacks(s.page(path), "<script", "<img", "javascript:\"")
	}
	framed := s.ask(http.MethodGet, "127.0.0.1", "/letters/1/html")
	defer framed.Body.Close()
	for _, want := range []string{"sandbox;", "default-src 'none'", "img-src data:", "form-action 'none'", "frame-ancestors 'self'"} {
		if policy := framed.Header.Get("Content-Security-Policy"); !strings.Contains(policy, want) || strings.Contains(policy, "allow-") || strings.Contains(policy, "script-src") {
			t.Errorf("the letter's policy is %q, want %q in it and no permission", policy, want)
		}
	}
	file := s.ask(http.MethodGet, "127.0.0.1", "/letters/1/files/0")
	defer file.Body.Close()
	if !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") || file.Header.Get("Set-Cookie") != "" || !strings.HasPrefix(file.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("an attachment comes with %v", file.Header)
	}
}

func TestPagesAreForThisMachineAlone(t *testing.T) {
	s := newStand(t)
	s.put(notify.Email, "canceled", "en", "user_1", noon, nil)
	for host, want := range map[string]int{
		"127.0.0.1:8025": 200, "127.0.0.1": 200, "localhost:8025": 200, "[::1]:8025": 200, "[::1]": 200, "127.9.9.9:1": 200,
		"evil.example": 421, "evil.example:8025": 421, "127.0.0.1.evil.example:8025": 421, "192.168.1.7:8025": 421, "0.0.0.0:8025": 421, "": 421, "localhost.": 421,
	} {
		for _, path := range []string{"/", "/letters/1", "/letters/1/html", "/letters/1/files/0", "/templates", "/style.css"} {
			resp := s.ask(http.MethodGet, host, path)
			resp.Body.Close()
			if path == "/letters/1/files/0" && want == 200 {
				continue // it has none
			}
			if resp.StatusCode != want {
				t.Errorf("host %q, %s: status %d, want %d", host, path, resp.StatusCode, want)
			}
			if h := resp.Header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("host %q, %s: headers %v", host, path, h)
			}
		}
	}
}

func TestWhatIsNotThereSaysWhereToGoOn(t *testing.T) {
	s := newStand(t)
	s.put(notify.InApp, "canceled", "en", "user_1", noon, nil)
	for path, want := range map[string]int{
		"/letters/2": 404, "/letters/0": 404, "/letters/x": 404, "/letters/1/raw": 404, "/letters/1/files/0": 404, "/letters/1/files/-1": 404,
		"/templates/nothing": 404, "/templates/nothing/en": 404, "/templates/canceled/xx": 404, "/templates/canceled/xx/html": 404, "/nowhere": 404,
	} {
		resp := s.ask(http.MethodGet, "localhost", path)
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || !strings.Contains(string(text), `<a href="/">To the letters</a>`) || resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d, %s", path, resp.StatusCode, text)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodOptions} {
		resp := s.ask(method, "localhost", "/letters/1")
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" {
			t.Errorf("%s: %d", method, resp.StatusCode)
		}
	}
}

func TestASiteNeedsWhatItShows(t *testing.T) {
	if _, err := postbox.New(postbox.Config{}); err == nil || !strings.Contains(err.Error(), "set Box, Words and Now") {
		t.Errorf("error %v", err)
	}
}
