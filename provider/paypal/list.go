package paypal

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Fetch implements [provider.Driver].
func (d *Driver) Fetch(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	var look func(context.Context, provider.Ref) (provider.Snapshot, error)
	switch ref.Kind {
	case billing.KindSubscription:
		look = d.fetchSubscription
	case billing.KindCheckout:
		look = d.fetchCheckout
	case billing.KindInvoice:
		look = d.fetchInvoice
	case billing.KindPayment:
		look = d.fetchPayment
	case billing.KindRefund:
		look = d.fetchRefund
	case billing.KindDispute:
		look = d.fetchDispute
	default:
		return provider.Snapshot{}, d.refused("fetch", "PayPal has no such kind of object")
	}
	if err := d.checkRef("fetch "+string(ref.Kind), ref, ref.Kind); err != nil {
		return provider.Snapshot{}, err
	}
	return look(ctx, ref)
}

// longestCursor bounds what is taken for a cursor: that of the books has an entry for
// each payment that is still to come and of which some went back.
const longestCursor = 4 << 20

// List implements [provider.Driver]. Payments, invoices and refunds come from
// PayPal's books, which go back three years and are three hours behind, or where the app
// may not look into them from its subscriptions; disputes go back 180 days. Nothing has an owner at PayPal: a list of one is empty.
func (d *Driver) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	op := "list " + string(query.Kind)
	switch {
	case len(query.After) > longestCursor || strings.ContainsAny(query.After, "/?#\r\n"):
		return provider.Page{}, d.refused(op, "the cursor is not one of ours")
	case query.Owner != "" && query.Kind != billing.KindCustomer:
		return provider.Page{}, nil
	}
	switch query.Kind {
	case billing.KindSubscription:
		return d.listSubscriptions(ctx, query)
	case billing.KindInvoice, billing.KindPayment, billing.KindRefund:
		return d.listPayments(ctx, query)
	case billing.KindDispute:
		return d.listDisputes(ctx, query)
	case billing.KindCustomer, billing.KindCheckout, billing.KindWarning:
	}
	return provider.Page{}, d.refused("list", "PayPal lists no such kind of object")
}

const (
	// subscriptionPage is the most that PayPal returns at once.
	subscriptionPage = 20
	// subscriptionPages is how many of these make a page of ours: the plans, which the
	// list leaves out, are read once for each.
	subscriptionPages = 10
)

// byBooks begins a cursor of the list that is read from the books.
const byBooks = "books:"

// listSubscriptions reads one page of the list, newest first: of those that were
// there when the list was begun, so that what is made meanwhile shifts no page.
// The endpoint is younger than the published API description, and not open to every
// account: where it is not, the books tell of every subscription that was paid for,
// and the events of those that were made in the last month.
func (d *Driver) listSubscriptions(ctx context.Context, query provider.Query) (provider.Page, error) {
	const op = "list subscription"
	if after, books := strings.CutPrefix(query.After, byBooks); books {
		return d.subscriptionsInBooks(ctx, query, after)
	}
	begun, number := stampOf(d.now().Add(time.Second)), 1
	if query.After != "" {
		b, n, _ := strings.Cut(query.After, "|")
		page, err := strconv.Atoi(n)
		if _, bad := time.Parse(time.RFC3339, b); err != nil || bad != nil || page < 1 {
			return provider.Page{}, d.refused(op, "the cursor is not one of ours")
		}
		begun, number = b, page
	}
	var rows []*subscription
	for range subscriptionPages {
		some, more, err := d.subscriptionRows(ctx, op, begun, number)
		if query.After == "" && number == 1 && closed(err) {
			return d.subscriptionsInEvents(ctx, query)
		}
		if err != nil {
			return provider.Page{}, err
		}
		rows = append(rows, some...)
		if number++; !more {
			return d.readSubscriptions(ctx, rows)
		}
	}
	page, err := d.readSubscriptions(ctx, rows)
	page.Next = begun + "|" + strconv.Itoa(number)
	return page, err
}

// subscriptionRows reads one of PayPal's pages.
func (d *Driver) subscriptionRows(ctx context.Context, op, begun string, number int) (rows []*subscription, more bool, err error) {
	var answer struct {
		Subscriptions *[]*subscription
		Links         []link
	}
	err = d.get(ctx, op, "/v1/billing/subscriptions", url.Values{
		"created_before": {begun}, "page_size": {strconv.Itoa(subscriptionPage)}, "page": {strconv.Itoa(number)},
		"statuses": {"APPROVAL_PENDING,APPROVED,ACTIVE,SUSPENDED,CANCELLED,EXPIRED"},
	}, &answer)
	if err != nil {
		return nil, false, err
	}
	if answer.Subscriptions == nil {
		return nil, false, d.malformed(op, errNotAList)
	}
	rows = *answer.Subscriptions
	return rows, nextQuery(answer.Links) != nil && len(rows) > 0, nil
}

// closed reports whether PayPal does not open the list to this account. A wrong
// key is something else: it gets no token.
func closed(err error) bool {
	e, ok := errors.AsType[*provider.Error](err)
	return ok && e.Code != "" && (e.Kind == provider.NotFound || e.Kind == provider.Denied)
}

