package api

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ListInput is what every list takes.
type ListInput struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many rows at most."`
	After string `query:"after" maxLength:"1024" doc:"The next of the page before."`
}

// Page is one page of a list.
type Page[T any] struct {
	Data []T     `json:"data" nullable:"false"`
	Next *string `json:"next" doc:"Send it as after for the next page; null on the last."`
}

// pageOutput is the answer of a list.
type pageOutput[T any] struct {
	Body Page[T]
}

// page renders rows, of which one more than the limit was read.
func page[R, T any](rows []R, limit int, cursor func(R) string, render func(R) T) *pageOutput[T] {
	out := &pageOutput[T]{Body: Page[T]{Data: []T{}}}
	if len(rows) > limit {
		rows = rows[:limit]
		out.Body.Next = cursorOf(cursor(rows[limit-1]))
	}
	for _, row := range rows {
		out.Body.Data = append(out.Body.Data, render(row))
	}
	return out
}

// pageOf renders the part that was asked for of a list that is had whole, whose rows
// have names of their own. A cursor whose row has gone from it is not believed.
func pageOf[R, T any](rows []R, list ListInput, name func(R) string, render func(R) T) (*pageOutput[T], error) {
	after, err := list.key()
	if err != nil {
		return nil, err
	}
	if after != "" {
		at := slices.IndexFunc(rows, func(r R) bool { return name(r) == after })
		if at < 0 {
			return nil, badCursor()
		}
		rows = rows[at+1:]
	}
	return page(rows, list.Limit, name, render), nil
}

// cursorOf writes a place in a list as a cursor; the end as null.
func cursorOf(place string) *string {
	return orNull(base64.RawURLEncoding.EncodeToString([]byte(place)))
}

// key reads a cursor that is the key of the last row.
func (l ListInput) key() (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(l.After)
	if err != nil || strings.ContainsRune(string(text), 0) {
		return "", badCursor()
	}
	return string(text), nil
}

// number reads a cursor that is the number of the last row; 0: none.
func (l ListInput) number() (int64, error) {
	if l.After == "" {
		return 0, nil
	}
	text, err := l.key()
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 {
		return 0, badCursor()
	}
	return number, nil
}

func badCursor() *Problem {
	return invalidf("The cursor after is none of ours: send the next of the page before as it is, or leave it out to begin anew.")
}

func numbered(n int64) string { return strconv.FormatInt(n, 10) }

// The ids of rows that have a number alone begin with what they are.
const (
	effectIDs  = "ef_"
	messageIDs = "ms_"
	noticeIDs  = "no_"
	alertIDs   = "al_"

	deliveryIDs = "dl_"
)

// number reads such an id.
func number(prefix, id string) (n int64, ok bool) {
	text, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// moment shows a time; none as null.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// orNull shows a text; none as null.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// listOf makes no list an empty one.
func listOf[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
