package sms

import (
	"testing"
	"time"
)

// TestSpans: every place is one, and for each code there is a time when it is day in
// all of them, on every day of a year.
func TestSpans(t *testing.T) {
	for code, names := range spans {
		for _, name := range names {
			if _, err := time.LoadLocation(name); err != nil {
				t.Errorf("%s: %v", code, err)
			}
		}
		for now := time.Date(2026, 1, 1, 0, 17, 0, 0, time.UTC); now.Year() == 2026; now = now.Add(7 * time.Hour) {
			all := places("", "+"+code+"5550100")
			wait := quiet(now, all)
			for _, place := range all {
				if h := now.Add(wait).In(place).Hour(); h < quietUntil || h >= quietFrom || wait > 24*time.Hour {
					t.Fatalf("%s at %s: after %s it is %d o'clock in %s", code, now, wait, h, place)
				}
			}
		}
	}
}
