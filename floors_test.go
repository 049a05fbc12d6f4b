package trivet_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/trivetdev/trivet"

// floors is the house from the ground up. A package imports only packages of
// lower floors. A room is a group of packages on a floor; what is in different
// rooms of one floor does not see each other, and what is in one room does only
// where the room is shared.
//
// A new package needs a place here: that is the moment to decide what it may
// see. The last matching pattern counts; * stands for one path element.
var floors = []struct {
	name  string
	rooms []room
}{
	{"vocabulary", []room{{packages: []string{"billing"}}, {packages: []string{"internal/fail"}}, {packages: []string{"internal/placeholder"}}, {packages: []string{"internal/scope"}}, {packages: []string{"internal/whole"}}}},
	{"seams", []room{{packages: []string{"provider", "policy", "notify"}}, {packages: []string{"internal/config"}}}},
	{"what drivers share", []room{
		{packages: []string{"provider/transport"}}, {packages: []string{"provider/setting"}},
		{packages: []string{"provider/strict"}}, {packages: []string{"provider/signature"}},
	}},
	{"drivers, rules, channels and the engine", []room{
		{packages: []string{"provider/*", "policy/*", "notify/*"}},
		{packages: []string{"internal/store", "internal/store/*", "internal/seal", "internal/work", "internal/batch"}, shared: true},
	}},
	{"the path and its inbox", []room{{packages: []string{"internal/apply"}}, {packages: []string{"internal/inbox"}}}},
	{"triggers and outbox", []room{{packages: []string{"internal/trigger/*", "internal/outbox", "internal/hook"}}}},
	{"surfaces", []room{{packages: []string{"internal/api", "internal/web"}}, {packages: []string{"internal/messenger"}}, {packages: []string{"internal/postbox"}}}},
	{"facade", []room{{packages: []string{"."}}}},
	{"demo and bench", []room{{packages: []string{"internal/demo", "internal/crash", "internal/year"}}}},
	{"command line", []room{{packages: []string{"internal/cli"}}}},
	{"command", []room{{packages: []string{"cmd/*", "bench", "bench/*", "tools/*"}}, {packages: []string{"internal/docgen"}}}},
}

type room struct {
	packages []string
	shared   bool
}

// islands are packages beside the house: they import nothing of it.
var islands = []string{"sim", "client", "internal/deps"}

// source is one Go file of the module.
type source struct {
	path string // from the root of the module
	dir  string
	test bool
	file *ast.File
	set  *token.FileSet
	text []byte
}

// support says whether a folder holds code for tests: providertest, pgtest.
func support(dir string) bool {
	return strings.HasSuffix(path.Base(dir), "test") || strings.HasPrefix(dir, "internal/pgtest")
}

// sources parses the module itself. `go list` would do the walking, but the
// test cache follows only files that the test opens, so a violation would be
// answered from the cache. Nested modules have their own rules.
func sources(t testing.TB, root fs.FS) []source {
	t.Helper()
	var all []source
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(root, p)
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, p, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		all = append(all, source{
			path: p, dir: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), file: file, set: set, text: text,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func skip(root fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// imports returns the paths that a file imports; those of the module are
// relative to it, the root being ".".
func (s source) imports() (own, foreign []string) {
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser took it
		}
		switch rest, ok := strings.CutPrefix(p, module+"/"); {
		case p == module:
			own = append(own, ".")
		case ok:
			own = append(own, rest)
		default:
			foreign = append(foreign, p)
		}
	}
	return own, foreign
}

// place returns the floor and room of a package, or false if it has none. An
// exact name counts before a pattern.
func place(pkg string) (floor, inRoom int, ok bool) {
	for _, exact := range []bool{true, false} {
		for f, level := range floors {
			for r, rm := range level.rooms {
				for _, p := range rm.packages {
					match, _ := path.Match(p, pkg)
					if p == pkg || !exact && match {
						return f, r, true
					}
				}
			}
		}
	}
	return 0, 0, false
}

func island(pkg string) (string, bool) {
	for _, i := range islands {
		if pkg == i || strings.HasPrefix(pkg, i+"/") {
			return i, true
		}
	}
	return "", false
}

// violations returns what breaks a rule, each with the rule's reason.
func violations(all []source) []string {
	var found []string
	for _, s := range all {
		own, foreign := s.imports()
		for _, imp := range own {
			if why := broken(s, imp); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", s.path, imp, why))
			}
		}
		for _, imp := range foreign {
			if why := misplaced(s, imp); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", s.path, imp, why))
			}
		}
		if _, _, ok := place(s.dir); !ok && !s.test && !support(s.dir) {
			if _, ok := island(s.dir); !ok {
				found = append(found, fmt.Sprintf("%s: package %s has no floor: "+
					"decide what it may import and add it to floors in floors_test.go", s.path, s.dir))
			}
		}
	}
	return found
}

