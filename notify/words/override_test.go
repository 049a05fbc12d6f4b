package words_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
)

func TestOverridesAreBySection(t *testing.T) {
	s := load(t, fstest.MapFS{
		"en/paused.txt":  {Data: []byte("# ours\n\n-- subject --\nOn hold: {{.Product}}\n-- sms --\nOn hold.\n")},
		"de/receipt.txt": {Data: []byte("-- html --\n<p>{{.Amount}}</p>\n-- text --\nNur {{.Amount}}\n")},
		"_layout.txt":    {Data: []byte("{{.Greeting}}{{range .Blocks}}\n{{.Text}}{{end}}\n-- our own frame")},
		"fr/_layout.txt": {Data: []byte("cadre{{range .Blocks}}{{.Text}}{{end}}")},
		".git/config":    {Data: []byte("not ours")},
	})
	paused := render(t, s, words.Sample("paused", "en", words.Brand{}))
	if paused.Subject != "On hold: Acme Pro" || paused.Short != "On hold." || !strings.Contains(paused.Text, "has been paused") ||
		!strings.HasSuffix(paused.Text, "our own frame\n") {
		t.Errorf("%+v", paused)
	}
	receipt := render(t, s, words.Sample("receipt", "de", words.Brand{}))
	if receipt.HTML != "<p>29,00\u00a0€</p>" || receipt.Text != "Nur 29,00\u00a0€\n" || !strings.Contains(receipt.Subject, "Zahlungsbeleg") {
		t.Errorf("%q %q %q", receipt.HTML, receipt.Text, receipt.Subject)
	}
	if m := render(t, s, words.Sample("paused", "fr", words.Brand{})); !strings.HasPrefix(m.Text, "cadre") {
		t.Errorf("the layout of one language is not used: %q", m.Text)
	}
	over := s.Overridden()
	if strings.Join(over["en"], " ") != "paused/sms paused/subject" || strings.Join(over[""], " ") != "_layout.txt" {
		t.Errorf("overridden: %v", over)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ file, text, says string }{
		"unknown message":  {"en/payment_faild.txt", "-- subject --\nx", "there is no message payment_faild"},
		"unknown section":  {"en/paused.txt", "-- subjekt --\nx", "has no section subjekt"},
		"text before":      {"en/paused.txt", "Hello\n-- subject --\nx", "before the first section"},
		"section twice":    {"en/paused.txt", "-- subject --\nx\n-- subject --\ny", "two sections subject"},
		"broken template":  {"en/paused.txt", "-- subject --\n{{.Product", "paused/subject"},
		"unknown function": {"en/paused.txt", "-- subject --\n{{shout .Product}}", "shout"},
		"no language":      {"mails/paused.txt", "-- subject --\nx", "mails is no language"},
		"not normal":       {"de_AT/paused.txt", "-- subject --\nx", "is no language"},
		"outside":          {"paused.txt", "-- subject --\nx", "outside of a language"},
		"another kind":     {"en/paused.html", "x", "is no file of words"},
		"broken layout":    {"_layout.html", "{{.Greeting", "_layout.html"},
	} {
		_, err := words.Load(fstest.MapFS{test.file: {Data: []byte(test.text)}}, "")
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q in it", name, err, test.says)
		}
	}
}

// TestAnEmptySectionSaysNothing, rather than the same in English.
func TestAnEmptySectionSaysNothing(t *testing.T) {
	s := load(t, fstest.MapFS{"de/_shared.txt": {Data: []byte("-- help --\n\n")}, "de-AT/paused.txt": {Data: []byte("-- title --\n")}})
	for _, tag := range []string{"de", "de-AT"} {
		m := render(t, s, words.Sample("paused", tag, words.Brand{}))
		if strings.Contains(m.Text, "Questions?") || strings.Contains(m.Text, "Fragen?") || (m.Title == "") != (tag == "de-AT") {
			t.Errorf("%s: %q %s", tag, m.Title, m.Text)
		}
	}
}

// TestOwnHTMLIsEscaped: a folder's own HTML cannot be broken out of by what customers
// are called or name their projects, whatever of the facts it shows and where.
func TestOwnHTMLIsEscaped(t *testing.T) {
	s := load(t, fstest.MapFS{"en/paused.txt": {Data: []byte("-- html --\n" +
		`<p title="{{.Customer.Name}}">{{.Customer.Name}} {{.Covered}} {{.Product}} {{index .Customer.Attributes "team"}} {{template "help" .}}</p><a href="{{.URL}}">x</a>`)}})
	d := words.Sample("paused", "en", words.Brand{})
	const evil = `"><script src="//evil.example"></script>&`
	d.Customer.Name, d.Customer.Covered, d.Plan, d.Customer.Attributes = evil, []string{evil}, evil, map[string]any{"team": evil}
	d.Button = "https://billing.acme.example/go/a?b=1&c=2"
	got := render(t, s, d).HTML
	if strings.Contains(got, "<script") || strings.Contains(got, `""`) || strings.Count(got, "evil.example") < 5 ||
		!strings.Contains(got, `href="https://billing.acme.example/go/a?b=1&amp;c=2"`) || !strings.Contains(got, "Questions?") {
		t.Errorf("%s", got)
	}
}

