package providertest

import (
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// ahead checks that a subscription tells of the change of its price that lies ahead:
// what it is, when it comes, and what is charged then; in the list as alone, and no
// longer once it has come.
func (h Harness) ahead(t *testing.T) {
	for ability, kind := range map[provider.Ability]billing.AheadKind{
		provider.PromotionEnd: billing.PromotionEnd, provider.PriceChange: billing.PriceChange,
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := h.world(t, sim.Chaos{})
			if w.Make.Taxes != nil {
				w.Make.Taxes() // which the amount that lies ahead does not have
			}
			make := map[billing.AheadKind]func(*testing.T) string{billing.PromotionEnd: w.Make.Promotion, billing.PriceChange: w.Make.Scheduled}[kind]
			if able, _ := provider.Can(w.Driver, ability); able != (make != nil) {
				t.Fatalf("the table of abilities says %v", able)
			}
			if make == nil {
				t.Log("the provider does not tell")
				return
			}
			w.changeComes(t, w.ref(billing.KindSubscription, make(t)), kind)
		})
	}
}

func (w *World) changeComes(t *testing.T, ref provider.Ref, kind billing.AheadKind) {
	t.Helper()
	s, err := w.Driver.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	before := s.Object.(billing.Subscription)
	ahead := before.Ahead
	if ahead == nil || ahead.Kind != kind || !ahead.At.After(w.Now()) || ahead.Amount.Amount <= 0 || ahead.Amount.Currency != before.Amount.Currency {
		t.Fatalf("what lies ahead is %+v of %+v", ahead, before)
	}
	w.same(t, w.truthByID(t, ref), s)
	w.same(t, w.truthByID(t, ref), w.everything(t, provider.Query{Kind: billing.KindSubscription}, nil)[ref.ID])
	w.Advance(ahead.At.Sub(w.Now()) - time.Hour)
	last := w.lastInvoiced(t, ref)
	w.Advance(50 * time.Hour)
	charged := w.lastInvoiced(t, ref)
	if charged == last || charged < ahead.Amount.Amount || charged > ahead.Amount.Amount*5/4 {
		t.Errorf("then %d is charged instead of %d; ahead was %+v", charged, last, ahead)
	}
	s, err = w.Driver.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if after := s.Object.(billing.Subscription); after.Ahead != nil || after.Amount != ahead.Amount {
		t.Errorf("afterwards it is %+v, with %+v ahead", after, after.Ahead)
	}
	w.same(t, w.truthByID(t, ref), s)
}

func (w *World) truthByID(t *testing.T, ref provider.Ref) sim.Object {
	t.Helper()
	for _, o := range w.truthOf(ref.Kind, "") {
		if o.ID == ref.ID {
			return o
		}
	}
	t.Fatalf("in truth there is no %v", ref)
	return sim.Object{}
}

// lastInvoiced is what the newest charge for a subscription came to, by its invoice
// or, of a provider without invoices, by the payment.
func (w *World) lastInvoiced(t *testing.T, ref provider.Ref) int64 {
	t.Helper()
	var newest time.Time
	amount := int64(-1)
	owner := w.truthByID(t, ref).Customer
	for _, s := range w.everything(t, provider.Query{Kind: billing.KindInvoice, Owner: owner}, nil) {
		if i := s.Object.(billing.Invoice); i.Subscription == ref.ID && !i.CreatedAt.Before(newest) {
			newest, amount = i.CreatedAt, i.Due.Amount
		}
	}
	if amount < 0 {
		t.Fatalf("%v was never invoiced", ref)
	}
	return amount
}

