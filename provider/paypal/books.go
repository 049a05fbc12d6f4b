package paypal

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// span is one step of a list that is read from the books: a page of a window,
// newest window first, so that what went back of a payment is read before the
// payment.
type span struct {
	from, to time.Time
	page     int
	// width is how long the window is, unless the books end before; wider is how
	// long the next one is to be.
	width, wider time.Duration
	oldest       time.Time
	first        bool
	back         returns
}

// spanAfter reads a cursor, "begun:to:page:width:returns": when the list was begun,
// the step, how many seconds its window has, and what is known of payments that are
// still to come.
func (d *Driver) spanAfter(op, after string) (span, error) {
	now := d.now().Unix()
	begun, to, page, width, back := now, now, 1, searchWindow, returns{}
	if after != "" {
		parts := append(strings.SplitN(after, ":", 5), "")
		if len(parts) < 5 {
			return span{}, d.refused(op, "the cursor is not one of ours")
		}
		b, err1 := strconv.ParseInt(parts[0], 10, 64)
		t, err2 := strconv.ParseInt(parts[1], 10, 64)
		p, err3 := strconv.Atoi(parts[2])
		w, err4 := strconv.ParseInt(parts[3], 10, 64)
		r, ok := readReturns(parts[4])
		bad := err1 != nil || err2 != nil || err3 != nil || err4 != nil || !ok
		if bad || p < 1 || t > b || b > now+86400 || w < int64(searchShortest/time.Second) || w > int64(searchWindow/time.Second) {
			return span{}, d.refused(op, "the cursor is not one of ours")
		}
		begun, to, page, width, back = b, t, p, time.Duration(w)*time.Second, r
	}
	s := span{
		to: time.Unix(to, 0).UTC(), page: page, width: width, wider: width, oldest: time.Unix(begun, 0).UTC().Add(24*time.Hour - searchHistory),
		first: to == begun && page == 1, back: back,
	}
	if s.from = s.to.Add(-width); s.from.Before(s.oldest) {
		s.from = s.oldest
	}
	return s, nil
}

// begun is when the list was begun.
func (s span) begun() time.Time { return s.oldest.Add(searchHistory - 24*time.Hour) }

// next is the cursor of the step after one; empty after the last.
func (s span) next(more bool) string {
	to, page, width := s.from.Unix(), 1, s.wider
	if more {
		to, page, width = s.to.Unix(), s.page+1, s.width
	} else if !s.from.After(s.oldest) {
		return ""
	}
	cursor := []string{strconv.FormatInt(s.begun().Unix(), 10), strconv.FormatInt(to, 10), strconv.Itoa(page), strconv.FormatInt(int64(width/time.Second), 10)}
	if len(s.back) > 0 {
		cursor = append(cursor, s.back.text())
	}
	return strings.Join(cursor, ":")
}

// step reads one step of the books. A window with more rows than PayPal tells is
// halved, and the next one is longer again where there are few. One that grows too
// large while its pages are read cannot be continued: the list is begun anew, and
// finds it too large at once.
func (d *Driver) step(ctx context.Context, op string, s *span) (rows []bookRow, more bool, err error) {
	for {
		rows, pages, err := d.searchOnce(ctx, op, s.from, s.to, nil, s.page)
		if half := halfOf(s.from, s.to); tooLarge(err) && s.page == 1 && half > 0 {
			s.width, s.wider, s.from = half, half, s.to.Add(-half)
			continue
		}
		if pages <= searchMost/2/searchPage {
			s.wider = min(searchWindow, 2*s.width)
		}
		return rows, s.page < pages, err
	}
}

// listBooks lists what the books tell: payments with the invoices that they are, and
// refunds. Steps with nothing in them are passed over. If a later one of them fails,
// the list goes on there.
func (d *Driver) listBooks(ctx context.Context, query provider.Query) (provider.Page, error) {
	for passed := false; ; passed = true {
		page, err := d.bookPage(ctx, query)
		if err != nil && passed {
			return provider.Page{Next: query.After}, nil
		}
		if page = only(page, query.Kind); err != nil || len(page.Snapshots)+len(page.Unread) > 0 || page.Next == "" {
			return page, err
		}
		query.After = page.Next
	}
}

// only picks what a list of a kind asks for; that of payments is the whole of the
// books.
func only(page provider.Page, kind billing.Kind) provider.Page {
	if kind == billing.KindPayment {
		return page
	}
	some := provider.Page{Next: page.Next}
	for _, s := range page.Snapshots {
		for _, one := range append([]provider.Snapshot{s}, s.Beside...) {
			if one.Ref.Kind == kind {
				some.Snapshots = append(some.Snapshots, one)
			}
		}
	}
	for _, ref := range page.Unread {
		if kind == billing.KindInvoice && ref.Kind == billing.KindPayment {
			ref.Kind = kind // at worst there is none
		}
		if ref.Kind == kind {
			some.Unread = append(some.Unread, ref)
		}
	}
	return some
}