// TestBroken finds what keeps messages of a folder from being said, and nothing else.
func TestBroken(t *testing.T) {
	for name, test := range map[string]struct{ file, text, says string }{
		"no such fact":      {"de/paused.txt", "-- body --\nDas {{.Prodct}}", "paused/body"},
		"no such section":   {"en/_shared.txt", "-- help --\n{{template \"hulp\" .}}", "hulp"},
		"only sometimes":    {"en/receipt.txt", "-- notice --\n{{if not .Card}}{{.Crad}}{{end}}{{if not .Reference}}{{.Refs}}{{end}}", "receipt/notice"},
		"half a page":       {"fr/paused.txt", "-- html --\n<a href=\"{{.URL}}", "paused/html"},
		"an odd layout":     {"_layout.html", "{{.Greting}}", "Greting"},
		"a country's own":   {"de-AT/paused.txt", "-- title --\n{{.Titel}}", "de-AT"},
		"too long, but ok":  {"en/paused.txt", "-- subject --\n" + strings.Repeat("long ", 40), ""},
		"nothing to object": {"en/paused.txt", "-- subject --\nOn hold", ""},
	} {
		err := load(t, fstest.MapFS{test.file: {Data: []byte(test.text)}}).Broken()
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v, want %q in it", name, err, test.says)
		}
		if err != nil && strings.Count(err.Error(), "\n") > 10 {
			t.Errorf("%s: %d lines", name, strings.Count(err.Error(), "\n"))
		}
	}
}

func TestCheckFinds(t *testing.T) {
	long := strings.Repeat("long ", 20)
	for name, test := range map[string]struct{ file, text, says string }{
		"unknown variable":      {"de/paused.txt", "-- title --\n{{if .Late}}{{.Amout}}{{end}}x", "de paused/title: there is no .Amout"},
		"below a text":          {"de/paused.txt", "-- title --\n{{if .Late}}{{.Amount.Currency}}{{end}}x", ".Amount has nothing below it"},
		"in a branch of range":  {"de/paused.txt", "-- title --\nx{{range .Customer.Covered}}{{template \"nope\"}}{{end}}", "uses the section nope"},
		"long subject":          {"de/paused.txt", "-- subject --\n" + long, "columns"},
		"wide subject":          {"ja/paused.txt", "-- subject --\n" + strings.Repeat("長", 40), "80 columns"},
		"long title":            {"de/paused.txt", "-- title --\n" + long, "de paused/title"},
		"long sms":              {"de/paused.txt", "-- sms --\n" + strings.Repeat(long, 6), "de paused/sms: has"},
		"amount not told":       {"de/trial_ending.txt", "-- body --\nEnde am {{.Date}}", "de trial_ending/text: does not state the amount"},
		"amount not told, html": {"de/trial_ending.txt", "-- html --\n<p>Ende</p>", "de trial_ending/html: does not state the amount"},
		"a fact left out":       {"de/paused.txt", "-- title --\nAb {{.Next}} , gut", "reads badly"},
		"another language":      {"it/paused.txt", "-- title --\nIn pausa", "it paused/subject: is missing"},
		"misspelled section":    {"de/_shared.txt", "-- grüße --\nx", "before the first section"},
		"unused section":        {"de/_shared.txt", "-- greting --\nx", "de greting: is used by nothing"},
	} {
		var found []string
		s, err := words.Load(fstest.MapFS{test.file: {Data: []byte(test.text)}}, "")
		if err != nil {
			found = append(found, err.Error())
		} else {
			for _, p := range s.Check() {
				found = append(found, p.String())
			}
		}
		if !strings.Contains(strings.Join(found, "\n"), test.says) {
			t.Errorf("%s: found %q, want %q", name, found, test.says)
		}
	}
}

func TestCheckByRules(t *testing.T) {
	s := load(t, fstest.MapFS{"en/renewal_ahead.txt": {Data: []byte(
		"-- body --\n{{.Product}} {{.Date}} {{.Amount}} {{.Every}} {{.Was}} {{.Card}} {{.Covered}} {{template \"estimate\" .}}\n\n[button]")}})
	cancel := func(packs ...words.Pack) string {
		for _, p := range s.Check(packs...) {
			if strings.Contains(p.What, "us-ca") {
				return p.What
			}
		}
		return ""
	}
	if got := cancel(); got != "" {
		t.Errorf("without rules: %s", got)
	}
	if got := cancel(pack(t, "us-ca")); !strings.Contains(got, "cancel") || !strings.Contains(got, "California") {
		t.Errorf("with rules: %q", got)
	}
	if _, err := words.PackNamed("eu"); err == nil || !strings.Contains(err.Error(), "us-ca") {
		t.Errorf("unknown rules: %v", err)
	}
}

