package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// loadContested reads the records of the customers who have a dispute that waits for an
// answer, if there are policies to see them.
func (w *writing) loadContested(ctx context.Context) error {
	if len(w.Policies) == 0 {
		return nil
	}
	for _, ref := range sortedKeys(w.customers) {
		c := w.customers[ref]
		waits := slices.ContainsFunc(c.facts.Disputes, func(d billing.Held[billing.Dispute]) bool {
			return d.Object.Status == billing.DisputeOpen || d.Object.Status == billing.DisputeInquiry
		})
		if !waits {
			continue
		}
		if err := w.loadRecords(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// loadRecords reads what is kept of a customer beside billing objects.
func (w *writing) loadRecords(ctx context.Context, c *customer) error {
	ref := c.row.Ref
	said, err := w.tx.Messages(ctx, store.MessageFilter{Customer: ref, Limit: policy.RecordsKept})
	if err != nil {
		return fmt.Errorf("read what was said to %s: %w", ref, err)
	}
	returns, err := w.tx.Returns(ctx, ref, policy.RecordsKept)
	if err != nil {
		return fmt.Errorf("read when %s came back: %w", ref, err)
	}
	c.records = policy.Records{}
	for _, m := range said {
		c.records.Messages = append(c.records.Messages, policy.Sent{At: m.SentAt.UTC(), Template: m.Template, Channel: m.Channel})
	}
	for _, r := range returns {
		c.records.Visits = append(c.records.Visits, policy.Visit{At: r.ReturnedAt.UTC(), Account: r.Account, Plan: r.Plan})
	}
	for _, plan := range sortedKeys(c.facts.Consumed) {
		times, first, last, err := w.tx.CreditUses(ctx, ref, plan, kindList(billing.CreditsUsed))
		if err != nil {
			return fmt.Errorf("read when %s used credits: %w", ref, err)
		}
		if times > 0 {
			c.records.Used = append(c.records.Used, policy.Use{Plan: plan, Times: times, First: first.UTC(), Last: last.UTC()})
		}
	}
	return nil
}
