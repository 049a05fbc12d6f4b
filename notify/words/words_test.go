package words_test

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
)

var languages = []string{"de", "en", "es", "fr", "ja", "pt-BR", "zh-Hans"}

func load(t *testing.T, folder fs.FS) *words.Set {
	t.Helper()
	s, err := words.Load(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func render(t *testing.T, s *words.Set, d words.Data) notify.Message {
	t.Helper()
	m, err := s.Render(d)
	if err != nil {
		t.Fatalf("%s in %s: %v", d.Notice.Template, d.Customer.Locale, err)
	}
	return m
}

func pack(t *testing.T, name string) words.Pack {
	t.Helper()
	p, err := words.PackNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestShippedWordsAreComplete: every message in every language has all sections,
// fits, states what it has to, also by the rules of all packs.
func TestShippedWordsAreComplete(t *testing.T) {
	s := load(t, nil)
	if got := s.Locales(); !slices.Equal(got, languages) {
		t.Fatalf("shipped in %v, want %v", got, languages)
	}
	if n := len(words.Names()); n != 28 {
		t.Errorf("%d messages, want 28", n)
	}
	for _, p := range s.Check(pack(t, "visa"), pack(t, "mastercard"), pack(t, "us-ca")) {
		t.Error(p)
	}
}

// english are words that no text in another language has.
var english = regexp.MustCompile(`(?i)\b(the|your|you|our|and|with|until|payment|subscription|charged|questions)\b`)

func TestNothingIsLeftInEnglish(t *testing.T) {
	s := load(t, nil)
	for _, tag := range languages {
		for _, name := range words.Names() {
			m := render(t, s, words.Sample(name, tag, words.Brand{}))
			all := strings.Join([]string{m.Subject, m.Text, m.Short, m.Title, m.Body, m.Action, visible(m.HTML)}, "\n")
			all = regexp.MustCompile(`https?://\S+`).ReplaceAllString(all, "")
			if found := english.FindString(all); (found != "") != (tag == "en") {
				t.Errorf("%s in %s: %q is English in %q", name, tag, found, m.Text)
			}
		}
	}
}

var (
	hidden = regexp.MustCompile(`(?s)<style>.*?</style>|<!--.*?-->|<[^>]*>`)
	letter = regexp.MustCompile(`[A-Za-z]{2,}`)
)

// visible is what of an HTML part is read.
func visible(html string) string { return hidden.ReplaceAllString(html, " ") }

// TestPseudoLocale finds text that is hard-coded: in a language whose words have no
// Latin letters, only what comes from the data has.
func TestPseudoLocale(t *testing.T) {
	folder := fstest.MapFS{}
	shipped := load(t, nil)
	for name, file := range words.EnglishFiles() {
		folder["qps/"+name] = &fstest.MapFile{Data: []byte(pseudo(file))}
	}
	s := load(t, folder)
	if !slices.Contains(s.Locales(), "qps") || slices.Contains(shipped.Locales(), "qps") {
		t.Fatal("the pseudo-locale is not there, or is shipped")
	}
	for _, name := range words.Names() {
		d := words.Sample(name, "qps", words.Brand{Name: "Ⓐ", URL: "https://x.example", Support: "1@2.3", Address: "1 2", Keep: time.Hour})
		d.Plan, d.Customer.Name, d.Customer.Email, d.Customer.Covered = "Ⓟ", "Ⓓ", "3@4.5", []string{"1", "2"}
		d.Notice.Card.Brand, d.Notice.Reference, d.Notice.DueAt = "", "7", d.Now.AddDate(0, 0, -3)
		m := render(t, s, d)
		if m.Locale != "qps" {
			t.Fatalf("%s is in %s", name, m.Locale)
		}
		for part, text := range map[string]string{
			"subject": m.Subject, "text": m.Text, "sms": m.Short, "title": m.Title, "body": m.Body, "action": m.Action, "html": visible(m.HTML),
		} {
			text = regexp.MustCompile(`https?://\S+|GMT|AM|PM|UTC|December|November|and|EUR| at `).ReplaceAllString(text, "")
			if found := letter.FindString(text); found != "" {
				t.Errorf("%s: %q is hard-coded in the %s: %q", name, found, part, text)
			}
		}
	}
}

// pseudo replaces the letters outside of actions and section lines, and in the
// forms of plurals.
func pseudo(file string) string {
	accent := func(text string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z':
				return 'ⓐ' + r - 'a'
			case r >= 'A' && r <= 'Z':
				return 'Ⓐ' + r - 'A'
			}
			return r
		}, text)
	}
	keep := regexp.MustCompile(`(?m)\{\{.*?\}\}|^-- .* --$|^\[button\]$|^#.*$`)
	quoted := regexp.MustCompile(`"[^"]*#[^"]*"|"every [a-z]+"`)
	var b strings.Builder
	at := 0
	for _, k := range keep.FindAllStringIndex(file, -1) {
		b.WriteString(accent(file[at:k[0]]))
		b.WriteString(quoted.ReplaceAllStringFunc(file[k[0]:k[1]], accent))
		at = k[1]
	}
	return b.String() + accent(file[at:])
}

