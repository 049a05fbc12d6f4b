package stripe

// accountRoutes are the calls about the account itself: its endpoints, events
// and portal.
func accountRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/account":                   showAccount,
		"GET /v1/events":                    listEvents,
		"GET /v1/events/{id}":               showByID[*event]("event"),
		"POST /v1/webhook_endpoints":        createEndpoint,
		"GET /v1/webhook_endpoints":         listAll("webhook_endpoint", "/v1/webhook_endpoints"),
		"GET /v1/webhook_endpoints/{id}":    showByID[*endpoint]("webhook endpoint"),
		"POST /v1/webhook_endpoints/{id}":   updateEndpoint,
		"DELETE /v1/webhook_endpoints/{id}": deleteEndpoint,
		"POST /v1/billing_portal/sessions":  createPortal,
		"GET /v1/balance_transactions/{id}": showByID[*balance]("balance transaction"),
	}
}

// showAccount is the cheapest way for a caller to test its key.
func showAccount(c *call) (doc, error) {
	s := c.s
	return doc{
		{"id", s.accountID()}, {"object", "account"},
		{"business_profile", doc{{"name", "Simulated Inc."}, {"mcc", nil}, {"product_description", nil}, {"support_email", nil}, {"url", nil}}},
		{"charges_enabled", true}, {"country", "US"}, {"default_currency", "usd"}, {"details_submitted", true},
		{"email", "owner@example.com"}, {"payouts_enabled", true},
		{"type", "standard"},
	}, nil
}

// accountID differs between the modes, as it does not at Stripe, so that a mix-up
// shows.
func (s *Server) accountID() string {
	if s.cfg.Live {
		return "acct_1SimulatedLive0"
	}
	return "acct_1SimulatedTest0"
}

// showByID makes the call that reads one object of a type.
func showByID[T resource](what string) operation {
	return func(c *call) (doc, error) {
		r, err := find[T](c.s, what, c.id())
		if err != nil {
			return nil, err
		}
		return c.show(r)
	}
}

// listAll makes the call that lists a kind, with the given indexed filters.
func listAll(kind, url string, indexed ...string) operation {
	return func(c *call) (doc, error) {
		return c.list(query{kind: kind, url: url, indexed: indexed})
	}
}
