package lemonsqueezy

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// show makes the call that reads one resource of a type.
func show[T resource](typ string) operation {
	return func(c *call) (doc, error) {
		r, err := find[T](c.s, typ, c.id())
		if err != nil {
			return nil, err
		}
		return c.single(r)
	}
}

// single is the document of one resource.
func (c *call) single(r resource) (doc, error) {
	a, ok := c.s.view(r)
	if !ok {
		return nil, notFound()
	}
	d := doc{
		{"jsonapi", doc{{"version", "1.0"}}},
		{"links", doc{{"self", c.s.self(r)}}},
		{"data", c.s.object(r, a, c.includes())},
	}
	return c.s.include(d, []resource{r}, c.includes()), nil
}

func (s *Server) self(r resource) string {
	return "https://api.lemonsqueezy.com/v1/" + r.about().typ + "/" + r.about().id
}

func (c *call) includes() []string {
	if text := c.r.URL.Query().Get("include"); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

// object is a resource as JSON:API shows it. Related resources are named only if
// they are included.
func (s *Server) object(r resource, attributes doc, includes []string) doc {
	h := r.about()
	relationships := doc{}
	for _, name := range includes {
		var names []any
		for _, other := range s.related(r, name) {
			names = append(names, doc{{"type", other.about().typ}, {"id", other.about().id}})
		}
		if names == nil {
			names = []any{}
		}
		var data any = names
		if name == "order" { // one, not many
			data = names[0]
		}
		relationships = append(relationships, field{name, doc{{"data", data}}})
	}
	return doc{
		{"type", h.typ}, {"id", h.id}, {"attributes", attributes}, {"relationships", relationships},
		{"links", doc{{"self", s.self(r)}}},
	}
}

// related lists the resources of a relation.
func (s *Server) related(r resource, name string) (others []resource) {
	switch o := r.(type) {
	case *order:
		if name == typeOrderItem {
			others = append(others, o.item)
		}
		if name == typeSubscription && o.subscription != nil {
			others = append(others, o.subscription)
		}
	case *customer:
		if name == typeOrder || name == typeSubscription {
			for _, other := range s.table(name).rows {
				if other.about().customer == o.customer {
					others = append(others, other)
				}
			}
		}
	case *subscription:
		if name == "order" {
			others = append(others, o.order)
		}
	}
	return others
}

// include adds the related resources to a document.
func (s *Server) include(d doc, rows []resource, includes []string) doc {
	if len(includes) == 0 {
		return d
	}
	included := []any{}
	for _, r := range rows {
		for _, name := range includes {
			for _, other := range s.related(r, name) {
				included = append(included, s.object(other, other.attributes(s), nil))
			}
		}
	}
	return append(d, field{"included", included})
}

// listOf makes the call that lists a type, with filters by attributes.
func listOf(typ string, filters ...string) operation {
	return func(c *call) (doc, error) {
		query := c.r.URL.Query()
		for name := range query {
			if filter, is := strings.CutPrefix(name, "filter["); is && !slices.Contains(filters, strings.TrimSuffix(filter, "]")) {
				return nil, &apiError{status: 400, title: "Invalid Query Parameter", detail: "Filter parameter " + filter + " is not allowed."}
			}
		}
		var rows []resource
		if !c.s.blind {
			rows = c.s.matching(typ, filters, query)
		}
		return c.page(typ, rows, query)
	}
}

// matching lists the rows that the filters let through, newest first.
func (s *Server) matching(typ string, filters []string, query url.Values) (rows []resource) {
	wanted := map[string]string{}
	for _, name := range filters {
		if want := query.Get("filter[" + name + "]"); want != "" {
			wanted[name] = want
		}
	}
	all := s.table(typ).rows
	for i := len(all) - 1; i >= 0; i-- {
		var attributes doc
		keep := true
		for name, want := range wanted {
			if attributes == nil {
				attributes = all[i].attributes(s)
			}
			keep = keep && shown(attributes.Val(name)) == want
		}
		if keep {
			rows = append(rows, all[i])
		}
	}
	return rows
}

// shown is an attribute as a filter compares it.
func shown(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return itoa(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// page cuts one page out of rows. Pages are counted by offset: a row added
// meanwhile moves all others, so that the next page begins with rows that were on
// the one before. The fault that shifts pages repeats some in the same way.
func (c *call) page(typ string, rows []resource, query url.Values) (doc, error) {
	size, number := 10, 1
	if text := query.Get("page[size]"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			return nil, &apiError{status: 400, title: "Invalid Query Parameter", detail: "The page size must be between 1 and 100."}
		}
		size = n
	}
	if text := query.Get("page[number]"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, &apiError{status: 400, title: "Invalid Query Parameter", detail: "The page number must be at least 1."}
		}
		number = n
	}
	last := max(1, (len(rows)+size-1)/size)
	from := min(len(rows), (number-1)*size)
	to := min(len(rows), from+size)
	if number > 1 && from < len(rows) {
		from = max(0, from-c.s.faults.Shift())
	}
	data := []any{}
	for _, r := range rows[from:to] {
		if a, ok := c.s.view(r); ok {
			data = append(data, c.s.object(r, a, c.includes()))
		}
	}
	return c.s.include(doc{
		{"meta", doc{{"page", doc{
			{"currentPage", number}, {"from", min(from+1, len(rows))}, {"lastPage", last}, {"perPage", size}, {"to", to}, {"total", len(rows)},
		}}}},
		{"jsonapi", doc{{"version", "1.0"}}},
		{"links", c.links(typ, query, number, last)},
		{"data", data},
	}, rows[from:to], c.includes()), nil
}

// links has next only where there is a page after this one.
func (c *call) links(typ string, query url.Values, number, last int) doc {
	link := func(n int) string {
		query.Set("page[number]", itoa(n))
		return "https://api.lemonsqueezy.com/v1/" + typ + "?" + query.Encode()
	}
	d := doc{{"first", link(1)}, {"last", link(last)}}
	if number < last {
		d = append(d, field{"next", link(number + 1)})
	}
	if number > 1 {
		d = append(d, field{"prev", link(number - 1)})
	}
	return d
}
