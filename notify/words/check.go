package words

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	"golang.org/x/text/width"

	"github.com/trivetdev/trivet/notify"
)

// The bounds of what fits, in columns (a Chinese character has two): a subject
// in a list of mails on a wide screen, a title in the application, an SMS of three
// parts with its link.
const (
	subjectWidth = 78
	titleWidth   = 60
	shortLength  = 459
)

// Problem is something that is wrong with the words.
type Problem struct {
	Locale string
	// Message and Section say where; Message is empty for shared sections.
	Message, Section string
	What             string
}

// String renders the problem in one line.
func (p Problem) String() string {
	where := strings.Trim(p.Message+"/"+p.Section, "/")
	return fmt.Sprintf("%s %s: %s", p.Locale, where, p.What)
}

// Check renders every message in every locale with sample data and returns what is
// wrong: sections that a language lacks or that nothing uses, variables that do not
// exist, texts that do not fit or do not state what they have to, by the message's
// own nature or by one of the packs.
func (s *Set) Check(packs ...Pack) []Problem {
	var all []Problem
	for _, tag := range s.Locales() {
		l := s.locales[tag]
		all = append(all, s.complete(l)...)
		all = append(all, l.variables()...)
		for _, name := range Names() {
			all = append(all, s.rendered(tag, name, packs)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Locale, b.Locale), strings.Compare(a.Message, b.Message), strings.Compare(a.Section, b.Section))
	})
	return slices.Compact(all)
}

// Broken returns why messages cannot be said, with each way that is wrong once, or
// nil. [Set.Check] finds more, of which none keeps a message back.
func (s *Set) Broken() error {
	var all []error
	told := map[string]bool{}
	for _, tag := range s.Locales() {
		for _, name := range Names() {
			for _, d := range samples(name, tag) {
				if _, err := s.Render(d); err != nil && !told[rootCause(err)] {
					told[rootCause(err)] = true
					all = append(all, err)
				}
			}
		}
	}
	return errors.Join(all...)
}

// rootCause is the text of an error without the language in which it was met.
func rootCause(err error) string {
	_, text, _ := strings.Cut(err.Error(), ": ")
	return text
}

// complete compares the sections of a language with what it has to have. A variety
// has what its language has.
func (s *Set) complete(l *locale) []Problem {
	var all []Problem
	has := func(section string) bool { return l.own[section] }
	if l.parent != "" && l.parent != English {
		return nil
	}
	for _, name := range Names() {
		for _, section := range requiredSections {
			if !has(name + "/" + section) {
				all = append(all, Problem{l.tag, name, section, "is missing: " + strings.ToUpper(section[:1]) + section[1:] + " would be in English"})
			}
		}
	}
	for _, section := range slices.Sorted(maps.Keys(s.locales[English].own)) {
		if strings.Contains(section, "/") || has(section) {
			continue
		}
		all = append(all, Problem{Locale: l.tag, Section: section, What: "is missing: it would be in English"})
	}
	return all
}

// variables reports fields that no view has and sections that do not exist or that
// nothing uses.
func (l *locale) variables() []Problem {
	var all []Problem
	used := map[string]bool{}
	for _, t := range l.tree.Templates() {
		if t.Tree == nil {
			continue
		}
		message, section, found := strings.Cut(t.Name(), "/")
		if !found {
			message, section = "", t.Name()
		}
		add := func(format string, args ...any) {
			all = append(all, Problem{l.tag, message, section, fmt.Sprintf(format, args...)})
		}
		walk(t.Root, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.FieldNode:
				if why := unknown(n.Ident, strings.HasPrefix(t.Name(), "paper.") || strings.HasPrefix(t.Name(), "every.") || t.Name() == "more"); why != "" {
					add("%s", why)
				}
			case *parse.TemplateNode:
				used[n.Name] = true
				if l.tree.Lookup(n.Name) == nil {
					add("uses the section %s, which does not exist", n.Name)
				}
			}
		})
	}
	for section := range l.own {
		if !strings.Contains(section, "/") && !used[section] && !known(section) {
			all = append(all, Problem{Locale: l.tag, Section: section, What: "is used by nothing: its name may be misspelled"})
		}
	}
	return all
}

// known says whether a shared section is one that this package asks for by name.
func known(section string) bool {
	return slices.Contains([]string{"greeting", "late", "footer", "card", "card.paper", "more"}, section) ||
		slices.Contains(sharedKnown, section)
}

// sharedKnown are the shared sections that are found by a word of the data.
var sharedKnown = func() []string {
	all := []string{"every.day", "every.week", "every.month", "every.year"}
	for _, r := range []string{
		notify.ReasonFunds, notify.ReasonExpired, notify.ReasonCardData, notify.ReasonAuthentication, notify.ReasonLimit,
		notify.ReasonTemporary, notify.ReasonNotAllowed, notify.ReasonMethod, notify.ReasonAgreement, notify.ReasonOther,
	} {
		all = append(all, "why."+r)
	}
	for _, word := range paperWords {
		all = append(all, "paper."+word)
	}
	return all
}()

var paperWords = []string{
	"receipt", "refund", "number", "date", "paid", "paid_with", "refunded_on", "for_receipt", "seller", "buyer", "tax_id",
	"description", "quantity", "amount", "subtotal", "discount", "tax", "tax_included", "total", "refunded", "refunded_before",
	"kept", "page",
}

