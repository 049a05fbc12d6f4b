package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	// Key is the dotted path, as in providers.stripe.secret_key; empty when the
	// file as a whole is meant.
	Key string
	// Origin is where the value came from: "trivet.toml:12" or the name of the
	// variable. Empty for a key that is missing.
	Origin string
	// Text says what is wrong and what to do.
	Text string
}

// String returns the problem as one line.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{p.Origin, p.Key, p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Error is the error that [Load] returns: all problems of one configuration.
type Error struct {
	Problems []Problem
}

// Error returns one line per problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems gathers what is wrong while the configuration is read.
type problems struct {
	found []Problem
}

func (p *problems) add(key, origin, format string, args ...any) {
	p.found = append(p.found, Problem{Key: key, Origin: origin, Text: fmt.Sprintf(format, args...)})
}

// err returns the first problem of each key, in the order of the keys, or nil.
func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	slices.SortStableFunc(p.found, func(a, b Problem) int { return cmp.Compare(a.Key, b.Key) })
	// What is found wrong with a value after the first problem follows from it.
	same := func(a, b Problem) bool { return a == b || a.Key != "" && a.Key == b.Key }
	return &Error{Problems: slices.CompactFunc(p.found, same)}
}
