package words

import (
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// English is the language that everything falls back on.
const English = "en"

// stands maps a language to the variety that its words are written in. Traditional
// Chinese is not there on purpose: its readers get what comes after it in their
// chain rather than the other script.
var stands = map[string]string{"pt": "pt-BR", "zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans", "zh-MY": "zh-Hans"}

// chain returns the locales whose words a customer may get, best first; each of
// the given ones is followed by the less specific ones. What is no locale is left
// out.
func chain(locales ...string) []string {
	var all []string
	add := func(tag string) {
		for _, a := range all {
			if a == tag {
				return
			}
		}
		all = append(all, tag)
	}
	for _, l := range append(locales, English) {
		tag, err := language.Parse(strings.ReplaceAll(l, "_", "-"))
		if l == "" || err != nil {
			continue
		}
		base, script, region := tag.Raw()
		hasScript, hasRegion := script.String() != "Zzzz", region.String() != "ZZ"
		traditional := base.String() == "zh" && inferred(tag) == "Hant"
		if hasScript && hasRegion {
			add(base.String() + "-" + script.String() + "-" + region.String())
		}
		if hasRegion && (!hasScript || inferred(tag) == script.String()) {
			add(base.String() + "-" + region.String())
			if s := stands[base.String()+"-"+region.String()]; s != "" {
				add(s)
			}
		}
		if hasScript || traditional {
			add(base.String() + "-" + inferred(tag))
		}
		if !traditional {
			add(base.String())
			if s := stands[base.String()]; s != "" {
				add(s)
			}
		}
	}
	return all
}

// inferred returns the script of a tag, or the one that its language is written in
// in its region.
func inferred(tag language.Tag) string {
	script, _ := tag.Script()
	return script.String()
}

// formats returns the locale whose rules amounts and dates follow: the customer's
// if it is of the words' language.
func formats(customer, words string) string {
	c, err := language.Parse(strings.ReplaceAll(customer, "_", "-"))
	if customer == "" || err != nil {
		return words
	}
	w := language.Make(words)
	cb, _ := c.Base()
	wb, _ := w.Base()
	if cb != wb || inferred(c) != inferred(w) {
		return words
	}
	base, script, region := c.Raw()
	tag := base.String()
	if script.String() != "Zzzz" {
		tag += "-" + script.String()
	}
	if region.String() != "ZZ" {
		tag += "-" + region.String()
	}
	return tag
}

// direction returns "rtl" for languages that are written from right to left.
func direction(tag string) string {
	switch inferred(language.Make(tag)) {
	case "Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg":
		return "rtl"
	}
	return "ltr"
}

// pluralOf picks the form for a count by the rules of a language out of pairs of
// category and text ("one", "# day", "other", "# days"); # becomes the count.
func pluralOf(tag string, n int64, pairs []string) string {
	i := int(n)
	form := plural.Cardinal.MatchPlural(language.Make(tag), i, 0, 0, 0, 0)
	text := ""
	for k := 0; k+1 < len(pairs); k += 2 {
		if pairs[k] == categories[form] || pairs[k] == "other" && text == "" {
			text = pairs[k+1]
		}
	}
	return strings.ReplaceAll(text, "#", strconv.FormatInt(n, 10))
}

// categories are CLDR's names of the plural forms.
var categories = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}
