package paypal

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// searchLag is how long a transaction takes to appear in the search.
	searchLag = 3 * time.Hour
	// searchWindow is the longest span that can be searched at once.
	searchWindow = 31 * 24 * time.Hour
)

// searchTransactions answers from books that are three hours behind.
func searchTransactions(c *call) (any, error) {
	size, page, err := c.paging(100, 500)
	if err != nil {
		return nil, err
	}
	from, err := c.time("start_date")
	if err != nil {
		return nil, err
	}
	to, err := c.time("end_date")
	if err != nil {
		return nil, err
	}
	switch {
	case from.IsZero() || to.IsZero():
		return nil, invalid("MISSING_REQUIRED_PARAMETER", "start_date and end_date are required.")
	case to.Sub(from) > searchWindow:
		return nil, invalid("INVALID_REQUEST", "Date range is greater than 31 days")
	case c.s.now.Sub(from) < searchLag:
		return nil, invalid("", "Data for the given start date is not available.")
	case c.s.now.Sub(from) > 3*366*24*time.Hour:
		return nil, invalid("INVALID_REQUEST", "Data for the given start date is not available.")
	}
	var all []obj
	for _, r := range c.s.books() {
		info := r.row["transaction_info"].(obj)
		if want := c.query.Get("transaction_type"); want != "" && want != info["transaction_event_code"] {
			continue
		}
		if want := c.query.Get("transaction_id"); want != "" && want != info["transaction_id"] {
			continue
		}
		if !r.at.Before(from) && !r.at.After(to) && c.s.now.Sub(r.at) >= searchLag {
			all = append(all, r.row)
		}
	}
	if len(all) > c.s.cfg.MostRows {
		return nil, tooLarge()
	}
	rows, _ := c.cut(all, size, page)
	return obj{
		"transaction_details": rows, "account_number": "SIMACCOUNT", "start_date": stamp(from), "end_date": stamp(to),
		"last_refreshed_datetime": stamp(c.s.now.Add(-searchLag)), "page": page, "total_items": len(all), "total_pages": (len(all) + size - 1) / size,
		"links": []obj{c.s.link("self", c.r.URL.RequestURI(), "GET")},
	}, nil
}

// entry is one row of the account's books.
type entry struct {
	at  time.Time
	id  string
	row obj
}

// How the row of a capture says what it is of: by the order, by another transaction, or
// not at all. PayPal's documentation has samples of each.
const (
	namedOrder = iota
	namedOther
	ways = 3
)

// OldSale is a payment by another of PayPal's APIs, such as another shop of the account
// may use, and money that the account sent: only the books tell of them.
func (s *Server) OldSale() {
	defer s.enter()()
	s.oldSale()
}

func (s *Server) oldSale() {
	for _, minor := range []int64{1250, -400} {
		info := s.info(s.newID("5", 16), "T0006", "", "", "S", s.now, money{minor, "USD"})
		info.set("custom_field", "order 17")
		s.strange = append(s.strange, entry{s.now, info["transaction_id"].(string), obj{"transaction_info": info, "cart_info": obj{}}})
	}
}

// books are all rows, oldest first.
func (s *Server) books() []entry {
	all := slices.Clone(s.strange)
	for _, t := range s.txns.all {
		all = append(all, entry{t.created, t.id, s.txnRow(t)})
		if t.state == "REVERSED" {
			info := s.info(s.derivedID(t.id), "T1201", t.id, "TXN", "S", t.updated, money{-t.amount.minor, t.amount.currency})
			all = append(all, entry{t.updated, t.id, obj{"transaction_info": info}})
		}
	}
	for _, r := range s.refunds.all {
		status := map[string]string{"COMPLETED": "S", "PENDING": "P"}[r.status]
		if status == "" {
			status = "D"
		}
		info := s.info(r.id, "T1107", r.txn.id, "TXN", status, r.created, money{-r.amount.minor, r.amount.currency})
		info.set("invoice_id", r.invoice).set("custom_field", r.custom)
		all = append(all, entry{r.created, r.id, obj{"transaction_info": info}})
	}
	slices.SortFunc(all, func(a, b entry) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return all
}

// derivedID names the row of a reversal, which no API call knows.
func (s *Server) derivedID(id string) string { return "9" + id[1:] }

func (s *Server) txnRow(t *txn) obj {
	status := map[string]string{"PENDING": "P", "DECLINED": "D", "REFUNDED": "V"}[t.status()]
	if status == "" {
		status = "S"
	}
	info := s.info(t.id, "T0002", "", "SUB", status, t.created, t.amount)
	if t.state != "PENDING" && t.state != "DENIED" {
		fee := t.amount.fee()
		info["fee_amount"] = money{-fee.minor, fee.currency}.v2()
	}
	info.set("custom_field", t.custom).set("invoice_id", t.invoice).set("paypal_account_id", t.payer.id)
	row := obj{"transaction_info": info, "payer_info": obj{"account_id": t.payer.id, "email_address": t.payer.email}, "cart_info": obj{}}
	if t.sub != nil {
		info["paypal_reference_id"] = t.sub.id
		return row
	}
	info["transaction_event_code"] = "T0006"
	delete(info, "paypal_reference_id_type")
	switch t.named {
	case namedOrder:
		info["paypal_reference_id"], info["paypal_reference_id_type"] = t.order.id, "ODR"
	case namedOther:
		info["paypal_reference_id"], info["paypal_reference_id_type"] = s.derivedID(t.id), "TXN"
	}
	var lines []obj
	for _, i := range t.order.items {
		lines = append(lines, obj{"item_code": i.sku, "item_name": i.name, "item_quantity": strconv.FormatInt(i.quantity, 10), "item_unit_price": i.unit.v2()})
	}
	if lines != nil {
		row["cart_info"] = obj{"item_details": lines}
	}
	return row
}

func (s *Server) info(id, code, reference, kind, status string, at time.Time, amount money) obj {
	o := obj{
		"transaction_id": id, "transaction_event_code": code, "transaction_status": status, "transaction_amount": amount.v2(),
		"transaction_initiation_date": at.UTC().Format("2006-01-02T15:04:05+0000"), "transaction_updated_date": at.UTC().Format("2006-01-02T15:04:05+0000"),
	}
	return o.set("paypal_reference_id", reference).set("paypal_reference_id_type", kind)
}
