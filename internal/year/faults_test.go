package year_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/sim"
)

// TestFaults tells every story with webhooks that come up to eleven times, each up to
// eight hours late and in any order: the same must be said and done, and no more of it
// when every event is received again, everything is swept, and all policies look at
// everybody anew.
func TestFaults(t *testing.T) {
	some := func(s story, accounts []string) bool { return chosen(s, accounts, 1) }
	everyStory(t, some, func(t *testing.T, s story, accounts []string) {
		h := build(t, "sqlite:"+t.TempDir()+"/trivet.db", accounts, options{chaos: sim.Chaos{Duplicate: 1, Reorder: 1}})
		s.play(h)
		h.settle()
		h.sound()
		for name, a := range h.Accounts {
			if stats := a.Stats(); stats.Faults[sim.FaultReorder] == 0 || stats.Duplicated == 0 {
				t.Errorf("the webhooks of %s came in order and once, and the test tells nothing", name)
			}
		}
		want, got := gist(parse(t, read(t, golden(accounts[0], s.name)))), gist(h.told())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with webhooks late and often (-calm +told):\n%s", diff)
		}
		h.again()
		if diff := cmp.Diff(got, gist(h.told())); diff != "" {
			t.Errorf("after everything was looked at anew (-before +after):\n%s", diff)
		}
		h.sound()
	})
}

// settle lets arrive and be worked on what is under way.
func (h *house) settle() {
	h.T.Helper()
	for _, a := range h.Accounts {
		a.Calm()
	}
	h.Until(h.Clock.Now().Add(12 * time.Hour))
}

// again receives every event anew, sweeps every account and starts the service anew
// with policies that it takes for others.
func (h *house) again() {
	h.T.Helper()
	for account := range h.Accounts {
		var replayed struct{ Events int64 }
		if status := h.Call(http.MethodPost, "/v1/events/replay", fmt.Sprintf(`{"provider":%q}`, account), &replayed); status >= http.StatusBadRequest || replayed.Events == 0 {
			h.T.Fatalf("replay of %s: %d, %d events", account, status, replayed.Events)
		}
	}
	h.Until(h.Clock.Now().Add(time.Hour))
	if status := h.Call(http.MethodPost, "/v1/reconcile", `{"full":true}`, nil); status >= http.StatusBadRequest {
		h.T.Fatalf("reconcile: %d", status)
	}
	h.Until(h.Clock.Now().Add(time.Hour))
	h.Stop()
	h.digest = "other settings"
	h.Serve(h.Database)
	h.Until(h.Clock.Now().Add(time.Hour))
}

// gist is what is said and done in a story, without its times, sorted; and how access
// goes back and forth. What a late webhook hides of how it came to that is left out.
func gist(facts []fact) (all []string) {
	may := map[string]string{}
	var flips []string
	for _, f := range facts {
		switch f.kind {
		case acts, charges:
		case accesses:
			words := strings.Fields(f.text) // access granted pro (active) …
			if words[1] != may[words[2]] && (words[1] == "granted" || may[words[2]] != "") {
				flips = append(flips, strings.Join(words[:3], " "))
			}
			may[words[2]] = words[1]
		default:
			all = append(all, f.text)
		}
	}
	slices.Sort(all)
	return append(all, flips...)
}

var kinds = map[string]kind{"access": accesses, "alert": alerts, "call": calls, "in-app": notices, "mail": mails}

var line = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.*)$`)

// parse reads the facts of a file.
func parse(t testing.TB, text string) (facts []fact) {
	t.Helper()
	for l := range strings.Lines(text) {
		parts := line.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
		if parts == nil {
			t.Fatalf("%q is no fact", l)
		}
		at, err := time.Parse(time.DateTime, parts[1])
		if err != nil {
			t.Fatal(err)
		}
		word, _, _ := strings.Cut(parts[2], " ")
		k, told := kinds[word]
		if !told {
			k = acts
		}
		facts = append(facts, fact{at, k, parts[2]})
	}
	return facts
}
