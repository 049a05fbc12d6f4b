package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// DefaultPath is the file that is read when nobody names one. Unlike a file
// that is named, it need not exist.
const DefaultPath = "trivet.toml"

// maxFile bounds what is read of a configuration or secret file, so that a path
// like /dev/zero is an error and not the end of the memory.
const maxFile = 1 << 20

// Load reads the configuration from the file at path and from environ, which
// has the form of os.Environ. An empty path means TRIVET_CONFIG, else
// DefaultPath. All that is wrong comes back at once, as an [*Error].
func Load(path string, environ []string) (*Config, error) {
	return loadAs(path, environ, false)
}

// LoadUnconnected is [Load] for whoever is about to connect accounts, or to say that
// they are not: what proves webhooks genuine (webhook_secrets, webhook_ids) may be
// missing, and so may the file of webhook_secrets_file.
func LoadUnconnected(path string, environ []string) (*Config, error) {
	return loadAs(path, environ, true)
}

func loadAs(path string, environ []string, unconnected bool) (*Config, error) {
	l := &loader{origins: map[string]string{}, accounts: map[string]string{}}
	file := l.file(path, environ)
	accounts, _ := file["providers"].(map[string]any)
	for name := range accounts {
		l.accounts[spoken(name)] = name
	}
	vars := l.environ(environ)
	k, err := l.merge(file, vars)
	if err != nil {
		return nil, err
	}
	r := &reader{problems: &l.problems, tree: k.Raw(), origins: l.origins, unconnected: unconnected}
	c := r.config()
	c.Ignored, c.Path, c.Files = l.ignored, l.path, r.files
	c.Secretive, c.Origins = l.secretive(c), l.origins
	if err := l.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Path is the file that [Load] reads for a path and an environment, and whether
// anybody named it.
func Path(path string, environ []string) (file string, named bool) {
	if path == "" {
		path = lookup(environ, "TRIVET_CONFIG")
	}
	if path == "" {
		return DefaultPath, false
	}
	return path, true
}

// loader collects the layers and remembers where each value came from.
type loader struct {
	problems
	path    string            // of the file that was read; empty: there is none
	origins map[string]string // file and line, or variable, by path
	ignored []string
	// accounts are the names of the file's accounts, by how a variable has them.
	accounts map[string]string
}

// secretive says whether a secret stands in the file itself. An address of SQLite is
// none, though that of PostgreSQL may be.
func (l *loader) secretive(c *Config) bool {
	for key, origin := range l.origins {
		if isSecret(key) && strings.HasPrefix(origin, l.path+":") && (key != "database" || c.Database.Kind == PostgreSQL) {
			return true
		}
	}
	return false
}

// file reads the TOML file into a tree that holds only known keys, with arrays
// of tables turned into tables whose names are numbers.
func (l *loader) file(path string, environ []string) map[string]any {
	path, named := Path(path, environ)
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return map[string]any{}
	}
	if err != nil {
		l.add("", path, "%s; name another file by --config or TRIVET_CONFIG", cause(err))
		return map[string]any{}
	}
	l.path = path
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(text), toml.Parser()); err != nil {
		l.add("", syntaxOrigin(path, err), "is not valid TOML: %s%s", strings.TrimPrefix(err.Error(), "toml: "), unquoted(text, err))
		return map[string]any{}
	}
	for key, line := range lineNumbers(text) {
		l.origins[key] = fmt.Sprintf("%s:%d", path, line)
	}
	c := checker{loader: l, path: path}
	return c.root(k.Raw())
}

// syntaxOrigin adds the line to path if the TOML error tells it.
func syntaxOrigin(path string, err error) string {
	var at interface{ Position() (row, column int) }
	if errors.As(err, &at) {
		row, _ := at.Position()
		return fmt.Sprintf("%s:%d", path, row)
	}
	return path
}

var (
	// bare matches a line whose value is a text without quotes.
	bare = regexp.MustCompile(`^\s*[A-Za-z0-9_."'-]+\s*=\s*([^\s"'\[{#][^#]*?)\s*(?:#.*)?$`)
	// harmless matches such a value that is no secret and may be shown.
	harmless = regexp.MustCompile(`^\d{1,6}(?:[a-z]|%|/s)$`)
)

