package pdf_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/pdf"
	"github.com/trivetdev/trivet/notify/words"
)

// paper puts the sample receipt in a language.
func paper(t *testing.T, name, locale string, change func(*notify.Receipt)) notify.Paper {
	t.Helper()
	s, err := words.Load(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	d := words.Sample(name, locale, words.Brand{})
	if change != nil {
		change(d.Receipt)
	}
	p, err := s.Paper(*d.Receipt, d.Customer)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func draw(t *testing.T, p notify.Paper) []byte {
	t.Helper()
	b, err := pdf.Draw(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDrawsEveryLanguage(t *testing.T) {
	for _, locale := range []string{"en", "de", "fr", "es", "pt-BR", "ja", "zh-Hans"} {
		for _, name := range []string{"receipt", "refund_receipt"} {
			p := paper(t, name, locale, nil)
			b := draw(t, p)
			if !bytes.HasPrefix(b, []byte("%PDF-")) || !bytes.Contains(b, []byte("%%EOF")) || pages(b) != 1 {
				t.Errorf("%s in %s is no PDF of one page", name, locale)
			}
			if missing := pdf.Missing(p); missing != "" {
				t.Errorf("%s in %s: no font has %q", name, locale, missing)
			}
			if len(b) > 200<<10 {
				t.Errorf("%s in %s has %d bytes: is the font cut down to what is used?", name, locale, len(b))
			}
			if dir := os.Getenv("TRIVET_PDF_DIR"); dir != "" { // to look at them
				if err := os.WriteFile(filepath.Join(dir, name+"."+locale+".pdf"), b, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func pages(b []byte) int { return bytes.Count(b, []byte("/Type /Page\n")) }

func TestCurrenciesHaveGlyphs(t *testing.T) {
	for _, code := range strings.Fields("EUR USD GBP JPY CNY BRL CHF SEK PLN CZK INR KRW ILS VND UAH TRY NGN") {
		p := paper(t, "receipt", "en", func(r *notify.Receipt) {
			m := billing.Money{Amount: 123456, Currency: code}
			r.Total, r.Tax, r.Lines[0].Amount = m, nil, m
		})
		if missing := pdf.Missing(p); missing != "" {
			t.Errorf("%s: no font has %q", code, missing)
		}
	}
}

func TestManyLinesAndLongNames(t *testing.T) {
	p := paper(t, "receipt", "ja", func(r *notify.Receipt) {
		r.Buyer.Name = strings.Repeat("長い名前の株式会社", 12)
		r.Seller.Address = "12 " + strings.Repeat("Donaudampfschifffahrtsgesellschaft", 6) + "\nİstanbul ﷺ 😀"
		for i := range 80 {
			r.Lines = append(r.Lines, notify.Line{
				Text: fmt.Sprintf("Seat %d %s", i, strings.Repeat("with a long description ", i%7)), Amount: r.Total, Quantity: 3,
				From: words.SampleNow, To: words.SampleNow.Add(time.Hour),
			})
		}
	})
	if n := pages(draw(t, p)); n < 4 || n > 9 {
		t.Errorf("%d pages", n)
	}
	if got := pdf.Missing(p); got != "ﷺ😀" {
		t.Errorf("no font has %q", got)
	}
}

func TestEqualPapersMakeEqualFiles(t *testing.T) {
	p := paper(t, "receipt", "ja", nil)
	want := draw(t, p)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			b, err := pdf.Draw(p)
			if err != nil || !bytes.Equal(b, want) {
				t.Errorf("%d bytes, want the same %d; %v", len(b), len(want), err)
			}
		})
	}
	wait.Wait()
}
