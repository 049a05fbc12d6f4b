package providertest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/provider"
)

// Without credentials nothing is skipped: the error says what to set.
func TestLiveNeeds(t *testing.T) {
	l := Live{
		Provider: "ACME", Needs: map[string]string{"API_KEY": "a key of the sandbox", "PRICE": "a price"},
		New: func(map[string]string, http.RoundTripper) (provider.Driver, error) { return nil, nil },
	}
	environment := map[string]string{}
	lookup := func(name string) string { return environment[name] }
	for _, name := range []string{"API_KEY", "PRICE"} {
		if _, err := l.settings(lookup); err == nil || !strings.Contains(err.Error(), "TRIVET_LIVE_ACME_"+name+": a ") {
			t.Errorf("%v does not name %s", err, name)
		}
		environment["TRIVET_LIVE_ACME_"+name] = "value of " + name
	}
	environment["TRIVET_LIVE_ACME_BASE_URL"] = "http://127.0.0.1:1"
	set, err := l.settings(lookup)
	if err != nil || set["API_KEY"] != "value of API_KEY" || set["BASE_URL"] != "http://127.0.0.1:1" {
		t.Errorf("%v, %v", set, err)
	}
	if _, err := (Live{}).settings(lookup); err == nil {
		t.Error("a harness without a way to the provider is taken")
	}
}