// unquoted ends a message about a line that is not TOML, where what is missing are
// quotes: durations such as 7d look as if they needed none.
func unquoted(text []byte, err error) string {
	var at interface{ Position() (row, column int) }
	if !errors.As(err, &at) {
		return ""
	}
	row, _ := at.Position()
	lines := strings.Split(string(text), "\n")
	if row < 1 || row > len(lines) {
		return ""
	}
	value := bare.FindStringSubmatch(strings.TrimSuffix(lines[row-1], "\r"))
	switch {
	case value == nil:
		return ""
	case harmless.MatchString(value[1]):
		return fmt.Sprintf(": put it in quotes, as in %q", value[1])
	}
	return ": a text stands in quotes"
}

// environ returns the values of the TRIVET_ variables by the path of their key.
func (l *loader) environ(environ []string) map[string]any {
	vars := map[string]any{}
	provider := env.Provider("", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			return l.variable(name, value), value
		},
	})
	read, err := provider.Read()
	if err != nil {
		l.add("", "environment", "%v", err)
	}
	maps.Copy(vars, read)
	slices.Sort(l.ignored)
	return vars
}

// variable returns the path that a variable sets, or "" for none.
func (l *loader) variable(name, value string) string {
	if reserved(name) {
		return ""
	}
	v := envKey(name)
	switch {
	case v.problem != "":
		l.add("", name, "%s", v.problem)
		return ""
	case v.path == "":
		l.ignored = append(l.ignored, name)
		return ""
	case value == "" && !isSecret(v.path):
		return ""
	}
	path := l.written(v.path)
	l.origins[path] = name
	return path
}

// merge lays the environment over the file over the defaults. A secret and its
// _file twin are one setting, and so is the hash of an API key: whichever the upper
// layer has hides all of the lower one.
func (l *loader) merge(file, vars map[string]any) (*koanf.Koanf, error) {
	below := koanf.New(".")
	if err := below.Load(confmap.Provider(file, ""), nil); err != nil {
		return nil, fmt.Errorf("read the file's keys: %w", err)
	}
	for _, path := range l.twins(slices.Collect(maps.Keys(vars))) {
		delete(vars, path)
	}
	for _, path := range l.twins(below.Keys()) {
		below.Delete(path)
	}
	for path := range vars {
		for _, other := range otherForms(path) {
			below.Delete(other)
		}
	}
	k := koanf.New(".")
	for _, layer := range []koanf.Provider{
		confmap.Provider(defaults, "."), confmap.Provider(below.Raw(), ""), confmap.Provider(vars, "."),
	} {
		if err := k.Load(layer, nil); err != nil {
			return nil, fmt.Errorf("merge the configuration: %w", err)
		}
	}
	return k, nil
}

// twins reports secrets that one layer gives both as a value and as a file, and
// returns the paths of the latter.
func (l *loader) twins(paths []string) []string {
	var files []string
	for _, path := range paths {
		if isSecret(path) && slices.Contains(paths, path+"_file") {
			l.add(path, l.origins[path], "is set together with %s_file: keep one of them", path)
			files = append(files, path+"_file")
		}
	}
	return files
}

// twin returns the other form of a secret's path. For any other key it returns
// a path that does not exist.
func twin(path string) string {
	if short, ok := strings.CutSuffix(path, "_file"); ok && isSecret(short) {
		return short
	}
	return path + "_file"
}

// otherForms returns the paths of the other forms in which what is at path can be set.
func otherForms(path string) []string {
	table, key := split(path)
	if pattern(table) != "api_key.*" || !strings.HasPrefix(key, "key") {
		return []string{twin(path)}
	}
	forms := []string{table + ".key", table + ".key_file", table + ".key_sha256"}
	return slices.DeleteFunc(forms, func(form string) bool { return form == path })
}

func lookup(environ []string, name string) string {
	for _, e := range environ {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("holds more than %d bytes, so it cannot be the right file", maxFile)
	}
	return text, nil
}

// cause words an error of the file system without the path, which the message
// names already.
func cause(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return "cannot be read: " + at.Err.Error()
	}
	return err.Error()
}
