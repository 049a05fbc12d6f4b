package provider_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
)

func TestVersionCovers(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	version := func(after time.Duration, facts string) provider.Version {
		return provider.Version{UpdatedAt: at.Add(after), Facts: facts}
	}
	timeless := func(facts string) provider.Version { return provider.Version{Facts: facts} }
	for name, tt := range map[string]struct {
		read, shown provider.Version
		want        bool
	}{
		"nothing is known":                       {provider.Version{}, provider.Version{}, false},
		"the event shows nothing":                {version(time.Hour, "a"), provider.Version{}, false},
		"the look tells nothing":                 {provider.Version{}, version(0, "a"), false},
		"the same":                               {version(0, "a"), version(0, "a"), true},
		"the same second, something else":        {version(0, "a"), version(0, "b"), false},
		"later, something else":                  {version(time.Minute, "b"), version(0, "a"), true},
		"a moment later: two clocks may differ":  {version(time.Second, "b"), version(0, "a"), false},
		"older":                                  {version(-time.Minute, "a"), version(0, "b"), false},
		"older, and as it was once before":       {version(-time.Minute, "a"), version(0, "a"), false},
		"later, and as it was once before":       {version(time.Second, "a"), version(0, "a"), true},
		"written with fewer digits":              {version(time.Millisecond, "a"), version(time.Millisecond+700*time.Nanosecond, "a"), true},
		"no times, the same":                     {timeless("a"), timeless("a"), true},
		"no times, something else":               {timeless("a"), timeless("b"), false},
		"the look has no time":                   {timeless("a"), version(0, "a"), false},
		"later, and the content is not known":    {version(time.Minute, ""), version(0, ""), true},
		"same time, and the content is not told": {version(0, ""), version(0, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.read.Covers(tt.shown); got != tt.want {
				t.Errorf("%+v covers %+v: %v, want %v", tt.read, tt.shown, got, tt.want)
			}
		})
	}
}
