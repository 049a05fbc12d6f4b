// Command months runs the demo for many seeds: trivet demo --fast --days D
// --customers C --seed S --json for each, as many at once as there are processors.
// It stops at no failure. At the end it lists the seeds that failed, each with what
// was wrong and the command that replays it, and exits 1 if there is one, 2 if it was
// called wrongly.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options say which months are run.
type options struct {
	program         string
	from, to        uint64
	days, customers int
	jobs            int
}

// parse reads the options.
func parse(args []string, errs io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("months", flag.ContinueOnError)
	flags.SetOutput(errs)
	seeds := flags.String("seeds", "1-200", "the seeds, from-to, or one")
	flags.StringVar(&o.program, "program", "./trivet", "the trivet to run")
	flags.IntVar(&o.days, "days", 60, "days of each month")
	flags.IntVar(&o.customers, "customers", 200, "customers of each shop")
	flags.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "how many run at once")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	first, last, several := strings.Cut(*seeds, "-")
	if !several {
		last = first
	}
	var bad error
	if o.from, err = strconv.ParseUint(first, 10, 64); err == nil {
		o.to, bad = strconv.ParseUint(last, 10, 64)
	}
	switch {
	case err != nil, bad != nil, o.from == 0, o.to < o.from:
		return o, fmt.Errorf("-seeds is %q: write it like 1-200, or 7 for one", *seeds)
	case o.days < 1 || o.customers < 1 || o.jobs < 1:
		return o, fmt.Errorf("-days, -customers and -jobs must be 1 or more")
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is no option: they begin with -", flags.Arg(0))
	}
	return o, nil
}

// command is what runs a seed.
func (o options) command(seed uint64) []string {
	return []string{
		"demo", "--fast", "--days", strconv.Itoa(o.days), "--customers", strconv.Itoa(o.customers), "--seed", strconv.FormatUint(seed, 10), "--json",
	}
}

// run runs the months and returns the exit code.
func run(args []string, out, errs io.Writer) int {
	o, err := parse(args, errs)
	if err == nil {
		_, err = exec.LookPath(o.program)
	}
	if err != nil {
		fmt.Fprintln(errs, "months:", err)
		return 2
	}
	failures := o.all(out)
	if len(failures) == 0 {
		fmt.Fprintf(out, "all %d held\n", o.to-o.from+1)
		return 0
	}
	fmt.Fprintf(out, "%d of %d failed:\n", len(failures), o.to-o.from+1)
	for seed := o.from; seed <= o.to; seed++ {
		if why, failed := failures[seed]; failed {
			fmt.Fprintf(out, "  seed %d: %s\n    trivet %s\n", seed, why, strings.Join(o.command(seed), " "))
		}
	}
	return 1
}

// all runs every seed, saying how each went, and returns why which failed.
func (o options) all(out io.Writer) map[uint64]string {
	var (
		running  sync.WaitGroup
		mu       sync.Mutex
		seeds    = make(chan uint64)
		failures = map[uint64]string{}
	)
	for range o.jobs {
		running.Go(func() {
			for seed := range seeds {
				began := time.Now()
				why := o.one(seed)
				mu.Lock()
				if why == "" {
					fmt.Fprintf(out, "seed %d held, %s\n", seed, time.Since(began).Round(time.Second))
				} else {
					failures[seed] = why
					fmt.Fprintf(out, "seed %d FAILED, %s\n", seed, why)
				}
				mu.Unlock()
			}
		})
	}
	for seed := o.from; seed <= o.to; seed++ {
		seeds <- seed
	}
	close(seeds)
	running.Wait()
	return failures
}

// one runs a seed and returns what was wrong. That the program exits 0 is not enough:
// it must have printed a verdict without a mismatch.
func (o options) one(seed uint64) string {
	cmd := exec.Command(o.program, o.command(seed)...)
	var printed, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &said
	err := cmd.Run()
	var verdict struct {
		Seed       *uint64
		Mismatches []struct{ Kind, ID, Field string }
	}
	unread := json.Unmarshal(printed.Bytes(), &verdict)
	switch {
	case unread == nil && len(verdict.Mismatches) > 0:
		first := verdict.Mismatches[0]
		return fmt.Sprintf("%d mismatches, the first is %s %s %s", len(verdict.Mismatches), first.Kind, first.ID, first.Field)
	case err != nil:
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return strings.TrimSpace(fmt.Sprintf("%v: %s", err, lines[len(lines)-1]))
	case unread != nil, verdict.Seed == nil, *verdict.Seed != seed:
		return "it printed no verdict about this seed"
	}
	return ""
}
