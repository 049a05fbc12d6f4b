package paypal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// bySales begins a cursor of payments that are listed without the books.
const bySales = "sales:"

// unbooked reports whether PayPal does not let the app look into the books, for which it
// has to be given the right to search transactions.
func unbooked(err error) bool {
	e, ok := errors.AsType[*provider.Error](err)
	return ok && e.Kind == provider.Denied && (e.Code == "NOT_AUTHORIZED" || e.Code == "PERMISSION_DENIED")
}

// Unlisted implements [provider.Unlister]: without the books payments for orders, and
// refunds, are in no list.
func (d *Driver) Unlisted(ref provider.Ref) bool {
	return d.bookless.Load() && (ref.Kind == billing.KindPayment || ref.Kind == billing.KindRefund)
}

// listPayments lists payments, the invoices that some are, and refunds: from the books
// or, where the app may not look into them, from what events of the last month name and
// from the transactions of each subscription.
func (d *Driver) listPayments(ctx context.Context, query provider.Query) (provider.Page, error) {
	if after, sold := strings.CutPrefix(query.After, bySales); sold {
		d.bookless.Store(true) // as a driver found that was there before
		page, err := d.salesPage(ctx, after)
		return only(page, query.Kind), err
	}
	page, err := d.listBooks(ctx, query)
	if query.After != "" || err != nil && !unbooked(err) {
		return page, err
	}
	if d.bookless.Store(err != nil); err == nil {
		return page, nil
	}
	if page, err = d.paymentsInEvents(ctx); err != nil {
		return provider.Page{}, err
	}
	page.Next = bySales + stampOf(d.now().Add(time.Second)) + "|1"
	return only(page, query.Kind), nil
}

// paymentsInEvents reads the payments for orders, and the refunds, that events of the
// last month are about.
func (d *Driver) paymentsInEvents(ctx context.Context) (page provider.Page, err error) {
	refs, err := d.eventRefs(ctx, aCapture, aRefund)
	if err != nil {
		return page, err
	}
	for _, ref := range refs {
		read := d.fetchPayment
		switch ref.Kind {
		case billing.KindPayment:
		case billing.KindRefund:
			read = d.fetchRefund
		default:
			continue
		}
		snapshot, err := read(ctx, ref)
		if err := d.addUnbooked(&page, ref, snapshot, err); err != nil {
			return provider.Page{}, err
		}
	}
	return page, nil
}

// eventRefs names the objects that events of the last month with some subjects are
// about, each once.
func (d *Driver) eventRefs(ctx context.Context, subjects ...subject) (refs []provider.Ref, err error) {
	seen := map[provider.Ref]bool{}
	for _, e := range eventTable {
		wanted := false
		for _, s := range subjects {
			wanted = wanted || e.subject == s
		}
		if !wanted {
			continue
		}
		events, _, err := d.listEvents(ctx, url.Values{
			"event_type": {e.name}, "start_time": {stampOf(d.now().Add(-EventRetention))}, "end_time": {stampOf(d.now().Add(time.Minute))},
		}, manyEventPages)
		if err != nil {
			return nil, err
		}
		for _, delivery := range events {
			for _, ref := range delivery.Refs {
				if !seen[ref] && isName(ref.ID) {
					seen[ref] = true
					refs = append(refs, ref)
				}
			}
		}
	}
	return refs, nil
}

// salesPage reads what was paid for one of PayPal's pages of subscriptions. Where these
// cannot be listed either, those count that events of the last month are about.
func (d *Driver) salesPage(ctx context.Context, after string) (page provider.Page, err error) {
	const op = "list payment"
	begun, text, _ := strings.Cut(after, "|")
	number, bad := strconv.Atoi(text)
	if _, worse := time.Parse(time.RFC3339, begun); bad != nil || worse != nil || number < 1 {
		return page, d.refused(op, "the cursor is not one of ours")
	}
	subscriptions, more, err := d.subscriptionRows(ctx, op, begun, number)
	if number == 1 && closed(err) {
		subscriptions, err = d.subscribers(ctx, op)
	}
	if err != nil {
		return page, err
	}
	for _, s := range subscriptions {
		if s == nil || !isName(s.ID) {
			return provider.Page{}, d.malformed(op, errors.New("a subscription of the list has no id"))
		}
		if err := d.addSales(ctx, op, &page, s); err != nil {
			return provider.Page{}, err
		}
	}
	if more {
		page.Next = bySales + begun + "|" + strconv.Itoa(number+1)
	}
	return page, nil
}

