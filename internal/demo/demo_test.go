package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/sim"
)

// TestMain lets the collector run more rarely: hundreds of small worlds are made
// and thrown away.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// small is a world of a size that fifty of fit into a minute.
func small(seed uint64) Options {
	return Options{Seed: seed, Days: 10 + int(seed%11), Customers: 20}
}

// simulate runs a world and returns it, closed, with its report.
func simulate(t *testing.T, o Options) (*world, Report) {
	t.Helper()
	w, err := newWorld(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := w.run(t.Context(), func(context.Context, day) error { return nil })
	if err != nil {
		t.Fatalf("%v\nreplay: %s", err, w.replay())
	}
	return w, r
}

// proven fails the test unless all is as it must be.
func proven(t *testing.T, w *world, r Report) {
	t.Helper()
	if r.OK() && r.InStep == 100 {
		return
	}
	for i, m := range r.Mismatches {
		if i < 20 {
			t.Error(m)
		}
	}
	t.Errorf("in step %.2f%%, acked %d, stored %d, effects %+v\nreplay: %s", r.InStep, r.Webhooks.Acked, r.Webhooks.Stored, r.Effects, w.replay())
}

// seeds says which worlds are tried: TRIVET_SEEDS, or 1-50.
func seeds(t *testing.T) (from, to uint64) {
	text := cmp.Or(os.Getenv("TRIVET_SEEDS"), "1-50")
	first, last, _ := strings.Cut(text, "-")
	from, bad := strconv.ParseUint(first, 10, 32)
	to, worse := strconv.ParseUint(last, 10, 32)
	if bad != nil || worse != nil || to < from+49 {
		t.Fatalf("TRIVET_SEEDS is %q: write it like 51-200, with 50 seeds or more, so that every fault strikes", text)
	}
	return from, to
}

// coverage is what happened in some of the worlds.
type coverage struct {
	mu             sync.Mutex
	faults         map[string]int
	ops            map[string]int
	answers        map[string]int
	moot           map[string]int
	objects, naive float64
}

func (c *coverage) add(w *world, r Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range w.accounts {
		for name, n := range a.truth.Stats().Faults {
			c.faults[name] += n
		}
		for _, e := range a.truth.Effects() {
			c.ops[e.Op]++
		}
	}
	for name, n := range w.answers {
		c.answers[name] += n
	}
	for _, wish := range w.wishes.all {
		c.moot[wish.op+": "+wish.moot]++
	}
	c.objects++
	c.naive += r.Naive
}

func TestSeeds(t *testing.T) {
	c := &coverage{faults: map[string]int{}, ops: map[string]int{}, answers: map[string]int{}, moot: map[string]int{}}
	from, to := seeds(t)
	t.Run("worlds", func(t *testing.T) {
		for seed := from; seed <= to; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				w, r := simulate(t, small(seed))
				proven(t, w, r)
				c.add(w, r)
			})
		}
	})
	c.check(t)
}

// check wants every fault to have struck, everything asked for to have been done
// at least once, and the naive handler to have been wrong.
func (c *coverage) check(t *testing.T) {
	for _, fault := range []string{
		sim.FaultDrop, sim.FaultDuplicate, sim.FaultReorder, sim.FaultDelay, sim.FaultBurst, sim.FaultDisabled, sim.FaultStaleRead,
		sim.FaultRateLimited, sim.FaultServerError, sim.FaultTimeoutBefore, sim.FaultTimeoutAfter, sim.FaultTruncated, sim.FaultOutage,
	} {
		if c.faults[fault] == 0 {
			t.Errorf("fault %s never struck", fault)
		}
	}
	for _, op := range []string{
		sim.OpCheckoutCreate, sim.OpCancel, sim.OpCancelAtPeriodEnd, sim.OpUncancel, sim.OpPause, sim.OpResume, sim.OpRefund, sim.OpEmail,
	} {
		if c.ops[op] == 0 {
			t.Errorf("nobody asked for %s", op)
		}
	}
	for _, status := range []string{"complete", "pending"} {
		if c.answers[status] == 0 {
			t.Errorf("nobody who came back was told %q: %v", status, c.answers)
		}
	}
	if c.naive/c.objects > 99 {
		t.Errorf("the naive handler is right about %.2f%%: the faults do nothing", c.naive/c.objects)
	}
	t.Logf("faults %v\neffects %v\nreturns %v\nasked %v\nnaive %.2f%%", c.faults, c.ops, c.answers, c.moot, c.naive/c.objects)
}

