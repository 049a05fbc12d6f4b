package paypal

import "net/http"

// lookIntoBooks searches transactions, for which an app needs a right of its own.
func lookIntoBooks(c *call) (any, error) {
	if c.s.cfg.NoBooks {
		return nil, &apiError{status: http.StatusForbidden, name: "NOT_AUTHORIZED", message: "Authorization failed due to insufficient permissions."}
	}
	return searchTransactions(c)
}

// listSales lists what was charged for a subscription in a span of time.
func listSales(c *call) (any, error) {
	sub, err := find(&c.s.subs, c.id())
	if err != nil {
		return nil, err
	}
	from, err := c.time("start_time")
	if err != nil {
		return nil, err
	}
	to, err := c.time("end_time")
	if err != nil {
		return nil, err
	}
	if from.IsZero() || to.IsZero() {
		return nil, invalid("MISSING_REQUIRED_PARAMETER", "start_time and end_time are required.")
	}
	out := []obj{}
	for _, t := range c.s.txns.all {
		if t.sub == sub && !t.created.Before(from) && !t.created.After(to) {
			out = append(out, c.s.saleRow(t))
		}
	}
	return obj{"transactions": out, "links": []obj{c.s.link("self", c.r.URL.RequestURI(), "GET")}}, nil
}

func (s *Server) saleRow(t *txn) obj {
	fee := t.amount.fee()
	return obj{
		"id": t.id, "status": t.status(), "time": stamp(t.created), "payer_email": t.payer.email,
		"amount_with_breakdown": obj{"gross_amount": t.amount.v2(), "fee_amount": fee.v2(), "net_amount": money{t.amount.minor - fee.minor, fee.currency}.v2()},
	}
}
