package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// Change is a row of the audit trail.
type Change struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Subject string    `json:"subject" doc:"The kind of object, or access, settings, grant, proposal."`
	ID      string    `json:"id"`
	// Provider is null for what is ours.
	Provider *string      `json:"provider" doc:"The account; null for what is ours."`
	Kinds    []string     `json:"kinds" nullable:"false" doc:"What happened: activated, paid, access_changed …"`
	Diff     []Difference `json:"diff" nullable:"false"`
	Cause    Cause        `json:"cause"`
}

// Difference is one field that differs.
type Difference struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Cause is what led to a change.
type Cause struct {
	Trigger string `json:"trigger" doc:"webhook, redirect, sweep, pull, request, time …"`
	Event   string `json:"event" doc:"The provider's event, or the object that led here."`
	Actor   string `json:"actor" doc:"Who did it, if not the provider."`
}

func (s *server) timeline(ctx context.Context, ref string, list ListInput) (*pageOutput[Change], error) {
	if _, err := s.knownCustomer(ctx, ref); err != nil {
		return nil, err
	}
	before, err := list.number()
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Changes(ctx, store.ChangeFilter{Customer: ref, Before: before, Limit: list.Limit + 1})
	if err != nil {
		return nil, err
	}
	var broken error
	out := page(rows, list.Limit, func(c store.Change) string { return numbered(c.Seq) }, func(row store.Change) Change {
		c, err := changeOf(row)
		broken = errors.Join(broken, err)
		return c
	})
	return out, broken
}

func changeOf(row store.Change) (Change, error) {
	c := Change{
		Seq: row.Seq, At: row.At.UTC(), Subject: row.Subject, ID: row.ID, Provider: orNull(row.Account),
		Cause: Cause{Trigger: row.Trigger, Event: row.Event, Actor: row.Actor},
	}
	if row.Account != "" {
		c.ID = publicID(row.Account, row.ID)
	}
	err := json.Unmarshal([]byte(row.Kinds), &c.Kinds)
	diff, diffErr := differences(row.Diff)
	c.Kinds, c.Diff = listOf(c.Kinds), diff
	return c, errors.Join(err, diffErr)
}

// differences reads a stored list of fields.
func differences(doc string) ([]Difference, error) {
	var stored []billing.FieldDiff
	err := json.Unmarshal([]byte(doc), &stored)
	all := make([]Difference, len(stored))
	for i, d := range stored {
		all[i] = Difference{Field: d.Field, Before: d.Before, After: d.After}
	}
	return all, err
}
