package year_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/internal/store"
)

var update = flag.Bool("update", false, "write the files under testdata/year anew")

// TestYear tells every story and compares it with its file: on SQLite, and a few, or
// with YEAR=all in the environment all, on PostgreSQL too.
func TestYear(t *testing.T) {
	everyStory(t, everything, func(t *testing.T, s story, accounts []string) {
		where := shoptest.Everywhere
		if !chosen(s, accounts, 0) || number(s)%3 != 0 && os.Getenv("YEAR") != "all" {
			where = shoptest.OnSQLite
		}
		where(t, func(t *testing.T, database string) {
			h := build(t, database, accounts, options{})
			s.play(h)
			h.sound()
			got, file := written(h.told()), golden(accounts[0], s.name)
			if *update && strings.HasPrefix(database, "sqlite:") {
				h.Check(os.MkdirAll(filepath.Dir(file), 0o755))
				h.Check(os.WriteFile(file, []byte(got), 0o644))
			}
			if diff := cmp.Diff(strings.Split(read(t, file), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s (-file +told); if it is right, write it with -update:\n%s", file, diff)
			}
		})
	})
}

// TestEveryProvider has each story told at each provider, or a word why it is not.
func TestEveryProvider(t *testing.T) {
	for _, s := range stories {
		for _, provider := range []string{"stripe", "paypal", "paddle", "lemonsqueezy"} {
			told := slices.ContainsFunc(s.at, func(accounts []string) bool { return accounts[0] == provider })
			if told == (s.not[provider] != "") {
				t.Errorf("%s at %s: told %t, and why not: %q", s.name, provider, told, s.not[provider])
			}
		}
	}
}

// chosen reports whether a telling is among the few of a usual run: of each story one,
// at another account for each kind of test. With YEAR=all in the environment, all are.
func chosen(s story, accounts []string, shift int) bool {
	if os.Getenv("YEAR") == "all" {
		return true
	}
	return slices.Equal(s.at[(number(s)+shift)%len(s.at)], accounts)
}

// everything chooses every telling.
func everything(story, []string) bool { return true }

// number is the place of a story among all.
func number(s story) int {
	return slices.IndexFunc(stories, func(other story) bool { return other.name == s.name })
}

// everyStory runs a test for each telling of each story that is wanted.
func everyStory(t *testing.T, wanted func(s story, accounts []string) bool, test func(t *testing.T, s story, accounts []string)) {
	t.Helper()
	for _, s := range stories {
		for _, accounts := range s.at {
			if !wanted(s, accounts) {
				continue
			}
			t.Run(accounts[0]+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				test(t, s, accounts)
			})
		}
	}
}

// sound checks what must hold at the end of every story.
func (h *house) sound() {
	h.T.Helper()
	h.Audited()
	h.Worked()
	unsaid, err := h.Ledger.Effects(h.T.Context(), store.EffectFilter{State: store.EffectDropped, Limit: 100})
	h.Check(err)
	for _, e := range unsaid {
		if strings.Contains(e.Result, "put in words") { // a policy asks for what cannot be said
			h.T.Errorf("%s: %s", e.Key, e.Result)
		}
	}
	if again := h.mail.twice(); len(again) > 0 {
		h.T.Errorf("sent twice: %v", again)
	}
}
