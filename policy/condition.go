package policy

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// Condition is an expression that is true or false of facts: a struct whose fields
// are tagged with their names, as in `expr:"amount"`. It does no I/O and knows no
// time.
type Condition[Facts any] struct {
	text    string
	program *vm.Program
}

// ParseCondition compiles an expression. What is wrong with it comes back with the
// list of the facts that it may speak of.
func ParseCondition[Facts any](text string) (Condition[Facts], error) {
	if strings.TrimSpace(text) == "" {
		return Condition[Facts]{}, errors.New("the expression is empty: write one, or \"true\" for always")
	}
	var none Facts
	program, err := expr.Compile(text, expr.Env(none), expr.AsBool(), expr.DisableBuiltin("now"), expr.DisableBuiltin("date"))
	if err != nil {
		return Condition[Facts]{}, fmt.Errorf("%q is no expression over the facts: %w\nthe facts are %s", text, err, strings.Join(factNames[Facts](), ", "))
	}
	return Condition[Facts]{text, program}, nil
}

// String is the expression.
func (c Condition[Facts]) String() string { return c.text }

// Holds evaluates the expression. It fails where an attribute that the application
// set is of another type than the expression takes it for.
func (c Condition[Facts]) Holds(facts Facts) (bool, error) {
	result, err := expr.Run(c.program, facts)
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return false, errors.New(line)
	}
	yes, _ := result.(bool)
	return yes, nil
}

// Reads lists the facts that the expression speaks of, in the order in which they are declared.
func (c Condition[Facts]) Reads() []string {
	node, found := c.program.Node(), names{}
	ast.Walk(&node, found)
	return slices.DeleteFunc(factNames[Facts](), func(name string) bool { return !found[name] })
}

// names are the names in an expression.
type names map[string]bool

// Visit implements [ast.Visitor].
func (n names) Visit(node *ast.Node) {
	if name, is := (*node).(*ast.IdentifierNode); is {
		n[name.Value] = true
	}
}

func factNames[Facts any]() (all []string) {
	t := reflect.TypeFor[Facts]()
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("expr"); name != "" {
			all = append(all, name)
		}
	}
	return all
}
