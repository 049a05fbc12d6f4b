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

// table holds all resources of one kind.
type table = sim.Table[resource]

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newID makes an id that looks like Stripe's. Each prefix counts by itself, so
// that more objects of one kind do not change the ids of another.
func (s *Server) newID(prefix string, length int) string {
	return prefix + "_" + s.ids.Text(prefix, length, idAlphabet)
}

func (s *Server) newHead(kind, prefix string, length int, customer string) head {
	return head{id: s.newID(prefix, length), kind: kind, customer: customer, created: s.now.Unix()}
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
	s.index(r, "customer", h.customer)
	h.old.Made(s.faults, s.now)
	for _, e := range events {
		s.emit(e, r, nil)
	}
}

// index makes r findable by a list filter.
func (s *Server) index(r resource, filter, value string) {
	s.table(r.about().kind).Index(r, filter, value)
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
func rowsOf[T resource](s *Server, kind string) []T { return sim.As[T](s.table(kind).Rows) }

// ofCustomer returns a customer's resources of one kind, oldest first.
func ofCustomer[T resource](s *Server, kind, customer string) []T {
	return sim.As[T](s.table(kind).Having("customer", customer))
}
