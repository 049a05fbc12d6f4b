package stripe

import (
	"slices"
	"strings"
)

// includer is a resource with fields that are left out unless expanded.
type includer interface {
	include(s *Server, key string) (any, bool)
}

// expandAll follows the paths of a call. More than four levels are refused, data
// of a list included.
func (s *Server) expandAll(d doc, paths []string) error {
	for _, p := range paths {
		steps := strings.Split(p, ".")
		if len(steps) > 4 {
			return badRequest("expand", "You cannot expand more than 4 levels of a property. Property: "+p)
		}
		if err := s.expandDoc(d, steps, p); err != nil {
			return err
		}
	}
	return nil
}

// expandDoc replaces the id at the first step by its object, in place, and goes
// on inside it.
func (s *Server) expandDoc(d doc, steps []string, whole string) error {
	if len(steps) == 0 {
		return nil
	}
	i := d.At(steps[0])
	if i < 0 {
		return badRequest("expand", "This property cannot be expanded ("+whole+").")
	}
	val, err := s.expandValue(d[i].Val, steps, whole)
	d[i].Val = val
	return err
}

// expandValue goes into whatever a step leads to: an id, an object or a list.
func (s *Server) expandValue(v any, steps []string, whole string) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		r := s.all[v]
		if r == nil {
			return v, badRequest("expand", "This property cannot be expanded ("+whole+").")
		}
		d, ok := s.view(r)
		if !ok {
			d = r.render(s)
		}
		d = s.withIncluded(r, d, steps[1:])
		return d, s.expandDoc(d, steps[1:], whole)
	case doc:
		d := slices.Clone(v)
		if r := s.all[d.Str("id")]; r != nil {
			d = s.withIncluded(r, d, steps[1:])
		}
		return d, s.expandDoc(d, steps[1:], whole)
	case []any:
		out := slices.Clone(v)
		for i := range out {
			val, err := s.expandValue(out[i], steps, whole)
			if err != nil {
				return out, err
			}
			out[i] = val
		}
		return out, nil
	}
	return v, badRequest("expand", "This property cannot be expanded ("+whole+").")
}

// withIncluded adds the field that the next step names, when it is one that is
// left out by default.
func (s *Server) withIncluded(r resource, d doc, steps []string) doc {
	inc, ok := r.(includer)
	if !ok || len(steps) == 0 || d.At(steps[0]) >= 0 {
		return d
	}
	if v, ok := inc.include(s, steps[0]); ok {
		d = append(slices.Clip(d), field{steps[0], v})
	}
	return d
}

// show renders a resource as the answer of a call.
func (c *call) show(r resource) (doc, error) {
	d, ok := c.s.view(r)
	if !ok {
		return nil, noSuch(r.about().kind, r.about().id)
	}
	paths := c.form.strs("expand")
	for _, p := range paths {
		first, _, _ := strings.Cut(p, ".")
		d = c.s.withIncluded(r, d, []string{first})
	}
	return d, c.s.expandAll(d, paths)
}
