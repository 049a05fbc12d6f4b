package stripe

import "github.com/trivetdev/trivet/provider/strict"

// isName reports whether a text can be the id of a Stripe object.
func isName(text string) bool { return strict.Word(text, 255, "_") }

// isType reports whether a text can be the type of an event.
func isType(text string) bool { return strict.Word(text, 128, "_.") }

// idIn reads the id of a related object, which Stripe writes either as a string
// or, expanded, as an object with an id. Empty if it is neither or not an id.
func idIn(object strict.Object, field string) string {
	id := object.Text(field)
	if expanded, err := strict.Members(object[field]); err == nil {
		id = expanded.Text("id")
	}
	if !isName(id) {
		return ""
	}
	return id
}