func TestRenderRefuses(t *testing.T) {
	s := load(t, nil)
	d := words.Sample("trial_ending", "en", words.Brand{})
	d.Notice.Amount = nil
	if _, err := s.Render(d); !errors.Is(err, words.ErrNotice) || !strings.Contains(err.Error(), "without amount") {
		t.Errorf("without amount: %v", err)
	}
	d.Notice.Amount = &billing.Money{Amount: 1, Currency: "euros"}
	if _, err := s.Render(d); !errors.Is(err, words.ErrNotice) {
		t.Errorf("no currency: %v", err)
	}
	d.Notice.Template = "gone"
	if _, err := s.Render(d); !errors.Is(err, words.ErrNotice) {
		t.Errorf("no such message: %v", err)
	}
}

// TestTextFromOutside: names and plans are text, whatever they hold.
func TestTextFromOutside(t *testing.T) {
	s := load(t, nil)
	d := words.Sample("payment_failed.1", "en", words.Brand{})
	d.Customer.Name = "<b>Eve</b>"
	d.Plan = `Pro <script>alert(1)</script> **x** [y](https://evil.example) {{.Email}}` + "\r\nBcc: all@example.org"
	m := render(t, s, d)
	for _, bad := range []string{"<script", "<strong>x", `href="https://evil`, "\nBcc"} { // in the text part it is text
		if strings.Contains(m.HTML, bad) || strings.ContainsAny(m.Subject, "\r\n") {
			t.Errorf("%q got through: %s", bad, m.Text)
		}
	}
	for _, name := range []string{"Win $1000 at www.spam.example", "https://spam.example", strings.Repeat("x", 70), "a@b.example", "Win $1000 at spam.example", "spam.example - you won", "gewinn.münchen"} {
		d.Customer.Name = name
		if got := render(t, s, d).Text; !strings.HasPrefix(got, "Hello,") {
			t.Errorf("greets %q: %.30q", name, got)
		}
		if got := render(t, s, d).To.Name; got != "" {
			t.Errorf("the mail is addressed to %q", got)
		}
	}
	for _, name := range []string{"J. R. Kern", "J.R. Kern", "Dana Kern jr.", "Kern Ltd.", "Anne-Marie O'Neil", "Dr. Kern", "陳大文"} {
		d.Customer.Name = name
		if m := render(t, s, d); !strings.HasPrefix(m.Text, "Hi "+name+",") || m.To.Name != name {
			t.Errorf("greets %q: %.30q", name, m.Text)
		}
	}
	for _, stars := range []string{"***", "****", "*****", "**** **"} {
		d.Plan = stars + "Pro" + stars
		if m := render(t, s, d); strings.Contains(m.HTML, "<strong>Pro") {
			t.Errorf("%s is strong", d.Plan)
		}
	}
	d.Button = "javascript:alert(1)"
	if m := render(t, s, d); strings.Contains(m.HTML, "javascript:alert") {
		t.Error("a link that is no web address got through")
	}
}

// TestWhatIsNotSoIsNotSaid: a subscription that is over cannot be used on, nor its end
// be undone; an amount that is only the plan's was not the last charge; and nobody is
// led to a button that there is not.
func TestWhatIsNotSoIsNotSaid(t *testing.T) {
	s := load(t, nil)
	for tag, words7 := range map[string]struct{ undo, until, button string }{
		"en": {"Undo the cancellation", "You can use it", "button"}, "de": {"Kündigung zurücknehmen", "Sie können es bis", "Knopf"},
		"fr": {"Annuler la résiliation", "Vous pouvez l’utiliser", "bouton"}, "es": {"Deshacer la cancelación", "Puedes usarla", "botón"},
		"pt-BR": {"Desfazer o cancelamento", "Você pode usá-la", "botão"}, "ja": {"解約を取り消す", "まではご利用いただけます", "ボタン"},
		"zh-Hans": {"撤销取消", "您可以使用到", "按钮"},
	} {
		d := words.Sample("canceled", tag, words.Brand{})
		amount := render(t, s, d).Text
		running := render(t, s, d)
		if !strings.Contains(running.Text, words7.until) || !strings.Contains(running.Text, words7.button) || !strings.Contains(running.Action, words7.undo) {
			t.Errorf("%s: while it runs %s: %s", tag, running.Action, running.Text)
		}
		d.Notice.Estimated = true
		if got := render(t, s, d).Text; len(got) >= len(amount) {
			t.Errorf("%s: tells of a charge that there need not have been: %s", tag, got)
		}
		d.Notice.Until = d.Now
		over := render(t, s, d)
		for _, text := range []string{over.Text, over.Body, over.Action} {
			if strings.Contains(text, words7.until) || strings.Contains(text, words7.button) || strings.Contains(text, words7.undo) {
				t.Errorf("%s: when it is over: %s", tag, text)
			}
		}
		for _, name := range words.Names() {
			d := words.Sample(name, tag, words.Brand{})
			d.Button, d.Cancel, d.LinkUntil = "", "", time.Time{}
			if m := render(t, s, d); strings.Contains(m.Text, words7.button) || m.Action != "" {
				t.Errorf("%s %s: there is no button: %s %s", tag, name, m.Action, m.Text)
			}
		}
	}
}

