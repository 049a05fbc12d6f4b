package paddle

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query is one list call: which table, the most rows of a page, which of its
// filters are indexed, and a test for the others.
type query struct {
	kind    string
	most    int
	few     int // rows of a page unless asked for another number; 50 when zero
	indexed []string
	// byTime are the timestamps that can be filtered and ordered by.
	byTime map[string]func(resource) time.Time
	keep   func(resource) bool
	show   func(resource, doc) doc
}

// sorting is the part of a list call that puts rows in order.
type sorting struct {
	field string
	up    bool
}

// list answers one page.
func (c *call) list(q query) (answered, error) {
	values := c.r.URL.Query()
	limit, err := c.limit(values, q)
	if err != nil {
		return answered{}, err
	}
	order, err := readOrder(values.Get("order_by"), q)
	if err != nil {
		return answered{}, err
	}
	rows, err := c.matching(values, q)
	if err != nil {
		return answered{}, err
	}
	rows = order.sort(rows, q)
	start, err := c.start(values.Get("after"), rows, order, q)
	if err != nil {
		return answered{}, err
	}
	end := min(len(rows), start+limit)
	data := make([]any, 0, end-start)
	for _, r := range rows[start:end] {
		if d, ok := c.s.view(r); ok {
			if q.show != nil {
				d = q.show(r, d)
			}
			data = append(data, d)
		}
	}
	return answered{data: data, pages: c.pagination(values, rows, end, limit)}, nil
}

// pagination is meta.pagination; next is there even on the last page, as it is
// at Paddle.
func (c *call) pagination(values url.Values, rows []resource, end, limit int) doc {
	if end > 0 {
		values.Set("after", rows[end-1].about().id)
	}
	return doc{
		{"per_page", limit}, {"next", "https://api.paddle.com" + c.r.URL.Path + "?" + values.Encode()},
		{"has_more", end < len(rows)}, {"estimated_total", len(rows)},
	}
}

func (c *call) limit(values url.Values, q query) (int, error) {
	limit := q.few
	if limit == 0 {
		limit = min(50, q.most)
	}
	if text := values.Get("per_page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, badField("per_page", "Must be a number above 0")
		}
		limit = min(n, q.most)
	}
	return limit, nil
}

func readOrder(text string, q query) (sorting, error) {
	if text == "" {
		return sorting{field: "id"}, nil
	}
	name, direction, _ := strings.Cut(text, "[")
	order := sorting{field: name, up: direction == "ASC]"}
	if direction != "ASC]" && direction != "DESC]" || name != "id" && q.byTime[name] == nil {
		return order, badField("order_by", "Invalid order_by")
	}
	return order, nil
}

func (o sorting) sort(rows []resource, q query) []resource {
	rows = slices.Clone(rows)
	if at := q.byTime[o.field]; at != nil {
		slices.SortStableFunc(rows, func(a, b resource) int { return at(a).Compare(at(b)) })
	}
	if !o.up {
		slices.Reverse(rows)
	}
	return rows
}

// start finds the row behind the cursor; a fault repeats some of the page before.
func (c *call) start(after string, rows []resource, o sorting, q query) (int, error) {
	if after == "" {
		return 0, nil
	}
	r := c.s.all[after]
	if r == nil || r.about().kind != q.kind {
		return 0, badField("after", "Invalid after")
	}
	for i, row := range rows {
		if row == r {
			if i >= 4 {
				i -= c.s.faults.Shift()
			}
			return i + 1, nil
		}
	}
	// The row no longer matches the filter: go on where it would be.
	for i, row := range rows {
		if before := row.about().pos < r.about().pos; q.byTime[o.field] == nil && before != o.up {
			return i, nil
		}
	}
	return len(rows), nil
}

// matching narrows the table by the filters of the query.
func (c *call) matching(values url.Values, q query) ([]resource, error) {
	t := c.s.table(q.kind)
	rows := t.Rows
	if ids := values.Get("id"); ids != "" {
		rows = nil
		for id := range strings.SplitSeq(ids, ",") {
			if r := c.s.all[id]; r != nil && r.about().kind == q.kind {
				rows = append(rows, r)
			}
		}
	}
	for _, name := range q.indexed {
		text := values.Get(name)
		if text == "" {
			continue
		}
		var found []resource
		for value := range strings.SplitSeq(text, ",") {
			found = append(found, t.Having(name, value)...)
		}
		rows = intersect(rows, found, len(rows) == len(t.Rows))
	}
	var kept []resource
	for _, r := range rows {
		ok, err := c.inTime(values, q, r)
		if err != nil {
			return nil, err
		}
		if ok && (q.keep == nil || q.keep(r)) {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// intersect keeps the order of creation.
func intersect(rows, found []resource, whole bool) []resource {
	slices.SortFunc(found, func(a, b resource) int { return a.about().pos - b.about().pos })
	if whole {
		return found
	}
	return slices.DeleteFunc(found, func(r resource) bool { return !slices.Contains(rows, r) })
}

// inTime tests filters such as updated_at[GTE].
func (c *call) inTime(values url.Values, q query, r resource) (bool, error) {
	for key, given := range values {
		name, operator, _ := strings.Cut(key, "[")
		at := q.byTime[name]
		if at == nil {
			continue
		}
		want, err := time.Parse(time.RFC3339Nano, given[0])
		if err != nil {
			return false, &apiError{status: 400, code: "invalid_time_query_parameter", detail: "Invalid " + key}
		}
		order := at(r).Compare(want)
		fits := map[string]bool{"": order == 0, "LT]": order < 0, "LTE]": order <= 0, "GT]": order > 0, "GTE]": order >= 0}
		if !fits[operator] {
			return false, nil
		}
	}
	return true, nil
}

// oneOf tests a comma-separated filter; an empty one lets everything through.
func oneOf(filter, value string) bool {
	return filter == "" || slices.Contains(strings.Split(filter, ","), value)
}
