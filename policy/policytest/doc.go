// Package policytest checks what package policy promises of every policy: that
// it is pure, that what it asks for twice it asks for under the same keys, and
// that it is silent about what does not concern it.
//
// A policy's own test calls [Run] with cases that it reacts to; the suite adds
// the changes that nobody should react to in surprising ways. It does not judge
// whether a reaction is right: the policy's own test does, with a [Timeline] where
// time matters.
package policytest
