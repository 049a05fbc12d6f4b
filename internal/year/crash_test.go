//go:build failpoints

package year_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/fail"
)

// points are the places at which a service is ended here. The two of package store are
// passed before it works, and are package crash's.
var points = []string{
	"inbox.gathered", "inbox.committed", "work.claimed", "apply.fetched", "apply.committed", "outbox.marked", "outbox.called", "sweep.written",
}

// TestCrash tells every story again for each of the places that it passes, with the
// service ended there and started anew from what is in its database: the same must be
// said and done, nothing twice. A usual run ends each of some stories at one place;
// with YEAR=all in the environment it is every story at every place, at the first, the
// last and a middle pass, or where effects are done, at a dozen. The places are of the
// whole process, so these stories come one after another.
func TestCrash(t *testing.T) {
	for i, s := range stories {
		for _, accounts := range s.at {
			if !chosen(s, accounts, 2) {
				continue
			}
			passes := passed(t, s, accounts)
			for n, point := range points {
				if os.Getenv("YEAR") != "all" && n != i%len(points) {
					continue
				}
				for _, nth := range which(s.name+point, passes[point]) {
					t.Run(fmt.Sprintf("%s/%s/%s/%d of %d", accounts[0], s.name, point, nth, passes[point]), func(t *testing.T) { endedAt(t, s, accounts, point, nth) })
				}
			}
		}
	}
}

// passed counts how often a story passes each place.
func passed(t *testing.T, s story, accounts []string) map[string]int {
	var mu sync.Mutex
	count := map[string]int{}
	stop := fail.Watch(func(name string) {
		mu.Lock()
		defer mu.Unlock()
		count[name]++
	})
	defer stop()
	t.Run(accounts[0]+"/"+s.name, func(t *testing.T) { s.play(build(t, "sqlite:"+t.TempDir()+"/trivet.db", accounts, options{})) })
	mu.Lock()
	defer mu.Unlock()
	return count
}

// which picks the passes to end at: one that the name decides, or with YEAR=all the
// first, the last, and those evenly between.
func which(name string, passes int) (all []int) {
	if passes == 0 {
		return nil
	}
	if os.Getenv("YEAR") != "all" {
		h := fnv.New32a()
		_, _ = h.Write([]byte(name))
		return []int{1 + int(h.Sum32()%uint32(passes))}
	}
	most := 3
	if strings.Contains(name, "outbox.") { // each is another effect
		most = 12
	}
	for i := range min(most, passes) {
		all = append(all, 1+i*(passes-1)/max(1, min(most, passes)-1))
	}
	return slices.Compact(all)
}

func endedAt(t *testing.T, s story, accounts []string, point string, nth int) {
	e := &end{point: point, nth: nth, reached: make(chan struct{}), gone: make(chan struct{})}
	stop := fail.Watch(e.pass)
	defer stop()
	h := build(t, "sqlite:"+filepath.Join(t.TempDir(), "before.db"), accounts, options{})
	h.Guard = func(do func(context.Context)) bool { return e.guard(h, do) }
	s.play(h)
	h.settle()
	h.sound()
	if !e.over {
		t.Fatalf("%s is not passed for the time number %d, and the test tells nothing", point, nth)
	}
	want, got := real(gist(parse(t, read(t, golden(accounts[0], s.name))))), real(gist(h.told()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with an end (-without +with):\n%s", diff)
	}
}

// real leaves out what an end may well change. A call whose answer was lost is made
// again, with the key by which the provider knows it, and changes nothing. And what was
// over before the team could be told of it, the team is not told; twice it may not be
// told of either.
func real(gist []string) []string {
	for _, f := range slices.Clone(gist) {
		if kind, title, closed := strings.Cut(f, ` closed "`); closed && strings.HasPrefix(f, "alert ") {
			if i := slices.Index(gist, kind+` "`+title); i >= 0 {
				gist = slices.Delete(gist, i, i+1)
			}
		}
	}
	return slices.DeleteFunc(gist, func(f string) bool { return strings.HasPrefix(f, "call ") && strings.Contains(f, ": changed nothing") })
}

// end is the end of a service at a pass of a place.
type end struct {
	point string
	nth   int

	mu    sync.Mutex
	count int
	// reached is closed when the place is, gone when the service can do no more harm.
	reached, gone chan struct{}
	over          bool
}

// pass stops whoever comes to the place until the service is gone.
func (e *end) pass(name string) {
	e.mu.Lock()
	if name != e.point {
		e.mu.Unlock()
		return
	}
	e.count++
	here := e.count == e.nth
	e.mu.Unlock()
	if here {
		close(e.reached)
		<-e.gone
	}
}

// guard runs what the service does until that is done, or the end comes.
func (e *end) guard(h *house, do func(context.Context)) (done bool) {
	if e.over {
		do(h.T.Context())
		return true
	}
	ctx, cancel := context.WithCancel(h.T.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		do(ctx)
	}()
	select {
	case <-ended:
		return true
	case <-e.reached:
	}
	e.over = true
	h.revive(func() {
		cancel()
		close(e.gone)
		<-ended
	})
	return false
}

// revive takes from a service the world outside and its database, lets it go, and
// starts another on what is in the files.
func (h *house) revive(letGo func()) {
	h.live.mu.Lock()
	h.live.cut = true
	h.live.mu.Unlock()
	from, to := strings.TrimPrefix(h.Database, "sqlite:"), filepath.Join(h.T.TempDir(), "after.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(from + suffix)
		if os.IsNotExist(err) && suffix != "" {
			continue
		}
		h.Check(err)
		h.Check(os.WriteFile(to+suffix, data, 0o600))
	}
	letGo()
	h.Stop()
	h.live = &lifeline{}
	h.Serve("sqlite:" + to)
}
