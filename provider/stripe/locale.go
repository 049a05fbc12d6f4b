package stripe

import (
	"slices"
	"strings"
)

// locales are the languages of Stripe's checkout page, a closed list: any other
// value is an error there.
var locales = []string{
	"bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id",
	"it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th",
	"tr", "vi", "zh", "zh-HK", "zh-TW",
}

// otherNames are tags that mean a language of the list by another name.
var otherNames = map[string]string{
	"no": "nb", "nn": "nb", "tl": "fil",
	"zh-hans": "zh", "zh-hant": "zh-TW", "zh-hant-hk": "zh-HK", "zh-mo": "zh-HK", "zh-hant-mo": "zh-HK",
}

// latinAmerica are the regions whose Spanish is es-419.
var latinAmerica = []string{
	"419", "ar", "bo", "cl", "co", "cr", "cu", "do", "ec", "gt", "hn", "mx", "ni", "pa", "pe", "pr", "py", "sv", "us", "uy", "ve",
}

// locale finds the page's language for a BCP 47 tag: the longest beginning of
// the tag that Stripe knows, else what the browser asks for.
func locale(tag string) string {
	tag = strings.ToLower(strings.ReplaceAll(tag, "_", "-"))
	if region, spanish := strings.CutPrefix(tag, "es-"); spanish && slices.Contains(latinAmerica, region) {
		return "es-419"
	}
	for tag != "" {
		if name, known := otherNames[tag]; known {
			return name
		}
		if i := slices.IndexFunc(locales, func(name string) bool { return strings.EqualFold(name, tag) }); i >= 0 {
			return locales[i]
		}
		tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
	}
	return "auto"
}