// unknown says what is wrong with a field of the view, or of what counted sections
// see; empty: nothing.
func unknown(path []string, small bool) string {
	if small {
		if slices.Contains([]string{"Count", "Page", "Pages"}, path[0]) {
			return ""
		}
		return fmt.Sprintf("there is no .%s here", path[0])
	}
	t := reflect.TypeFor[*View]()
	for i, name := range path {
		if m, ok := t.MethodByName(name); ok {
			t = m.Type.Out(0)
			continue
		}
		elem := t
		for elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Map || elem.Kind() == reflect.Interface {
			return ""
		}
		if elem.Kind() != reflect.Struct {
			return fmt.Sprintf(".%s has nothing below it", strings.Join(path[:i], "."))
		}
		f, ok := elem.FieldByName(name)
		if !ok || !f.IsExported() {
			return fmt.Sprintf("there is no .%s: see the list in the documentation of messages", strings.Join(path[:i+1], "."))
		}
		t = f.Type
	}
	return ""
}

// walk visits the nodes of a template. Inside of range and with the dot is another
// one, so fields there are left out.
func walk(n parse.Node, visit func(parse.Node)) {
	if n == nil || reflect.ValueOf(n).IsNil() {
		return
	}
	visit(n)
	switch n := n.(type) {
	case *parse.ListNode:
		for _, c := range n.Nodes {
			walk(c, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			walk(c, visit)
		}
	case *parse.CommandNode:
		for _, a := range n.Args {
			walk(a, visit)
		}
	case *parse.ChainNode:
		walk(n.Node, visit)
	case *parse.IfNode:
		walk(n.Pipe, visit)
		walk(n.List, visit)
		walk(n.ElseList, visit)
	case *parse.TemplateNode:
		walk(n.Pipe, visit)
	case *parse.WithNode:
		walk(n.Pipe, visit)
		walk(n.List, onlyTemplates(visit))
		walk(n.ElseList, visit)
	case *parse.RangeNode:
		walk(n.Pipe, visit)
		walk(n.List, onlyTemplates(visit))
		walk(n.ElseList, visit)
	}
}

func onlyTemplates(visit func(parse.Node)) func(parse.Node) {
	return func(n parse.Node) {
		if _, ok := n.(*parse.TemplateNode); ok {
			visit(n)
		}
	}
}

// debris is what a fact that was missing leaves behind.
var debris = regexp.MustCompile(`<no value>|\{\{|\}\}|[^\S\n]{2,}| [.,](\s|$)|\(\s*\)|%!`)

// rendered tries a message in a locale.
func (s *Set) rendered(tag, name string, packs []Pack) []Problem {
	var all []Problem
	add := func(section, format string, args ...any) {
		all = append(all, Problem{tag, name, section, fmt.Sprintf(format, args...)})
	}
	for _, d := range samples(name, tag) {
		m, err := s.Render(d)
		if err != nil {
			add("", "%v", err)
			continue
		}
		parts := map[string]string{
			"subject": m.Subject, "title": m.Title, "notice": m.Body, "sms": m.Short, "text": strings.ReplaceAll(m.Text, "\n-- \n", "\n"),
		}
		for section, text := range parts {
			if found := debris.FindString(text); found != "" || text == "" {
				add(section, "reads badly near %q with the facts it has: %.80q", found, text)
			}
		}
		if w := columns(m.Subject); w > subjectWidth {
			add("subject", "has %d columns, more than the %d that are shown: %q", w, subjectWidth, m.Subject)
		}
		if w := columns(m.Title); w > titleWidth {
			add("title", "has %d columns, more than the %d that fit: %q", w, titleWidth, m.Title)
		}
		if n := len([]rune(m.Short)); n > shortLength {
			add("sms", "has %d characters, more than the %d of three parts", n, shortLength)
		}
	}
	for _, d := range turns(Sample(name, tag, Brand{})) {
		all = append(all, s.states(d, packs)...)
	}
	return all
}

// states reports the facts that a message should name and does not.
func (s *Set) states(d Data, packs []Pack) []Problem {
	m, err := s.Render(d)
	if err != nil {
		return nil // reported
	}
	v, err := s.find(d.Customer.Locale).view(d)
	if err != nil {
		return nil
	}
	var all []Problem
	look := func(facts []string, by string) {
		for _, fact := range facts {
			words, err := v.fact(fact)
			if err != nil || words == "" {
				continue
			}
			for part, text := range map[string]string{"text": m.Text, "html": html.UnescapeString(m.HTML)} {
				if !strings.Contains(text, words) {
					all = append(all, Problem{v.locale(s), d.Notice.Template, part, fmt.Sprintf("does not state the %s, here %q%s", fact, words, by)})
				}
			}
		}
	}
	look(needs[d.Notice.Template].states, "")
	for _, p := range packs {
		look(p.Messages[d.Notice.Template], ", as the rules "+p.Name+" ask ("+p.Source+")")
	}
	return all
}

func (v *View) locale(s *Set) string { return s.find(v.Customer.Locale).tag }

// fact returns the words in which a view states a fact.
func (v *View) fact(name string) (string, error) {
	switch name {
	case factCard:
		return v.CardLast4, nil
	case factEvery:
		return v.Every()
	case factCovered:
		return v.Covered()
	case factReason:
		return v.Why()
	case factEstimate:
		if !v.Estimated {
			return "", nil
		}
		return v.run("estimate", v)
	}
	return map[string]string{
		factAmount: v.Amount, factWas: v.Was, factDate: v.Date, factNext: v.Next, factUntil: v.Until, factUntilAt: v.UntilTime,
		factProduct: v.Product, factButton: v.URL, factCancel: v.CancelURL, factExpires: v.CardExpires, factKept: v.KeptUntil,
		factLink: v.LinkUntil, factReceipt: v.Reference,
	}[name], nil
}

// columns is how wide a text is shown.
func columns(text string) int {
	n := 0
	for _, r := range text {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
