package words

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// Pack is what rules outside of us ask a message to state.
type Pack struct {
	Name string `json:"name"`
	// Source says where that is from and when it was read. It is no legal advice.
	Source string `json:"source"`
	// Messages lists facts by message.
	Messages map[string][]string `json:"messages"`
}

//go:embed rules.json
var packTable []byte

var packs = sync.OnceValue(func() []Pack {
	var all []Pack
	if err := json.Unmarshal(packTable, &all); err != nil {
		panic(err) // embedded, and read by every test
	}
	return all
})

// PackNamed returns a pack of rules; an error names those that there are.
func PackNamed(name string) (Pack, error) {
	var names []string
	for _, p := range packs() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Pack{}, fmt.Errorf("there are no rules %q: there are %s", name, strings.Join(names, ", "))
}
