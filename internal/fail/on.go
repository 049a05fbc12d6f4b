//go:build failpoints

package fail

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// plan is what TRIVET_FAIL says. It is state in a variable because a place deep
// in the house has nobody to get it from; it is not in a normal build.
var plan = sync.OnceValue(func() *orders {
	o, err := parse(os.Getenv("TRIVET_FAIL"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "TRIVET_FAIL:", err)
		os.Exit(2)
	}
	return o
})

type orders struct {
	lease  time.Duration
	pace   int64
	places map[string]*order
}

// order is what happens at one pass of one place.
type order struct {
	do     string
	sleep  time.Duration
	at     int64
	passed atomic.Int64
}

// watcher is what a test in this process wants called at every place.
var watcher atomic.Pointer[func(name string)]

// Watch has a function called whenever a place is passed, until stop is called. While
// it does not return, whoever came to the place stands still.
func Watch(hook func(name string)) (stop func()) {
	watcher.Store(&hook)
	return func() { watcher.CompareAndSwap(&hook, nil) }
}

// Point is a place where a test may end the process.
func Point(name string) {
	if hook := watcher.Load(); hook != nil {
		(*hook)(name)
	}
	o := plan().places[name]
	if o == nil || o.passed.Add(1) != o.at {
		return
	}
	fmt.Fprintf(os.Stderr, "fail point %s: %s\n", name, o.do)
	switch o.do {
	case "kill":
		signal(syscall.SIGKILL)
	case "stop":
		signal(syscall.SIGSTOP)
	case "sleep":
		time.Sleep(o.sleep)
	}
}

func signal(s syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		panic(err)
	}
	if s == syscall.SIGKILL {
		select {} // this thread may get a moment more than the process
	}
}

// Lease is how long a lease lasts: as long as was meant, unless a test has no
// time to wait for it.
func Lease(meant time.Duration) time.Duration {
	if shorter := plan().lease; shorter > 0 {
		return shorter
	}
	return meant
}

// Wait is how long to wait before another try, or another look: as long as was meant,
// unless a test has no time for it.
func Wait(meant time.Duration) time.Duration { return meant / time.Duration(plan().pace) }

func parse(text string) (*orders, error) {
	all := &orders{pace: 1, places: map[string]*order{}}
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		var err error
		switch name {
		case "lease":
			all.lease, err = time.ParseDuration(value)
		case "pace":
			if all.pace, err = strconv.ParseInt(value, 10, 64); err != nil || all.pace < 1 {
				err = fmt.Errorf("%q is no number to divide by", value)
			}
		default:
			all.places[name], err = parseOrder(value)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w: write it like inbox.committed=kill@3, apply.fetched=sleep:200ms@1, lease=1s or pace=25", part, err)
		}
	}
	return all, nil
}

func parseOrder(text string) (o *order, err error) {
	o = &order{}
	what, at, _ := strings.Cut(text, "@")
	if o.at, err = strconv.ParseInt(at, 10, 64); err != nil || o.at < 1 {
		return nil, fmt.Errorf("%q is no number of a pass", at)
	}
	var length string
	switch o.do, length, _ = strings.Cut(what, ":"); o.do {
	case "kill", "stop":
	case "sleep":
		o.sleep, err = time.ParseDuration(length)
	default:
		err = fmt.Errorf("%q is neither kill nor stop nor sleep", o.do)
	}
	return o, err
}
