package apply_test

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

// household is what two people bought who share a customer at the provider: each a
// subscription that says whose it is, and all that hangs on it, which does not.
// Whose each object is comes beside it.
func household(n string) (all []provider.Snapshot, whose map[provider.Ref]string) {
	whose = map[provider.Ref]string{}
	add := func(person, id string, object billing.Object) {
		s := snap(id+"_"+n, object, ownedBy("cus_"+n))
		switch object.(type) {
		case billing.ProviderCustomer:
			s.Owner = ""
			s.Claims = map[string]string{"metadata.user_id": person}
		case billing.Subscription:
			s.Claims = map[string]string{"metadata.user_id": person}
		}
		all = append(all, s)
		whose[s.Ref] = person
	}
	first, second := "first "+n, "second "+n
	add(first, "cus", billing.ProviderCustomer{Email: "both@b.test"})
	for _, person := range []string{first, second} {
		id := person[:1]
		add(person, "sub_"+id, subscribed(billing.SubscriptionActive))
		add(person, "in_"+id, billing.Invoice{
			Status: billing.InvoicePaid, Subscription: "sub_" + id + "_" + n, Paid: 900, Payments: []string{"pi_" + id + "_" + n, "pj_" + id + "_" + n},
		})
		add(person, "pi_"+id, paid(""))
		add(person, "pj_"+id, billing.Payment{Status: billing.PaymentFailed})
		add(person, "re_"+id, billing.Refund{Status: billing.RefundSucceeded, Payment: "pi_" + id + "_" + n})
		add(person, "dp_"+id, billing.Dispute{Status: billing.DisputeInquiry, Payment: "pj_" + id + "_" + n})
	}
	return all, whose
}

// TestTwoPeopleOneProviderCustomer: a payment whose invoice names a subscription
// belongs to whoever has the subscription, with its refunds and disputes, in
// whatever order they come to be seen.
func TestTwoPeopleOneProviderCustomer(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Each(t, func(t *testing.T, url string) {
		h := open(t, url, clock, trusting)
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			all, whose := household(fmt.Sprintf("%s%d", url[:1], run))
			h.world.say(all...)
			places := make([]int, len(all))
			for i := range places {
				places[i] = i
			}
			for order := rapid.Permutation(places).Draw(rt, "order"); len(order) > 0; {
				size := min(len(order), rapid.IntRange(0, 5).Draw(rt, "page, or a look"))
				if size == 0 {
					h.look(all[order[0]].Ref)
					order = order[1:]
					continue
				}
				var page []provider.Snapshot
				for _, i := range order[:size] {
					page = append(page, all[i])
				}
				h.page(h.begin(), "", page...)
				order = order[size:]
			}
			for _, s := range all {
				if got := h.held(s.Ref).Customer; got != whose[s.Ref] {
					rt.Errorf("%s belongs to %q, want %q", s.Ref, got, whose[s.Ref])
				}
			}
		})
		h.audit()
	})
}

// TestTwoPeopleAtOnce: the same with two workers, each of which sees a part at the
// same moment, without the other's.
func TestTwoPeopleAtOnce(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		other := apply.New(h.Config)
		defer other.Close()
		for i := range 40 {
			all, whose := household(fmt.Sprint(i))
			h.world.say(all...)
			h.look(all[0].Ref)
			var done sync.WaitGroup
			for j, s := range all[7:11] {
				done.Go(func() {
					if _, err := []*apply.Applier{h.Applier, other}[(i>>(j%3)+j)%2].Refs(t.Context(), apply.Cause{Trigger: apply.Webhook}, s.Ref); err != nil {
						t.Error(err)
					}
				})
			}
			done.Wait()
			for _, s := range all[7:11] {
				if got := h.held(s.Ref).Customer; got != whose[s.Ref] {
					t.Errorf("%s belongs to %q, want %q", s.Ref, got, whose[s.Ref])
				}
			}
		}
		h.audit()
	})
}

// TestAnInvoiceNamesItsPaymentLate: the payment was taken for the first person's
// until then. Both have their access decided anew; the audit trail says so.
func TestAnInvoiceNamesItsPaymentLate(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		all, whose := household("x")
		subscription, invoice, payment := all[7], all[8], all[9]
		bill := invoice.Object.(billing.Invoice)
		bill.Payments = nil
		invoice.Object = bill
		taken := payment.Object.(billing.Payment)
		taken.Refunded = taken.Amount.Amount
		payment.Object = taken
		h.world.say(all...)
		h.world.say(invoice, payment)
		h.look(all[0].Ref, subscription.Ref, invoice.Ref, payment.Ref)
		if got := h.held(payment.Ref).Customer; got != whose[all[0].Ref] {
			t.Fatalf("before the invoice names it the payment belongs to %q", got)
		}
		h.wantAccess(whose[subscription.Ref], "api", true)
		bill.Payments = []string{payment.Ref.ID}
		invoice.Object = bill
		h.world.say(invoice)
		h.look(invoice.Ref)
		if got := h.held(payment.Ref).Customer; got != whose[subscription.Ref] {
			t.Errorf("the payment belongs to %q", got)
		}
		h.wantAccess(whose[subscription.Ref], "api", false) // all the money for it went back
		changes, err := h.db.Changes(t.Context(), store.ChangeFilter{Forward: true, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var moved []string
		for _, c := range changes {
			if c.Subject == string(billing.KindPayment) {
				moved = append(moved, c.Customer+" "+c.Kinds)
			}
		}
		if fmt.Sprint(moved) != `[first x ["paid","refunded","linked"] second x ["linked"]]` {
			t.Errorf("the trail says %q", moved)
		}
		h.audit()
	})
}

// TestClaimsOutweighWhatAnObjectHangsOn: what says itself whose it is stays theirs.
func TestClaimsOutweighWhatAnObjectHangsOn(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		all, _ := household("x")
		payment := all[9]
		payment.Claims = map[string]string{"metadata.user_id": "third"}
		h.world.say(all...)
		h.world.say(payment)
		for _, order := range [][]int{{0, 9, 7, 8}, {8, 9, 7}} {
			for _, i := range order {
				h.look(all[i].Ref)
			}
			if got := h.held(payment.Ref).Customer; got != "third" {
				t.Errorf("the payment belongs to %q", got)
			}
		}
		h.audit()
	})
}
