package trivet_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	// A longer file holds more than one noun; a longer function more than one step.
	maxFileLines     = 500
	maxFunctionLines = 70
)

// flaws returns what breaks a rule of form, each with the rule's reason.
func flaws(all []source) []string {
	found := undocumentedPackages(all)
	for _, s := range all {
		generated := ast.IsGenerated(s.file)
		if n := bytes.Count(s.text, []byte("\n")); n > maxFileLines && !generated {
			found = append(found, fmt.Sprintf("%s has %d lines, %d are allowed: a file holds one noun; split it by nouns",
				s.path, n, maxFileLines))
		}
		if s.test || generated {
			continue
		}
		found = append(found, longFunctions(s)...)
		if public(s.dir) {
			found = append(found, undocumentedNames(s)...)
		}
	}
	return found
}

// public says whether people outside of the module can import a package.
func public(dir string) bool {
	return !strings.HasPrefix(dir, "internal/") && !strings.HasPrefix(dir, "cmd/")
}

func undocumentedPackages(all []source) []string {
	documented, first, order := map[string]bool{}, map[string]string{}, []string(nil)
	for _, s := range all {
		if s.test {
			continue
		}
		if first[s.dir] == "" {
			first[s.dir] = s.path
			order = append(order, s.dir)
		}
		documented[s.dir] = documented[s.dir] || s.file.Doc != nil
	}
	var found []string
	for _, dir := range order {
		if !documented[dir] {
			found = append(found, fmt.Sprintf("%s: package %s has no comment: say what it owns and what it does not own",
				first[dir], dir))
		}
	}
	return found
}

func longFunctions(s source) []string {
	var found []string
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || isTable(f) {
			continue
		}
		if n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1; n > maxFunctionLines {
			found = append(found, fmt.Sprintf("%s: %s has %d lines, %d are allowed: name its steps and call them",
				s.set.Position(f.Pos()), f.Name.Name, n, maxFunctionLines))
		}
	}
	return found
}

// isTable says whether a function only returns a literal: it has no steps.
func isTable(f *ast.FuncDecl) bool {
	if len(f.Body.List) != 1 {
		return false
	}
	r, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(r.Results) != 1 {
		return false
	}
	_, ok = r.Results[0].(*ast.CompositeLit)
	return ok
}

// undocumentedNames reports exported names without a comment. A comment on a
// group of constants or variables, or at the end of a line, counts.
func undocumentedNames(s source) []string {
	var found []string
	miss := func(n *ast.Ident, docs ...*ast.CommentGroup) {
		for _, d := range docs {
			if d != nil {
				return
			}
		}
		if n.IsExported() {
			found = append(found, fmt.Sprintf("%s: %s has no comment: say what it means, its unit, and when it errs",
				s.set.Position(n.Pos()), n.Name))
		}
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
				miss(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					miss(spec.Name, d.Doc, spec.Doc, spec.Comment)
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						miss(n, d.Doc, spec.Doc, spec.Comment)
					}
				}
			}
		}
	}
	return found
}

// receiver returns the name of a method's type, without pointer and parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func TestForm(t *testing.T) {
	for _, f := range flaws(sources(t, os.DirFS("."))) {
		t.Error(f)
	}
}

// TestFormIsGuarded shows every rule a violation and its permitted twin.
func TestFormIsGuarded(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("// x\n", n) }
	const doc = "// Package x owns x.\npackage x\n\n"
	tests := map[string]struct {
		file, text string
		want       string // part of the reason; empty if allowed
	}{
		"package without comment":   {"billing/x.go", "package x\n", "has no comment: say what it owns"},
		"package with comment":      {"billing/x.go", doc, ""},
		"internal package without":  {"internal/x/x.go", "package x\n", "has no comment: say what it owns"},
		"command without":           {"cmd/x/main.go", "package main\n", "has no comment: say what it owns"},
		"tests alone need none":     {"billing/x_test.go", "package x_test\n", ""},
		"function":                  {"billing/x.go", doc + "func F() {}\n", "F has no comment"},
		"documented function":       {"billing/x.go", doc + "// F is.\nfunc F() {}\n", ""},
		"unexported function":       {"billing/x.go", doc + "func f() {}\n", ""},
		"internal function":         {"internal/x/x.go", doc + "func F() {}\n", ""},
		"method":                    {"billing/x.go", doc + "// T is.\ntype T[P any] int\n\nfunc (t *T[P]) M() {}\n", "M has no comment"},
		"method of unexported type": {"billing/x.go", doc + "type t int\n\nfunc (t) M() {}\n", ""},
		"type":                      {"billing/x.go", doc + "type T int\n", "T has no comment"},
		"constant":                  {"billing/x.go", doc + "const (\n\tA = 1\n)\n", "A has no comment"},
		"constant of a group":       {"billing/x.go", doc + "// The letters.\nconst (\n\tA = 1\n)\n", ""},
		"constant, end of line":     {"billing/x.go", doc + "const (\n\tA = 1 // first\n)\n", ""},
		"variable":                  {"billing/x.go", doc + "var A, B = 1, 2\n", "B has no comment"},
		"long file":                 {"billing/x.go", doc + lines(498), "501 lines"},
		"file at the limit":         {"billing/x.go", doc + lines(497), ""},
		"long test file":            {"billing/x_test.go", doc + lines(498), "501 lines"},
		"long generated file":       {"billing/x.go", "// Code generated by x. DO NOT EDIT.\n\n" + doc + lines(600), ""},
		"long function":             {"billing/x.go", doc + "func f() {\n" + lines(69) + "}\n", "f has 71 lines"},
		"function at the limit":     {"billing/x.go", doc + "func f() {\n" + lines(68) + "}\n", ""},
		"long table":                {"billing/x.go", doc + "func f() []int {\n\treturn []int{\n" + lines(100) + "\t}\n}\n", ""},
		"long test function":        {"billing/x_test.go", "package x\n\nfunc f() {\n" + lines(100) + "}\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(flaws(sources(t, fstest.MapFS{tt.file: {Data: []byte(tt.text)}})), "\n")
			if tt.want == "" && got != "" || tt.want != "" && !strings.Contains(got, tt.want) {
				t.Errorf("flaws are %q, want %q in them", got, tt.want)
			}
		})
	}
}
