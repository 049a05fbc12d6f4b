package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"

	"github.com/trivetdev/trivet/billing"
)

// reader turns the merged tree into a Config and gathers what is wrong.
type reader struct {
	*problems
	tree    map[string]any
	origins map[string]string
	// unconnected: what proves webhooks genuine may be missing.
	unconnected bool
	files       []SecretFile
}

// section is one table of the tree.
type section struct {
	*reader
	path   string
	values map[string]any
}

func (r *reader) root() section { return section{reader: r, values: r.tree} }

// table returns the table at a dotted path.
func (r *reader) table(path string) (section, bool) {
	values := r.tree
	for part := range strings.SplitSeq(path, ".") {
		inner, ok := values[part].(map[string]any)
		if !ok {
			return section{reader: r, path: path}, false
		}
		values = inner
	}
	return section{reader: r, path: path, values: values}, true
}

// names returns the names of the sections under key, sorted.
func (r *reader) names(key string) []string {
	t, _ := r.table(key)
	return sortedKeys(t.values)
}

// named returns the sections under key in the order of their names.
func (r *reader) named(key string) []section {
	var all []section
	for _, name := range r.names(key) {
		if s, ok := r.table(key + "." + name); ok {
			all = append(all, s)
		}
	}
	return all
}

// numbered returns the tables of an array in the order of their numbers.
func (r *reader) numbered(key string) []section {
	all := r.named(key)
	slices.SortFunc(all, func(a, b section) int {
		m, _ := strconv.Atoi(a.name()) // the layers only make numbers
		n, _ := strconv.Atoi(b.name())
		return cmp.Compare(m, n)
	})
	return all
}

func (s section) name() string {
	_, name := split(s.path)
	return name
}

func (s section) keys() []string { return sortedKeys(s.values) }

func (s section) sub(key string) section {
	t, _ := s.table(s.at(key))
	return t
}

// at returns the path of a key of this table, or of the table itself for "".
func (s section) at(key string) string {
	return strings.Trim(s.path+"."+key, ".")
}

// has says whether the key is set, as a value or as a file.
func (s section) has(key string) bool {
	return s.values[key] != nil || s.values[key+"_file"] != nil
}

// bad reports a problem with the value of key, or with the section for "".
func (s section) bad(key, format string, args ...any) {
	path := s.at(key)
	s.add(path, originOf(s.origins, path), format, args...)
}

// text returns a value as text; numbers are taken as written, since ids that
// happen to be numeric are often left without quotes.
func (s section) text(key string) string {
	switch v := s.values[key].(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	case int64:
		return strconv.FormatInt(v, 10)
	default:
		s.bad(key, "must be a text in quotes")
		return ""
	}
}

// texts returns a list, which the environment writes with commas, or as the file does.
// Whole numbers are taken as written.
func (s section) texts(key string) []string {
	value := s.values[key]
	if text, ok := value.(string); ok && strings.HasPrefix(strings.TrimSpace(text), "[") {
		list, err := toml.Parser().Unmarshal([]byte("list = " + text))
		if err != nil {
			s.bad(key, `begins like a list and is none: write a,b or ["a", "b"]`)
			return nil
		}
		value = list["list"]
	}
	var all []string
	switch v := value.(type) {
	case nil:
	case string:
		all = strings.Split(v, ",")
	case []any:
		for _, item := range v {
			switch item := item.(type) {
			case string:
				all = append(all, item)
			case int64:
				all = append(all, strconv.FormatInt(item, 10))
			default:
				s.bad(key, `must be a list of texts, as in ["a", "b"]`)
				return nil
			}
		}
	default:
		s.bad(key, `must be a list of texts, as in ["a", "b"]`)
	}
	var kept []string
	for _, text := range all {
		if text = strings.TrimSpace(text); text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}

// choice returns one of the options, or the fallback if nothing is set.
func (s section) choice(key string, options []string, fallback string) string {
	text := s.text(key)
	if text == "" {
		return fallback
	}
	if !slices.Contains(options, text) {
		s.bad(key, "%q is not possible: use one of %s", text, strings.Join(options, ", "))
		return fallback
	}
	return text
}

// yes reads a switch. keep and revoke are the words people use of access.
func (s section) yes(key string) bool {
	if b, ok := s.values[key].(bool); ok {
		return b
	}
	switch strings.ToLower(s.text(key)) {
	case "true", "yes", "keep":
		return true
	case "false", "no", "revoke":
		return false
	}
	s.bad(key, "must be true (access goes on) or false (it ends)")
	return false
}

// number returns a whole number from 0 to most; 0 if nothing is set.
func (s section) number(key string, most int64) int64 {
	text := s.text(key)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		s.bad(key, "%q must be a whole number from 0 to %d", text, most)
		return 0
	}
	return n
}

