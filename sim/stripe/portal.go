package stripe

import "github.com/trivetdev/trivet/sim"

// portal is a short-lived link to the hosted billing portal.
type portal struct {
	head
	returnURL string
	flow      string
	// cancels is the subscription of a flow that cancels one.
	cancels string
	locale  string
}

func (p *portal) render(s *Server) doc {
	var flow any
	if p.flow != "" {
		flow = doc{
			{"after_completion", doc{{"hosted_confirmation", nil}, {"redirect", nil}, {"type", "portal_homepage"}}},
			{"customer_update", nil}, {"subscription_cancel", p.canceling()}, {"subscription_update", nil},
			{"subscription_update_confirm", nil}, {"type", p.flow},
		}
	}
	return doc{
		{"id", p.id}, {"object", "billing_portal.session"}, {"configuration", "bpc_1SimulatedDefault"}, {"created", p.created},
		{"customer", p.customer}, {"customer_account", nil}, {"flow", flow}, {"livemode", s.cfg.Live}, {"locale", orNull(p.locale)},
		{"on_behalf_of", nil}, {"return_url", orNull(p.returnURL)}, {"url", s.cfg.PublicURL + "/p/session/" + p.id},
	}
}

func (p *portal) canceling() any {
	if p.cancels == "" {
		return nil
	}
	return doc{{"retention", nil}, {"subscription", p.cancels}}
}

// createPortal makes a link. Real ones are good for minutes, these for ever.
func createPortal(c *call) (doc, error) {
	s, f := c.s, c.form
	cust, err := find[*customer](s, "customer", f.str("customer"))
	if err != nil || cust.deleted {
		return nil, noSuchParam("customer", "customer", f.str("customer"))
	}
	cancels := ""
	if f.str("flow_data", "type") == "subscription_cancel" {
		cancels = f.str("flow_data", "subscription_cancel", "subscription")
		sub, err := find[*subscription](s, "subscription", cancels)
		switch {
		case err != nil || sub.customer != cust.id:
			return nil, noSuchParam("subscription", "flow_data[subscription_cancel][subscription]", cancels)
		case sub.over() || sub.cancelStamp() != 0:
			return nil, badRequest("flow_data[subscription_cancel][subscription]", "The subscription "+cancels+" is already set to be canceled, so it cannot be canceled again.")
		}
	}
	p := &portal{
		cancels: cancels,
		head:    s.newHead("billing_portal.session", "bps", 24, cust.id), returnURL: f.str("return_url"),
		flow: f.str("flow_data", "type"), locale: f.str("locale"),
	}
	s.add(p, "billing_portal.session.created")
	s.effect(sim.OpPortalLink, p.id, 0, "", f.str("metadata", "trivet_effect"))
	return c.show(p)
}
