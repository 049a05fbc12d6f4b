package paypal

import (
	"slices"
	"strconv"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// listDisputes lists newest first; what is older than 180 days is not listed.
func listDisputes(c *call) (any, error) {
	size, _, err := c.paging(10, 50)
	if err != nil {
		return nil, err
	}
	since, err := c.time("start_time")
	if err != nil {
		return nil, err
	}
	if !since.IsZero() && c.s.now.Sub(since) > 180*24*time.Hour {
		return nil, invalid("INVALID_START_TIME", "The start time must be within the last 180 days.")
	}
	if since.IsZero() {
		since = c.s.now.Add(-30 * 24 * time.Hour)
	}
	page := 1
	if token := c.query.Get("next_page_token"); token != "" {
		if page, err = strconv.Atoi(token); err != nil {
			return nil, invalid("INVALID_PAGE_TOKEN", "next_page_token")
		}
	}
	var all []obj
	for _, d := range slices.Backward(c.s.disputes.all) {
		if d.created.Before(since) {
			continue
		}
		if _, ok := c.s.view(d); ok {
			all = append(all, d.brief(c.s))
		}
	}
	items, more := c.cut(all, size, page)
	links := []obj{c.s.link("self", c.r.URL.RequestURI(), "GET")}
	if more {
		query := c.r.URL.Query()
		query.Set("next_page_token", strconv.Itoa(page+1))
		links = append(links, c.s.link("next", c.r.URL.Path+"?"+query.Encode(), "GET"))
	}
	return obj{"items": items, "links": links}, nil
}

func getDispute(c *call) (any, error) { return show(c, &c.s.disputes) }

// acceptClaim concedes a dispute; the payer gets the money back.
func acceptClaim(c *call) (any, error) {
	d, err := find(&c.s.disputes, c.id())
	if err != nil {
		return nil, err
	}
	if d.over() {
		return nil, unprocessable("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE", "Dispute Action cannot be performed as dispute is in an incorrect state.")
	}
	c.s.effect(sim.OpDisputeClose, d.id, d.amount())
	c.s.rule(d, "ACCEPTED")
	return obj{"links": []obj{c.s.link("self", "/v1/customer/disputes/"+d.id, "GET")}}, nil
}

func provideEvidence(c *call) (any, error) {
	d, err := find(&c.s.disputes, c.id())
	if err != nil {
		return nil, err
	}
	if d.status != "WAITING_FOR_SELLER_RESPONSE" {
		return nil, unprocessable("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE", "Dispute Action cannot be performed as dispute is in an incorrect state.")
	}
	c.s.contest(d)
	return obj{"links": []obj{c.s.link("self", "/v1/customer/disputes/"+d.id, "GET")}}, nil
}
