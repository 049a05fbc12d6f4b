package billing

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	tests := map[string]time.Duration{
		"7d": 168 * time.Hour, "12h": 12 * time.Hour, "30m": 30 * time.Minute, "5s": 5 * time.Second, "0s": 0,
		"7d 12h 30m 5s": 180*time.Hour + 30*time.Minute + 5*time.Second, "1d12h": 36 * time.Hour, " 1h ": time.Hour,
		"106751d": 106751 * 24 * time.Hour,
	}
	for text, want := range tests {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "7", "d", "7x", "-1d", "1.5h", "5s 1m", "1d 1d", "1d,2h", "7 d", "1w", "106752d", "106751d 24h", "99999999999999999999d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}

func TestParseDurationReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sep := rapid.SampledFrom([]string{"", " ", "  "}).Draw(t, "separator")
		var want time.Duration
		var parts []string
		for _, u := range units {
			if n := rapid.IntRange(-1, 5000).Draw(t, u.name); n >= 0 {
				want += time.Duration(n) * u.long
				parts = append(parts, fmt.Sprintf("%d%s", n, u.name))
			}
		}
		if len(parts) == 0 {
			return
		}
		if got, err := ParseDuration(strings.Join(parts, sep)); err != nil || got != want {
			t.Fatalf("ParseDuration(%q) = %v, %v; want %v", strings.Join(parts, sep), got, err, want)
		}
	})
}
