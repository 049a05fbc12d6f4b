package words

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // customers' zones, on machines that have none

	"github.com/bojanz/currency"

	"github.com/trivetdev/trivet/billing"
)

// cldrTable is written by tools/cldr from the Unicode CLDR 48.2.
//
//go:embed cldr.json
var cldrTable []byte

// calendar is how a locale writes dates and lists, in CLDR's patterns.
type calendar struct {
	Date      string   `json:"date"`       // "d. MMMM y"
	MonthYear string   `json:"month_year"` // "MMMM y"
	Time      string   `json:"time"`       // "HH:mm"
	At        string   `json:"at"`         // "{1} 'um' {0}": a date and a time
	Zone      string   `json:"zone"`       // "GMT{0}"
	UTC       string   `json:"utc"`        // the zone without offset
	AM        string   `json:"am"`
	PM        string   `json:"pm"`
	Months    []string `json:"months"` // as they stand in a date, from January
	ListTwo   string   `json:"list_two"`
	ListNext  string   `json:"list_next"`
	ListLast  string   `json:"list_last"`
}

var calendars = sync.OnceValue(func() map[string]calendar {
	table := map[string]calendar{}
	if err := json.Unmarshal(cldrTable, &table); err != nil {
		panic(err) // embedded, and read by every test
	}
	return table
})

// calendarOf returns the calendar of a locale or of the next less specific one.
func calendarOf(tag string) calendar {
	for {
		if c, ok := calendars()[tag]; ok {
			return c
		}
		i := strings.LastIndexByte(tag, '-')
		if i < 0 {
			return calendars()[English]
		}
		tag = tag[:i]
	}
}

// pattern fills a CLDR date pattern. Letters are fields, a run of one letter being
// one field; what stands in quotes is text.
func (c calendar) pattern(pattern string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		letter := pattern[i]
		if letter == '\'' {
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				return b.String() + pattern[i+1:]
			}
			b.WriteString(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		}
		n := 1
		for i+n < len(pattern) && pattern[i+n] == letter {
			n++
		}
		if letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z' {
			b.WriteString(c.field(letter, n, t))
		} else {
			b.WriteString(pattern[i : i+n])
		}
		i += n
	}
	return b.String()
}

// field writes one field of a date pattern; only those that the table has.
func (c calendar) field(letter byte, n int, t time.Time) string {
	padded := func(v int) string {
		if n >= 2 {
			return fmt.Sprintf("%02d", v)
		}
		return strconv.Itoa(v)
	}
	switch letter {
	case 'y':
		return strconv.Itoa(t.Year())
	case 'M', 'L':
		if n >= 3 {
			return c.Months[t.Month()-1]
		}
		return padded(int(t.Month()))
	case 'd':
		return padded(t.Day())
	case 'H':
		return padded(t.Hour())
	case 'h':
		return padded((t.Hour()+11)%12 + 1)
	case 'm':
		return padded(t.Minute())
	case 'a':
		if t.Hour() < 12 {
			return c.AM
		}
		return c.PM
	}
	return ""
}

func (c calendar) date(t time.Time) string { return c.pattern(c.Date, t) }

func (c calendar) monthYear(t time.Time) string { return c.pattern(c.MonthYear, t) }

// moment writes a date with time and zone, the zone as its distance from UTC:
// abbreviations such as IST or CST mean several zones.
func (c calendar) moment(t time.Time) string {
	both := c.pattern(c.At, t) // only quotes to resolve: it has no letters outside
	both = strings.ReplaceAll(both, "{1}", c.date(t))
	both = strings.ReplaceAll(both, "{0}", c.pattern(c.Time, t))
	return both + "\u00a0" + c.zone(t)
}

func (c calendar) zone(t time.Time) string {
	name, offset := t.Zone()
	switch {
	case offset == 0 && name == "UTC":
		return "UTC"
	case offset == 0:
		return c.UTC
	}
	sign := "+"
	if offset < 0 {
		sign, offset = "−", -offset
	}
	text := sign + strconv.Itoa(offset/3600)
	if minutes := offset % 3600 / 60; minutes != 0 {
		text += fmt.Sprintf(":%02d", minutes)
	}
	return strings.ReplaceAll(c.Zone, "{0}", text)
}

// list joins items as the locale does: "a, b and c".
func (c calendar) list(items []string) string {
	join := func(pattern, left, right string) string {
		return strings.NewReplacer("{0}", left, "{1}", right).Replace(pattern)
	}
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	case 2:
		return join(c.ListTwo, items[0], items[1])
	}
	text := items[0]
	for _, item := range items[1 : len(items)-1] {
		text = join(c.ListNext, text, item)
	}
	return join(c.ListLast, text, items[len(items)-1])
}

// money writes an amount as a locale does: "29,00 €".
func money(tag string, m billing.Money) (string, error) {
	amount, err := currency.NewAmount(m.Decimal(), m.Currency)
	if err != nil {
		return "", fmt.Errorf("the amount %s cannot be written: %w", m, err)
	}
	return currency.NewFormatter(currency.NewLocale(tag)).Format(amount), nil
}