// broken judges an import of one of our packages.
func broken(s source, imp string) string {
	from, fromIsland := island(s.dir)
	to, toIsland := island(imp)
	switch {
	case fromIsland && from != to:
		return "sim, client and deps stand alone; a simulator that shared code with a driver would share its bugs"
	case fromIsland:
		return ""
	case toIsland && to == "sim" && !mayUseSim(s):
		return "the simulator is for tests, the demo and the benchmark; nothing that handles real money may depend on it"
	case toIsland:
		return ""
	case support(imp) && !s.test && !support(s.dir) && s.dir != "bench":
		return "packages named …test are for tests; a program that links one carries package testing and its flags"
	case s.test || support(s.dir):
		return "" // tests may look up: the path is tested with a real driver under it
	}
	return upward(s.dir, imp)
}

func mayUseSim(s source) bool {
	return s.test || support(s.dir) || slices.Contains([]string{"internal/demo", "internal/cli", "bench"}, s.dir)
}

func upward(from, to string) string {
	f, fr, ok := place(from)
	t, tr, known := place(to)
	switch {
	case !ok || !known:
		return "" // reported once, where the package is
	case t > f:
		return fmt.Sprintf("imports point down, and %s is above %s; let the lower package define what it needs "+
			"and the facade pass it in", floors[t].name, floors[f].name)
	case t == f && fr != tr:
		return fmt.Sprintf("both are on the floor of %s, and neighbors do not see each other, so that each can be "+
			"read and replaced alone", floors[f].name)
	case t == f && !floors[f].rooms[fr].shared && from != to:
		return "never sideways: two drivers, rules or triggers share code through the floor below or not at all"
	}
	return ""
}

// misplaced judges an import from outside of the module.
func misplaced(s source, imp string) string {
	if s.dir == "internal/deps" {
		return "" // pins versions, uses nothing
	}
	switch {
	case imp == "testing" || strings.HasPrefix(imp, "testing/"):
		if !s.test && !support(s.dir) {
			return "testing belongs in _test.go files and …test folders: it registers flags in every program that links it"
		}
	case strings.HasPrefix(imp, "github.com/stripe/stripe-go/"):
		if s.dir != "provider/stripe" {
			return "only provider/stripe knows Stripe's SDK; everything above speaks billing"
		}
	case strings.HasPrefix(imp, "github.com/PaddleHQ/paddle-go-sdk/"):
		if s.dir != "provider/paddle" {
			return "only provider/paddle knows Paddle's SDK; everything above speaks billing"
		}
	case strings.HasPrefix(imp, "modernc.org/sqlite"), strings.HasPrefix(imp, "github.com/jackc/pgx/"),
		strings.HasPrefix(imp, "github.com/pressly/goose/"):
		if !s.test && !strings.HasPrefix(s.dir, "internal/store") && !support(s.dir) && s.dir != "bench" {
			return "only internal/store knows the databases, so that one SQL text serves both"
		}
	}
	return ""
}

func TestFloors(t *testing.T) {
	all := sources(t, os.DirFS("."))
	if len(all) == 0 {
		t.Fatal("no Go files found: the test looks at the wrong folder")
	}
	for _, v := range violations(all) {
		t.Error(v)
	}
}

