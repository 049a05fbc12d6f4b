package paypal

import (
	"maps"
	"time"
)

// obj is a JSON object; encoding/json sorts its keys, so that one world always
// writes the same bytes.
type obj map[string]any

// resource is any object with an id that the API can show.
type resource interface {
	about() *head
	render(s *Server) obj
}

// head is what all resources have.
type head struct {
	id               string
	created, updated time.Time
	old              *version
}

func (h *head) about() *head { return h }

// twofold is a resource that is shown in a second shape as well.
type twofold interface {
	resource
	second(s *Server) obj
}

// version is what stale reads still see, in both shapes; a nil doc means nothing
// yet.
type version struct {
	until       time.Time
	doc, second obj
}

// rows holds all resources of one kind in order of creation.
type rows[T resource] struct {
	all  []T
	byID map[string]T
}

func (r *rows[T]) add(x T) {
	if r.byID == nil {
		r.byID = map[string]T{}
	}
	r.all = append(r.all, x)
	r.byID[x.about().id] = x
}

const idAlphabet = "0123456789ABCDEFGHJKLMNPRSTUVWXY"

// newID makes an id that looks like PayPal's: a prefix, and capitals and digits.
// Each prefix counts by itself, so that more objects of one kind do not change
// the ids of another.
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
		b[i] = idAlphabet[x%32]
	}
	return prefix + string(b)
}

func (s *Server) newHead(prefix string, length int) head {
	return head{id: s.newID(prefix, length), created: s.now, updated: s.now}
}

// fresh lets reads not find a new resource for a moment.
func (s *Server) fresh(r resource) {
	if window := s.faults.Stale(); window > 0 {
		r.about().old = &version{until: s.now.Add(window)}
	}
}

// edit changes a resource. Every change goes through here: it keeps what stale
// reads see, with the time of the change before.
func (s *Server) edit(r resource, change func()) {
	before := version{doc: maps.Clone(r.render(s))}
	if both, has := r.(twofold); has {
		before.second = both.second(s)
	}
	change()
	h := r.about()
	h.updated = s.now
	lapsed := h.old == nil || s.now.After(h.old.until)
	if window := s.faults.Stale(); window > 0 && lapsed {
		before.until = s.now.Add(window)
		h.old = &before
	}
}

// stale decides whether a read of r sees the version before; nil if it does not.
func (s *Server) stale(r resource) *version {
	h := r.about()
	if h.old == nil || s.req.write {
		return nil
	}
	if s.now.After(h.old.until) {
		h.old = nil
		return nil
	}
	if !s.faults.StaleRead() {
		return nil
	}
	return h.old
}

// view is what a read of r answers at this moment; ok is false while a stale
// read does not find it.
func (s *Server) view(r resource) (d obj, ok bool) {
	if old := s.stale(r); old != nil {
		return maps.Clone(old.doc), old.doc != nil
	}
	return r.render(s), true
}

// viewSecond is view for the second shape.
func (s *Server) viewSecond(r twofold) (d obj, ok bool) {
	if old := s.stale(r); old != nil {
		return maps.Clone(old.second), old.second != nil
	}
	return r.second(s), true
}

// find returns a resource by id, or PayPal's 404.
func find[T resource](in *rows[T], id string) (T, error) {
	r, ok := in.byID[id]
	if !ok {
		return r, notFound()
	}
	return r, nil
}

// stamp is a time as PayPal writes it, nil for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// set adds a value unless there is none.
func (o obj) set(key string, value any) obj {
	switch v := value.(type) {
	case nil:
		return o
	case string:
		if v == "" {
			return o
		}
	}
	o[key] = value
	return o
}

// link is one entry of a HATEOAS list.
func (s *Server) link(rel, path, method string) obj {
	return obj{"href": s.cfg.APIURL + path, "rel": rel, "method": method}
}
