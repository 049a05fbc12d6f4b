package paypal

import (
	"testing"
	"time"
)

// The books refuse what finds too much, and what begins where they have not come to.
func TestSearchesThatAreRefused(t *testing.T) {
	c := newClient(t, Config{Seed: 3, MostRows: 1})
	c.w.Populate(2)
	now := monday.Add(4 * time.Hour)
	c.w.Advance(now)
	search := func(from, to time.Time) (int, map[string]any) {
		return c.do("GET", "/v1/reporting/transactions?start_date="+from.Format(time.RFC3339)+"&end_date="+to.Format(time.RFC3339)+"&page_size=1", "", "")
	}
	if status, o := search(monday.Add(-time.Hour), monday.Add(time.Hour)); status != 400 || o["name"] != "RESULTSET_TOO_LARGE" || o["transaction_details"] != nil {
		t.Error("more rows than a search may find:", status, o)
	}
	status, o := search(now.Add(-searchLag+time.Second), now)
	if status != 400 || o["name"] != "INVALID_REQUEST" || o["message"] != "Data for the given start date is not available." || o["details"] != nil {
		t.Error("where the books have not come to:", status, o)
	}
	if status, o := search(now.Add(-searchLag), now); status != 200 {
		t.Error("where they have come to:", status, o)
	}
}

// The row of a capture may name the order, another transaction, or nothing.
func TestRowsOfCapturesDiffer(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	c.w.Populate(60)
	c.w.OldSale()
	c.w.Advance(monday.Add(4 * time.Hour))
	o := c.get("/v1/reporting/transactions?start_date=" + monday.Add(-time.Hour).Format(time.RFC3339) + "&end_date=" + monday.Add(time.Hour).Format(time.RFC3339) + "&page_size=500")
	kinds := map[any]int{}
	for _, row := range o["transaction_details"].([]any) {
		if at(row, "transaction_info", "transaction_event_code") == "T0006" {
			kinds[at(row, "transaction_info", "paypal_reference_id_type")]++
		}
	}
	if kinds["ODR"] == 0 || kinds["TXN"] == 0 || kinds[nil] < 3 || len(kinds) != 3 {
		t.Errorf("rows by type of reference: %v", kinds)
	}
}
