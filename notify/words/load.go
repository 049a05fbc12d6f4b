package words

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// shipped are the words of all languages, and the layouts.
//
//go:embed all:text
var shipped embed.FS

// Names are the messages there are, by the name that a notice has.
func Names() []string { return slices.Sorted(maps.Keys(needs)) }

// sharedFile holds the sections that all messages of a language may use.
const sharedFile = "_shared"

// The sections of a message. Text and html replace what is otherwise made of body
// and layout; sms is otherwise the brand, the notice and the link.
var (
	requiredSections = []string{"subject", "body", "button", "title", "notice"}
	optionalSections = []string{"text", "html", "sms"}
)

// layoutFiles are the frames around the words.
var layoutFiles = []string{"_layout.html", "_layout.txt"}

// Set holds all words, compiled. It is safe for concurrent use.
type Set struct {
	locales map[string]*locale
	// fallback is the language between the customer's and English.
	fallback string
	// overridden lists the sections that a folder replaced, by locale.
	overridden map[string][]string
}

// locale is the words of one locale, its parent's included.
type locale struct {
	tag    string
	tree   *template.Template
	pages  *htmltemplate.Template // the sections html; nil: there are none
	html   *htmltemplate.Template
	text   *template.Template
	own    map[string]bool // the sections that this locale has itself
	parent string
}

// source is the sections of one locale by their full name, "message/section" or,
// of shared ones, "section"; layouts by file name.
type source map[string]string

// Load compiles the shipped words and those of a folder over them, which may be
// nil. Fallback is the language for customers whose own is not there; empty:
// English. What is wrong with the folder is one error with all that was found, each
// with the file that it is in.
func Load(folder fs.FS, fallback string) (*Set, error) {
	inside, err := fs.Sub(shipped, "text")
	if err != nil {
		return nil, err
	}
	all, err := read(inside)
	if err != nil {
		return nil, fmt.Errorf("shipped words: %w", err)
	}
	s := &Set{locales: map[string]*locale{}, fallback: fallback, overridden: map[string][]string{}}
	if folder != nil {
		over, err := read(folder)
		if err != nil {
			return nil, err
		}
		for tag, sections := range over {
			if all[tag] == nil {
				all[tag] = source{}
			}
			maps.Copy(all[tag], sections)
			s.overridden[tag] = slices.Sorted(maps.Keys(sections))
		}
	}
	return s, s.compile(all)
}

// read returns the sections of a folder by locale; layouts at its top are the empty
// locale's.
func read(folder fs.FS) (map[string]source, error) {
	all := map[string]source{}
	var wrong []error
	err := fs.WalkDir(folder, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(d.Name(), ".") && p != "."; hidden && d.IsDir() {
			return fs.SkipDir
		} else if hidden || d.IsDir() {
			return nil
		}
		text, err := fs.ReadFile(folder, p)
		if err != nil {
			return err
		}
		tag := strings.TrimSuffix(path.Dir(p), ".")
		if all[tag] == nil {
			all[tag] = source{}
		}
		if err := all[tag].add(tag, d.Name(), string(text)); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", p, err))
		}
		return nil
	})
	return all, errors.Join(append(wrong, err)...)
}

// add takes in one file.
func (s source) add(tag, name, text string) error {
	if slices.Contains(layoutFiles, name) {
		s[name] = text
		return nil
	}
	message, isText := strings.CutSuffix(name, ".txt")
	switch {
	case !isText:
		return fmt.Errorf("is no file of words: those are named like payment_failed.1.txt, or %s", strings.Join(layoutFiles, ", "))
	case tag == "":
		return errors.New("lies outside of a language: put it in a folder such as en")
	case chain(tag)[0] != tag:
		return fmt.Errorf("%s is no language: name the folder like de or de-AT", tag)
	case message != sharedFile && needs[message] == nil:
		return fmt.Errorf("there is no message %s: see trivet mail list", message)
	}
	sections, err := split(text)
	if err != nil {
		return err
	}
	for section, words := range sections {
		if message == sharedFile {
			s[section] = words
			continue
		}
		if !slices.Contains(requiredSections, section) && !slices.Contains(optionalSections, section) {
			return fmt.Errorf("has no section %s: there are %s", section, strings.Join(append(requiredSections, optionalSections...), ", "))
		}
		s[message+"/"+section] = words
	}
	return nil
}

var sectionLine = regexp.MustCompile(`(?m)^-- ([a-z0-9_.]+) --[ \t]*\r?$`)

