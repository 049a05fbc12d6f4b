package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	tests := map[string]struct {
		events string
		good   bool
		says   []string
	}{
		"pass": {
			events: `{"Action":"run","Package":"a","Test":"T"}
{"Action":"output","Package":"a","Test":"T","Output":"quiet\n"}
{"Action":"pass","Package":"a","Test":"T"}
{"Action":"pass","Package":"a","Test":"T/sub"}
{"Action":"pass","Package":"a","Elapsed":1.25}`,
			good: true, says: []string{"ok    a", "2 tests", "2 tests passed, 0 failed, 0 skipped in 1 packages"},
		},
		"failed test shows its output": {
			events: `{"Action":"output","Package":"a","Test":"T","Output":"the reason\n"}
{"Action":"fail","Package":"a","Test":"T"}
{"Action":"fail","Package":"a"}`,
			says: []string{"the reason", "FAIL  a", "0 tests passed, 1 failed"},
		},
		"skipped test": {
			events: `{"Action":"output","Package":"a","Test":"T","Output":"no database\n"}
{"Action":"skip","Package":"a","Test":"T"}
{"Action":"pass","Package":"a"}`,
			says: []string{"no database", "1 skipped", "skipped tests count as failed"},
		},
		"build": {
			events: `{"ImportPath":"a","Action":"build-output","Output":"x.go:1: broken\n"}
{"ImportPath":"a","Action":"build-fail"}
{"Action":"fail","Package":"a"}`,
			says: []string{"x.go:1: broken", "FAIL  a"},
		},
		"a panic outside of any test": {
			events: `{"Action":"output","Package":"a","Output":"panic: early\n"}
{"Action":"fail","Package":"a"}`,
			says: []string{"panic: early", "FAIL  a"},
		},
		"package without tests": {
			events: `{"Action":"output","Package":"a","Output":"?   a  [no test files]\n"}
{"Action":"skip","Package":"a"}`,
			good: true, says: []string{"0 tests passed, 0 failed, 0 skipped in 0 packages"},
		},
		"not JSON": {events: "go: cannot find main module\n", good: true, says: []string{"go: cannot find main module"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if good := report(strings.NewReader(tt.events), &out); good != tt.good {
				t.Errorf("report is %t, want %t", good, tt.good)
			}
			for _, s := range tt.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("report lacks %q:\n%s", s, out.String())
				}
			}
			if strings.Contains(out.String(), "quiet") {
				t.Errorf("report shows the output of a test that passed:\n%s", out.String())
			}
		})
	}
}
