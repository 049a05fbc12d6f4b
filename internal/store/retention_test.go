package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestForgetEvents: what was seen to goes when it is old, more of it than fits into
// one transaction; what waits stays, and so does what is young.
func TestForgetEvents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		clock := storetest.NewClock()
		db := storetest.Open(t, url, clock.Now)
		began := db.Now()
		var old []store.Event
		for n := range 700 {
			old = append(old, event(fmt.Sprintf("evt_old_%d", n))) // name nothing: ignored
		}
		receive(t, db, old...)
		receive(t, db, event("evt_waits", sub1))
		clock.Pass(24 * time.Hour)
		receive(t, db, event("evt_young"))
		for _, want := range []int64{700, 0} {
			if got, err := db.ForgetEvents(t.Context(), began.Add(time.Hour)); got != want || err != nil {
				t.Errorf("%d events forgotten, want %d; %v", got, want, err)
			}
		}
		events, err := db.Events(t.Context(), store.EventFilter{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, e := range events {
			left = append(left, e.EventID)
		}
		if slices.Sort(left); !slices.Equal(left, []string{"evt_waits", "evt_young"}) {
			t.Errorf("left are %v", left)
		}
		if fresh := receive(t, db, event("evt_waits", sub1), event("evt_old_1")); !slices.Equal(fresh, []bool{false, true}) {
			t.Errorf("new are %v", fresh)
		}
	})
}
