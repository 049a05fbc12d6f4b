package paypal

import (
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// The tests of this file are named after what systems of the same class got wrong
// when they read what PayPal says.

// The payment of a refund was found by cutting a fixed address off a link, which
// fitted one of PayPal's hosts. Here any of them leads to it, and nothing that is no
// link of a payment does.
func TestFlawRefundLinkOfOneHost(t *testing.T) {
	d := (&fake{}).driver(t)
	for _, host := range []string{"api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com", "api-m.sandbox.paypal.com", "pp.test:8443"} {
		for _, event := range []string{"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"} {
			// PayPal tells of both with the refund, not with the capture.
			body := `{"id":"WH-1","event_type":"` + event + `","resource":{"id":"R1","status":"COMPLETED","links":[` +
				`{"rel":"self","href":"https://` + host + `/v2/payments/refunds/R1"},{"rel":"up","href":"https://` + host + `/v2/payments/captures/C1"}]}}`
			delivery, err := d.readEvent([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			named := false
			for _, ref := range delivery.Refs {
				named = named || ref == refTo(billing.KindPayment, "C1")
			}
			if !named {
				t.Errorf("%s from %s names %v, not the payment", event, host, delivery.Refs)
			}
		}
	}
}

// A reversal is told as the refund that it is: what is looked at is nothing of the
// same id that there is not, and leads to the payment.
func TestFlawReversalTakenForItsPayment(t *testing.T) {
	reversal := `{"id":"R1","state":"completed","amount":{"total":"-14.99","currency":"USD"},"create_time":"2026-03-01T10:00:00Z",` +
		`"links":[{"rel":"self","href":"https://api.paypal.com/v1/payments/refund/R1"}]`
	f := &fake{answers: map[string]reply{"GET /v1/payments/refund/R1": {body: reversal + `,"sale_id":"S1"}`}}}
	d := f.driver(t)
	event := []byte(`{"id":"WH-1","event_type":"PAYMENT.SALE.REVERSED","resource":` + reversal + `}}`)
	delivery, err := d.readEvent(event)
	if err != nil || len(delivery.Refs) != 1 || delivery.Refs[0] != refTo(billing.KindRefund, "R1") {
		t.Fatalf("%+v, %v", delivery, err)
	}
	s, err := d.Fetch(t.Context(), delivery.Refs[0])
	if err != nil || len(s.Related) != 1 || s.Related[0] != refTo(billing.KindPayment, "S1") {
		t.Errorf("%+v, %v", s, err)
	}
	if ref, version := d.Shown(event); version != (provider.Version{}) {
		t.Errorf("it shows %v", ref)
	}
}

// A sale that belongs to no subscription was looked up at the subscription
// "undefined". Here it is a payment, and nothing else is asked for.
func TestFlawSaleWithoutSubscription(t *testing.T) {
	sale := strings.Replace(saleOf, `"billing_agreement_id":"I-1",`, "", 1)
	f := &fake{answers: map[string]reply{"GET /v1/payments/sale/S1": {body: sale}}}
	d := f.driver(t)
	delivery, err := d.readEvent([]byte(`{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED","resource":` + sale + `}`))
	if err != nil || len(delivery.Refs) != 1 || delivery.Refs[0] != refTo(billing.KindPayment, "S1") {
		t.Fatalf("%+v, %v", delivery, err)
	}
	s, err := d.Fetch(t.Context(), delivery.Refs[0])
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Object.(billing.Payment); p.Status != billing.PaymentSucceeded || p.Amount.Amount != 1499 {
		t.Errorf("%+v", p)
	}
	for _, ref := range s.Related {
		if ref.Kind == billing.KindSubscription {
			t.Errorf("it leads to the subscription %q", ref.ID)
		}
	}
	for _, call := range f.calls {
		if strings.Contains(call.path, "/billing/") {
			t.Errorf("%s %s was asked", call.method, call.path)
		}
	}
}

// What was not in dollars was an error. Here every currency is read, with the digits
// that PayPal gives it, also one that nobody knows yet.
func TestFlawOnlyDollars(t *testing.T) {
	for text, want := range map[string]billing.Money{
		`14.99 EUR`: {Amount: 1499, Currency: "EUR"},
		`1500 JPY`:  {Amount: 1500, Currency: "JPY"},
		`14.99 BRL`: {Amount: 1499, Currency: "BRL"},
		`14.99 XQX`: {Amount: 1499, Currency: "XQX"},
	} {
		value, currency, _ := strings.Cut(text, " ")
		in := strings.NewReplacer("14.99", value, "USD", currency, "0.82", "1")
		s := fetched(t, billing.KindPayment, "S1", map[string]string{"/v1/payments/sale/S1": in.Replace(saleOf)})
		if p := s.Object.(billing.Payment); p.Amount != want {
			t.Errorf("the sale of %s is %v", text, p.Amount)
		}
		capture := `{"id":"C1","status":"COMPLETED","amount":{"currency_code":"USD","value":"14.99"},"create_time":"2026-03-10T11:05:00Z"}`
		s = fetched(t, billing.KindPayment, "C1", map[string]string{"/v2/payments/captures/C1": in.Replace(capture)})
		if p := s.Object.(billing.Payment); p.Amount != want {
			t.Errorf("the capture of %s is %v", text, p.Amount)
		}
	}
}

// Of several captures of an order only the first was read, so that one that was
// declined hid the one that took the money. Here that counts, wherever it stands,
// and each is looked at.
func TestFlawOnlyTheFirstCapture(t *testing.T) {
	capture := func(id, status string) string {
		return `{"id":"` + id + `","status":"` + status + `","amount":{"currency_code":"USD","value":"5.00"},"create_time":"2026-03-10T11:05:00Z"}`
	}
	for _, captures := range [][]string{
		{capture("C1", "DECLINED"), capture("C2", "COMPLETED")},
		{capture("C2", "COMPLETED"), capture("C1", "DECLINED")},
	} {
		s := fetched(t, billing.KindCheckout, "O1", map[string]string{"/v2/checkout/orders/O1": `{"id":"O1","status":"COMPLETED","create_time":"2026-03-10T11:00:00Z","purchase_units":[{` +
			`"amount":{"currency_code":"USD","value":"5.00"},"payments":{"captures":[` + strings.Join(captures, ",") + `]}}]}`})
		c := s.Object.(billing.Checkout)
		if c.PaymentStatus != billing.CheckoutPaid || c.Payment != "C2" {
			t.Errorf("paid by %q: %s", c.Payment, c.PaymentStatus)
		}
		looked := map[provider.Ref]bool{}
		for _, ref := range s.Related {
			looked[ref] = true
		}
		for _, id := range []string{"C1", "C2"} {
			if !looked[refTo(billing.KindPayment, id)] {
				t.Errorf("the payment %s is not looked at: %v", id, s.Related)
			}
		}
	}
}