func TestLocaleChain(t *testing.T) {
	s := load(t, fstest.MapFS{
		"de-AT/_shared.txt":       {Data: []byte("-- greeting --\nServus!\n")},
		"it/payment_failed.1.txt": {Data: []byte("-- subject --\nIl pagamento di {{.Amount}} non è riuscito\n")},
	})
	for locale, want := range map[string][2]string{
		"de-AT": {"de-AT", "Servus!"}, "de_CH": {"de", "Guten Tag"}, "de": {"de", "Guten Tag"}, "zh-CN": {"zh-Hans", "Dana Kern，您好"},
		"zh": {"zh-Hans", "Dana Kern，您好"}, "zh-Hans-SG": {"zh-Hans", "Dana Kern，您好"}, "zh-TW": {"en", "Hi"}, "pt": {"pt-BR", "Olá"},
		"pt-PT": {"pt-BR", "Olá"}, "es-MX": {"es", "Hola"}, "": {"en", "Hi"}, "nonsense locale": {"en", "Hi"}, "ko": {"en", "Hi"},
		"it-IT": {"it", "Hi"},
	} {
		m := render(t, s, words.Sample("payment_failed.1", locale, words.Brand{}))
		if m.Locale != want[0] || !strings.HasPrefix(m.Text, want[1]) {
			t.Errorf("%q: in %s, beginning %.20q; want %s, %q", locale, m.Locale, m.Text, want[0], want[1])
		}
	}
	if m := render(t, s, words.Sample("payment_failed.1", "it-IT", words.Brand{})); !strings.HasPrefix(m.Subject, "Il pagamento") {
		t.Errorf("the one Italian section is not used: %q", m.Subject)
	}
	fallback, err := words.Load(nil, "fr")
	if err != nil {
		t.Fatal(err)
	}
	if m := render(t, fallback, words.Sample("paused", "ko-KR", words.Brand{})); m.Locale != "fr" {
		t.Errorf("with fr as the configured language, Korean falls back on %s", m.Locale)
	}
}

