package paypal

import (
	"bytes"
	"mime"
	"mime/multipart"
	"net/http"
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

// acceptClaim concedes a dispute; the payer gets the money back. It takes JSON, as in
// PayPal's examples, and the form of its published description, in which a file may
// come along.
func acceptClaim(c *call) (any, error) {
	var q struct {
		Note   string
		Type   string `json:"accept_claim_type"`
		Reason string `json:"accept_claim_reason"`
	}
	if err := c.readAction(&q, !c.s.cfg.FormsOnly); err != nil {
		return nil, err
	}
	d, err := find(&c.s.disputes, c.id())
	switch {
	case err != nil:
		return nil, err
	case q.Note == "" || len(q.Note) > longestNote:
		return nil, invalid("INVALID_STRING_LENGTH", "note")
	case q.Type != "REFUND":
		return nil, invalid("INVALID_PARAMETER_VALUE", "accept_claim_type: the simulated PayPal offers REFUND only.")
	case d.over():
		return nil, unprocessable("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE", "Dispute Action cannot be performed as dispute is in an incorrect state.")
	}
	c.s.effect(sim.OpDisputeClose, d.id, d.amount())
	c.s.rule(d, "ACCEPTED")
	return obj{"links": []obj{c.s.link("self", "/v1/customer/disputes/"+d.id, "GET")}}, nil
}

// longestNote is how many characters a note about a dispute may have.
const longestNote = 2000

// provideEvidence answers a claim. It takes a form only: JSON is answered 415.
func provideEvidence(c *call) (any, error) {
	var q struct {
		Evidences []struct {
			Type  string `json:"evidence_type"`
			Notes string
		}
	}
	if err := c.readAction(&q, false); err != nil {
		return nil, err
	}
	d, err := find(&c.s.disputes, c.id())
	switch {
	case err != nil:
		return nil, err
	case len(q.Evidences) == 0:
		return nil, invalid("MISSING_REQUIRED_PARAMETER", "evidences")
	case d.status != "WAITING_FOR_SELLER_RESPONSE":
		return nil, unprocessable("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE", "Dispute Action cannot be performed as dispute is in an incorrect state.")
	}
	for _, e := range q.Evidences {
		if e.Type == "" || len(e.Notes) > longestNote {
			return nil, invalid("INVALID_PARAMETER_VALUE", "evidence_type or notes")
		}
	}
	c.s.contest(d)
	return obj{"links": []obj{c.s.link("self", "/v1/customer/disputes/"+d.id, "GET")}}, nil
}

// readAction reads what is to be done about a dispute: the part "input" of a form, or,
// where that will do, JSON.
func (c *call) readAction(into any, plain bool) error {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "application/json" && plain:
		return c.read(into)
	case err != nil || kind != "multipart/form-data":
		return &apiError{status: http.StatusUnsupportedMediaType, name: "UNSUPPORTED_MEDIA_TYPE", message: "The server does not support the request payload's media type."}
	}
	form, err := multipart.NewReader(bytes.NewReader(c.body), params["boundary"]).ReadForm(1 << 20)
	if err != nil || len(form.Value["input"]) != 1 {
		return invalid("MISSING_REQUIRED_PARAMETER", "input")
	}
	c.body = []byte(form.Value["input"][0])
	return c.read(into)
}
