package paypal

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// What PayPal says of its books (Transaction Search: reporting/transactions).
const (
	// searchWindow is the longest span that can be searched at once, a little
	// short of 31 days.
	searchWindow = 31*24*time.Hour - time.Minute
	// searchHistory is how far the books go back: three years.
	searchHistory = 3 * 365 * 24 * time.Hour
	// searchLag is how long a transaction may take to appear.
	searchLag  = 3 * time.Hour
	searchPage = 500
	// refundable is how long a payment can be refunded.
	refundable = 180 * 24 * time.Hour
	// refundCode is the event code of refunds.
	refundCode = "T1107"
)

// bookRow is one row of the books.
type bookRow struct {
	Info struct {
		ID            string  `json:"transaction_id"`
		Reference     string  `json:"paypal_reference_id"`
		ReferenceType string  `json:"paypal_reference_id_type"`
		Code          string  `json:"transaction_event_code"`
		Status        string  `json:"transaction_status"`
		Date          string  `json:"transaction_initiation_date"`
		Amount        *amount `json:"transaction_amount"`
		Fee           *amount `json:"fee_amount"`
		Custom        string  `json:"custom_field"`
		// Payer is the id of the payer's account, which never changes.
		Payer string `json:"paypal_account_id"`
	} `json:"transaction_info"`
	Cart struct {
		Items []struct {
			Code     string  `json:"item_code"`
			Quantity string  `json:"item_quantity"`
			Unit     *amount `json:"item_unit_price"`
		} `json:"item_details"`
	} `json:"cart_info"`
}

// at is when the transaction was made; zero if that cannot be read. PayPal writes
// the zone without a colon here.
func (r bookRow) at() time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05Z0700", time.RFC3339} {
		if t, err := time.Parse(layout, r.Info.Date); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// sold reports whether a row is a payment for a subscription or an order of ours:
// the codes T00xx are payments.
func (r bookRow) sold() bool {
	return strings.HasPrefix(r.Info.Code, "T00") && isName(r.Info.ID) && (r.ofSubscription() || r.Info.ReferenceType == "ODR")
}

func (r bookRow) ofSubscription() bool { return r.Info.ReferenceType == "SUB" }

func (r bookRow) lines() []line {
	all := make([]line, len(r.Cart.Items))
	for i, item := range r.Cart.Items {
		all[i] = line{item.Code, item.Quantity, item.Unit}
	}
	return all
}

// searchOnce reads one page of the books; an empty code is all kinds of rows.
func (d *Driver) searchOnce(ctx context.Context, op string, from, to time.Time, code string, page int) (rows []bookRow, more bool, err error) {
	if now := d.now(); to.After(now) {
		to = now
	}
	q := url.Values{
		"start_date": {stampOf(from)}, "end_date": {stampOf(to)}, "fields": {"transaction_info,cart_info"},
		"balance_affecting_records_only": {"N"}, "page_size": {strconv.Itoa(searchPage)}, "page": {strconv.Itoa(page)},
	}
	if code != "" {
		q.Set("transaction_type", code)
	}
	var answer struct {
		Rows  *[]bookRow `json:"transaction_details"`
		Pages int        `json:"total_pages"`
	}
	if err := d.get(ctx, op, "/v1/reporting/transactions", q, &answer); err != nil {
		return nil, false, err
	}
	if answer.Rows == nil {
		return nil, false, d.malformed(op, errNotAList)
	}
	return *answer.Rows, page < answer.Pages, nil
}

// search reads all rows of a span that is no longer than a window.
func (d *Driver) search(ctx context.Context, op string, from, to time.Time, code string) ([]bookRow, error) {
	var all []bookRow
	for page, more := 1, true; more; page++ {
		rows, again, err := d.searchOnce(ctx, op, from, to, code, page)
		if err != nil {
			return nil, err
		}
		all, more = append(all, rows...), again
	}
	return all, nil
}

// span is one step of a list that is read from the books: a page of a window,
// newest window first.
type span struct {
	from, to time.Time
	page     int
	oldest   time.Time
}

// spanAfter reads a cursor, "begun:to:page": when the list was begun, and the step.
func (d *Driver) spanAfter(op, after string) (span, error) {
	begun, to, page := d.now().Unix(), d.now().Unix(), 1
	if after != "" {
		parts := strings.Split(after, ":")
		if len(parts) != 3 {
			return span{}, d.refused(op, "the cursor is not one of ours")
		}
		b, err1 := strconv.ParseInt(parts[0], 10, 64)
		t, err2 := strconv.ParseInt(parts[1], 10, 64)
		p, err3 := strconv.Atoi(parts[2])
		if err1 != nil || err2 != nil || err3 != nil || p < 1 || t > b || b > d.now().Unix()+86400 {
			return span{}, d.refused(op, "the cursor is not one of ours")
		}
		begun, to, page = b, t, p
	}
	s := span{to: time.Unix(to, 0).UTC(), page: page, oldest: time.Unix(begun, 0).UTC().Add(24*time.Hour - searchHistory)}
	if s.from = s.to.Add(-searchWindow); s.from.Before(s.oldest) {
		s.from = s.oldest
	}
	return s, nil
}

