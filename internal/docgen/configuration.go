package main

import (
	"fmt"
	"strings"

	"github.com/trivetdev/trivet/internal/config"
)

const configPreface = `<!-- Written by go run ./internal/docgen from package config. Do not edit. -->

# Configuration

One TOML file: what ` + "`--config` or `TRIVET_CONFIG`" + ` names, else ` + "`trivet.toml`" + ` in the present folder. Every key can also come from
the environment, which wins. A key with *file* has a twin with the suffix ` + "`_file`" + ` that names a file to read it from, as secrets are
handed to containers: of a list, an entry to a line. In the environment a list is written with commas, and a duration is written as
` + "`7d`, `12h`, `30m` or `5s`" + ` everywhere. A key that there is not is an error that names the one that was probably meant.
` + "`trivet doctor`" + ` says what is wrong, or will be.
`

// configuration renders the keys of the configuration.
func configuration(sections []config.Reference) string {
	var doc strings.Builder
	doc.WriteString(configPreface)
	for _, s := range sections {
		if s.Heading != "" {
			fmt.Fprintf(&doc, "\n## `%s`\n", s.Heading)
		}
		fmt.Fprintf(&doc, "\n%s\n\n| Key | Meaning | Default | Environment |\n|---|---|---|---|\n", s.About)
		for _, k := range s.Keys {
			name, value := "`"+k.Name+"`", ""
			if k.File {
				name += ", *file*"
			}
			if k.Default != "" {
				value = "`" + k.Default + "`"
			}
			fmt.Fprintf(&doc, "| %s | %s | %s | `%s` |\n", name, cell(k.Meaning), value, k.Variable)
		}
	}
	return doc.String()
}