// bookPage reads one step of the books.
func (d *Driver) bookPage(ctx context.Context, query provider.Query) (provider.Page, error) {
	op := "list " + string(query.Kind)
	s, err := d.spanAfter(op, query.After)
	if err != nil {
		return provider.Page{}, err
	}
	rows, more, err := d.step(ctx, op, &s)
	if err != nil {
		return provider.Page{}, err
	}
	news := rows
	if s.page == 1 && more { // a refund may be on a later page than its payment
		if news, err = d.search(ctx, op, s.from, s.to, refundRows()); err != nil {
			return provider.Page{}, err
		}
	}
	if s.page == 1 {
		s.add(news)
	}
	fresh, err := d.changed(ctx, query, s, rows)
	if err != nil {
		return provider.Page{}, err
	}
	var page provider.Page
	seen := map[string]bool{} // an id may be in the books twice
	for _, row := range rows {
		refund := row.Info.Code == refundCode && isName(row.Info.ID)
		if !refund && !row.sold() || seen[row.Info.ID] {
			continue
		}
		seen[row.Info.ID] = true
		// where two windows meet, what went back may have been forgotten since the other
		edge := !s.first && !row.at().Before(s.to)
		changed, known := fresh[row.Info.ID]
		unsure := row.doubtful() && (!known || !onceCodes[row.Info.Code])
		if err := d.addRow(ctx, &page, row, s.back[row.Info.ID], edge || changed || unsure); err != nil {
			return provider.Page{}, err
		}
	}
	s.back.met(rows)
	page.Next = s.next(more)
	return page, nil
}

// changed tells of the payments of some rows that the caller has whether they are newer
// than the books, which are hours behind: by what the caller has of them, and where that is not to be had, and
// once for each list, by the events of these hours. What the caller first had hours
// ago and has had unchanged since is as the books say it, unless events say otherwise.
func (d *Driver) changed(ctx context.Context, query provider.Query, s span, rows []bookRow) (map[string]bool, error) {
	named := map[string]bool{}
	var refs []provider.Ref
	for _, row := range rows {
		if row.sold() {
			refs = append(refs, d.ref(billing.KindPayment, row.Info.ID))
		}
	}
	behind := d.now().Add(-searchLag - time.Hour)
	if query.Recall != nil && len(refs) > 0 {
		known, err := query.Recall(ctx, refs)
		if err != nil {
			return nil, err
		}
		for ref, m := range known {
			named[ref.ID] = m.ChangedAt.After(behind) && (m.ChangedAt.After(m.FirstAt) || !m.FirstAt.Before(s.begun()))
		}
	}
	if !s.first && (query.Recall != nil || len(refs) == 0) {
		return named, nil
	}
	recent, _, err := d.listEvents(ctx, url.Values{
		"start_time": {stampOf(behind)}, "end_time": {stampOf(d.now().Add(time.Minute))},
	}, 10*mostEventPages)
	if err != nil {
		return nil, err
	}
	for _, delivery := range recent {
		for _, ref := range delivery.Refs {
			if ref.Kind == billing.KindPayment && returning(delivery.Type) {
				named[ref.ID] = true
				if s.first {
					s.back[ref.ID] = unclear
				}
			}
		}
	}
	return named, nil
}

// returning reports whether an event says that money of a payment did not stay.
func returning(event string) bool {
	for _, end := range []string{".REFUNDED", ".REVERSED", ".DENIED", ".DECLINED"} {
		if strings.HasSuffix(event, end) {
			return true
		}
	}
	return false
}

// addRow translates a row, or reads the object itself where the row does not say
// enough.
func (d *Driver) addRow(ctx context.Context, page *provider.Page, row bookRow, back returned, read bool) error {
	total, bad := row.Info.Amount.money()
	clear := bad == nil && !row.at().IsZero()
	if row.Info.Code == refundCode {
		ref := d.ref(billing.KindRefund, row.Info.ID)
		if clear && row.Info.Status == "S" && isName(row.Info.Reference) {
			page.Snapshots = append(page.Snapshots, d.refunded(ref, row.Info.Reference, billing.Refund{
				Status: billing.RefundSucceeded, Amount: positive(total), CreatedAt: row.at(),
			}))
			return nil
		}
		snapshot, err := d.fetchRefund(ctx, ref)
		return d.add(page, ref, snapshot, err)
	}
	ref := d.ref(billing.KindPayment, row.Info.ID)
	status := row.paymentStatus(total, back)
	if !clear || read || total.Amount <= 0 || status == "" {
		snapshot, err := d.fetchRow(ctx, row, ref)
		if err != nil && provider.KindOf(err) == provider.NotFound && row.doubtful() && !row.ours() {
			return nil // the API that we use knows nothing of it
		}
		return d.add(page, ref, snapshot, err)
	}
	p := paid(status, total, asFee(row.Info.Fee.money()), row.at())
	if status == partlyRefunded {
		p.Refunded = back.sum
	}
	snapshot := provider.Snapshot{
		Ref: ref, Object: p, Claims: claims(row.Info.Custom, ""), Attempts: attempt(row.Info.ID, p, row.Info.Payer),
	}
	if row.ofSubscription() {
		snapshot.Beside = []provider.Snapshot{d.invoice(row.Info.ID, row.Info.Reference, status, total, row.at())}
	} else {
		p.Items = itemsOf(row.lines(), total)
		snapshot.Object = p
	}
	page.Snapshots = append(page.Snapshots, snapshot)
	return nil
}