// TestFixed tries what once failed.
func TestFixed(t *testing.T) {
	stripeAlone := []string{"stripe"} // the seeds are of the time when there was no other
	fixed := []struct {
		why string
		Options
	}{
		{"a cut-off answer after an outage used up a look's tries, and left its events dead", Options{Seed: 1, Days: 30, Customers: 30, Providers: stripeAlone}},
		{"a second failed weekly charge began the days of grace anew; and lists of several pages, which shift", Options{Seed: 6, Days: 10, Customers: 150, Providers: stripeAlone}},
		{"the provider refuses a refund of more than is left: given up, rightly", Options{Seed: 5, Days: 30, Customers: 30, Providers: stripeAlone}},
	}
	for _, test := range fixed {
		t.Run(strconv.FormatUint(test.Seed, 10), func(t *testing.T) {
			t.Parallel()
			t.Log(test.why)
			test.Providers = []string{"stripe"} // where it failed
			w, r := simulate(t, test.Options)
			proven(t, w, r)
			if test.Customers > 100 && w.accounts[0].truth.Stats().Faults[sim.FaultShiftPages] == 0 {
				t.Errorf("fault %s never struck", sim.FaultShiftPages)
			}
		})
	}
}

func TestSameSeedSameReport(t *testing.T) {
	var first string
	for range 2 {
		var out bytes.Buffer
		o := small(3)
		o.Fast = true
		if _, err := Run(t.Context(), o, &out); err != nil {
			t.Fatal(err)
		}
		w, r := simulate(t, small(3))
		doc, err := json.Marshal([]any{r, w.days, w.accounts[0].truth.Stats(), w.answers})
		if err != nil {
			t.Fatal(err)
		}
		text := out.String() + string(doc)
		if first == "" {
			first = text
		}
		if text != first {
			t.Errorf("one seed, two reports:\n%s\n%s", first, text)
		}
	}
}

func TestWithoutFaultsTheNaiveHandlerDoesWell(t *testing.T) {
	// Stripe announces all that changes; what others keep to themselves is drift on a
	// perfect network too.
	o := Options{Seed: 2, Days: 25, Customers: 30, Calm: true, Providers: []string{"stripe"}}
	w, calm := simulate(t, o)
	proven(t, w, calm)
	if calm.Naive < 95 {
		t.Errorf("the naive handler is right about %.2f%% on a perfect network: it is not given a fair chance", calm.Naive)
	}
	if calm.Drift != (Drift{}) {
		t.Errorf("drift %+v on a perfect network", calm.Drift)
	}
	if got := w.accounts[0].truth.Stats(); len(got.Faults) != 0 || got.Dropped+got.Duplicated != 0 {
		t.Errorf("faults on a perfect network: %+v", got)
	}
	o.Calm = false
	w, chaotic := simulate(t, o)
	proven(t, w, chaotic)
	if chaotic.Naive >= calm.Naive {
		t.Errorf("the naive handler is right about %.2f%% with faults and %.2f%% without", chaotic.Naive, calm.Naive)
	}
}

func TestOptionsThatCannotBeRun(t *testing.T) {
	tests := []struct {
		Options
		want string
	}{
		{Options{Providers: []string{"stripe", "acme"}}, `"acme" cannot be simulated yet; choose from stripe`},
		{Options{Providers: []string{"stripe", "stripe"}}, `"stripe" is named twice`},
		{Options{Days: -1}, "--days -1: give a number from 1"},
		{Options{Customers: -1}, "--customers -1: give a number from 1"},
	}
	for _, test := range tests {
		code, err := Run(t.Context(), test.Options, &bytes.Buffer{})
		if _, isUsage := errors.AsType[*Usage](err); code != 2 || !isUsage || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: code %d, %v; want 2 and %q", test.Options, code, err, test.want)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, mode := range []policy.Mode{"", policy.Observe} {
		t.Run(cmp.Or(string(mode), "usual"), func(t *testing.T) {
			var out bytes.Buffer
			o := small(7)
			o.JSON, o.Fast, o.Mode = true, true, mode
			code, err := Run(t.Context(), o, &out)
			if err != nil || code != 0 {
				t.Fatalf("code %d, %v", code, err)
			}
			hasItsFields(t, out)
		})
	}
}

