package provider

// Unlister is implemented by drivers some of whose objects are in no list: the
// service learns of them by webhook and has to look at each by itself.
type Unlister interface {
	Driver
	// Unlisted reports whether an object of a listed kind is in no list.
	Unlisted(ref Ref) bool
}
