package paypal

import (
	"maps"
	"time"

	"github.com/trivetdev/trivet/sim"
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
	old              sim.Past[version]
}

func (h *head) about() *head { return h }

// twofold is a resource that is shown in a second shape as well.
type twofold interface {
	resource
	second(s *Server) obj
}

// version is what stale reads still see, in both shapes.
type version struct{ doc, second obj }

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
	return prefix + s.ids.Text(prefix, length, idAlphabet)
}

func (s *Server) newHead(prefix string, length int) head {
	return head{id: s.newID(prefix, length), created: s.now, updated: s.now}
}

// fresh lets reads not find a new resource for a moment.
func (s *Server) fresh(r resource) {
	r.about().old.Made(s.faults, s.now)
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
	h.old.Changed(s.faults, s.now, before)
}

// view is what a read of r answers at this moment; ok is false while a stale
// read does not find it.
func (s *Server) view(r resource) (d obj, ok bool) {
	if !s.req.write {
		if before, there, stale := r.about().old.Read(s.faults, s.now); stale {
			return maps.Clone(before.doc), there
		}
	}
	return r.render(s), true
}

// viewSecond is view for the second shape.
func (s *Server) viewSecond(r twofold) (d obj, ok bool) {
	if !s.req.write {
		if before, there, stale := r.about().old.Read(s.faults, s.now); stale {
			return maps.Clone(before.second), there
		}
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
func stamp(t time.Time) any { return sim.Stamp("2006-01-02T15:04:05Z", t) }

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
