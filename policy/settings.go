package policy

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/trivetdev/trivet/billing"
)

// SettingError says what is wrong with one setting.
type SettingError struct {
	// Key is the setting, dotted where it is within another: "rules.0.when".
	Key string
	// Known are the keys that there are, if Key is none of them.
	Known []string
	Err   error
}

// Error implements error.
func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap implements the convention of package errors.
func (e *SettingError) Unwrap() error { return e.Err }

// SettingErrors are all that is wrong with a section.
type SettingErrors []*SettingError

// Error implements error.
func (all SettingErrors) Error() string {
	lines := make([]string, len(all))
	for i, e := range all {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Decode reads the settings of a [policy.NAME] section into a struct whose fields
// are tagged with the keys, as in `setting:"grace"`. What the section does not
// name keeps the value that the struct has; a key that the struct does not have is
// an error. Durations are written like "7d".
//
// The environment knows texts only, and no tables: a list may be a text with commas,
// and what is inside of a table or of a list of them may be named from outside:
// providers_paddle, rules_0_when. The error is of type [SettingErrors].
func Decode(settings map[string]any, into any) error {
	shape := reflect.TypeOf(into).Elem()
	settings = nest(settings, shape)
	if unknown := unknown(settings, shape, ""); len(unknown) > 0 {
		return unknown
	}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		TagName: "setting", Result: into, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(durations, lists),
	})
	if err != nil {
		return err
	}
	if err := decoder.Decode(settings); err != nil {
		return SettingErrors{located(err)}
	}
	return nil
}

// unknown finds the keys that a struct does not have.
func unknown(settings map[string]any, shape reflect.Type, path string) (all SettingErrors) {
	known := fieldsOf(shape)
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		field, found := known[key]
		if !found {
			all = append(all, &SettingError{Key: path + key, Known: slices.Sorted(maps.Keys(known)), Err: fmt.Errorf("is not a key: known are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))})
			continue
		}
		if field.Kind() != reflect.Slice || field.Elem().Kind() != reflect.Struct {
			continue
		}
		for i, item := range listOf(settings[key]) {
			if table, is := item.(map[string]any); is {
				all = append(all, unknown(table, field.Elem(), fmt.Sprintf("%s%s.%d.", path, key, i))...)
			}
		}
	}
	return all
}

// index is where mapstructure names an item of a list: rules[0].when.
var index = regexp.MustCompile(`\[(\d+)\]`)

// located finds the innermost setting that an error of the decoder is about.
func located(err error) *SettingError {
	found := &SettingError{Key: "settings", Err: err}
	for at, ok := errors.AsType[*mapstructure.DecodeError](err); ok; at, ok = errors.AsType[*mapstructure.DecodeError](at.Unwrap()) {
		found = &SettingError{Key: index.ReplaceAllString(at.Name(), ".$1"), Err: at.Unwrap()}
	}
	if e, ok := errors.AsType[*mapstructure.ParseError](found.Err); ok {
		found.Err = fmt.Errorf("must be %s, and is %q", wanted(e.Expected.Type()), fmt.Sprint(e.Value))
	} else if e, ok := errors.AsType[*mapstructure.UnconvertibleTypeError](found.Err); ok {
		found.Err = fmt.Errorf("must be %s, and is %v", wanted(e.Expected.Type()), e.Value)
	}
	return found
}

// wanted says what a setting of a type is written as.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text in quotes"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a table"
	default:
		return "a number"
	}
}

// durations reads "7d" where a setting is a [time.Duration]. A bare number is
// refused: nobody can tell its unit.
func durations(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	text, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("%v (a %s) is no duration: write it in quotes, as in %q", value, from.Kind(), "7d")
	}
	return billing.ParseDuration(text)
}

// lists splits a text at its commas where a setting is a list of texts or durations.
func lists(from, to reflect.Type, value any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Slice || to.Elem().Kind() == reflect.Struct || to.Elem().Kind() == reflect.Slice {
		return value, nil
	}
	items := []string{}
	for item := range strings.SplitSeq(reflect.ValueOf(value).String(), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items, nil
}

// fieldsOf are the types of a struct's fields, by key.
func fieldsOf(shape reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for field := range shape.Fields() {
		if key := field.Tag.Get("setting"); key != "" {
			all[key] = field.Type
		}
	}
	return all
}

// listOf are the items of a list, however it was read.
func listOf(value any) (items []any) {
	list := reflect.ValueOf(value)
	if list.Kind() != reflect.Slice {
		return nil
	}
	for i := range list.Len() {
		items = append(items, list.Index(i).Interface())
	}
	return items
}
