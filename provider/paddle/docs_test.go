package paddle

import (
	"regexp"
	"strings"
	"testing"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/provider/providertest"
)

// The page about this driver lists exactly the events of the table, and marks
// those that are not asked for.
func TestPageListsTheEvents(t *testing.T) {
	events := map[string]bool{}
	for _, event := range eventTable {
		events[event.name] = event.unasked
	}
	providertest.Told(t, "paddle", events)
}

// The page gives every error code the advice that the driver gives.
func TestPageTellsTheAdvice(t *testing.T) {
	words := map[string]string{"do not try again": "do_not_try_again", "confirm the card's data": "confirm_card_data", "try again later": "try_again_later"}
	seen := 0
	for row := range strings.SplitSeq(providertest.Table(t, "paddle", "| error code of an attempt | advice |\n|---|---|\n"), "\n") {
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
