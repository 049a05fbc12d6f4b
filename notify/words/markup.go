package words

import (
	"html/template"
	"regexp"
	"strings"
)

// Block is a paragraph, a list or the button of a mail, as layouts see it.
type Block struct {
	// Kind is "paragraph", "list" or "button".
	Kind string
	// Text and HTML are a paragraph's words; Items a list's.
	Text  string
	HTML  template.HTML
	Items []Block
	// Label and URL are the button's.
	Label, URL string
}

// buttonLine is where the body wants its button.
const buttonLine = "[button]"

var (
	strong = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	spaces = regexp.MustCompile(`[ \t\n]+`) // not those that keep an amount together
	link   = regexp.MustCompile(`\[([^\]]+)\]\((https?://[^\s)]+)\)`)
)

// blocks reads a body: empty lines part paragraphs, a line that begins with "- " is
// an item of a list, **words** are strong, [words](https://…) are a link, and
// [button] is the button, which is left out where it would lead nowhere.
func blocks(body, label, url string) []Block {
	var all []Block
	for paragraph := range strings.SplitSeq(body, "\n\n") {
		paragraph = strings.TrimSpace(paragraph)
		switch {
		case paragraph == "":
		case paragraph == buttonLine:
			if url != "" {
				all = append(all, Block{Kind: "button", Label: label, URL: url})
			}
		case strings.HasPrefix(paragraph, "- "):
			list := Block{Kind: "list"}
			for line := range strings.Lines(paragraph) {
				list.Items = append(list.Items, inline(strings.TrimPrefix(strings.TrimSpace(line), "- ")))
			}
			all = append(all, list)
		default:
			all = append(all, inline(spaces.ReplaceAllString(paragraph, " ")))
		}
	}
	return all
}

// inline turns the markup within a paragraph into both forms.
func inline(text string) Block {
	html := template.HTMLEscapeString(text)
	html = link.ReplaceAllString(html, `<a href="$2" style="color:inherit;text-decoration:underline;">$1</a>`)
	html = strong.ReplaceAllString(html, `<strong>$1</strong>`)
	return Block{
		Kind: "paragraph",
		Text: strong.ReplaceAllString(link.ReplaceAllString(text, "$1 – $2"), "$1"),
		HTML: template.HTML(html), //nolint:gosec // everything in it was escaped
	}
}
