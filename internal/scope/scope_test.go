package scope

import (
	"slices"
	"testing"
)

// TestAllow: what each scope alone allows, exactly.
func TestAllow(t *testing.T) {
	allowed := map[Scope][]Scope{
		Check: {Check}, Read: {Check, Read}, Write: {Write}, Money: {Money}, Admin: {Admin},
		All: {Check, Read, Write, Money, Admin, All, "", "later"},
		"":  {""}, "later": {"later"},
	}
	for has, want := range allowed {
		for _, needed := range append(Scopes(), "", "later") {
			if got := Allow([]Scope{has}, needed); got != slices.Contains(want, needed) {
				t.Errorf("a key with %q may do what needs %q: %t", has, needed, got)
			}
		}
	}
	if Allow(nil, "") || Allow(nil, Check) {
		t.Error("a key without scopes may do something")
	}
	if !Allow([]Scope{Check, Money}, Money) || Allow([]Scope{Check, Money}, Read) {
		t.Error("several scopes are not what each of them is")
	}
}
