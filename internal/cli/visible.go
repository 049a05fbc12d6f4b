package cli

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible writes what can be seen, and line ends: names, reasons and subjects come
// from strangers, and a terminal obeys what is hidden in a text. Any such character
// becomes �.
type visible struct {
	to io.Writer
	// rest is a character of which the end has not been written yet.
	rest []byte
}

// Write implements io.Writer.
func (v *visible) Write(p []byte) (int, error) {
	text := append(v.rest, p...)
	end := len(text)
	for end > 0 && len(text)-end < utf8.UTFMax && !utf8.RuneStart(text[end-1]) {
		end--
	}
	if end > 0 && utf8.FullRune(text[end-1:]) {
		end = len(text)
	} else {
		end = max(end-1, 0)
	}
	v.rest = append([]byte(nil), text[end:]...)
	_, err := io.WriteString(v.to, strings.Map(seen, string(text[:end])))
	return len(p), err
}

// seen replaces a character that a terminal obeys. Of those that unicode counts as
// formats, the ones within emoji and Indic or Persian words do no harm.
func seen(r rune) rune {
	switch {
	case r == '\n', r == '\t', r == '\r':
		return r
	case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return utf8.RuneError
	}
	return r
}
