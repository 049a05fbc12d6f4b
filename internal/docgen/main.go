// Docgen writes docs/states.md, the states of every kind of object, from the
// tables that the service itself goes by, so that the page cannot say otherwise.
// Run it from the root of the repository, or let make generate do so:
//
//	go run ./internal/docgen
//
// It knows package billing alone, and owns that page and no other.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/trivetdev/trivet/billing"
)

//go:generate go -C ../.. run ./internal/docgen

// page is where the states are written, from the root of the repository.
const page = "docs/states.md"

func main() {
	if err := os.WriteFile(page, []byte(states(billing.Machines())), 0o644); err != nil { //nolint:gosec // a page for all to read
		fmt.Fprintf(os.Stderr, "docgen: %v; run it from the root of the repository\n", err)
		os.Exit(1)
	}
}

const preface = `<!-- Written by go run ./internal/docgen from package billing. Do not edit. -->

# States

What each kind of object can be, in our words, and how it gets out of that again. The provider's own word is kept
beside ours. We look now and then, so an object may be first seen in any state, and several moves may show as one.

An arrow is a move we expect. A move to where no arrows lead is recorded all the same and flagged ` + "`surprised`" + `: the
provider has already acted. Refunds and disputes are objects of their own and facts beside a payment's state, not states
of it.
`

// states renders all machines as a page of Markdown.
func states(machines []billing.Machine) string {
	var doc strings.Builder
	doc.WriteString(preface)
	for _, machine := range machines {
		doc.WriteString("\n## " + title(machine.Kind) + "\n\n")
		diagram(&doc, machine)
		table(&doc, machine)
	}
	return doc.String()
}

func diagram(doc *strings.Builder, machine billing.Machine) {
	doc.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, state := range machine.States {
		fmt.Fprintf(doc, "    %s\n", state.Name)
	}
	for _, state := range machine.States {
		for _, next := range state.To {
			fmt.Fprintf(doc, "    %s --> %s\n", state.Name, next)
		}
		if len(state.To) == 0 {
			fmt.Fprintf(doc, "    %s --> [*]\n", state.Name)
		}
	}
	doc.WriteString("```\n\n")
}

func table(doc *strings.Builder, machine billing.Machine) {
	doc.WriteString("| Name | Meaning | How it is left |\n|---|---|---|\n")
	for _, state := range machine.States {
		leaves := state.Leaves
		if leaves == "" {
			leaves = "It is final."
		}
		fmt.Fprintf(doc, "| `%s` | %s | %s |\n", state.Name, cell(state.Meaning), cell(leaves))
	}
}

// cell keeps text from ending its cell or its row.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

func title(kind billing.Kind) string {
	return strings.ToUpper(string(kind[:1])) + string(kind[1:])
}
