package stripe

import (
	"slices"
	"strings"

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
	created  int64
	pos      int
	// gone hides a deleted object from lists.
	gone bool
	old  sim.Past[doc]
}

func (h *head) about() *head { return h }

// table holds all resources of one kind in order of creation, with indexes for
// the filters that lists are asked for.
type table struct {
	rows  []resource
	next  int
	index map[string][]resource
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newID makes an id that looks like Stripe's. Each prefix counts by itself, so
// that more objects of one kind do not change the ids of another.
func (s *Server) newID(prefix string, length int) string {
	s.counts[prefix]++
	x := s.cfg.Seed ^ s.counts[prefix]*0x9e3779b97f4a7c15
	for _, c := range prefix {
		x = (x ^ uint64(c)) * 0x100000001b3
	}
	b := make([]byte, length)
	for i := range b {
		x ^= x >> 30
		x *= 0xbf58476d1ce4e5b9
		x ^= x >> 27
		b[i] = idAlphabet[x%62]
	}
	return prefix + "_" + string(b)
}

func (s *Server) newHead(kind, prefix string, length int, customer string) head {
	return head{id: s.newID(prefix, length), kind: kind, customer: customer, created: s.now.Unix()}
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
	s.index(r, "customer", h.customer)
	h.old.Made(s.faults, s.now)
	for _, e := range events {
		s.emit(e, r, nil)
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
// here: it keeps what stale reads see, and works out previous_attributes.
func (s *Server) edit(r resource, change func(), events ...string) {
	if s.muted {
		change()
		return
	}
	before := r.render(s)
	change()
	after := r.render(s)
	diff := changed(before, after)
	if len(diff) == 0 {
		return
	}
	h := r.about()
	h.old.Changed(s.faults, s.now, before)
	for _, e := range events {
		if strings.HasSuffix(e, ".updated") || e == "charge.refunded" {
			s.emit(e, r, diff)
		} else {
			s.emit(e, r, nil)
		}
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
func find[T resource](s *Server, what, id string) (T, error) {
	r, ok := s.all[id].(T)
	switch {
	case !ok:
		return r, noSuch(what, id)
	case s.req.blind:
		var none T
		return none, otherModeOnly(what, id, s.cfg.Live)
	}
	return r, nil
}

// rowsOf returns all resources of a kind, oldest first.
func rowsOf[T resource](s *Server, kind string) []T {
	rows := s.table(kind).rows
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = r.(T)
	}
	return out
}

// ofCustomer returns a customer's resources of one kind, oldest first.
func ofCustomer[T resource](s *Server, kind, customer string) []T {
	rows := s.table(kind).index["customer="+customer]
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = r.(T)
	}
	return out
}
