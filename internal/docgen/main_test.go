package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
)

func TestCommittedPageIsCurrent(t *testing.T) {
	committed, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(states(billing.Machines()), string(committed)); diff != "" {
		t.Errorf("%s is out of date, run go run ./internal/docgen (-tables +page):\n%s", page, diff)
	}
}

func TestStates(t *testing.T) {
	got := states([]billing.Machine{{Kind: "lamp", States: []billing.State{
		{Name: "off", Meaning: "Dark | cold.", Leaves: "Somebody\nswitches it on.", To: []string{"on", "broken"}},
		{Name: "on", Meaning: "Bright.", Leaves: "It goes off.", To: []string{"off"}},
		{Name: "broken", Meaning: "Dark for good."},
	}}})
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
`, "'", "`")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