func TestRecipients(t *testing.T) {
	s := load(t, nil)
	d := words.Sample("receipt", "en", words.Brand{})
	d.Customer.ReceiptEmail, d.Phone = "books@kern.example", "+353861234567"
	m := render(t, s, d)
	if m.To.Email != "books@kern.example" || m.To.Copy != "dana@kern.example" || m.To.Phone != "+353861234567" || m.To.Customer != "user_42" {
		t.Errorf("a receipt goes to %+v", m.To)
	}
	for own, want := range map[string]string{"": "", "BOOKS@kern.example": ""} {
		d.Customer.Email = own
		if m := render(t, s, d); m.To.Email != "books@kern.example" || m.To.Copy != want {
			t.Errorf("with the own address %q a receipt goes to %+v", own, m.To)
		}
	}
	d.Customer.Email = "dana@kern.example"
	d.Notice.Template = "paused"
	if m := render(t, s, d); m.To.Email != "dana@kern.example" || m.To.Copy != "" {
		t.Errorf("a notice goes to %+v", m.To)
	}
	d.Customer.ReceiptEmail, d.Notice.Template = "", "refund_receipt"
	if m := render(t, s, d); m.To.Email != "dana@kern.example" || m.To.Copy != "" {
		t.Errorf("without an address for receipts they go to %+v", m.To)
	}
}

func TestCoveredIsShortened(t *testing.T) {
	d := words.Sample("renewal_ahead", "en", words.Brand{})
	d.Customer.Covered = strings.Fields("a.example b.example c.example d.example e.example f.example g.example h.example")
	if m := render(t, load(t, nil), d); !strings.Contains(m.Text, "It covers a.example, b.example, c.example, d.example, e.example, and 3 more.") {
		t.Error(m.Text)
	}
}

func TestReceiptIsAttached(t *testing.T) {
	s := load(t, nil)
	for name, want := range map[string]string{"receipt": "Zahlungsbeleg-R-2026-0042.pdf", "refund_receipt": "Erstattungsbeleg-RF-2026-0007.pdf"} {
		d := words.Sample(name, "de", words.Brand{})
		var drawn notify.Paper
		d.Draw = func(p notify.Paper) ([]byte, error) { drawn = p; return []byte("%PDF"), nil }
		m := render(t, s, d)
		if len(m.Attachments) != 1 || m.Attachments[0].Name != want || m.Attachments[0].Type != "application/pdf" {
			t.Errorf("%s: %+v, want %s", name, m.Attachments, want)
		}
		if !strings.Contains(m.Text, "als PDF") || drawn.Locale != "de" || len(drawn.Lines) != 1 || drawn.Lines[0].Period != "21. November 2026 – 21. Dezember 2026" {
			t.Errorf("%s: %s %+v", name, m.Text, drawn)
		}
		d.Draw = nil
		if m := render(t, s, d); len(m.Attachments) != 0 || strings.Contains(m.Text, "PDF") {
			t.Errorf("%s without a pen: %s", name, m.Text)
		}
	}
}

func TestPaperAddsUp(t *testing.T) {
	money := func(n int64) *billing.Money { return &billing.Money{Amount: n, Currency: "EUR"} }
	s := load(t, nil)
	r := notify.Receipt{
		Number: "R-1", Date: words.SampleNow, Total: *money(11900), Tax: money(1900), Discount: money(1000), Refunded: money(2000),
		Lines:  []notify.Line{{Text: "Pro", Amount: *money(11000)}},
		Refund: &notify.ReceiptRefund{Number: "RF-1", Date: words.SampleNow, Amount: *money(5000)},
	}
	p, err := s.Paper(r, billing.Customer{Locale: "en-GB"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range p.Sums {
		got = append(got, f.Label+" "+f.Value)
	}
	want := "Subtotal €110.00, Discount -€10.00, Tax €19.00, Total €119.00, Refunded before €20.00, Refunded €50.00, Paid after refunds €49.00"
	if strings.Join(got, ", ") != want {
		t.Errorf("sums are\n%s, want\n%s", strings.Join(got, ", "), want)
	}
}
