package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var sectionName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// checker goes through the tree of a file, reports what the schema does not
// know, and returns the rest.
type checker struct {
	*loader
	path string // of the file
}

func (c checker) origin(key string) string {
	for at := key; at != ""; at, _ = split(at) {
		if o, ok := c.origins[at]; ok {
			return o
		}
	}
	return c.path
}

func (c checker) reject(key, format string, args ...any) {
	c.add(key, c.origin(key), format, args...)
}

func (c checker) root(tree map[string]any) map[string]any {
	known := names("")
	all := slices.Concat(known, sortedKeys(tables))
	out := map[string]any{}
	for key, value := range tree {
		switch _, isTable := tables[key]; {
		case isTable:
			if t, ok := c.table(key, value); ok {
				out[key] = t
			}
		case slices.Contains(known, key):
			out[key] = value
		default:
			c.reject(key, "is not a key: %s", didYouMean(key, all))
		}
	}
	return out
}

// table checks one top-level section, of whichever of the three forms.
func (c checker) table(key string, value any) (map[string]any, bool) {
	form := tables[key]
	if form.numbered {
		items, ok := value.([]any)
		if _, table := value.(map[string]any); key == "api_key" && !ok && !table {
			c.reject(key, "is written %s, with its name and scopes: a key alone, which may do everything, goes into api_keys", form.written)
			return nil, false
		}
		if !ok {
			c.reject(key, "is written %s, with two brackets, and may come several times", form.written)
			return nil, false
		}
		return c.items(key, items), true
	}
	t, ok := value.(map[string]any)
	if !ok {
		c.reject(key, "is a section: write it as %s", form.written)
		return nil, false
	}
	if form.named {
		return c.sections(key, t), true
	}
	return c.fields(key, t), true
}

func (c checker) items(key string, items []any) map[string]any {
	out := map[string]any{}
	for i, item := range items {
		path := key + "." + strconv.Itoa(i)
		if t, ok := item.(map[string]any); ok {
			out[strconv.Itoa(i)] = c.fields(path, t)
		} else {
			c.reject(path, "is a section: write it as %s", tables[key].written)
		}
	}
	return out
}

func (c checker) sections(key string, t map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range t {
		path := key + "." + name
		inner, ok := value.(map[string]any)
		switch {
		case !ok:
			c.reject(path, "is a section: write it as %s", strings.Replace(tables[key].written, "NAME", name, 1))
		case !sectionName.MatchString(name):
			c.reject(path, "%q cannot name a section: use small letters, digits, dashes and underscores", name)
		case key == "policy" && !slices.Contains(policyNames, name):
			c.reject(path, "is not a policy: %s", didYouMean(name, policyNames))
		default:
			out[name] = c.fields(path, inner)
		}
	}
	return out
}

// fields checks the keys of one table.
func (c checker) fields(path string, t map[string]any) map[string]any {
	form := pattern(path)
	if open[form] {
		return t
	}
	known := names(form)
	out := map[string]any{}
	for key, value := range t {
		inner, isTable := value.(map[string]any)
		switch at := path + "." + key; {
		case open[form+"."+key] && isTable:
			out[key] = inner
		case open[form+"."+key]:
			c.reject(at, "has one list for each account: write %s.stripe = [\"…\"]", key)
		case !slices.Contains(known, key):
			c.reject(at, "is not a key: %s", didYouMean(key, known))
		default:
			out[key] = value
		}
	}
	return out
}
