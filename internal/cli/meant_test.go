package cli

import (
	"strings"
	"testing"
)

// TestMeant: what can be read and means nothing is wrong before the first sale is lost
// to it, with its line and what was probably meant, for the doctor as for the service.
func TestMeant(t *testing.T) {
	const accounts = "[providers.stripe]\nsecret_key = 'sk_test_1'\ningest = 'pull'\n" +
		"[providers.paypal]\nclient_id = 'id1'\nclient_secret = 'hush1'\ningest = 'pull'\n" +
		"[providers.paddle_eu]\nkind = 'paddle'\napi_key = 'pdl_live_apikey_1'\ningest = 'pull'\n" +
		"[providers.lemonsqueezy]\napi_key = 'eyJ1'\nstore = '1'\ningest = 'pull'\n"
	bind := func(section, names string) string {
		return strings.Replace(accounts, section+"]\n", section+"]\nbind = ["+names+"]\n", 1)
	}
	for name, tt := range map[string]struct{ file, says string }{
		"good": {bind("stripe", "'token', 'metadata.user_id', 'client_reference_id'") + "[[plan]]\nid = 'a'\nprices.paypal = ['pass:5.00USD', 'P-1']\nprices.stripe = ['price_1']\n" +
			"[policy.dunning]\nreceipts = ['stripe', 'paddle', 'paddle_eu']\n[policy.renewal]\nproviders = {paddle_eu = true}\n", ""},
		"bind of Stripe":        {bind("stripe", "'metdata.user_id'"), `trivet.toml:2: providers.stripe.bind: nothing at a stripe account is called "metdata.user_id": did you mean metadata.user_id?`},
		"bind that names none":  {bind("stripe", "'metadata.'"), `known are token, metadata.…, as in metadata.user_id, client_reference_id`},
		"bind of PayPal":        {bind("paypal", "'metadata.user_id'"), `nothing at a paypal account is called "metadata.user_id": known are token, custom_id, payer_id`},
		"bind, nearly":          {bind("paypal", "'customid'"), `did you mean custom_id?`},
		"bind of Paddle":        {bind("paddle_eu", "'customdata.id'"), `did you mean custom_data.id?`},
		"bind of Lemon Squeezy": {bind("lemonsqueezy", "'metadata.user_id'"), `known are token, custom_data.…, as in custom_data.user_id`},
		"price with a comma":    {accounts + "[[plan]]\nid = 'a'\n[plan.prices]\npaypal = ['pass:5,00USD']\n", `trivet.toml:19: plan.0.prices.paypal: "pass:5,00USD" is not the price of a single payment: write it as`},
		"price with a space":    {accounts + "[[plan]]\nid = 'a'\nprices.paypal = ['pass:5.00 USD']\n", "like pass:5.00USD"},
		"price of no currency":  {accounts + "[[plan]]\nid = 'a'\nprices.paypal = ['pass:5.00USX']\n", "there is no currency USX"},
		"receipts of nobody":    {accounts + "[policy.dunning]\nreceipts = ['strpe']\n", `trivet.toml:17: policy.dunning.receipts: there is no account "strpe", nor such a kind of provider: did you mean stripe?`},
		"switch of nobody":      {accounts + "[policy.renewal]\nproviders = {padle = true}\n", `trivet.toml:17: policy.renewal.providers: there is no account "padle", nor such a kind of provider: did you mean paddle?`},
		"key of a policy":       {accounts + "[policy.dunning]\nmode = 'assist'\nstpes = ['1h']\n", `trivet.toml:18: policy.dunning.stpes: is not a key: did you mean steps?`},
		"key of a rule":         {accounts + "[policy.fraud]\n[[policy.fraud.rules]]\nname = 'a'\nwen = 'true'\n", `trivet.toml:19: policy.fraud.rules.0.wen: is not a key: did you mean when?`},
		"value of a policy":     {accounts + "[policy.dunning]\ntries = 'many'\n", `trivet.toml:17: policy.dunning.tries: must be a number, and is "many"`},
		"too much for a policy": {accounts + "[policy.dunning]\nfinal = '900d'\n", `trivet.toml:17: policy.dunning.final: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "trivet.toml", tt.file)
			code, stdout, stderr := ran(t, nil, "doctor", "--offline")
			if said := strings.Contains(stdout, tt.says); !said || (code == exitGood) != (tt.says == "") {
				t.Errorf("doctor: %d %s%s", code, stdout, stderr)
			}
			if tt.says == "" {
				return
			}
			if code, stdout, stderr := ran(t, nil, "serve"); code != exitUsage || !strings.Contains(stderr, tt.says) {
				t.Errorf("serve: %d %s%s", code, stdout, stderr)
			}
		})
	}
}

// TestMeantAll: all that is meant wrongly is told at once.
func TestMeantAll(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "trivet.toml", "[providers.stripe]\nsecret_key = 'sk_test_1'\ningest = 'pull'\nbind = ['meta.x']\n[policy.dunning]\nreceipts = ['strpe']\n")
	if code, _, stderr := ran(t, nil, "serve"); code != exitUsage || strings.Count(stderr, "trivet: trivet.toml:") != 2 {
		t.Errorf("%d %s", code, stderr)
	}
}

// TestPoliciesFromTheEnvironment: what the file can say of a policy, variables can.
func TestPoliciesFromTheEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	environ := []string{
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_1", "TRIVET_PROVIDERS_STRIPE_INGEST=pull", "TRIVET_POLICY_DUNNING_STEPS=1h,2d", "TRIVET_POLICY_DUNNING_CARD=30d,7d",
		"TRIVET_POLICY_RENEWAL_PROVIDERS_PADDLE=true", "TRIVET_POLICY_FRAUD_RULES_0_NAME=mine", "TRIVET_POLICY_FRAUD_RULES_0_WHEN=declines_30d > 3",
		"TRIVET_POLICY_FRAUD_RULES_0_DO=alert", "TRIVET_POLICY_DUPLICATE_TOGETHER_0=pro,seats",
	}
	if code, stdout, stderr := ran(t, environ, "doctor", "--offline"); code != exitGood {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	for variable, says := range map[string]string{
		"TRIVET_POLICY_DUNNING_STPES=1h":             "TRIVET_POLICY_DUNNING_STPES: policy.dunning.stpes: is not a key: did you mean steps?",
		"TRIVET_POLICY_DUNNING_STEPS_0=1h":           "TRIVET_POLICY_DUNNING_STEPS_0: policy.dunning.steps_0: is not a key: did you mean steps?",
		"TRIVET_POLICY_DUNNING_PROVIDERS_PADLE=true": "TRIVET_POLICY_DUNNING_PROVIDERS_PADLE: policy.dunning.providers_padle: there is no account",
		"TRIVET_POLICY_DUNNING_TRIES=many":           "TRIVET_POLICY_DUNNING_TRIES: policy.dunning.tries: must be a number",
	} {
		if code, stdout, stderr := ran(t, append(environ, variable), "doctor", "--offline"); code != exitUsage || !strings.Contains(stdout, says) {
			t.Errorf("%s: %d %s%s", variable, code, stdout, stderr)
		}
	}
}

// TestServeWithoutAConfiguration: who begins in an empty folder is told how.
func TestServeWithoutAConfiguration(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, _, stderr := ran(t, nil, "serve"); code != exitUsage || !strings.Contains(stderr, "trivet init writes a configuration") {
		t.Errorf("%d %s", code, stderr)
	}
	write(t, "trivet.toml", "mode = 'observe'\n")
	if code, _, stderr := ran(t, nil, "serve"); code != exitUsage || !strings.Contains(stderr, "add a section such as [providers.stripe] to trivet.toml") {
		t.Errorf("%d %s", code, stderr)
	}
}