func (s section) duration(key string, least time.Duration) time.Duration {
	d, err := billing.ParseDuration(s.text(key))
	switch {
	case s.text(key) == "0" && least <= 0: // in whatever unit
	case err != nil:
		s.bad(key, "%v", err)
	case d < least:
		s.bad(key, "%s is too short: the least is %s", s.text(key), written(least))
	}
	return d
}

// written is a duration as it is written in the file.
func written(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 0 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", days)
	}
	return d.String()
}

// plain returns a text that is not secret but, like a secret, is often left as
// the placeholder of an example.
func (s section) plain(key string) string {
	text := s.text(key)
	if why := unusable(text); why != "" && s.has(key) {
		s.bad(key, "%s: copy the value from the provider's dashboard", why)
	}
	return text
}

func (s section) plains(key string) []string {
	all := s.texts(key)
	if len(all) == 0 && s.has(key) {
		s.bad(key, "is empty: copy the value from the provider's dashboard, or remove the key")
	}
	for _, text := range all {
		if why := unusable(text); why != "" {
			s.bad(key, "%q %s: copy the value from the provider's dashboard", text, why)
		}
	}
	return all
}

// secret returns the value of key or of the file that its twin names. The value
// never appears in a message.
func (s section) secret(key string) Secret {
	from, text, ok := s.secretText(key)
	if !ok {
		return ""
	}
	if why := unusable(text); why != "" {
		s.bad(from, "%s: put the real value there", why)
		return ""
	}
	return Secret(strings.TrimSpace(text))
}

// secretText returns a secret as it stands and the key that gave it.
func (s section) secretText(key string) (from, text string, ok bool) {
	if s.values[key+"_file"] != nil {
		text, ok = s.content(key + "_file")
		return key + "_file", text, ok
	}
	if s.values[key] == nil {
		return key, "", false
	}
	text, ok = s.values[key].(string)
	if !ok {
		s.bad(key, "must be a text in quotes")
	}
	return key, text, ok
}

// secrets returns a list of secrets; in a file they stand one to a line.
func (s section) secrets(key string) []Secret {
	from, items := key, []string(nil)
	if s.values[key+"_file"] != nil {
		if s.absent(key) {
			return nil
		}
		text, ok := s.content(key + "_file")
		if !ok {
			return nil
		}
		from, items = key+"_file", strings.Fields(text)
	} else if items = s.texts(key); items == nil && s.values[key] == nil {
		return nil
	}
	if len(items) == 0 {
		s.bad(from, "is empty: put the real value there, or remove the key")
	}
	var all []Secret
	for i, item := range items {
		if why := unusable(item); why != "" {
			s.bad(from, "number %d %s: put the real value there", i+1, why)
			continue
		}
		if !slices.Contains(all, Secret(item)) {
			all = append(all, Secret(item))
		}
	}
	return all
}

// absent says whether the file of a secret need not be there yet and is not.
func (s section) absent(key string) bool {
	if !s.unconnected || key != "webhook_secrets" {
		return false
	}
	path, isText := s.values[key+"_file"].(string)
	_, err := os.Stat(strings.TrimSpace(path))
	return isText && strings.TrimSpace(path) != "" && errors.Is(err, fs.ErrNotExist)
}

// content reads the file of a secret that key names.
func (s section) content(key string) (string, bool) {
	path := s.text(key)
	if path == "" {
		s.bad(key, "names no file")
		return "", false
	}
	text, err := readFile(path)
	if err != nil {
		s.bad(key, "%s %s", path, cause(err))
		return "", false
	}
	if strings.TrimSpace(string(text)) == "" {
		s.bad(key, "%s is empty: put the secret in it", path)
		return "", false
	}
	s.files = append(s.files, SecretFile{Key: s.at(key), Path: path})
	return string(text), true
}

// readable returns a path after making sure that the file can be read.
func (s section) readable(key string) string {
	path := s.text(key)
	if path == "" {
		return ""
	}
	if _, err := readFile(path); err != nil {
		s.bad(key, "%s", fmt.Sprintf("%s %s", path, cause(err)))
	}
	return path
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
