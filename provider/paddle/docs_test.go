package paddle

import (
	"os"
	"regexp"
	"strings"
	"testing"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/providers/paddle.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tableAfter is the table that begins with a line.
func tableAfter(t *testing.T, text, head string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, head)
	table, _, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("the page has no table %q", head)
	}
	return table
}

// The page about this driver lists exactly the events of the table, and marks
// those that are not asked for.
func TestPageListsTheEvents(t *testing.T) {
	told := map[string]bool{}
	for _, match := range regexp.MustCompile("`([a-z_.]+)`(\\\\\\*)?").FindAllStringSubmatch(tableAfter(t, page(t), "| makes us look at | events |"), -1) {
		told[match[1]] = match[2] != ""
	}
	for _, event := range eventTable {
		if unasked, known := told[event.name]; !known || unasked != event.unasked {
			t.Errorf("%s is told: %v, as not asked for: %v, which should be %v", event.name, known, unasked, event.unasked)
		}
		delete(told, event.name)
	}
	for name := range told {
		t.Errorf("the page tells of %s, which is not in the table", name)
	}
}

// The page gives every error code the advice that the driver gives.
func TestPageTellsTheAdvice(t *testing.T) {
	words := map[string]string{"do not try again": "do_not_try_again", "confirm the card's data": "confirm_card_data", "try again later": "try_again_later"}
	seen := 0
	for row := range strings.SplitSeq(tableAfter(t, page(t), "| error code of an attempt | advice |\n|---|---|\n"), "\n") {
		cells := strings.Split(row, "|")
		for _, code := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[1], -1) {
			seen++
			if want := words[strings.TrimSpace(cells[2])]; want == "" || advice(sdk.ErrorCode(code[1])) != want {
				t.Errorf("%s: the page says %q, the driver %q", code[1], cells[2], advice(sdk.ErrorCode(code[1])))
			}
		}
	}
	if seen != 14 {
		t.Errorf("the page has %d codes", seen)
	}
}
