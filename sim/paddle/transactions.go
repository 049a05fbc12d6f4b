package paddle

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

func transactionRoutes() map[string]endpointOf {
	const list = "after billed_at collection_mode created_at customer_id id include invoice_number origin order_by status subscription_id per_page updated_at"
	const fields = "items status customer_id address_id business_id custom_data currency_code collection_mode discount_id billing_details billing_period checkout"
	return map[string]endpointOf{
		"GET /transactions":        {run: listTransactions, query: list},
		"POST /transactions":       {run: createTransaction, fields: fields, query: "include"},
		"GET /transactions/{id}":   {run: showTransaction, query: "include"},
		"PATCH /transactions/{id}": {run: updateTransaction, fields: fields, query: "include"},
	}
}

func listTransactions(c *call) (answered, error) {
	statuses := c.r.URL.Query().Get("status")
	return c.list(query{
		kind: "transaction", most: 30, few: 30, indexed: []string{"customer_id", "subscription_id", "origin"},
		byTime: map[string]func(resource) time.Time{
			"created_at": func(r resource) time.Time { return r.about().created },
			"updated_at": func(r resource) time.Time { return r.about().updated },
			"billed_at":  func(r resource) time.Time { return r.(*transaction).billedAt },
		},
		keep: func(r resource) bool { return oneOf(statuses, r.(*transaction).word()) },
		show: c.included,
	})
}

func showTransaction(c *call) (answered, error) {
	t, err := find[*transaction](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	out, err := c.show(t)
	if err == nil {
		out.data = c.included(t, out.data.(doc))
	}
	return out, err
}

// included adds what the caller asked to have in a transaction.
func (c *call) included(r resource, d doc) doc {
	var wanted []string
	for _, text := range c.r.URL.Query()["include"] {
		wanted = append(wanted, strings.Split(text, ",")...)
	}
	t := r.(*transaction)
	// Paddle's page says adjustments and its SDKs say adjustment; both work, and
	// nothing is shown where there are none.
	if slices.Contains(wanted, "adjustment") || slices.Contains(wanted, "adjustments") {
		var rows []any
		for _, a := range c.s.adjustments(t) {
			if shown, ok := c.s.view(a); ok {
				rows = append(rows, shown)
			}
		}
		if len(rows) > 0 {
			d = append(d, field{"adjustments", rows})
		}
	}
	if slices.Contains(wanted, "customer") {
		if who := c.s.payer(t); who != nil {
			d = append(d, field{"customer", who.render(c.s)})
		}
	}
	return d
}

func createTransaction(c *call) (answered, error) {
	s := c.s
	lines, err := c.lines()
	if err != nil {
		return answered{}, err
	}
	o := order{origin: "api", lines: lines, custom: c.body.custom(), customer: c.body.str("customer_id"), checkout: c.body.object("checkout").str("url")}
	if o.customer != "" {
		if _, err := find[*customer](s, o.customer); err != nil {
			return answered{}, badField("customer_id", "Customer not found")
		}
	}
	if id := c.body.str("discount_id"); id != "" {
		if o.discount, err = find[*discount](s, id); err != nil {
			return answered{}, refuse("transaction_discount_not_found", "Discount not found")
		}
	}
	t := s.newTransaction(o)
	s.effect(sim.OpCheckoutCreate, t.id, 0, "")
	return answered{data: c.included(t, t.render(s)), status: 201}, nil
}

// lines reads the items of a transaction, all of one currency.
func (c *call) lines() ([]*line, error) {
	var lines []*line
	for _, item := range c.body.objects("items") {
		p, err := find[*price](c.s, item.str("price_id"))
		if err != nil {
			return nil, refuse("transaction_price_not_found", "Price not found")
		}
		quantity, err := item.num("quantity")
		if err != nil || quantity < 1 || quantity > 999 {
			return nil, refuse("transaction_item_quantity_out_of_range", "Quantity out of range")
		}
		if len(lines) > 0 && lines[0].price.currency != p.currency {
			return nil, badField("items", "All items must have one currency")
		}
		lines = append(lines, c.s.newLine(p, quantity, p.trialDays > 0))
	}
	if len(lines) == 0 {
		return nil, badField("items", "items is required")
	}
	return lines, nil
}

// updateTransaction changes what can be changed before anything is billed.
func updateTransaction(c *call) (answered, error) {
	t, err := find[*transaction](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	if c.body.str("status") == "canceled" {
		if t.over() {
			return answered{}, refuse("transaction_invalid_status_change", "The transaction is "+t.word())
		}
		c.s.drop(t)
		return answered{data: t.render(c.s)}, nil
	}
	if t.stage != draft && t.stage != ready {
		return answered{}, refuse("transaction_immutable", "The transaction is "+t.word())
	}
	c.s.edit(t, func() {
		if c.body.given("custom_data") {
			t.custom = c.body.custom()
		}
	}, "transaction.updated")
	return answered{data: t.render(c.s)}, nil
}

// withParameter adds a query parameter to an address.
func withParameter(address, name, value string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}
