package stripe

import (
	"slices"
	"strconv"
	"strings"
)

// query is one list call: which table, which of its indexed filters, and a test
// for the others.
type query struct {
	kind    string
	url     string
	indexed []string
	// within is an index entry, name=value, that the path itself names.
	within string
	keep   func(resource) bool
}

// page is the cursor part of a list call.
type page struct {
	limit         int
	after, before int // positions; -1 for none
	from, to      int64
}

func (s *Server) readPage(f *form, kind string) (page, error) {
	p := page{limit: 10, after: -1, before: -1, to: 1 << 62}
	if f.given("limit") {
		n, err := f.num("limit")
		if err != nil {
			return p, err
		}
		if n < 1 || n > 100 {
			return p, invalid("parameter_invalid_integer", "limit", "This value must be between 1 and 100.")
		}
		p.limit = int(n)
	}
	for name, pos := range map[string]*int{"starting_after": &p.after, "ending_before": &p.before} {
		id := f.str(name)
		if id == "" {
			continue
		}
		r := s.all[id]
		if r == nil || r.about().kind != kind {
			return p, noSuchParam(kind, name, id)
		}
		*pos = r.about().pos
	}
	return p, p.readCreated(f.get("created"))
}

func (p *page) readCreated(f *form) error {
	if f.set {
		n, err := f.num()
		p.from, p.to = n, n
		return err
	}
	for _, op := range f.keys {
		n, err := f.num(op)
		if err != nil {
			return err
		}
		switch op {
		case "gte":
			p.from = max(p.from, n)
		case "gt":
			p.from = max(p.from, n+1)
		case "lte":
			p.to = min(p.to, n)
		case "lt":
			p.to = min(p.to, n-1)
		default:
			return badRequest("created", "Received unknown parameter: created["+op+"]")
		}
	}
	return nil
}

// list answers one page, newest first.
func (c *call) list(q query) (doc, error) {
	s := c.s
	p, err := s.readPage(c.form, q.kind)
	if err != nil {
		return nil, err
	}
	var found []resource
	more := false
	if !s.req.blind {
		found, more = s.collect(q, p, s.candidates(q, c.form), c.form)
	}
	rows := make([]any, 0, len(found))
	for _, r := range found {
		if d, ok := s.view(r); ok {
			rows = append(rows, d)
		}
	}
	out := listDoc(q.url, rows, more)
	return out, s.expandAll(out, c.form.strs("expand"))
}

// candidates narrows the table by the first indexed filter that was given.
func (s *Server) candidates(q query, f *form) []resource {
	t := s.table(q.kind)
	if q.within != "" {
		name, value, _ := strings.Cut(q.within, "=")
		return t.Having(name, value)
	}
	for _, name := range q.indexed {
		if v := f.str(name); v != "" {
			return t.Having(name, v)
		}
	}
	return t.Rows
}

func (s *Server) collect(q query, p page, rows []resource, f *form) (found []resource, more bool) {
	keep := func(r resource) bool {
		h := r.about()
		return !h.gone && h.created >= p.from && h.created <= p.to && s.matches(q, r, f) && (q.keep == nil || q.keep(r))
	}
	position := func(pos int) int {
		i, _ := s.table(q.kind).Find(rows, pos)
		return i
	}
	if p.before >= 0 {
		for i := position(p.before + 1); i < len(rows); i++ {
			if len(found) == p.limit {
				slices.Reverse(found)
				return found, true
			}
			if keep(rows[i]) {
				found = append(found, rows[i])
			}
		}
		slices.Reverse(found)
		return found, false
	}
	start := len(rows) - 1
	if p.after >= 0 {
		start = min(start, position(p.after)-1+s.shift(p.after))
	}
	for i := start; i >= 0; i-- {
		if rows[i].about().created < p.from {
			return found, false
		}
		if !keep(rows[i]) {
			continue
		}
		if len(found) == p.limit {
			return found, true
		}
		found = append(found, rows[i])
	}
	return found, false
}

// shift repeats rows of the page before, but never so many that a page could
// make no progress.
func (s *Server) shift(after int) int {
	if after < 4 {
		return 0
	}
	return s.faults.Shift()
}

// matches tests the indexed filters after the first, which candidates used.
func (s *Server) matches(q query, r resource, f *form) bool {
	used := false
	for _, name := range q.indexed {
		v := f.str(name)
		if v == "" {
			continue
		}
		if !used {
			used = true
			continue
		}
		if !slices.Contains(s.table(q.kind).Having(name, v), r) {
			return false
		}
	}
	return true
}

func itoa(n int) string { return strconv.Itoa(n) }
