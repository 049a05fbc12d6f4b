package words_test

import (
	"os"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/trivetdev/trivet/notify/words"
)

// TestThePage: the message that docs/messages.md prints as an example says all that it
// has to.
func TestThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```\n# (\\S+\\.txt)\n(.+?)```").FindAllSubmatch(page, -1)
	if len(examples) == 0 {
		t.Fatal("the page has no example any more")
	}
	for _, e := range examples {
		name := string(e[1])
		set, err := words.Load(fstest.MapFS{name: {Data: e[2]}}, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range set.Check() {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
