package config

import "strings"

// Closest returns the candidate that was probably meant by name, or "".
func Closest(name string, candidates []string) string { return closest(name, candidates) }

// closest returns the candidate that was probably meant by name, or "". A name
// that is the beginning of a candidate, or goes on after it, is close too:
// people write secret for secret_key.
func closest(name string, candidates []string) string {
	best, at := "", max(1, len(name)/3)
	for _, c := range candidates {
		d := distance(name, c)
		if len(name) >= 3 && (strings.HasPrefix(c, name) || strings.HasPrefix(name, c)) {
			d = min(d, 1)
		}
		if d < at || d == at && best == "" {
			best, at = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbors that lead from a to b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// DidYouMean ends a message about an unknown name: with the likely one, or with
// all there are.
func DidYouMean(name string, candidates []string) string { return didYouMean(name, candidates) }

func didYouMean(name string, candidates []string) string {
	if c := closest(name, candidates); c != "" {
		return "did you mean " + c + "?"
	}
	return "known are " + strings.Join(candidates, ", ")
}
