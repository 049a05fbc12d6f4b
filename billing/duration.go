package billing

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	durationPart = regexp.MustCompile(`^(\d+)(d|h|m|s)\s*`)
	errDuration  = errors.New(`not a duration: write it as 7d, 12h, 30m or 5s, or several together as "1d 12h"`)
)

// units in the order in which they must come; a day is 24 hours.
var units = []struct {
	name string
	long time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// ParseDuration reads durations as people write them here: 7d, 12h, 30m, 5s, or
// several of them from the largest unit to the smallest, each at most once. A
// day is 24 hours. A number without a unit is refused.
func ParseDuration(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	if rest == "" {
		return 0, fmt.Errorf("%q is %w", text, errDuration)
	}
	var sum time.Duration
	left := units
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q is %w", text, errDuration)
		}
		for len(left) > 0 && left[0].name != m[2] {
			left = left[1:]
		}
		if len(left) == 0 {
			return 0, fmt.Errorf("%q is %w", text, errDuration)
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > (math.MaxInt64-int64(sum))/int64(left[0].long) {
			return 0, fmt.Errorf("%q is too long: at most 106751d can be counted", text)
		}
		sum += time.Duration(n) * left[0].long
		left, rest = left[1:], rest[len(m[0]):]
	}
	return sum, nil
}
