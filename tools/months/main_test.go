package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMonths runs two seeds of two days by the program itself.
func TestMonths(t *testing.T) {
	program := filepath.Join(t.TempDir(), "trivet")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/trivet").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var out, errs strings.Builder
	code := run([]string{"-program", program, "-seeds", "3-4", "-days", "2", "-customers", "5"}, &out, &errs)
	if code != 0 || !strings.Contains(out.String(), "seed 3 held") || !strings.Contains(out.String(), "all 2 held") {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
}

// TestFailuresAreListed: what fails stops nothing, and is listed with its command.
func TestFailuresAreListed(t *testing.T) {
	program := filepath.Join(t.TempDir(), "trivet")
	script := `#!/bin/sh
for last; do [ "$before" = --seed ] && seed=$last; before=$last; done
case $seed in
2) echo '{"seed":2,"mismatches":[{"kind":"payment","id":"pi_9","field":"refunded"}]}'; exit 1 ;;
3) echo 'first' >&2; echo 'trivet: no room' >&2; exit 2 ;;
4) exit 0 ;;
5) echo '{"seed":6,"mismatches":[]}' ;;
*) echo "{\"seed\":$seed,\"mismatches\":[]}" ;;
esac
`
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	if code := run([]string{"-program", program, "-seeds", "1-7"}, &out, &errs); code != 1 {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
	_, list, _ := strings.Cut(out.String(), "4 of 7 failed:\n")
	want := `  seed 2: 1 mismatches, the first is payment pi_9 refunded
    trivet demo --fast --days 60 --customers 200 --seed 2 --json
  seed 3: exit status 2: trivet: no room
    trivet demo --fast --days 60 --customers 200 --seed 3 --json
  seed 4: it printed no verdict about this seed
    trivet demo --fast --days 60 --customers 200 --seed 4 --json
  seed 5: it printed no verdict about this seed
    trivet demo --fast --days 60 --customers 200 --seed 5 --json
`
	if list != want {
		t.Errorf("listed is\n%s\nwant\n%s\nin\n%s", list, want, out.String())
	}
}

// TestWrongCalls are refused with what to write instead.
func TestWrongCalls(t *testing.T) {
	for args, says := range map[string]string{
		"-seeds 5-2":              "write it like 1-200",
		"-seeds x":                "write it like 1-200",
		"-seeds 0-3":              "write it like 1-200",
		"-days 0":                 "1 or more",
		"7":                       "no option",
		"-program ./not-there-at": "not-there-at",
	} {
		var out, errs strings.Builder
		if code := run(strings.Fields(args), &out, &errs); code != 2 || !strings.Contains(errs.String(), says) {
			t.Errorf("%s: exit %d, %q", args, code, errs.String())
		}
	}
}