// hasItsFields checks the fields that docs/demo.md lists: these and no others.
func hasItsFields(t *testing.T, out bytes.Buffer) {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	keys := func(of any) string {
		fields, _ := of.(map[string]any)
		return strings.Join(slices.Sorted(maps.Keys(fields)), " ")
	}
	providers, _ := doc["providers"].(map[string]any)
	for got, want := range map[string]string{
		keys(doc):             "api_calls customers days drift effects in_step_percent mismatches naive_in_step_percent providers seed webhooks",
		keys(doc["webhooks"]): "acked delivered dropped duplicated sent stored",
		keys(doc["drift"]):    "found healed open", keys(doc["effects"]): "done duplicated expected missing",
		keys(providers["stripe"]): "in_step objects",
	} {
		if got != want {
			t.Errorf("fields %q, want %q", got, want)
		}
	}
	if list, ok := doc["mismatches"].([]any); !ok || len(list) != 0 {
		t.Errorf("mismatches are %v, want an empty list", doc["mismatches"])
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	o := small(4)
	code, err := Run(t.Context(), o, &out)
	if err != nil || code != 0 {
		t.Fatalf("code %d, %v", code, err)
	}
	text := out.String()
	if got := strings.Count(text, "\nday "); got != o.Days {
		t.Errorf("%d lines of days, want %d", got, o.Days)
	}
	for _, want := range []string{"in step        100.00%", "naive handler", "Found and healed of late:", "healed by", "go run ./cmd/trivet demo --fast --days 14 --customers 20 --seed 4 --providers stripe"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

func TestAnEarlyEndSumsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &stopAfter{line: "day   5", stop: cancel}
	code, err := Run(ctx, small(4), out)
	if err != nil || code != 0 {
		t.Fatalf("code %d, %v", code, err)
	}
	if text := out.String(); !strings.Contains(text, "On the evening of day 5: in step") {
		t.Errorf("no summary in:\n%s", text)
	}
}

// stopAfter ends a run once a line was written.
type stopAfter struct {
	bytes.Buffer
	line string
	stop func()
}

func (s *stopAfter) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), s.line) {
		s.stop()
	}
	return s.Buffer.Write(p)
}

func TestView(t *testing.T) {
	w := &world{Options: small(1), clock: sim.NewClock(begins)}
	var out bytes.Buffer
	v := &view{lines: lines{w, &out}, wide: 60}
	w.days = []day{{number: 1, inStep: 100, dumb: 80}, {number: 2, inStep: 99, dumb: 75}}
	for range 2 {
		v.draw(v.picture(w.days[1], []string{strings.Repeat("long ", 40)}))
	}
	text := out.String()
	for _, want := range []string{fmt.Sprintf("day 2 of %d", w.Days), "100.00%", " 75.00%", "\x1b[12F\x1b[J", "…"} {
		if !strings.Contains(strings.ReplaceAll(text, " 99.00%", "100.00%"), want) {
			t.Errorf("%q is missing in:\n%q", want, text)
		}
	}
	for row := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(row, "·") && len([]rune(row)) > 60 {
			t.Errorf("a row of %d characters on a terminal of 60", len([]rune(row)))
		}
	}
}

// endsAt is a writer that ends a run once it is told of a day.
type endsAt struct {
	bytes.Buffer
	end context.CancelFunc
}

func (w *endsAt) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("day ")) {
		w.end()
	}
	return w.Buffer.Write(p)
}

// TestARunThatIsEndedIsNoVerdict: with --fast nobody looks on, so the exit code must
// say that nothing was judged.
func TestARunThatIsEndedIsNoVerdict(t *testing.T) {
	for _, test := range []struct {
		fast bool
		want int
	}{{true, exitWrong}, {false, exitGood}} {
		ctx, end := context.WithCancel(t.Context())
		out := &endsAt{end: end}
		code, err := Run(ctx, Options{Seed: 1, Days: 3, Customers: 2, Providers: []string{"stripe"}, Fast: test.fast, Listen: "off"}, out)
		end()
		if code != test.want || (err != nil) != (test.want == exitWrong) || err != nil && !strings.Contains(err.Error(), "ended early") {
			t.Errorf("%+v: code %d, %v: %s", test, code, err, out.String())
		}
	}
}
