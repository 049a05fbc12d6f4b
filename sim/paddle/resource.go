package paddle

import (
	"bytes"
	"slices"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// resource is any object with an id that the API can show.
type resource interface {
	about() *head
	render(s *Server) doc
}

// head is what all resources have.
type head struct {
	id       string
	kind     string
	customer string
	created  time.Time
	updated  time.Time
	pos      int
	old      sim.Past[doc]
}

func (h *head) about() *head { return h }

// table holds all resources of one kind in order of creation, with indexes for
// the filters that lists are asked for.
type table struct {
	rows  []resource
	next  int
	index map[string][]resource
}

// idAlphabet is Crockford's base 32, in small letters as Paddle writes it.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// newID makes an id that looks like Paddle's: ten characters of time and sixteen
// more, so that ids of one kind sort by age. Each prefix counts by itself, so that
// more objects of one kind do not change the ids of another.
func (s *Server) newID(prefix string) string {
	s.counts[prefix]++
	b := make([]byte, 26)
	put := func(from, to int, n uint64) {
		for i := to - 1; i >= from; i-- {
			b[i] = idAlphabet[n%32]
			n /= 32
		}
	}
	put(0, 10, uint64(s.now.UnixMilli()))
	put(10, 16, s.counts[prefix])
	x := s.cfg.Seed ^ s.counts[prefix]*0x9e3779b97f4a7c15
	for _, c := range prefix {
		x = (x ^ uint64(c)) * 0x100000001b3
	}
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	put(16, 26, x)
	return prefix + "_" + string(b)
}

func (s *Server) newHead(kind, prefix, customer string) head {
	return head{id: s.newID(prefix), kind: kind, customer: customer, created: s.now, updated: s.now}
}

// table makes tables on first use, so that a kind needs no registration.
func (s *Server) table(kind string) *table {
	t := s.tables[kind]
	if t == nil {
		t = &table{index: map[string][]resource{}}
		s.tables[kind] = t
	}
	return t
}

// add stores a new resource and announces it by the given event types.
func (s *Server) add(r resource, events ...string) {
	h := r.about()
	t := s.table(h.kind)
	h.pos = t.next
	t.next++
	t.rows = append(t.rows, r)
	s.all[h.id] = r
	s.index(r, "customer_id", h.customer)
	h.old.Made(s.faults, s.now)
	for _, e := range events {
		s.emit(e, r)
	}
}

// index makes r findable by a list filter. Most rows come in order, so this is
// an append; a row that gets its value late is put where it belongs.
func (s *Server) index(r resource, filter, value string) {
	if value == "" {
		return
	}
	h := r.about()
	t := s.table(h.kind)
	key := filter + "=" + value
	rows := t.index[key]
	if n := len(rows); n == 0 || rows[n-1].about().pos < h.pos {
		t.index[key] = append(rows, r)
		return
	}
	i, found := slices.BinarySearchFunc(rows, h.pos, func(r resource, pos int) int { return r.about().pos - pos })
	if !found {
		t.index[key] = slices.Insert(rows, i, r)
	}
}

// edit changes a resource and announces the change. Every change goes through
// here: it keeps what stale reads see.
func (s *Server) edit(r resource, change func(), events ...string) {
	before := r.render(s)
	change()
	h := r.about()
	if bytes.Equal(sim.AppendJSON(nil, before), sim.AppendJSON(nil, r.render(s))) {
		return
	}
	h.updated = s.now
	h.old.Changed(s.faults, s.now, before)
	for _, e := range events {
		s.emit(e, r)
	}
}

// view is what a read of r answers at this moment; ok is false while a stale
// read does not find it.
func (s *Server) view(r resource) (d doc, ok bool) {
	if !s.req.write {
		if before, there, stale := r.about().old.Read(s.faults, s.now); stale {
			return slices.Clone(before), there
		}
	}
	return r.render(s), true
}

// find returns a resource of a type by id, or a 404.
func find[T resource](s *Server, id string) (T, error) {
	r, ok := s.all[id].(T)
	if !ok {
		return r, notFound(id)
	}
	return r, nil
}

// rowsOf returns all resources of a kind, oldest first.
func rowsOf[T resource](s *Server, kind string) []T { return typed[T](s.table(kind).rows) }

// having returns the resources of a kind that an index knows, oldest first.
func having[T resource](s *Server, kind, filter, value string) []T {
	return typed[T](s.table(kind).index[filter+"="+value])
}

func typed[T resource](rows []resource) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = r.(T)
	}
	return out
}
