package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/policy"
)

type purchase struct {
	Amount     int64          `expr:"amount"`
	Plans      []string       `expr:"plans"`
	Attributes map[string]any `expr:"attributes"`
	Hidden     int
}

// A condition tells which facts it depends on, wherever in it they stand.
func TestReads(t *testing.T) {
	for text, want := range map[string][]string{
		"true": {}, "amount > 5": {"amount"}, `attributes.amount == 5`: {"attributes"}, `any(plans, # == "x") ? amount > 1 : false`: {"amount", "plans"},
	} {
		c, err := policy.ParseCondition[struct {
			Amount     int64          `expr:"amount"`
			Plans      []string       `expr:"plans"`
			Attributes map[string]any `expr:"attributes"`
		}](text)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Reads(); !slices.Equal(got, want) {
			t.Errorf("%s reads %q, want %q", text, got, want)
		}
	}
}

func TestCondition(t *testing.T) {
	facts := purchase{Amount: 900, Plans: []string{"pro"}, Attributes: map[string]any{"kyc": true, "seats": 3.0, "since": "2019"}}
	for text, want := range map[string]bool{
		"amount >= 900":                              true,
		`"pro" in plans && !("team" in plans)`:       true,
		"attributes.kyc == true":                     true,
		"attributes.missing == true":                 false,
		"(attributes.seats ?? 0) > 2":                true,
		"(attributes.missing ?? 0) > 2":              false,
		`attributes.since startsWith "20" and false`: false,
	} {
		c, err := policy.ParseCondition[purchase](text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Holds(facts); got != want || err != nil || c.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// What is wrong with an expression is said with what it may speak of.
func TestConditionRefused(t *testing.T) {
	for text, says := range map[string]string{
		"":                    "is empty",
		"amount":              "no expression over the facts",
		"amout > 1":           "the facts are amount, plans, attributes",
		"amount >":            "no expression over the facts",
		"amount > 'a'":        "mismatched types",
		"now().Year() > 2000": "unknown name now",
	} {
		if _, err := policy.ParseCondition[purchase](text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	c, err := policy.ParseCondition[purchase]("attributes.since > 2018")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Holds(purchase{Attributes: map[string]any{"since": "2019"}}); got || err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a text where a number is meant: %v, %v", got, err)
	}
}
