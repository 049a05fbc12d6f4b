package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/trivetdev/trivet/sim"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trivet": program, "stripe": simulator})
}

// program is what cmd/trivet is.
func program() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(Main(ctx, Process{Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now}))
}

// simulator serves a simulated Stripe at the address that is its argument, with a
// plan's price, price_pro, and a subscription that user_1 has bought elsewhere.
// Its webhooks go to the second argument.
func simulator() {
	clock := sim.NewClock(time.Now())
	world := stripe.New(stripe.Config{Seed: 1, Clock: clock, WebhookURL: os.Args[2], PublicURL: "http://" + os.Args[1]})
	world.AddPrice(stripe.Price{ID: "price_pro", Currency: "eur", Amount: 2900, Interval: "month"})
	_, err := world.CreateSubscription(stripe.NewSubscription{
		Customer: world.CreateCustomer("dana@kern.test"), Price: "price_pro", Card: stripe.CardGood, Metadata: map[string]string{"user_id": "user_1"},
	})
	if err != nil {
		panic(err)
	}
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			world.Advance(time.Now())
		}
	}()
	go func() {
		// The first try must find somebody: the second comes hours later.
		hook, err := url.Parse(os.Args[2])
		for err == nil {
			if conn, err := net.Dial("tcp", hook.Host); err == nil {
				conn.Close()
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		_ = world.Run(context.Background(), nil)
	}()
	panic(http.ListenAndServe(os.Args[1], world.Handler()))
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "freeport": freePort, "ready": ready, "until": until, "sql": statement, "occupy": occupy, "first": first,
		},
	})
}

// exits CODE PROGRAM ARGS… runs a program that has to end with a code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// freeport NAME… sets variables to addresses that nobody listens on.
func freePort(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, l.Addr().String())
		defer l.Close()
	}
}

// occupy NAME sets a variable to an address that somebody listens on.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Defer(func() { l.Close() })
}

// ready URL waits until an address answers, with any status below 500.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	var last error
	for range 400 {
		resp, err := http.Get(args[0])
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode < 500 {
				return
			}
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		last = err
		time.Sleep(25 * time.Millisecond)
	}
	ts.Fatalf("%s does not answer: %v", args[0], last)
}

// until PATTERN PROGRAM ARGS… runs a program until its output matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	for range 400 {
		if err := ts.Exec(args[1], args[2:]...); err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	ts.Fatalf("the output never matched %s", args[0])
}

// first NAME PATTERN FILE sets a variable to the first group of the first match.
func first(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(args[2]))
	if found == nil {
		ts.Fatalf("%s has no %s", args[2], args[1])
	}
	ts.Setenv(args[0], found[1])
}

// sql FILE STATEMENT changes a SQLite database behind everybody's back.
func statement(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// TestANounAloneLists: the commands that are named after what they show show it.
func TestANounAloneLists(t *testing.T) {
	none := func(string, map[string]any) (int, any) {
		return http.StatusOK, map[string]any{"data": []any{}, "next": nil}
	}
	for noun, words := range map[string]string{
		"events": "no events", "drift": "no drift", "customers": "no customers", "hooks": "no [[endpoint]]", "alerts": "nothing needs you",
	} {
		requests, code, out := asked(t, none, noun, "--limit", "3")
		if noun == "hooks" { // they are few
			requests, code, out = asked(t, none, noun)
		}
		if code != exitGood || len(requests) != 1 || !strings.Contains(out, words) {
			t.Errorf("trivet %s: %d %q %s", noun, code, requests, out)
		}
	}
	_, code, whole := asked(t, none, "mail", "list")
	if _, bare, out := asked(t, none, "mail"); code != exitGood || bare != exitGood || out != whole || !strings.Contains(out, "trial_ending") {
		t.Errorf("trivet mail: %d, not as list: %d\n%s", bare, code, out)
	}
}
