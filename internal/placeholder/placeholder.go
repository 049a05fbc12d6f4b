// Package placeholder recognizes what people leave in a configuration that they
// copied from an example.
//
// It owns that one judgment, for whoever reads or is given a secret. It does not own
// what a secret of a provider looks like.
package placeholder

import (
	"regexp"
	"strings"
)

// left matches what is no secret: signs that no genuine one has anywhere, or a whole
// value, its kind's prefix aside, that is a word. A word within is none: of random
// secrets of 100 letters and digits, one in two hundred has "xxx", "todo" or "your"
// somewhere; ten of one letter in a row are in none.
var left = regexp.MustCompile(`(?i)\.\.\.|…|\*\*\*|x{10,}` +
	`|^([a-z]+[-_])*(` +
	`<.*>|\$\{?[a-z_]+\}?|\{\{.*\}\}|\[[a-z _-]+\]` +
	`|x{3,}([-_]x+)*` +
	`|(change|replace)[-_ ]?(me|it|this)([-_ ].*)?` +
	`|your[-_ ].*|(your|my)[-_ ]?(api|client|webhook|signing|access)?[-_ ]?(secret|key|token|password|id)([-_ ]?(key|here))?` +
	`|todo|tbd|fixme|placeholder|here` +
	`)$` +
	`|^(example|none|null|nil|undefined)$` +
	`|^((sk|rk|pk)_(test|live)|whsec)_?(secret|key)?$|^pdl_([a-z]+_)+$`)

// Is reports whether a text asks to be replaced, or is a secret of which the random
// part is missing. The empty text is none.
func Is(text string) bool { return left.MatchString(strings.TrimSpace(text)) }