// preview checks that what is said of the next charge is what is charged.
func (h Harness) preview(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	previewer, can := offered[provider.Previewer](t, w, "the provider shows nothing of it")
	if !can {
		return
	}
	if w.Make.Taxes != nil {
		w.Make.Taxes()
	}
	makers := map[string]func(*testing.T) string{
		"subscription": w.Make.Subscription, "promotion": w.Make.Promotion, "change of price": w.Make.Scheduled, "trial": w.Make.Trial,
	}
	for name, make := range makers {
		if make == nil {
			continue
		}
		ref := w.ref(billing.KindSubscription, make(t))
		charge, found, err := previewer.PreviewCharge(t.Context(), ref)
		if err != nil || !found {
			t.Fatalf("%s: %v, %v", name, found, err)
		}
		due := w.truthByID(t, ref).Fields["current_period_end"]
		if instant(charge.At) != due || charge.Amount.Amount <= 0 || charge.Tax <= 0 && w.Make.Taxes != nil {
			t.Errorf("%s: the next charge is said to be %+v, in truth it is due on %s", name, charge, due)
		}
		w.Advance(charge.At.Add(3 * time.Hour).Sub(w.Now()))
		if got := w.lastInvoiced(t, ref); got != charge.Amount.Amount {
			t.Errorf("%s: %d is charged, and %+v was said", name, got, charge)
		}
	}
	w.noPreview(t, previewer)
}

// noPreview asks where there is nothing to be charged, and where nobody answers.
func (w *World) noPreview(t *testing.T, previewer provider.Previewer) {
	t.Helper()
	ref := w.ref(billing.KindSubscription, w.Make.Subscription(t))
	w.net.strikeNext(down)
	_, _, err := previewer.PreviewCharge(t.Context(), ref)
	w.fails(t, err, provider.Unavailable, provider.OutcomeUnknown)
	_, _, err = previewer.PreviewCharge(t.Context(), w.ref(billing.KindSubscription, "nothing_1"))
	w.fails(t, err, provider.NotFound)
	_, _, err = previewer.PreviewCharge(t.Context(), provider.Ref{Account: "other", Kind: billing.KindSubscription, ID: ref.ID})
	w.fails(t, err, provider.Refused)
	canceler, can := w.Driver.(provider.Canceler)
	if !can {
		return
	}
	if err := canceler.CancelAtPeriodEnd(t.Context(), ref, "so that nothing is charged"); err != nil {
		t.Fatal(err)
	}
	if charge, found, err := previewer.PreviewCharge(t.Context(), ref); found || err != nil {
		t.Errorf("of one that is canceled: %+v, %v, %v", charge, found, err)
	}
}

// portal checks the links to the page on which a subscription can be canceled.
func (h Harness) portal(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	portal, can := offered[provider.Portaler](t, w, "the provider has no such page")
	if !can {
		return
	}
	ref := w.ref(billing.KindSubscription, w.Make.Subscription(t))
	request := provider.PortalRequest{Subscription: ref, ReturnURL: "https://app.test/account"}
	if !h.Ownerless {
		request.Owner = w.ref(billing.KindCustomer, w.truthByID(t, ref).Customer)
	}
	whole := w.portalLink(t, portal, request)
	request.Cancel = true
	direct := w.portalLink(t, portal, request)
	if able, _ := provider.Can(w.Driver, provider.PortalCancel); able && direct == whole {
		t.Errorf("the link for canceling is %q, and so is that for managing", direct)
	}
	if canceler, can := w.Driver.(provider.Canceler); can {
		if able, _ := provider.Can(w.Driver, provider.CancelAtPeriodEnd); able {
			if err := canceler.CancelAtPeriodEnd(t.Context(), ref, "canceled before"); err != nil {
				t.Fatal(err)
			}
			w.portalLink(t, portal, request)
		}
	}
	if support := w.Driver.Abilities()[provider.Portal]; support.Level == provider.Emulated {
		return // nobody is asked
	}
	_, err := portal.PortalURL(t.Context(), provider.PortalRequest{
		Owner: w.ref(billing.KindCustomer, "nothing_1"), Subscription: w.ref(billing.KindSubscription, "nothing_1"),
	})
	w.fails(t, err, provider.NotFound, provider.Refused)
	w.net.strikeNext(down)
	_, err = portal.PortalURL(t.Context(), request)
	w.fails(t, err, provider.OutcomeUnknown, provider.Unavailable, provider.Malformed)
}

func (w *World) portalLink(t *testing.T, portal provider.Portaler, request provider.PortalRequest) string {
	t.Helper()
	link, err := portal.PortalURL(t.Context(), request)
	if err != nil || !strings.HasPrefix(link, "http") {
		t.Fatalf("%+v: %q, %v", request, link, err)
	}
	return link
}