// fetchRow reads the payment of a row by itself.
func (d *Driver) fetchRow(ctx context.Context, row bookRow, ref provider.Ref) (provider.Snapshot, error) {
	switch {
	case row.ofSubscription():
		return d.fetchSold(ctx, ref)
	case row.doubtful() && !onceCodes[row.Info.Code]:
		return d.fetchPayment(ctx, ref)
	}
	return d.fetchCaptured(ctx, ref)
}

// paymentStatus is the state of a payment, as the payment says it itself; empty if
// the rows of the books do not tell. A row that says that the money went back may
// speak of a refund or of a dispute that was lost.
func (r bookRow) paymentStatus(total billing.Money, back returned) string {
	switch {
	case r.Info.Status == "S" && back == returned{}:
		return "COMPLETED"
	case r.Info.Status == "D" && r.ofSubscription() && back == returned{}: // a capture has two words for it
		return "DENIED"
	case back.unclear || back.currency != total.Currency:
		return ""
	case r.Info.Status == "S" && back.sum > 0 && back.sum < total.Amount:
		return partlyRefunded
	case r.Info.Status == "V" && back.sum == total.Amount:
		return "REFUNDED"
	}
	return ""
}

// returned is what rows of the books say went back of a payment.
type returned struct {
	sum      int64 // in minor units
	currency string
	// unclear: the rows do not tell how much; the payment has to be read by itself.
	unclear bool
	// met: the payment was on the page before.
	met bool
}

var unclear = returned{unclear: true}

// returns are what went back of payments, by their ids.
type returns map[string]returned

// add takes note of the refunds among some rows.
func (s span) add(rows []bookRow) {
	all := s.back
	seen := map[string]bool{}
	for _, row := range rows {
		id := row.Info.Reference
		if row.Info.Code != refundCode || !isName(id) || seen[row.Info.ID] {
			continue
		}
		seen[row.Info.ID] = true
		was := all[id]
		m, err := row.Info.Amount.money()
		twice := !s.first && !row.at().Before(s.to) // perhaps it was in the window before, too
		if err != nil || row.Info.Status != "S" || twice || was.unclear || was.currency != "" && was.currency != m.Currency {
			all[id] = unclear
			continue
		}
		all[id] = returned{sum: was.sum + positive(m).Amount, currency: m.Currency}
	}
}

// met forgets payments that were on the page before this one: nothing more is to come
// of them. Those of this page are kept for one more, for the books may have a payment
// twice.
func (all returns) met(rows []bookRow) {
	maps.DeleteFunc(all, func(_ string, r returned) bool { return r.met })
	for _, row := range rows {
		if r, known := all[row.Info.ID]; known {
			r.met = true
			all[row.Info.ID] = r
		}
	}
}

// text writes returns as part of a cursor: "ID=1999USD,ID=~,!ID=500EUR".
func (all returns) text() string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r, part := all[id], id+"=~"
		if !r.unclear {
			part = id + "=" + strconv.FormatInt(r.sum, 10) + r.currency
		}
		if r.met {
			part = "!" + part
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// readReturns reads what text wrote.
func readReturns(text string) (returns, bool) {
	all := returns{}
	if text == "" {
		return all, true
	}
	for part := range strings.SplitSeq(text, ",") {
		id, value, ok := strings.Cut(strings.TrimPrefix(part, "!"), "=")
		r := unclear
		if n := len(value) - 3; value != "~" {
			if n < 1 {
				return nil, false
			}
			sum, err := strconv.ParseInt(value[:n], 10, 64)
			if r = (returned{sum: sum, currency: value[n:]}); err != nil || sum < 0 {
				return nil, false
			}
		}
		if r.met = strings.HasPrefix(part, "!"); !ok || !isName(id) {
			return nil, false
		}
		all[id] = r
	}
	return all, true
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
