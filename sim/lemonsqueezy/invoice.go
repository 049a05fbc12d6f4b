package lemonsqueezy

import "github.com/trivetdev/trivet/sim"

// invoice is a demand for one period of a subscription.
type invoice struct {
	head
	of     *subscription
	reason string
	money  *money
	// state is pending, paid or void.
	state string
}

// invoice makes an invoice; nothing is announced.
func (s *Server) invoice(sub *subscription, reason string, m *money, state string) *invoice {
	i := &invoice{head: s.newHead(typeInvoice, sub.customer), of: sub, reason: reason, money: m, state: state}
	i.store = sub.store
	sub.invoices = append(sub.invoices, i)
	s.add(i)
	return i
}

// status is the word that the API shows.
func (i *invoice) status() string {
	if back := i.money.returned(); back != "" && i.state == "paid" {
		return back
	}
	return i.state
}

func (i *invoice) attributes(s *Server) doc {
	who, m := s.customerOf(i), i.money
	return doc{
		{"store_id", i.store}, {"subscription_id", i.of.number()}, {"customer_id", i.customer}, {"user_name", who.name}, {"user_email", who.email},
		{"billing_reason", i.reason}, {"card_brand", "visa"}, {"card_last_four", "4242"}, {"currency", s.cfg.Currency}, {"currency_rate", "1.00000000"},
		{"status", i.status()}, {"status_formatted", i.status()}, {"refunded", i.status() == "refunded"}, {"refunded_at", stamp(m.refundedAt)},
		{"subtotal", m.subtotal}, {"discount_total", m.discount}, {"tax", m.tax}, {"tax_inclusive", false}, {"total", m.total},
		{"refunded_amount", m.refunded}, {"subtotal_usd", m.subtotal}, {"total_usd", m.total}, {"refunded_amount_usd", m.refunded},
		{"total_formatted", s.formatted(m.total)}, {"refunded_amount_formatted", s.formatted(m.refunded)},
		{"urls", doc{{"invoice_url", s.cfg.PublicURL + "/invoices/" + i.id}}},
		{"created_at", stamp(i.created)}, {"updated_at", stamp(i.updated)}, {"test_mode", !s.cfg.Live},
	}
}

func invoiceRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/subscription-invoices":              listOf(typeInvoice, "store_id", "status", "refunded", "subscription_id"),
		"GET /v1/subscription-invoices/{id}":         show[*invoice](typeInvoice),
		"POST /v1/subscription-invoices/{id}/refund": refundInvoice,
	}
}

func refundInvoice(c *call) (doc, error) {
	i, err := find[*invoice](c.s, typeInvoice, c.id())
	if err != nil {
		return nil, err
	}
	if i.state != "paid" {
		return nil, refused("The subscription invoice cannot be refunded.")
	}
	amount, err := refundable(c, i.money)
	if err != nil {
		return nil, err
	}
	c.s.effect(sim.OpRefund, "invoice-"+i.id, amount, "")
	c.s.giveBack(i.money, amount, i.firstOrder(), i)
	return c.single(i)
}

// firstOrder is the order that speaks of the invoice's money; nil for none.
func (i *invoice) firstOrder() *order {
	if i.of.order.money == i.money {
		return i.of.order
	}
	return nil
}
