package paypal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// createSubscription makes an agreement that waits for the payer.
func createSubscription(c *call) (any, error) {
	var q struct {
		PlanID     string    `json:"plan_id"`
		StartTime  time.Time `json:"start_time"`
		Quantity   string
		CustomID   string `json:"custom_id"`
		Subscriber struct {
			Email string `json:"email_address"`
		}
		Context struct {
			ReturnURL string `json:"return_url"`
			CancelURL string `json:"cancel_url"`
		} `json:"application_context"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	p, err := find(&c.s.plans, q.PlanID)
	if err != nil {
		return nil, err
	}
	quantity := int64(1)
	if q.Quantity != "" {
		if quantity, err = strconv.ParseInt(q.Quantity, 10, 64); err != nil || quantity < 1 {
			return nil, invalid("INVALID_PARAMETER_VALUE", "quantity")
		}
	}
	switch {
	case len(q.CustomID) > 127:
		return nil, invalid("INVALID_STRING_LENGTH", "custom_id")
	case !q.StartTime.IsZero() && q.StartTime.Before(c.s.now):
		return nil, invalid("INVALID_START_TIME", "The start time must be in the future.")
	}
	sub := c.s.newSubscription(p, quantity, q.CustomID, q.StartTime)
	sub.returnURL, sub.cancelURL = q.Context.ReturnURL, q.Context.CancelURL
	c.s.effect(sim.OpCheckoutCreate, sub.id, money{})
	return sub.render(c.s), nil
}

func getSubscription(c *call) (any, error) {
	sub, err := find(&c.s.subs, c.id())
	if err != nil {
		return nil, err
	}
	o, ok := c.s.viewSecond(sub)
	if !ok {
		return nil, notFound()
	}
	fields := strings.Split(c.query.Get("fields"), ",")
	return without(o, slices.Contains(fields, "plan"), slices.Contains(fields, "last_failed_payment")), nil
}

// listSubscriptions lists newest first.
func listSubscriptions(c *call) (any, error) {
	if c.s.cfg.NoList {
		return nil, &apiError{status: http.StatusForbidden, name: "NOT_AUTHORIZED", issue: "PERMISSION_DENIED", message: "You do not have permission to access or perform operations on this resource."}
	}
	size, page, err := c.paging(10, 20)
	if err != nil {
		return nil, err
	}
	before, err := c.time("created_before")
	if err != nil {
		return nil, err
	}
	after, err := c.time("created_after")
	if err != nil {
		return nil, err
	}
	statuses := c.query.Get("statuses")
	var all []obj
	for _, sub := range slices.Backward(c.s.subs.all) {
		if !before.IsZero() && sub.created.After(before) || sub.created.Before(after) ||
			statuses != "" && !slices.Contains(strings.Split(statuses, ","), sub.status) {
			continue
		}
		if o, ok := c.s.view(sub); ok {
			all = append(all, o)
		}
	}
	out, more := c.cut(all, size, page)
	links := []obj{c.s.link("self", c.r.URL.RequestURI(), "GET")}
	if more {
		links = append(links, c.next(page))
	}
	return obj{"subscriptions": out, "links": links}, nil
}

// paging reads page_size and page.
func (c *call) paging(otherwise, most int) (size, page int, err error) {
	size, page = otherwise, 1
	for name, into := range map[string]*int{"page_size": &size, "page": &page} {
		if text := c.query.Get(name); text != "" {
			if *into, err = strconv.Atoi(text); err != nil || *into < 1 {
				return 0, 0, invalid("INVALID_PARAMETER_VALUE", name)
			}
		}
	}
	if size > most {
		return 0, 0, invalid("INVALID_PARAMETER_VALUE", "page_size")
	}
	return size, page, nil
}

// cut takes one page out of all rows; a shifted one repeats the end of the page
// before it.
func (c *call) cut(all []obj, size, page int) (rows []obj, more bool) {
	from := min(len(all), (page-1)*size)
	to := min(len(all), page*size)
	if page > 1 {
		from = max(0, from-c.s.faults.Shift())
	}
	rows = all[from:to]
	if rows == nil {
		rows = []obj{}
	}
	return rows, to < len(all)
}

// next links to the page after one.
func (c *call) next(page int) obj {
	query := c.r.URL.Query()
	query.Set("page", strconv.Itoa(page+1))
	return c.s.link("next", c.r.URL.Path+"?"+query.Encode(), "GET")
}

func (c *call) time(name string) (time.Time, error) {
	text := c.query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, invalid("INVALID_PARAMETER_SYNTAX", name)
	}
	return t, nil
}

// moved finds a subscription to be moved from one of some statuses.
func (c *call) moved(what string, from ...string) (*subscription, string, error) {
	var q struct{ Reason string }
	if err := c.read(&q); err != nil {
		return nil, "", err
	}
	sub, err := find(&c.s.subs, c.id())
	switch {
	case err != nil:
		return nil, "", err
	case len(q.Reason) > 128 || q.Reason == "" && what != "activate":
		return nil, "", invalid("INVALID_STRING_LENGTH", "reason")
	case !slices.Contains(from, sub.status):
		return nil, "", unprocessable("SUBSCRIPTION_STATUS_INVALID", "Invalid subscription status for "+what+" action; subscription status should be "+strings.ToLower(strings.Join(from, " or "))+".")
	}
	return sub, q.Reason, nil
}

// endsAtOnce is what a merchant writes who does not let the payer use what was
// paid for: PayPal has one way to cancel, so only the note can tell.
const endsAtOnce = "access ends at once"

func cancelSubscription(c *call) (any, error) {
	sub, reason, err := c.moved("cancel", "ACTIVE", "SUSPENDED")
	if err != nil {
		return nil, err
	}
	op := sim.OpCancelAtPeriodEnd
	if strings.Contains(reason, endsAtOnce) {
		op = sim.OpCancel
	}
	c.s.effect(op, sub.id, money{})
	c.s.cancel(sub, reason)
	return nil, nil
}

func suspendSubscription(c *call) (any, error) {
	sub, reason, err := c.moved("suspend", "ACTIVE")
	if err != nil {
		return nil, err
	}
	c.s.effect(sim.OpPause, sub.id, money{})
	c.s.suspend(sub, reason)
	return nil, nil
}

func activateSubscription(c *call) (any, error) {
	sub, reason, err := c.moved("activate", "SUSPENDED")
	if err != nil {
		return nil, err
	}
	c.s.effect(sim.OpResume, sub.id, money{})
	c.s.activate(sub, reason)
	return nil, nil
}

func reviseSubscription(c *call) (any, error) {
	var q struct {
		PlanID   string `json:"plan_id"`
		Quantity string
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	sub, err := find(&c.s.subs, c.id())
	if err != nil {
		return nil, err
	}
	to, quantity := sub.plan, sub.quantity
	if q.PlanID != "" {
		if to, err = find(&c.s.plans, q.PlanID); err != nil {
			return nil, err
		}
	}
	if q.Quantity != "" {
		if quantity, err = strconv.ParseInt(q.Quantity, 10, 64); err != nil || quantity < 1 {
			return nil, invalid("INVALID_PARAMETER_VALUE", "quantity")
		}
	}
	if sub.status != "ACTIVE" && sub.status != "SUSPENDED" {
		return nil, unprocessable("SUBSCRIPTION_CANNOT_BE_REVISED", "The subscription cannot be revised in its present status.")
	}
	c.s.revise(sub, to, quantity)
	return obj{"plan_id": to.id, "plan_overridden": false, "quantity": strconv.FormatInt(quantity, 10)}, nil
}
