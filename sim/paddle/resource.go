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

// table holds all resources of one kind.
type table = sim.Table[resource]

// idAlphabet is Crockford's base 32, in small letters as Paddle writes it.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// newID makes an id that looks like Paddle's: ten characters of time and sixteen
// more, so that ids of one kind sort by age. Each prefix counts by itself, so that
// more objects of one kind do not change the ids of another.
func (s *Server) newID(prefix string) string {
	count, x := s.ids.Next(prefix)
	b := make([]byte, 26)
	put := func(from, to int, n uint64) {
		for i := to - 1; i >= from; i-- {
			b[i] = idAlphabet[n%32]
			n /= 32
		}
	}
	put(0, 10, uint64(s.now.UnixMilli()))
	put(10, 16, count)
	put(16, 26, sim.Mix(x))
	return prefix + "_" + string(b)
}

func (s *Server) newHead(kind, prefix, customer string) head {
	return head{id: s.newID(prefix), kind: kind, customer: customer, created: s.now, updated: s.now}
}

// table makes tables on first use, so that a kind needs no registration.
func (s *Server) table(kind string) *table {
	t := s.tables[kind]
	if t == nil {
		t = sim.NewTable(func(r resource) int { return r.about().pos })
		s.tables[kind] = t
	}
	return t
}

// add stores a new resource and announces it by the given event types.
func (s *Server) add(r resource, events ...string) {
	h := r.about()
	h.pos = s.table(h.kind).Add(r)
	s.all[h.id] = r
	s.index(r, "customer_id", h.customer)
	h.old.Made(s.faults, s.now)
	for _, e := range events {
		s.emit(e, r)
	}
}

// index makes r findable by a list filter.
func (s *Server) index(r resource, filter, value string) {
	s.table(r.about().kind).Index(r, filter, value)
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
func rowsOf[T resource](s *Server, kind string) []T { return sim.As[T](s.table(kind).Rows) }

// having returns the resources of a kind that an index knows, oldest first.
func having[T resource](s *Server, kind, filter, value string) []T {
	return sim.As[T](s.table(kind).Having(filter, value))
}
