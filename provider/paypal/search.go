package paypal

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What PayPal says of its books (Transaction Search: reporting/transactions).
const (
	// searchWindow is the longest span that can be searched at once, a little
	// short of 31 days.
	searchWindow = 31*24*time.Hour - time.Minute
	// searchHistory is how far the books go back: three years.
	searchHistory = 3 * 365 * 24 * time.Hour
	// searchLag is how long a transaction may take to appear, longestLag how long it
	// took when PayPal was out of order: days.
	searchLag  = 3 * time.Hour
	longestLag = 7 * 24 * time.Hour
	searchPage = 500
	// searchMost is how many rows a search may find. One that finds more is refused
	// as resultTooLarge, and no page of it is told.
	searchMost     = 10_000
	resultTooLarge = "RESULTSET_TOO_LARGE"
	// searchShortest is the shortest span: the books know no parts of a second.
	searchShortest = time.Second
	// refundable is how long a payment can be refunded.
	refundable = 180 * 24 * time.Hour
	// refundCode is the event code of refunds.
	refundCode = "T1107"
)

// beyondBooks is how PayPal refuses a search that begins where its books have not come
// to yet: there is no code for it.
const beyondBooks = "Data for the given start date is not available"

var errBeyondBooks = errors.New("the books have not come to that time")

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

// onceCodes are the event codes that captures of orders have: payments in general, by
// card, by PayPal's checkout, by mobile, and by an instrument without an account. Other
// ways to be paid once have them, too.
var onceCodes = map[string]bool{"T0000": true, "T0005": true, "T0006": true, "T0011": true, "T0019": true}

// sold reports whether a row is, or may be, a payment for a subscription or an order:
// the codes T00xx are payments. What else the account was paid and what it paid itself
// is in the books, too.
func (r bookRow) sold() bool {
	if !strings.HasPrefix(r.Info.Code, "T00") || !isName(r.Info.ID) {
		return false
	}
	if r.ofSubscription() || r.Info.ReferenceType == "ODR" || r.ours() {
		return true
	}
	m, err := r.Info.Amount.money()
	return onceCodes[r.Info.Code] && err == nil && m.Amount > 0
}

func (r bookRow) ofSubscription() bool { return r.Info.ReferenceType == "SUB" }

// ours reports whether a payment came of one of our checkouts.
func (r bookRow) ours() bool { return strings.HasPrefix(r.Info.Custom, tokenPrefix) }

// doubtful reports whether a payment may be something that only the books know: not
// every row of an order names it as such.
func (r bookRow) doubtful() bool {
	if r.ofSubscription() || r.Info.ReferenceType == "ODR" {
		return false
	}
	_, noted := itemIn(r.Info.Custom) // which only subscriptions have
	return !r.ours() || noted || !onceCodes[r.Info.Code]
}

func (r bookRow) lines() []line {
	all := make([]line, len(r.Cart.Items))
	for i, item := range r.Cart.Items {
		all[i] = line{item.Code, item.Quantity, item.Unit}
	}
	return all
}

// searchOnce reads one page of the books, and says how many there are; only narrows it
// down, and nil is all rows. Rows that move no money are asked for, too: what is pending or
// was denied is among them. Where the books have not come to yet, there are none.
func (d *Driver) searchOnce(ctx context.Context, op string, from, to time.Time, only url.Values, page int) (rows []bookRow, pages int, err error) {
	if now := d.now(); to.After(now) {
		to = now
	}
	q := url.Values{
		"start_date": {stampOf(from)}, "end_date": {stampOf(to)}, "fields": {"transaction_info,cart_info"},
		"balance_affecting_records_only": {"N"}, "page_size": {strconv.Itoa(searchPage)}, "page": {strconv.Itoa(page)},
	}
	maps.Copy(q, only)
	var answer struct {
		Rows  *[]bookRow `json:"transaction_details"`
		Pages int        `json:"total_pages"`
	}
	if err := d.get(ctx, op, "/v1/reporting/transactions", q, &answer); err != nil {
		if errors.Is(err, errBeyondBooks) && d.now().Sub(from) < longestLag {
			return nil, 0, nil
		}
		return nil, 0, err
	}
	if answer.Rows == nil {
		return nil, 0, d.malformed(op, errNotAList)
	}
	return *answer.Rows, answer.Pages, nil
}

// refundRows are the rows that are refunds.
func refundRows() url.Values { return url.Values{"transaction_type": {refundCode}} }

// rowOf finds the row of a transaction that was made at a time; nil if the books have
// none, or none yet.
func (d *Driver) rowOf(ctx context.Context, op, id string, made time.Time) (*bookRow, error) {
	from := made.Add(-24 * time.Hour) // books may round, and be of another zone
	if latest := d.now().Add(-searchLag - time.Hour); from.After(latest) {
		from = latest
	}
	rows, err := d.search(ctx, op, from, made.Add(24*time.Hour), url.Values{"transaction_id": {id}})
	for i := range rows {
		if rows[i].Info.ID == id && strings.HasPrefix(rows[i].Info.Code, "T00") {
			return &rows[i], err
		}
	}
	return nil, err
}

// tooLarge reports whether a search found more rows than PayPal tells.
func tooLarge(err error) bool { return codeOf(err) == resultTooLarge }

// search reads all rows of a span that is no longer than a window. What PayPal does
// not tell at once is read in halves; a row where they meet comes twice.
func (d *Driver) search(ctx context.Context, op string, from, to time.Time, only url.Values) ([]bookRow, error) {
	var all []bookRow
	for page, more := 1, true; more; page++ {
		rows, pages, err := d.searchOnce(ctx, op, from, to, only, page)
		if half := halfOf(from, to); tooLarge(err) && half > 0 {
			older, err := d.search(ctx, op, from, from.Add(half), only)
			if err != nil {
				return nil, err
			}
			newer, err := d.search(ctx, op, from.Add(half), to, only)
			return append(older, newer...), err
		}
		if err != nil {
			return nil, err
		}
		all, more = append(all, rows...), page < pages
	}
	return all, nil
}

// halfOf is half a span, in whole seconds; zero if it cannot be halved.
func halfOf(from, to time.Time) time.Duration {
	half := (to.Sub(from) / 2).Truncate(time.Second)
	if half < searchShortest {
		return 0
	}
	return half
}
