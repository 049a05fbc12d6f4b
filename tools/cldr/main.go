// Command cldr writes the table of date patterns that package words formats with,
// from the Unicode CLDR as its project publishes it on npm:
//
//	npm pack cldr-dates-full@48.2.0 cldr-misc-full@48.2.0   # unpack each
//	go run ./tools/cldr FOLDER > notify/words/cldr.json
//
// FOLDER holds the unpacked packages under their names. It is not part of make
// generate, for that must not need the network. CLDR is under the Unicode License
// v3.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// languages are those that words are shipped in.
var languages = []string{"de", "en", "es", "fr", "ja", "pt", "zh"}

// calendar is what is kept of a locale; see package words for the meaning.
type calendar struct {
	Date      string   `json:"date"`
	MonthYear string   `json:"month_year"`
	Time      string   `json:"time"`
	At        string   `json:"at"`
	Zone      string   `json:"zone"`
	UTC       string   `json:"utc"`
	AM        string   `json:"am"`
	PM        string   `json:"pm"`
	Months    []string `json:"months"`
	ListTwo   string   `json:"list_two"`
	ListNext  string   `json:"list_next"`
	ListLast  string   `json:"list_last"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./tools/cldr FOLDER > notify/words/cldr.json")
		os.Exit(2)
	}
	table, err := read(os.Args[1])
	if err == nil {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", " ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(table)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cldr:", err)
		os.Exit(1)
	}
}

// read returns the calendars by locale. A locale whose calendar is that of the
// locale with its last part cut off is left out.
func read(folder string) (map[string]calendar, error) {
	tags, err := os.ReadDir(filepath.Join(folder, "cldr-dates-full", "main"))
	if err != nil {
		return nil, err
	}
	all := map[string]calendar{}
	for _, entry := range tags {
		tag := entry.Name()
		language, _, _ := strings.Cut(tag, "-")
		if !slices.Contains(languages, language) || foreign(tag) {
			continue
		}
		if all[tag], err = one(folder, tag); err != nil {
			return nil, fmt.Errorf("%s: %w", tag, err)
		}
	}
	short := maps.Clone(all)
	for tag, c := range all {
		for parent := tag; strings.Contains(parent, "-"); {
			parent = parent[:strings.LastIndexByte(parent, '-')]
			if p, ok := all[parent]; ok {
				if reflect.DeepEqual(p, c) {
					delete(short, tag)
				}
				break
			}
		}
	}
	return short, nil
}

// foreign says whether a locale is in a script that words are not shipped in.
func foreign(tag string) bool {
	parts := strings.Split(tag, "-")
	return len(parts) > 1 && len(parts[1]) == 4 && parts[1] != "Hans"
}

func one(folder, tag string) (calendar, error) {
	main := filepath.Join(folder, "cldr-dates-full", "main", tag)
	gregorian, err := load(filepath.Join(main, "ca-gregorian.json"), "main", tag, "dates", "calendars", "gregorian")
	if err != nil {
		return calendar{}, err
	}
	zones, err := load(filepath.Join(main, "timeZoneNames.json"), "main", tag, "dates", "timeZoneNames")
	if err != nil {
		return calendar{}, err
	}
	lists, err := load(filepath.Join(folder, "cldr-misc-full", "main", tag, "listPatterns.json"),
		"main", tag, "listPatterns", "listPattern-type-standard")
	if err != nil {
		return calendar{}, err
	}
	c := calendar{
		Date: at(gregorian, "dateFormats", "long"), Time: at(gregorian, "timeFormats", "short"),
		MonthYear: at(gregorian, "dateTimeFormats", "availableFormats", "yMMMM"),
		At:        at(gregorian, "dateTimeFormats-atTime", "standard", "long"),
		Zone:      at(zones, "gmtFormat"), UTC: at(zones, "gmtZeroFormat"),
		AM: at(gregorian, "dayPeriods", "format", "abbreviated", "am"), PM: at(gregorian, "dayPeriods", "format", "abbreviated", "pm"),
		ListTwo: at(lists, "2"), ListNext: at(lists, "middle"), ListLast: at(lists, "end"),
	}
	for month := 1; month <= 12; month++ {
		c.Months = append(c.Months, at(gregorian, "months", "format", "wide", strconv.Itoa(month)))
	}
	for i := range reflect.TypeFor[calendar]().NumField() {
		if reflect.ValueOf(c).Field(i).IsZero() {
			return c, fmt.Errorf("no %s", reflect.TypeFor[calendar]().Field(i).Name)
		}
	}
	return c, nil
}

// load returns the object at a path in a JSON file.
func load(file string, path ...string) (map[string]any, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the folder is the argument of who runs this
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	for _, key := range path {
		next, ok := object[key].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s has no %s", file, strings.Join(path, "."))
		}
		object = next
	}
	return object, nil
}

// at returns the text at a path in an object; empty if there is none.
func at(object map[string]any, path ...string) string {
	var value any = object
	for _, key := range path {
		o, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = o[key]
	}
	text, _ := value.(string)
	return text
}
