//go:build failpoints

package fail

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	o, err := parse("inbox.committed=kill@3,apply.fetched=sleep:200ms@1,outbox.called=stop@2,lease=1s,pace=25")
	if err != nil {
		t.Fatal(err)
	}
	if o.lease != time.Second || o.pace != 25 || len(o.places) != 3 {
		t.Errorf("lease is %s, pace %d, and there are %d places", o.lease, o.pace, len(o.places))
	}
	if p := o.places["apply.fetched"]; p.do != "sleep" || p.sleep != 200*time.Millisecond || p.at != 1 {
		t.Errorf("apply.fetched is %+v", p)
	}
	for text, want := range map[string]string{
		"inbox.committed=kill":         "no number",
		"inbox.committed=kill@0":       "no number",
		"inbox.committed=explode@1":    "neither kill nor stop",
		"inbox.committed=sleep:long@1": "invalid duration",
		"lease=long":                   "invalid duration",
		"pace=0":                       "no number to divide by",
		"pace=fast":                    "no number to divide by",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q in it", text, err, want)
		}
	}
}

func TestSleepsAtTheSecondPass(t *testing.T) {
	t.Setenv("TRIVET_FAIL", "here=sleep:50ms@2,lease=1s,pace=25")
	for pass, slow := range []bool{false, true, false} {
		began := time.Now()
		Point("here")
		Point("elsewhere")
		if took := time.Since(began); (took >= 50*time.Millisecond) != slow {
			t.Errorf("pass %d took %s", pass+1, took)
		}
	}
	if got := Lease(time.Minute); got != time.Second {
		t.Errorf("a lease lasts %s, want 1s", got)
	}
	if got := Wait(time.Minute); got != 2400*time.Millisecond {
		t.Errorf("a wait of a minute lasts %s, want 2.4s", got)
	}
}
