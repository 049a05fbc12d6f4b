package config

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	headerLine = regexp.MustCompile(`^\s*(\[\[?)\s*([^\[\]#]+?)\s*\]`)
	keyLine    = regexp.MustCompile(`^\s*([A-Za-z0-9_."'-][A-Za-z0-9_."' -]*?)\s*=`)
	unquote    = strings.NewReplacer(`"`, "", `'`, "", " ", "", "\t", "")
)

// lineNumbers finds the line of each key and section of a TOML text, by path,
// tables of an array counted from 0. The TOML library does not tell, so this
// reads the text a second time, roughly: a key inside a multi-line string would
// be taken for one. It is used for messages only.
func lineNumbers(text []byte) map[string]int {
	at, counts := map[string]int{}, map[string]int{}
	table, n := "", 0
	for line := range strings.Lines(string(text)) {
		n++
		if m := headerLine.FindStringSubmatch(line); m != nil {
			table = tablePath(unquote.Replace(m[2]), m[1] == "[[", counts)
			note(at, table, n)
		} else if m := keyLine.FindStringSubmatch(line); m != nil {
			note(at, strings.TrimPrefix(table+"."+unquote.Replace(m[1]), "."), n)
		}
	}
	return at
}

// tablePath turns a header into a path: [[plan]] into plan.0, plan.1 and so on,
// and [plan.prices] into the prices of the last plan.
func tablePath(name string, array bool, counts map[string]int) string {
	if array {
		counts[name]++
		return name + "." + strconv.Itoa(counts[name]-1)
	}
	first, rest, ok := strings.Cut(name, ".")
	if ok && counts[first] > 0 {
		return first + "." + strconv.Itoa(counts[first]-1) + "." + rest
	}
	return name
}

// note records the line of a path and, if they have none, of the tables it
// implies.
func note(at map[string]int, path string, line int) {
	for path != "" {
		if _, known := at[path]; !known {
			at[path] = line
		}
		path, _ = split(path)
	}
}