// subscribers reads the subscriptions that events of the last month are about.
func (d *Driver) subscribers(ctx context.Context, op string) (all []*subscription, err error) {
	refs, err := d.eventRefs(ctx, aSubscription, aSale)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if ref.Kind != billing.KindSubscription {
			continue
		}
		s, err := d.getSubscription(ctx, op, ref.ID)
		if provider.KindOf(err) == provider.NotFound && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// saleRow is a payment in the list of a subscription's transactions.
type saleRow struct {
	ID     string
	Status string
	Time   time.Time
	Amount struct {
		Gross *amount `json:"gross_amount"`
		Fee   *amount `json:"fee_amount"`
	} `json:"amount_with_breakdown"`
}

// addSales reads what was paid for a subscription.
func (d *Driver) addSales(ctx context.Context, op string, page *provider.Page, s *subscription) error {
	if s.Billing == nil && (s.Status == "APPROVAL_PENDING" || s.Status == "APPROVED") {
		return nil // nobody has paid yet
	}
	from := s.CreateTime.Add(-time.Hour)
	if oldest := d.now().Add(-searchHistory); from.Before(oldest) {
		from = oldest // as much as the books would have
	}
	query := url.Values{"start_time": {stampOf(from)}, "end_time": {stampOf(d.now().Add(time.Minute))}}
	for query != nil {
		var answer struct {
			Rows  *[]saleRow `json:"transactions"`
			Links []link
		}
		if err := d.get(ctx, op, "/v1/billing/subscriptions/"+s.ID+"/transactions", query, &answer); err != nil {
			return err
		}
		if answer.Rows == nil {
			return d.malformed(op, errNotAList)
		}
		for _, row := range *answer.Rows {
			if err := d.addSale(ctx, op, page, s, row); err != nil {
				return err
			}
		}
		if query = nextQuery(answer.Links); len(*answer.Rows) == 0 {
			return nil
		}
	}
	return nil
}

// addSale translates a payment that stayed; any other is read by itself, since the list
// has one word for what was refunded and what a dispute took.
func (d *Driver) addSale(ctx context.Context, op string, page *provider.Page, s *subscription, row saleRow) error {
	if !isName(row.ID) {
		return d.malformed(op, fmt.Errorf("a transaction of subscription %s has no id", s.ID))
	}
	ref := d.ref(billing.KindPayment, row.ID)
	total, bad := row.Amount.Gross.money()
	if row.Status != "COMPLETED" || bad != nil || total.Amount <= 0 || row.Time.IsZero() {
		snapshot, err := d.fetchSold(ctx, ref)
		return d.addUnbooked(page, ref, snapshot, err)
	}
	p := paid(row.Status, total, asFee(row.Amount.Fee.money()), row.Time)
	page.Snapshots = append(page.Snapshots, provider.Snapshot{
		Ref: ref, Object: p, Claims: claims(s.CustomID, ""), Attempts: attempt(row.ID, p, s.Subscriber.PayerID),
		Beside: []provider.Snapshot{d.invoice(row.ID, s.ID, row.Status, total, row.Time)},
	})
	return nil
}

// addUnbooked puts on a page what was read without the books. How much of a sale went
// back, if not all did, only they tell: that one is for the caller to look at, and to say
// what right is missing.
func (d *Driver) addUnbooked(page *provider.Page, ref provider.Ref, snapshot provider.Snapshot, err error) error {
	if unbooked(err) {
		page.Unread = append(page.Unread, ref)
		return nil
	}
	return d.add(page, ref, snapshot, err)
}
