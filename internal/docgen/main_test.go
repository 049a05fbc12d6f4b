package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func TestCommittedPagesAreCurrent(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range all {
		committed, err := os.ReadFile("../../" + path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(committed)); diff != "" {
			t.Errorf("%s is out of date, run go run ./internal/docgen (-tables +page):\n%s", path, diff)
		}
	}
}

// able is a driver of which only the abilities are asked.
type able struct {
	provider.Driver
	provider.Canceler
	table map[provider.Ability]provider.Support
}

func (a able) Abilities() map[provider.Ability]provider.Support { return a.table }

func TestAbilities(t *testing.T) {
	for _, a := range provider.AllAbilities() {
		if meanings[a] == "" {
			t.Errorf("nobody says what %s means", a)
		}
	}
	page := abilities([]shown{
		{"One", "one.md", able{table: map[provider.Ability]provider.Support{
			provider.CancelNow: {Level: provider.Native}, provider.Uncancel: {Level: provider.Absent, Note: "Final | for good."},
		}}},
		{"Two", "two.md", able{table: map[provider.Ability]provider.Support{
			provider.CancelNow: {Level: provider.Emulated, Note: "By us."}, provider.Refund: {Level: provider.Native},
		}}},
	})
	for _, want := range []string{
		"| | [One](one.md) | [Two](two.md) |\n|---|---|---|\n",
		"| cancel at once | yes | emulated (1) |\n",
		"| take a cancellation back | no (2) | no |\n",
		"| refund in full | no | no |\n", // said, but there is no method
		"\n1. Two, cancel at once: By us.\n2. One, take a cancellation back: Final \\| for good.\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

func TestStates(t *testing.T) {
	got := states([]billing.Machine{{Kind: "lamp", States: []billing.State{
		{Name: "off", Meaning: "Dark | cold.", Leaves: "Somebody\nswitches it on.", To: []string{"on", "broken"}},
		{Name: "on", Meaning: "Bright.", Leaves: "It goes off.", To: []string{"off"}},
		{Name: "broken", Meaning: "Dark for good."},
	}}}, []billing.ReasonMeaning{{Reason: "lit", Allows: true, Meaning: "Bright | warm."}, {Reason: "dark", Meaning: "Off."}})
	want := preface + strings.ReplaceAll(`
## Lamp

'''mermaid
stateDiagram-v2
    off
    on
    broken
    off --> on
    off --> broken
    on --> off
    broken --> [*]
'''

| Name | Meaning | How it is left |
|---|---|---|
| 'off' | Dark \| cold. | Somebody switches it on. |
| 'on' | Bright. | It goes off. |
| 'broken' | Dark for good. | It is final. |
`, "'", "`") + accessPreface + strings.ReplaceAll(`| 'lit' | yes | Bright \| warm. |
| 'dark' | no | Off. |
`, "'", "`")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
