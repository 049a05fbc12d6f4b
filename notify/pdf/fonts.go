package pdf

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/sfnt"
)

// The names of the fonts within a document: Liberation Sans (SIL Open Font License)
// for Latin, Greek and Cyrillic, Droid Sans Fallback for Chinese and Japanese.
const (
	regular = "regular"
	bold    = "bold"
	asian   = "asian"
)

//go:embed font/DroidSansFallback-subset.ttf.gz
var packed []byte

// fonts are what documents are drawn with.
type fonts struct{ regular, bold, asian face }

// face is a font and which characters it has.
type face struct {
	data   []byte
	parsed *sfnt.Font
}

var loaded = sync.OnceValues(func() (*fonts, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("the Asian font: %w", err)
	}
	data, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("the Asian font: %w", err)
	}
	f := &fonts{
		regular: face{data: liberationsansregular.TTF}, bold: face{data: liberationsansbold.TTF}, asian: face{data: data},
	}
	for _, one := range []*face{&f.regular, &f.bold, &f.asian} {
		if one.parsed, err = sfnt.Parse(one.data); err != nil {
			return nil, fmt.Errorf("a font: %w", err)
		}
	}
	return f, nil
})

// has reports whether a font has a character.
func (f face) has(r rune) bool {
	var b sfnt.Buffer
	i, err := f.parsed.GlyphIndex(&b, r)
	return err == nil && i != 0
}

// spelled are characters that are written in another way, for want of one.
var spelled = strings.NewReplacer("\u202f", "\u00a0", "₹", "Rs.\u00a0")

// run is a part of a text that one font has.
type run struct{ font, text string }

// runs cuts a text into parts, each for the font that has its characters; the Latin
// one is preferred.
func (f *fonts) runs(text, style string) []run {
	first := f.regular
	if style == bold {
		first = f.bold
	}
	var all []run
	for _, r := range spelled.Replace(text) {
		font := style
		switch {
		case first.has(r):
		case f.asian.has(r):
			font = asian
		default:
			r = '?'
		}
		if n := len(all); n > 0 && all[n-1].font == font {
			all[n-1].text += string(r)
			continue
		}
		all = append(all, run{font, string(r)})
	}
	return all
}
