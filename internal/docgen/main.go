// Docgen writes the pages that are made from tables which the service itself goes
// by, so that they cannot say otherwise: docs/states.md, the states of every kind
// of object, docs/providers/README.md, what each provider can be asked to do, and
// docs/config.md, every key of the configuration.
// Run it from the root of the repository, or let make generate do so:
//
//	go run ./internal/docgen
//
// It owns those pages and no others.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/config"
)

//go:generate go -C ../.. run ./internal/docgen

func main() {
	if err := write(); err != nil {
		fmt.Fprintf(os.Stderr, "docgen: %v; run it from the root of the repository\n", err)
		os.Exit(1)
	}
}

// pages are what is written, by path from the root of the repository.
func pages() (map[string]string, error) {
	all, err := drivers()
	if err != nil {
		return nil, err
	}
	return map[string]string{"docs/states.md": states(billing.Machines(), billing.Reasons()), "docs/providers/README.md": abilities(all), "docs/config.md": configuration(config.References())}, nil
}

func write() error {
	all, err := pages()
	if err != nil {
		return err
	}
	for path, text := range all {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a page for all to read
			return err
		}
	}
	return nil
}

const preface = `<!-- Written by go run ./internal/docgen from package billing. Do not edit. -->

# States

What each kind of object can be, in our words, and how it gets out of that again. The provider's own word is kept
beside ours. We look now and then, so an object may be first seen in any state, and several moves may show as one.

An arrow is a move we expect. A move to where no arrows lead is recorded all the same and flagged ` + "`surprised`" + `: the
provider has already acted. Refunds and disputes are objects of their own and facts beside a payment's state, not states
of it.
`

// states renders all machines, and why access is given or denied, as a page of
// Markdown.
func states(machines []billing.Machine, reasons []billing.ReasonMeaning) string {
	var doc strings.Builder
	doc.WriteString(preface)
	for _, machine := range machines {
		doc.WriteString("\n## " + title(machine.Kind) + "\n\n")
		diagram(&doc, machine)
		table(&doc, machine)
	}
	access(&doc, reasons)
	return doc.String()
}

const accessPreface = `
## Access

What a customer may do is no state of anything, but follows from all that they have bought, the rules of ` + "`[access]`" + `, and
the time. Of several purchases that give a feature the one counts that gives it for longest; of reasons that are equal
otherwise the first in this list does.

| Reason | Access | Meaning |
|---|---|---|
`

// access renders the reasons.
func access(doc *strings.Builder, reasons []billing.ReasonMeaning) {
	doc.WriteString(accessPreface)
	for _, r := range reasons {
		fmt.Fprintf(doc, "| `%s` | %s | %s |\n", r.Reason, map[bool]string{true: "yes", false: "no"}[r.Allows], cell(r.Meaning))
	}
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