// readSubscriptions translates the rows of a list, which lack the plan.
func (d *Driver) readSubscriptions(ctx context.Context, rows []*subscription) (provider.Page, error) {
	var page provider.Page
	fresh := map[string]*plan{}
	for _, s := range rows {
		if s == nil || !isName(s.ID) {
			return provider.Page{}, d.malformed("list subscription", errors.New("a subscription of the list has no id"))
		}
		ref := d.ref(billing.KindSubscription, s.ID)
		p, err := d.planOf(ctx, fresh, s)
		if err != nil {
			return provider.Page{}, err
		}
		if p == nil { // the row alone does not say enough
			snapshot, err := d.fetchSubscription(ctx, ref)
			if err := d.add(&page, ref, snapshot, err); err != nil {
				return provider.Page{}, err
			}
			continue
		}
		s.Plan = p
		snapshot, err := d.subscription(ctx, s)
		if err := d.add(&page, ref, snapshot, d.explained("list subscription", err)); err != nil {
			return provider.Page{}, err
		}
	}
	return page, nil
}

// planOf finds the plan of a row: in the row, or by the plan's id if the
// subscription is charged by its present version. Nil: the subscription has to be
// read by itself, also when a charge failed, which only that tells more of.
func (d *Driver) planOf(ctx context.Context, fresh map[string]*plan, s *subscription) (*plan, error) {
	switch {
	case s.Overridden || s.info().Failed > 0 || s.Status == "SUSPENDED" || !isName(s.PlanID):
		return nil, nil
	case s.Plan != nil && len(s.Plan.Cycles) > 0:
		return s.Plan, nil
	}
	if p := d.plans.get(s.PlanID); p != nil && s.Billing != nil && s.pricedBy(p) {
		return p, nil
	}
	p, known := fresh[s.PlanID]
	if !known {
		p = &plan{}
		err := d.get(ctx, "fetch plan "+s.PlanID, "/v1/billing/plans/"+s.PlanID, nil, p)
		switch kind := provider.KindOf(err); {
		case err == nil && p.ID == s.PlanID:
			d.plans.put(p)
		case err == nil, kind == provider.NotFound:
			p = nil
		default:
			return nil, err
		}
		fresh[s.PlanID] = p
	}
	if p == nil || !s.pricedBy(p) {
		return nil, nil
	}
	return p, nil
}

// plans are kept once they were read: PayPal never changes the cycles of a plan, and a
// price has a version, which each subscription that is charged by it tells. What can
// change is left to who reads the subscription by itself.
type plans struct {
	mu   sync.Mutex
	byID map[string]*plan
}

func (p *plans) get(id string) *plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byID[id]
}

func (p *plans) put(fresh *plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID == nil {
		p.byID = map[string]*plan{}
	}
	p.byID[fresh.ID] = fresh
}

// pricedBy reports whether a subscription pays by the version of its plan that the
// plan shows. Subscriptions may keep an older price.
func (s *subscription) pricedBy(p *plan) bool {
	regular := p.regular()
	if regular == nil {
		return false
	}
	if s.Billing == nil {
		return s.Status == "APPROVAL_PENDING" || s.Status == "APPROVED"
	}
	for _, e := range s.Billing.Executions {
		if e.Tenure == "REGULAR" {
			return e.Version > 0 && e.Version == regular.Pricing.Version
		}
	}
	return false
}

// subscriptionsInEvents reads the subscriptions that events of the last month are
// about.
func (d *Driver) subscriptionsInEvents(ctx context.Context, query provider.Query) (provider.Page, error) {
	named, err := d.eventRefs(ctx, aSubscription)
	if err != nil {
		return provider.Page{}, err
	}
	var refs []provider.Ref
	for _, ref := range named {
		if ref.Kind == billing.KindSubscription {
			refs = append(refs, ref)
		}
	}
	page, err := d.unseen(ctx, query, refs)
	page.Next = byBooks
	return page, err
}

// manyEventPages bounds a list of all events of one type.
const manyEventPages = 10_000

// subscriptionsInBooks reads the subscriptions that were paid for in one step of
// the books.
func (d *Driver) subscriptionsInBooks(ctx context.Context, query provider.Query, after string) (provider.Page, error) {
	const op = "list subscription"
	s, err := d.spanAfter(op, after)
	if err != nil {
		return provider.Page{}, err
	}
	rows, more, err := d.step(ctx, op, &s)
	if err != nil {
		return provider.Page{}, err
	}
	var refs []provider.Ref
	for _, row := range rows {
		if id := row.Info.Reference; row.ofSubscription() && isName(id) {
			refs = append(refs, d.ref(billing.KindSubscription, id))
		}
	}
	page, err := d.unseen(ctx, query, refs)
	if next := s.next(more); next != "" {
		page.Next = byBooks + next
	}
	return page, err
}

// unseen reads subscriptions one by one, each once: who is paid for every month is in
// every window of the books.
func (d *Driver) unseen(ctx context.Context, query provider.Query, refs []provider.Ref) (page provider.Page, err error) {
	var known map[provider.Ref]provider.Memory
	if query.Recall != nil && len(refs) > 0 {
		if known, err = query.Recall(ctx, refs); err != nil {
			return page, err
		}
	}
	done := map[provider.Ref]bool{}
	for _, ref := range refs {
		if known[ref].Seen || done[ref] {
			continue
		}
		done[ref] = true
		snapshot, err := d.fetchSubscription(ctx, ref)
		if err := d.add(&page, ref, snapshot, err); err != nil {
			return provider.Page{}, err
		}
	}
	return page, nil
}