// next is the cursor of the step after one; empty after the last.
func (s span) next(more bool) string {
	begun := strconv.FormatInt(s.oldest.Add(searchHistory-24*time.Hour).Unix(), 10)
	if more {
		return begun + ":" + strconv.FormatInt(s.to.Unix(), 10) + ":" + strconv.Itoa(s.page+1)
	}
	if !s.from.After(s.oldest) {
		return ""
	}
	return begun + ":" + strconv.FormatInt(s.from.Unix(), 10) + ":1"
}

// listBooks lists payments, invoices or refunds from the books. Steps with
// nothing in them are passed over.
func (d *Driver) listBooks(ctx context.Context, query provider.Query) (page provider.Page, err error) {
	for {
		page, err = d.bookPage(ctx, query)
		if err != nil || len(page.Snapshots)+len(page.Unread) > 0 || page.Next == "" {
			return page, err
		}
		query.After = page.Next
	}
}

func (d *Driver) bookPage(ctx context.Context, query provider.Query) (provider.Page, error) {
	op := "list " + string(query.Kind)
	s, err := d.spanAfter(op, query.After)
	if err != nil {
		return provider.Page{}, err
	}
	code := ""
	if query.Kind == billing.KindRefund {
		code = refundCode
	}
	rows, more, err := d.searchOnce(ctx, op, s.from, s.to, code, s.page)
	if err != nil {
		return provider.Page{}, err
	}
	page := provider.Page{Next: s.next(more)}
	rows = slices.DeleteFunc(rows, func(r bookRow) bool {
		if query.Kind == billing.KindRefund {
			return !isName(r.Info.ID) || r.Info.Code != refundCode
		}
		return !r.sold() || query.Kind == billing.KindInvoice && !r.ofSubscription()
	})
	var touched map[string]bool
	if query.Kind == billing.KindPayment && len(rows) > 0 {
		if touched, err = d.touched(ctx, op, s.from, s.to); err != nil {
			return provider.Page{}, err
		}
	}
	seen := map[string]bool{} // an id may be in the books twice
	for _, row := range rows {
		if seen[row.Info.ID] {
			continue
		}
		seen[row.Info.ID] = true
		if err := d.addRow(ctx, &page, query.Kind, row, touched); err != nil {
			return provider.Page{}, err
		}
	}
	return page, nil
}

// touched names the payments of a span that a row alone does not tell the truth
// about: some of the money went back since. The books tell of refunds by rows of
// their own, up to half a year later; of what happened in the hours that the books
// are behind, the events tell.
func (d *Driver) touched(ctx context.Context, op string, from, to time.Time) (map[string]bool, error) {
	named := map[string]bool{}
	now := d.now()
	for at := from; at.Before(to.Add(refundable)) && at.Before(now); at = at.Add(searchWindow) {
		rows, err := d.search(ctx, op, at, at.Add(searchWindow), refundCode)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			named[row.Info.Reference] = true
		}
	}
	recent, _, err := d.listEvents(ctx, url.Values{
		"start_time": {stampOf(now.Add(-searchLag - time.Hour))}, "end_time": {stampOf(now.Add(time.Minute))},
	}, 10*mostEventPages)
	if err != nil {
		return nil, err
	}
	for _, delivery := range recent {
		for _, ref := range delivery.Refs {
			if ref.Kind == billing.KindPayment {
				named[ref.ID] = true
			}
		}
	}
	return named, nil
}

// addRow translates a row, or reads the object itself where the row does not say
// enough.
func (d *Driver) addRow(ctx context.Context, page *provider.Page, kind billing.Kind, row bookRow, touched map[string]bool) error {
	ref := d.ref(kind, row.Info.ID)
	var snapshot provider.Snapshot
	var err error
	total, bad := row.Info.Amount.money()
	clear := bad == nil && total.Amount > 0 && !row.at().IsZero() && row.Info.Status == "S"
	switch {
	case kind == billing.KindRefund:
		snapshot, err = d.fetchRefund(ctx, ref)
	case kind == billing.KindInvoice && clear:
		snapshot = d.invoice(row.Info.ID, row.Info.Reference, "COMPLETED", total, row.at())
	case kind == billing.KindInvoice:
		snapshot, err = d.fetchInvoice(ctx, ref)
	case clear && !touched[row.Info.ID]:
		p := paid("COMPLETED", total, asFee(row.Info.Fee.money()), row.at())
		if !row.ofSubscription() {
			p.Items = itemsOf(row.lines(), total)
		}
		snapshot = provider.Snapshot{
			Ref: ref, Object: p, Claims: claims(row.Info.Custom, ""), Attempts: attempt(row.Info.ID, p, row.Info.Payer),
		}
	default:
		snapshot, err = d.fetchPayment(ctx, ref)
	}
	return d.add(page, ref, snapshot, err)
}

// add puts what was read on a page. What is not to be read just now is for the
// caller to look at by itself.
func (d *Driver) add(page *provider.Page, ref provider.Ref, snapshot provider.Snapshot, err error) error {
	switch kind := provider.KindOf(err); {
	case err == nil:
		page.Snapshots = append(page.Snapshots, snapshot)
	case kind == provider.Malformed || kind == provider.NotFound:
		page.Unread = append(page.Unread, ref)
	default:
		return err
	}
	return nil
}