// TestFloorsAreGuarded shows every rule a violation and its permitted twin.
func TestFloorsAreGuarded(t *testing.T) {
	tests := map[string]struct {
		file, imports string
		want          string // part of the reason; empty if allowed
	}{
		"upward":                    {"internal/store/x.go", module + "/internal/apply", "imports point down"},
		"downward":                  {"internal/apply/x.go", module + "/internal/store", ""},
		"vocabulary looks up":       {"billing/x.go", module + "/provider", "imports point down"},
		"surface imports facade":    {"internal/api/x.go", module, "imports point down"},
		"facade imports surface":    {"x.go", module + "/internal/api", ""},
		"command line and facade":   {"internal/cli/x.go", module, ""},
		"demo and facade":           {"internal/demo/x.go", module, ""},
		"facade and demo":           {"x.go", module + "/internal/demo", "imports point down"},
		"driver to driver":          {"provider/stripe/x.go", module + "/provider/paddle", "never sideways"},
		"driver to transport":       {"provider/stripe/x.go", module + "/provider/transport", ""},
		"driver to shared reading":  {"provider/stripe/x.go", module + "/provider/strict", ""},
		"shared to shared":          {"provider/strict/x.go", module + "/provider/transport", "neighbors do not see"},
		"transport to driver":       {"provider/transport/x.go", module + "/provider/stripe", "imports point down"},
		"trigger to trigger":        {"internal/trigger/webhook/x.go", module + "/internal/trigger/redirect", "never sideways"},
		"seam to seam":              {"policy/x.go", module + "/provider", "never sideways"},
		"driver to store":           {"provider/stripe/x.go", module + "/internal/store", "neighbors do not see"},
		"work to store":             {"internal/work/x.go", module + "/internal/store", ""},
		"config to seam":            {"internal/config/x.go", module + "/provider", "neighbors do not see"},
		"config to vocabulary":      {"internal/config/x.go", module + "/billing", ""},
		"api to config":             {"internal/api/x.go", module + "/internal/config", ""},
		"sim to driver":             {"sim/stripe/x.go", module + "/provider/stripe", "would share its bugs"},
		"sim's test to driver":      {"sim/stripe/x_test.go", module + "/provider/stripe", "would share its bugs"},
		"sim to sim":                {"sim/stripe/x.go", module + "/sim", ""},
		"driver to sim":             {"provider/stripe/x.go", module + "/sim/stripe", "simulator is for tests"},
		"driver's test to sim":      {"provider/stripe/x_test.go", module + "/sim/stripe", ""},
		"suite to sim":              {"provider/providertest/x.go", module + "/sim", ""},
		"demo to sim":               {"internal/demo/x.go", module + "/sim", ""},
		"facade to sim":             {"x.go", module + "/sim", "simulator is for tests"},
		"test looks up":             {"internal/apply/x_test.go", module + "/internal/trigger/webhook", ""},
		"program to suite":          {"internal/api/x.go", module + "/internal/pgtest", "are for tests"},
		"test to suite":             {"internal/api/x_test.go", module + "/internal/pgtest", ""},
		"client to house":           {"client/x.go", module + "/billing", "stand alone"},
		"package without a floor":   {"internal/misc/x.go", "fmt", "has no floor"},
		"testing in a program":      {"internal/apply/x.go", "testing", "registers flags"},
		"testing in a suite":        {"internal/store/storetest/x.go", "testing", ""},
		"Stripe's SDK elsewhere":    {"internal/apply/x.go", "github.com/stripe/stripe-go/v85", "only provider/stripe"},
		"Stripe's SDK in its place": {"provider/stripe/x.go", "github.com/stripe/stripe-go/v85/webhook", ""},
		"Paddle's SDK elsewhere":    {"sim/paddle/x.go", "github.com/PaddleHQ/paddle-go-sdk/v4", "only provider/paddle"},
		"Paddle's SDK in its place": {"provider/paddle/x.go", "github.com/PaddleHQ/paddle-go-sdk/v4", ""},
		"database elsewhere":        {"internal/work/x.go", "github.com/jackc/pgx/v5/stdlib", "only internal/store"},
		"SQLite elsewhere":          {"internal/demo/x.go", "modernc.org/sqlite", "only internal/store"},
		"migrations elsewhere":      {"internal/cli/x.go", "github.com/pressly/goose/v3", "only internal/store"},
		"database in its place":     {"internal/store/x.go", "github.com/jackc/pgx/v5/stdlib", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := fmt.Sprintf("package x\n\nimport _ %q\n", tt.imports)
			got := strings.Join(violations(sources(t, fstest.MapFS{tt.file: {Data: []byte(text)}})), "\n")
			if tt.want == "" && got != "" || tt.want != "" && !strings.Contains(got, tt.want) {
				t.Errorf("violations are %q, want %q in them", got, tt.want)
			}
		})
	}
}

func TestSourcesSkipNestedModulesAndData(t *testing.T) {
	text := &fstest.MapFile{Data: []byte("package x\n")}
	got := sources(t, fstest.MapFS{
		"a.go": text, "nested/go.mod": {Data: []byte("module nested\n")}, "nested/b.go": text,
		"testdata/c.go": text, ".bin/d.go": text, "billing/e.go": text,
	})
	var paths []string
	for _, s := range got {
		paths = append(paths, s.path)
	}
	if want := []string{"a.go", "billing/e.go"}; !slices.Equal(paths, want) {
		t.Errorf("looked at %v, want %v", paths, want)
	}
}
