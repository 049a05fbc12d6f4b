package lemonsqueezy

import (
	"fmt"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// The JSON:API types of resources.
const (
	typeStore        = "stores"
	typeVariant      = "variants"
	typePrice        = "prices"
	typeDiscount     = "discounts"
	typeCustomer     = "customers"
	typeCheckout     = "checkouts"
	typeOrder        = "orders"
	typeOrderItem    = "order-items"
	typeSubscription = "subscriptions"
	typeInvoice      = "subscription-invoices"
	typeWebhook      = "webhooks"
)

// resource is any object with an id that the API can show.
type resource interface {
	about() *head
	// attributes is what the API shows of it.
	attributes(s *Server) doc
}

// head is what all resources have. IDs are small numbers, counted by type, so that
// an order and an invoice often have the same; checkouts have UUIDs.
type head struct {
	id       string
	typ      string
	store    int
	customer int
	created  time.Time
	updated  time.Time
	old      sim.Past[doc]
}

func (h *head) about() *head { return h }

// table holds all resources of one type in order of creation.
type table struct {
	rows []resource
	byID map[string]resource
	next int
}

// table makes tables on first use, so that a type needs no registration.
func (s *Server) table(typ string) *table {
	t := s.tables[typ]
	if t == nil {
		t = &table{byID: map[string]resource{}}
		s.tables[typ] = t
	}
	return t
}

// newHead gives out the next number of a type, in the first store.
func (s *Server) newHead(typ string, customer int) head {
	t := s.table(typ)
	t.next++
	return head{id: itoa(t.next), typ: typ, store: 1, customer: customer, created: s.now, updated: s.now}
}

// uuid makes a UUID that depends on the seed and a name.
func (s *Server) uuid(name string, n int) string {
	x := sim.Hash(s.cfg.Seed^uint64(n)*0x9e3779b97f4a7c15, name)
	var half [2]uint64
	for i := range half {
		x = sim.Mix(x) * 0x94d049bb133111eb
		x ^= x >> 31
		half[i] = x
	}
	a, b := half[0], half[1]
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

// add stores a new resource and announces it by the given events.
func (s *Server) add(r resource) {
	h := r.about()
	t := s.table(h.typ)
	t.rows = append(t.rows, r)
	t.byID[h.id] = r
	h.old.Made(s.faults, s.now)
}

// edit changes a resource. Every change goes through here: it keeps what stale
// reads see, and moves updated_at.
func (s *Server) edit(r resource, change func()) {
	h := r.about()
	before := r.attributes(s)
	change()
	h.updated = s.now
	h.old.Changed(s.faults, s.now, before)
}

// view is what a read of r answers at this moment; ok is false while a stale read
// does not find it.
func (s *Server) view(r resource) (attributes doc, ok bool) {
	if !s.writing {
		if before, there, stale := r.about().old.Read(s.faults, s.now); stale {
			return before, there
		}
	}
	return r.attributes(s), true
}

// find returns a resource of a type by id, or a 404.
func find[T resource](s *Server, typ, id string) (T, error) {
	r, ok := s.table(typ).byID[id].(T)
	if !ok || s.blind {
		var none T
		return none, notFound()
	}
	return r, nil
}

// rowsOf returns all resources of a type, oldest first.
func rowsOf[T resource](s *Server, typ string) []T {
	return sim.As[T](s.table(typ).rows)
}

// ofCustomer returns a customer's resources of one type, oldest first.
func ofCustomer[T resource](s *Server, typ string, customer int) []T {
	var out []T
	for _, r := range rowsOf[T](s, typ) {
		if r.about().customer == customer {
			out = append(out, r)
		}
	}
	return out
}

// number is a resource's id where it is a number.
func (h *head) number() int {
	n := 0
	for _, c := range h.id {
		n = n*10 + int(c-'0')
	}
	return n
}