// split cuts a file into its sections, without the empty lines around them.
func split(text string) (map[string]string, error) {
	sections := map[string]string{}
	heads := sectionLine.FindAllStringSubmatchIndex(text, -1)
	before := text
	if len(heads) > 0 {
		before = text[:heads[0][0]]
	}
	for line := range strings.Lines(before) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return nil, fmt.Errorf("%.40q stands before the first section: begin it with a line like -- subject --", line)
		}
	}
	for i, head := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		name := text[head[2]:head[3]]
		if _, twice := sections[name]; twice {
			return nil, fmt.Errorf("has two sections %s", name)
		}
		sections[name] = strings.Trim(strings.ReplaceAll(text[head[1]:end], "\r\n", "\n"), "\n")
	}
	return sections, nil
}

// compile builds the locales, parents before children.
func (s *Set) compile(all map[string]source) error {
	tops := all[""]
	delete(all, "")
	var wrong []error
	parentsFirst := func(a, b string) int { return cmp.Or(depth(a)-depth(b), strings.Compare(a, b)) }
	for _, tag := range slices.SortedFunc(maps.Keys(all), parentsFirst) {
		l, err := s.locale(tag, all[tag], tops)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		s.locales[tag] = l
	}
	return errors.Join(wrong...)
}

// depth orders English before languages, and those before their varieties: de
// before de-AT, and pt-BR, which stands for pt, before pt-PT.
func depth(tag string) int {
	switch {
	case tag == English:
		return 0
	case slices.Contains(slices.Collect(maps.Values(stands)), tag):
		return 1
	}
	return 1 + strings.Count(tag, "-")
}

func (s *Set) locale(tag string, own, tops source) (*locale, error) {
	l := &locale{tag: tag, own: map[string]bool{}, tree: template.New(tag).Option("missingkey=error")}
	if tag != English {
		for _, p := range chain(tag)[1:] {
			if parent := s.locales[p]; parent != nil {
				l.parent = p
				l.tree = template.Must(parent.tree.Clone())
				break
			}
		}
	}
	l.tree.Funcs(functions(tag))
	var wrong []error
	for name, text := range own {
		if slices.Contains(layoutFiles, name) {
			continue
		}
		l.own[name] = true
		if text == "" {
			text = `{{""}}` // an empty one would not replace the parent's
		}
		if _, err := l.tree.New(name).Parse(text); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", tag, err))
		}
	}
	if err := l.compilePages(); err != nil {
		wrong = append(wrong, err)
	}
	layout := func(name string) string {
		if own[name] != "" {
			return own[name]
		}
		return tops[name]
	}
	var err error
	if l.html, err = htmltemplate.New("_layout.html").Option("missingkey=error").Parse(layout("_layout.html")); err != nil {
		wrong = append(wrong, err)
	}
	if l.text, err = template.New("_layout.txt").Option("missingkey=error").Parse(layout("_layout.txt")); err != nil {
		wrong = append(wrong, err)
	}
	return l, errors.Join(wrong...)
}

// compilePages compiles the sections html of a folder's own, with all that they may
// use: what is filled in is escaped for the place where it stands.
func (l *locale) compilePages() error {
	own := func(t *template.Template) bool { return strings.HasSuffix(t.Name(), "/html") }
	if !slices.ContainsFunc(l.tree.Templates(), own) {
		return nil
	}
	l.pages = htmltemplate.New(l.tag).Option("missingkey=error").Funcs(functions(l.tag))
	for _, t := range l.tree.Templates() {
		if t.Tree == nil {
			continue
		}
		if _, err := l.pages.AddParseTree(t.Name(), t.Copy()); err != nil {
			return fmt.Errorf("%s: %w", l.tag, err)
		}
	}
	return nil
}

// functions are what templates may call besides Go's own.
func functions(tag string) template.FuncMap {
	return template.FuncMap{
		"plural": func(n int64, pairs ...string) string { return pluralOf(tag, n, pairs) },
	}
}

// find returns the best locale for a customer.
func (s *Set) find(customer string) *locale {
	for _, tag := range chain(customer, s.fallback) {
		if l := s.locales[tag]; l != nil {
			return l
		}
	}
	return s.locales[English]
}

// Locales are the languages and varieties that there are words in.
func (s *Set) Locales() []string { return slices.Sorted(maps.Keys(s.locales)) }

// Overridden lists what the folder replaced: "message/section", "section" of the
// shared ones, or a layout; by locale, the empty one for all.
func (s *Set) Overridden() map[string][]string { return s.overridden }
