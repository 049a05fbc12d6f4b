package paddle

import "github.com/trivetdev/trivet/provider/strict"

// isName reports whether a text can be the id of a Paddle object.
func isName(text string) bool { return strict.Word(text, 255, "_") }

// isType reports whether a text can be the type of an event.
func isType(text string) bool { return strict.Word(text, 128, "_.") }

// idIn reads an id; empty if it is none.
func idIn(object strict.Object, field string) string {
	if id := object.Text(field); isName(id) {
		return id
	}
	return ""
}
