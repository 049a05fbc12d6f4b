// Command gotest runs go test and says what was executed: one line for each
// package with the number of its tests, the output of what failed, and a sum.
// Its arguments are those of go test.
//
// A skipped test fails the run. A test that may not run here would pass on a
// machine that cannot show what it claims.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest: run go test:", err)
		os.Exit(1)
	}
	ok := report(out, os.Stdout)
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "gotest: run go test:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// event is a line of go test -json, as `go doc test2json` has it.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64 // seconds
}

// tally counts the tests of one package, or of all. Subtests count as tests.
type tally struct {
	passed, failed, skipped int
}

// report reads the events of a run and writes the summary. It returns false if
// anything failed, was skipped, or did not build.
func report(events io.Reader, w io.Writer) bool {
	r := run{w: w, packages: map[string]*tally{}, output: map[string]*strings.Builder{}}
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if err != nil {
			break // the end, or a broken pipe, which the exit status tells
		}
	}
	fmt.Fprintf(w, "%d tests passed, %d failed, %d skipped in %d packages\n",
		r.sum.passed, r.sum.failed, r.sum.skipped, len(r.packages))
	if r.sum.skipped > 0 {
		fmt.Fprintln(w, "skipped tests count as failed: make them run or remove them")
	}
	return r.good()
}

// run is the state of a report.
type run struct {
	w        io.Writer
	packages map[string]*tally
	output   map[string]*strings.Builder // by package and test
	sum      tally
	broken   bool // a package failed as a whole
}

func (r *run) good() bool { return r.sum.failed == 0 && r.sum.skipped == 0 && !r.broken }

func (r *run) line(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(r.w, line)
		return
	}
	switch {
	case e.Action == "output" || e.Action == "build-output":
		r.said(e).WriteString(e.Output)
	case e.Test != "":
		r.test(e)
	default:
		r.whole(e)
	}
}

// said returns what a test, package or build has said so far.
func (r *run) said(e event) *strings.Builder {
	key := e.Package + e.ImportPath + " " + e.Test
	if r.output[key] == nil {
		r.output[key] = &strings.Builder{}
	}
	return r.output[key]
}

func (r *run) test(e event) {
	if r.packages[e.Package] == nil {
		r.packages[e.Package] = &tally{}
	}
	switch t := r.packages[e.Package]; e.Action {
	case "pass":
		t.passed++
		r.sum.passed++
	case "fail":
		t.failed++
		r.sum.failed++
		fmt.Fprint(r.w, r.said(e).String())
	case "skip":
		t.skipped++
		r.sum.skipped++
		fmt.Fprint(r.w, r.said(e).String())
	}
}

// whole handles what happened to a package or a build.
func (r *run) whole(e event) {
	t := r.packages[e.Package]
	if t == nil {
		t = &tally{}
	}
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.w, "ok    %-60s %5d tests %7.1fs\n", e.Package, t.passed, e.Elapsed)
	case "fail", "build-fail":
		r.broken = true
		fmt.Fprint(r.w, r.said(e).String())
		fmt.Fprintf(r.w, "FAIL  %-60s %5d tests %7.1fs, %d failed\n", e.Package+e.ImportPath, t.passed, e.Elapsed, t.failed)
	}
}
