package stripe

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// form is a tree of request parameters: metadata[a]=b, items[0][price]=c and
// expand[]=d as Stripe nests them.
type form struct {
	val  string
	set  bool
	keys []string
	kids map[string]*form
}

// parseForm keeps the order of keys, which url.ParseQuery loses and a[]=x needs.
func parseForm(query string) (*form, error) {
	root := &form{}
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(k)
		if err != nil {
			return nil, badRequest("", "parameter name is not URL-encoded: "+k)
		}
		val, err := url.QueryUnescape(v)
		if err != nil {
			return nil, badRequest(key, "value is not URL-encoded")
		}
		root.put(path(key), val)
	}
	return root, nil
}

// path splits a[b][c] into a, b, c.
func path(key string) []string {
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(key, "]", ""), "[", "\x00"), "\x00")
}

// put takes an empty key, as in a[]=x, for the next index.
func (f *form) put(path []string, val string) {
	if len(path) == 0 {
		f.val, f.set = val, true
		return
	}
	key := path[0]
	if key == "" {
		key = strconv.Itoa(len(f.keys))
	}
	if f.kids == nil {
		f.kids = map[string]*form{}
	}
	kid := f.kids[key]
	if kid == nil {
		kid = &form{}
		f.kids[key] = kid
		f.keys = append(f.keys, key)
	}
	kid.put(path[1:], val)
}

// get returns the parameter at path; an empty one when it was not given.
func (f *form) get(path ...string) *form {
	for _, p := range path {
		kid := f.kids[p]
		if kid == nil {
			return &form{}
		}
		f = kid
	}
	return f
}

// given is whether the parameter was sent at all, even empty.
func (f *form) given(path ...string) bool {
	g := f.get(path...)
	return g.set || len(g.keys) > 0
}

func (f *form) str(path ...string) string {
	return f.get(path...).val
}

func (f *form) flag(path ...string) bool {
	return f.str(path...) == "true"
}

// num reads an integer, or answers Stripe's parameter_invalid_integer.
func (f *form) num(path ...string) (int64, error) {
	g := f.get(path...)
	if !g.set || g.val == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(g.val, 10, 64)
	if err != nil {
		return 0, invalid("parameter_invalid_integer", strings.Join(path, "."), "Invalid integer: "+g.val)
	}
	return n, nil
}

// rows are the entries of an indexed list, in the order of their indexes.
func (f *form) rows(path ...string) []*form {
	g := f.get(path...)
	keys := slices.Clone(g.keys)
	slices.SortStableFunc(keys, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	out := make([]*form, len(keys))
	for i, k := range keys {
		out[i] = g.kids[k]
	}
	return out
}

func (f *form) strs(path ...string) []string {
	var out []string
	for _, r := range f.rows(path...) {
		out = append(out, r.val)
	}
	return out
}

// strmap reads a map such as metadata; never nil.
func (f *form) strmap(path ...string) map[string]string {
	g := f.get(path...)
	out := make(map[string]string, len(g.keys))
	for _, k := range g.keys {
		out[k] = g.kids[k].val
	}
	return out
}

// merge applies a metadata update: an empty value removes its key, and an empty
// parameter removes all.
func (f *form) merge(old map[string]string, name string) map[string]string {
	g := f.get(name)
	if g.set && len(g.keys) == 0 {
		return map[string]string{}
	}
	out := make(map[string]string, len(old)+len(g.keys))
	for k, v := range old {
		out[k] = v
	}
	for _, k := range g.keys {
		if v := g.kids[k].val; v == "" {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// canonical is the same for the same parameters in any order.
func (f *form) canonical() string {
	var b strings.Builder
	f.write(&b)
	return b.String()
}

func (f *form) write(b *strings.Builder) {
	if f.set {
		b.WriteString(strconv.Quote(f.val))
	}
	for _, k := range slices.Sorted(slices.Values(f.keys)) {
		b.WriteString(strconv.Quote(k) + "{")
		f.kids[k].write(b)
		b.WriteByte('}')
	}
}
