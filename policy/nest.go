package policy

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// nest puts what is named from outside of its table into it: providers_paddle into
// providers, rules_0_when into the first of rules. What was in there already by the same
// name is replaced, as the environment wins over the file. What belongs nowhere stays.
func nest(settings map[string]any, shape reflect.Type) map[string]any {
	known := fieldsOf(shape)
	out := map[string]any{}
	for key, value := range settings {
		if _, found := known[key]; found {
			out[key] = value
		}
	}
	numbered := map[string]map[int]any{}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if _, found := known[key]; found {
			continue
		}
		field, rest := outer(key, known)
		switch {
		case field == "":
			out[key] = settings[key]
		case known[field].Kind() == reflect.Map:
			table := map[string]any{}
			if before, is := out[field].(map[string]any); is {
				maps.Copy(table, before)
			}
			table[rest] = settings[key]
			out[field] = table
		default:
			if numbered[field] == nil {
				numbered[field] = map[int]any{}
				for i, item := range listOf(out[field]) {
					numbered[field][i] = item
				}
			}
			if !put(numbered[field], rest, settings[key], known[field].Elem().Kind()) {
				out[key] = settings[key]
			}
		}
	}
	for field, items := range numbered {
		var list []any
		for _, i := range slices.Sorted(maps.Keys(items)) {
			list = append(list, items[i])
		}
		if len(list) > 0 {
			out[field] = list
		}
	}
	return out
}

// outer finds the table, or the list of tables or lists, that a key begins with.
func outer(key string, known map[string]reflect.Type) (field, rest string) {
	for name, t := range known {
		within := t.Kind() == reflect.Map || t.Kind() == reflect.Slice && (t.Elem().Kind() == reflect.Struct || t.Elem().Kind() == reflect.Slice)
		if after, found := strings.CutPrefix(key, name+"_"); found && within && after != "" && len(name) > len(field) {
			field, rest = name, after
		}
	}
	return field, rest
}

// put sets an item of a list, or a key of a table that is one, by what its name ends
// with: 0, or 0_when.
func put(items map[int]any, rest string, value any, kind reflect.Kind) bool {
	digits, key, inner := strings.Cut(rest, "_")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || strconv.Itoa(n) != digits || inner != (kind == reflect.Struct) {
		return false
	}
	if !inner {
		items[n] = value
		return true
	}
	table := map[string]any{}
	if before, is := items[n].(map[string]any); is {
		maps.Copy(table, before)
	}
	table[key] = value
	items[n] = table
	return true
}
