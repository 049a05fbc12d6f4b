package sim

// IDs makes ids that look random and depend on the seed alone. Each prefix counts by
// itself, so that more objects of one kind do not change the ids of another. It is
// not safe for concurrent use.
type IDs struct {
	seed   uint64
	counts map[string]uint64
}

// NewIDs returns ids of which none has been given out.
func NewIDs(seed uint64) *IDs { return &IDs{seed, map[string]uint64{}} }

// Next counts an id of a prefix, and gives the number that its text is made of.
func (i *IDs) Next(prefix string) (count, number uint64) {
	i.counts[prefix]++
	count = i.counts[prefix]
	return count, Hash(i.seed^count*0x9e3779b97f4a7c15, prefix)
}

// Count is how many ids of a prefix were given out.
func (i *IDs) Count(prefix string) uint64 { return i.counts[prefix] }

// Text is the next id of a prefix, without the prefix, in an alphabet.
func (i *IDs) Text(prefix string, length int, alphabet string) string {
	_, x := i.Next(prefix)
	b := make([]byte, length)
	for n := range b {
		x = Mix(x)
		b[n] = alphabet[x%uint64(len(alphabet))]
	}
	return string(b)
}

// Hash makes a number of a number and a text.
func Hash(x uint64, text string) uint64 {
	for _, c := range text {
		x = (x ^ uint64(c)) * 0x100000001b3
	}
	return x
}

// Mix is a step from one number to another that has nothing to do with it.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	return x ^ x>>27
}
