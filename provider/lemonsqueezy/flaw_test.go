package lemonsqueezy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// The tests of this file are named after what other programs got wrong.

// TestUnsignedEventNameHeaderTrusted: a captured body must not become another event
// by another header.
func TestUnsignedEventNameHeaderTrusted(t *testing.T) {
	header := http.Header{signatureHeader: {sign(newSecret, orderEvent)}, "X-Event-Name": {"subscription_resumed"}}
	got, err := newDriver(t, nil).Verify(t.Context(), header, []byte(orderEvent), noon)
	if err != nil || got.Type != "order_created" || got.ID != digest("order_created", []byte(orderEvent)) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestCompareThrowsOnOtherLengths: a signature of another length is a bad one, not
// an error of the program, whatever its length.
func TestCompareThrowsOnOtherLengths(t *testing.T) {
	for n := range 300 {
		header := http.Header{signatureHeader: {strings.Repeat("a", n)}}
		if _, err := newDriver(t, nil).Verify(t.Context(), header, []byte(orderEvent), noon); err == nil {
			t.Errorf("let in with %d characters", n)
		}
	}
}

// TestOneBodyUnderTwoNamesIsOneEvent: the digest covers both.
func TestOneBodyUnderTwoNamesIsOneEvent(t *testing.T) {
	if digest("a", []byte("b")) == digest("b", []byte("b")) || digest("a", []byte("b")) == digest("a", []byte("c")) {
		t.Error("the digest does not tell events apart")
	}
}

// TestEmptyListReadAsLifetime: that an order has no subscriptions is known only from
// an answer that says so.
func TestEmptyListReadAsLifetime(t *testing.T) {
	order := one("orders", "7", `"currency":"USD","total":999,"status":"paid"`, "") // nothing included
	for name, tt := range map[string]struct {
		subscriptions string
		want          provider.ErrorKind
	}{
		"something else": {`{"data":{}}`, provider.Malformed},
		"no page":        {`{"data":[]}`, provider.Malformed},
		"another page":   {list(2, 2), provider.Malformed},
	} {
		f := &fake{answers: map[string]string{"GET orders/7": order, "GET subscriptions": tt.subscriptions}}
		if s, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindCheckout, "order-7")); err == nil || provider.KindOf(err) != tt.want {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	s, _ := fetched(t, refTo(billing.KindCheckout, "order-7"), map[string]string{
		"GET orders/7": order, "GET subscriptions": list(1, 1, row("subscriptions", "12", `"order_id":7`)),
	})
	if payment, _ := as(s, billing.KindPayment); !payment.Gone || s.Object.(billing.Checkout).Subscription != "12" {
		t.Errorf("%+v", s)
	}
}

// TestInvoiceReadAsSubscription: what a record is, its type says.
func TestInvoiceReadAsSubscription(t *testing.T) {
	body := `{"meta":{"event_name":"subscription_payment_refunded"},"data":{"type":"subscription-invoices","id":"12","attributes":{"status":"refunded"}}}`
	for _, ref := range verified(t, newDriver(t, nil), body).Refs {
		if ref.Kind == billing.KindSubscription {
			t.Errorf("it names %v", ref)
		}
	}
	f := &fake{answers: map[string]string{"GET subscriptions/12": one("subscription-invoices", "12", `"status":"paid"`, "")}}
	if _, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindSubscription, "12")); provider.KindOf(err) != provider.Malformed {
		t.Error(err)
	}
}

// TestFirstPaymentCountedTwice: the order of a subscription is no payment, and one
// that was taken for such before is said to be gone.
func TestFirstPaymentCountedTwice(t *testing.T) {
	answers := map[string]string{"GET orders/7": one("orders", "7", `"currency":"USD","total":999,"status":"paid"`,
		`,"included":[`+row("subscriptions", "12", `"order_id":7`)+`,`+row("subscriptions", "13", `"order_id":8`)+`]`)}
	s, _ := fetched(t, refTo(billing.KindCheckout, "order-7"), answers)
	payment, _ := as(s, billing.KindPayment)
	if c := s.Object.(billing.Checkout); !payment.Gone || c.Payment != "" || c.Subscription != "12" || c.Mode != "subscription" {
		t.Errorf("%+v beside %+v", c, payment)
	}
	if s, _ := fetched(t, refTo(billing.KindPayment, "order-7"), answers); !s.Gone || s.Object != nil {
		t.Errorf("asked for as a payment: %+v", s)
	}
}

// TestOnlyTheFirstRowOfAListRead, and pages after the first never.
func TestOnlyTheFirstRowOfAListRead(t *testing.T) {
	f := &fake{answers: map[string]string{
		"GET subscription-invoices": list(1, 1, row("subscription-invoices", "1", `"status":"paid"`), row("subscription-invoices", "2", `"status":"paid"`)),
	}}
	page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindInvoice})
	if err != nil || len(page.Snapshots) != 2 || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestPagingStopsAfterPageOne: there is a next page if either sign says so.
func TestPagingStopsAfterPageOne(t *testing.T) {
	for name, answer := range map[string]string{
		"both":          list(1, 2, row("customers", "1", `"email":"a"`)),
		"the link":      `{"meta":{"page":{"currentPage":1}},"links":{"next":"x"},"data":[]}`,
		"the last page": `{"meta":{"page":{"currentPage":1,"lastPage":2}},"links":{},"data":[]}`,
	} {
		f := &fake{answers: map[string]string{"GET customers": answer}}
		page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindCustomer})
		if err != nil || page.Next != "0:2" {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
	f := &fake{answers: map[string]string{"GET customers": list(2, 2)}}
	if page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindCustomer, After: "0:2"}); err != nil || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	for _, bad := range []string{"x", "0:0", "9:1", "-1:1", "0:1:2", "1:1"} {
		if _, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindCustomer, After: bad}); provider.KindOf(err) != provider.Refused {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}

// TestPlanDecidedByDisplayName: the variant's number decides; names are for people.
func TestPlanDecidedByDisplayName(t *testing.T) {
	s, _ := fetched(t, refTo(billing.KindPayment, "order-7"), map[string]string{
		"GET orders/7": one("orders", "7", `"currency":"USD","total":5,"status":"paid","first_order_item":{"order_id":7,"variant_id":44,"quantity":1,"product_name":"Lifetime","variant_name":"monthly"}`,
			`,"included":[]`),
	})
	if items := s.Object.(billing.Payment).Items; len(items) != 1 || items[0].Price != "44" {
		t.Errorf("%+v", items)
	}
}

// TestOrdersAndInvoicesMixedUp: their numbers overlap.
func TestOrdersAndInvoicesMixedUp(t *testing.T) {
	answers := map[string]string{
		"GET orders/7":                one("orders", "7", `"currency":"USD","total":1,"status":"paid"`, `,"included":[]`),
		"GET subscription-invoices/7": one("subscription-invoices", "7", `"currency":"USD","total":2,"status":"paid"`, ""),
	}
	for id, want := range map[string]int64{"order-7": 1, "invoice-7": 2} {
		if s, _ := fetched(t, refTo(billing.KindPayment, id), answers); s.Object.(billing.Payment).Amount.Amount != want {
			t.Errorf("%s: %+v", id, s)
		}
	}
	for _, id := range []string{"7", "order-", "invoice-x", "order-7-8", "order-007x", "checkout-7"} {
		if _, err := (&fake{}).driver(t).Fetch(t.Context(), refTo(billing.KindPayment, id)); provider.KindOf(err) != provider.NotFound {
			t.Errorf("%s: %v", id, err)
		}
	}
}
