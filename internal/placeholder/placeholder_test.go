package placeholder

import (
	"testing"

	"pgregory.net/rapid"
)

func TestIs(t *testing.T) {
	for _, text := range []string{
		"...", "sk_test_...", "sk_…", "sk_live_51H...xyz", "***", "sk_live_****abcd", "xxx", "XXX", "sk_test_xxx", "sk_live_XXXXXXXX",
		"xxxx-xxxx-xxxx", "sk_test_51Hxxxxxxxxxxxxxxxxxxxx", "whsec_xxx", "changeme", "CHANGE_ME", "change-this", "pdl_ntfset_changeme",
		"replace-this", "replace_me_with_your_key", "your_api_key", "YOUR-KEY", "yourkey", "YOURSECRETKEY", "your-secret-here", "my-api-key",
		"sk_live_YOUR_KEY", "whsec_your_secret", "pdl_ntfset_your_secret", "your-client-id", "paste-key-here", "sk_live_key", "whsec_secret",
		"<key>", "<id>", "sk_live_<key>", "${STRIPE_KEY}", "$STRIPE_KEY", "{{ key }}", "[your key]", "TODO", "tbd", "placeholder", "sk_test_placeholder",
		"example", "none", "null", "undefined", "sk_test_", "sk_test", "whsec_", "pdl_live_apikey_", "pdl_ntfset_", " changeme\n",
	} {
		if !Is(text) {
			t.Errorf("%q is taken for a secret", text)
		}
	}
	for _, text := range []string{
		"", "a", "w", "a1b2", "hunter2", "sk_test_1", "sk_test_sim", "rk_live_abc", "sk_test_51HxxxYz", "whsec_test", "todolist", "key-your",
		"pdl_live_apikey_01hv8gptv5x7g", "pdl_ntfset_01h_abc", "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.sig", "replacement-Part-9",
		"$ecret<with>signs", "a.b..c", "secret", "pdl_ntfset_secret", "My-dog-ate-it-2019",
	} {
		if Is(text) {
			t.Errorf("%q is taken for a placeholder", text)
		}
	}
}

// secrets are the random parts of genuine secrets behind what they begin with, with
// a word in it as it comes about sooner or later.
var secrets = map[string]*rapid.Generator[string]{
	"Stripe key":           rapid.StringMatching(`(sk|rk)_(test|live)_51[A-Za-z0-9]{14,104}`),
	"old Stripe key":       rapid.StringMatching(`sk_live_[A-Za-z0-9]{24}`),
	"Stripe secret":        rapid.StringMatching(`whsec_[A-Za-z0-9]{32}`),
	"PayPal id or secret":  rapid.StringMatching(`[AE][A-Za-z0-9_-]{79}`),
	"PayPal webhook":       rapid.StringMatching(`[0-9A-Z]{17}`),
	"Paddle key":           rapid.StringMatching(`pdl_(live|sdbx)_apikey_[0-9a-z]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}`),
	"Paddle secret":        rapid.StringMatching(`pdl_ntfset_[0-9a-z]{26}_[A-Za-z0-9+/]{32}`),
	"Lemon Squeezy key":    rapid.StringMatching(`eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9\.[A-Za-z0-9_-]{300}\.[A-Za-z0-9_-]{683}`),
	"Lemon Squeezy secret": rapid.StringMatching(`[A-Za-z0-9]{16,40}`),
	"our own":              rapid.StringMatching(`(trivet_)?[A-Za-z0-9]{22,64}`),
	"standard webhooks":    rapid.StringMatching(`whsec_[A-Za-z0-9+/]{32,43}=?`),
	"a word by chance": rapid.StringMatching(`(sk_live_51|whsec_|pdl_ntfset_|)[A-Za-z0-9]{4,12}` +
		`(xxx|todo|your|YOUR|replace|Placeholder|changeme|secret|key|here|none)[A-Za-z0-9]{12,90}`),
}

// TestGenuineSecretsAreNoPlaceholders: whatever a provider draws at random, we take.
func TestGenuineSecretsAreNoPlaceholders(t *testing.T) {
	for name, secret := range secrets {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			if text := secret.Draw(t, "secret"); Is(text) {
				t.Fatalf("%s is taken for a placeholder", text)
			}
		}))
	}
}
