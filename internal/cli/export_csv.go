package cli

import (
	"encoding"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// column is a column of a CSV file: the name, and the path to the field.
type column struct {
	name string
	path []int
}

// commaSeparated writes the names of the columns of rows of the type of one, and
// returns what writes a row.
func commaSeparated(to io.Writer, row any) (func(kind string, row any) error, error) {
	columns := columnsOf(reflect.TypeOf(row), "", nil)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	out := csv.NewWriter(to)
	write := func(cells []string) error {
		if err := out.Write(cells); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}
	return func(_ string, row any) error {
		cells := make([]string, len(columns))
		for i, c := range columns {
			var err error
			if cells[i], err = cell(reflect.ValueOf(row), c.path); err != nil {
				return fmt.Errorf("column %s: %w", c.name, err)
			}
		}
		return write(cells)
	}, write(names)
}

// columnsOf are the columns of a struct: its fields by their names in JSON, those of
// structs in it behind their name and a dot. Lists and free facts are one column.
func columnsOf(t reflect.Type, prefix string, path []int) (columns []column) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		below := append(append([]int(nil), path...), i)
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case field.Anonymous:
			columns = append(columns, columnsOf(inner, prefix, below)...)
		case !field.IsExported() || name == "" || name == "-":
		case inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]():
			columns = append(columns, columnsOf(inner, prefix+name+".", below)...)
		default:
			columns = append(columns, column{prefix + name, below})
		}
	}
	return columns
}

// cell is what a row has in a column; nothing if something on the way is null.
func cell(v reflect.Value, path []int) (string, error) {
	for _, i := range path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return "", nil
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", nil
		}
		v = v.Elem()
	}
	if at, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := at.MarshalText()
		return string(text), err
	}
	switch v.Kind() {
	case reflect.String:
		return harmless(v.String()), nil
	case reflect.Bool, reflect.Int, reflect.Int64:
		return fmt.Sprint(v.Interface()), nil
	default:
		doc, err := json.Marshal(v.Interface())
		return string(doc), err
	}
}

// harmless makes a text one that no spreadsheet takes for a formula: names and
// addresses come from strangers. Spreadsheets look past blanks at the beginning.
func harmless(text string) string {
	if first := strings.TrimLeft(text, " \t\r\n\u00a0\ufeff"); first != "" && strings.ContainsAny(first[:1], "=+-@|%") || strings.HasPrefix(first, "＝") ||
		strings.HasPrefix(first, "＋") || strings.HasPrefix(first, "－") || strings.HasPrefix(first, "＠") {
		return "'" + text
	}
	return text
}