func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 29, 23, 30, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		locale, zone, currency string
		amount                 int64
		wantAmount, wantDate   string
		wantTime               string
	}{
		"en-US":    {"en-US", "America/New_York", "USD", 123456, "$1,234.56", "November 29, 2026", "November 29, 2026 at 6:30 PM GMT−5"},
		"en-GB":    {"en-GB", "Europe/London", "GBP", 2900, "£29.00", "29 November 2026", "29 November 2026 at 23:30 GMT"},
		"de":       {"de", "Europe/Berlin", "EUR", 123456, "1.234,56 €", "30. November 2026", "30. November 2026 um 00:30 GMT+1"},
		"de-CH":    {"de-CH", "Europe/Zurich", "CHF", 123456, "CHF 1’234.56", "30. November 2026", "30. November 2026 um 00:30 GMT+1"},
		"fr":       {"fr", "", "EUR", 2900, "29,00 €", "29 novembre 2026", "29 novembre 2026 à 23:30 UTC"},
		"es":       {"es", "Europe/Madrid", "EUR", 2900, "29,00 €", "30 de noviembre de 2026", "30 de noviembre de 2026 a las 0:30 GMT+1"},
		"pt-BR":    {"pt-BR", "America/Sao_Paulo", "BRL", 2900, "R$ 29,00", "29 de novembro de 2026", "29 de novembro de 2026 às 20:30 GMT−3"},
		"ja":       {"ja", "Asia/Tokyo", "JPY", 2900, "￥2,900", "2026年11月30日", "2026年11月30日 8:30 GMT+9"},
		"zh":       {"zh-CN", "Asia/Shanghai", "CNY", 2900, "¥29.00", "2026年11月30日", "2026年11月30日 07:30 GMT+8"},
		"India":    {"en-IN", "Asia/Kolkata", "KWD", 1999, "KWD 1.999", "30 November 2026", "30 November 2026 at 5:00 am GMT+5:30"},
		"bad zone": {"en", "Mars/Base", "USD", 100, "$1.00", "November 29, 2026", "November 29, 2026 at 11:30 PM UTC"},
	} {
		d := words.Sample("payment_failed.final", test.locale, words.Brand{})
		d.Customer.TimeZone, d.Notice.Until = test.zone, at
		d.Notice.Amount = &billing.Money{Amount: test.amount, Currency: test.currency}
		text := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(render(t, load(t, nil), d).Text)
		for _, want := range []string{test.wantAmount, test.wantDate, test.wantTime} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
}

func TestReasonsNeverTellOfFraud(t *testing.T) {
	s := load(t, nil)
	told := regexp.MustCompile(`Betrug|(?i:fraud|stolen|lost|gestohlen|vol[ée]|robad|roubad|不正|盗|欺诈)`)
	for _, tag := range languages {
		var all []string
		for _, reason := range []string{
			notify.ReasonFunds, notify.ReasonExpired, notify.ReasonCardData, notify.ReasonAuthentication, notify.ReasonLimit,
			notify.ReasonTemporary, notify.ReasonNotAllowed, notify.ReasonMethod, notify.ReasonAgreement, notify.ReasonOther,
		} {
			d := words.Sample("payment_failed.1", tag, words.Brand{})
			d.Notice.Reason = reason
			all = append(all, render(t, s, d).Body)
		}
		slices.Sort(all)
		if n := len(slices.Compact(all)); n != 10 {
			t.Errorf("%s: %d different reasons, want 10", tag, n)
		}
		d := words.Sample("payment_failed.1", tag, words.Brand{})
		d.Notice.Reason = notify.ReasonOther
		other := render(t, s, d)
		for _, code := range []string{"fraudulent", "lost_card", "stolen_card", "pickup_card", "whatever", ""} {
			d.Notice.Reason = code
			m := render(t, s, d)
			if m.Text != other.Text {
				t.Errorf("%s: %s is told:\n%s", tag, code, m.Text)
			}
		}
		for _, name := range append(words.Names(), "payment_failed.1") {
			if found := told.FindString(render(t, s, words.Sample(name, tag, words.Brand{})).Text); found != "" {
				t.Errorf("%s: %s says %q", tag, name, found)
			}
		}
	}
}

func TestLateNoticeSaysSo(t *testing.T) {
	s := load(t, nil)
	for _, tag := range languages {
		d := words.Sample("trial_ending", tag, words.Brand{})
		inTime := render(t, s, d)
		d.Notice.DueAt = d.Now.Add(-72 * time.Hour)
		late := render(t, s, d)
		if len(late.Text) <= len(inTime.Text) || len(late.HTML) <= len(inTime.HTML) || len(late.Body) <= len(inTime.Body) {
			t.Errorf("%s: late says as much as in time:\n%s", tag, late.Text)
		}
	}
}
