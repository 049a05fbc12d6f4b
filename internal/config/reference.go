package config

import (
	"fmt"
	"strings"
)

// Reference is a section of the configuration as it is described to people.
type Reference struct {
	// Heading is how the section is written, such as [[plan]]; empty for the keys above
	// all sections.
	Heading string
	// About says what the section is for, in Markdown.
	About string
	Keys  []KeyReference
}

// KeyReference describes one key.
type KeyReference struct {
	Name string
	// Variable is the environment variable; NAME stands for the section's name, 0 for
	// the place of a section that comes several times.
	Variable string
	// File: the key has a twin with the suffix _file, which names a file to read it from.
	File bool
	// Default is what counts if nobody sets it; empty: nothing, or what Meaning says.
	Default string
	Meaning string
}

// sections are the tables in the order in which people meet them.
var sections = []struct{ path, heading, about string }{
	{"", "", "Written above all sections."},
	{"providers.*", "[providers.NAME]", "An account at a provider. The name is the last part of its webhook's address, and the word for the account everywhere. Several accounts of one kind are normal. In variables an `_` stands for a `-` of the name."},
	{"plan.*", "[[plan]]", "What your customers buy, and what it lets them do."},
	{"access", "[access]", "What a customer may do in the states where opinions differ."},
	{"api_key.*", "[[api_key]]", "A key of the API that may not do everything; see [operations](operations.md#api-keys)."},
	{"endpoint.*", "[[endpoint]]", "An address of your application that is told of changes; see [hooks](hooks.md)."},
	{"alert.*", "[[alert]]", "Where your team is told of what needs a person."},
	{"mail", "[mail]", "How mail goes out, and who all messages are from; see [messages](messages.md)."},
	{"sms", "[sms]", "How SMS go out. Without a kind none does."},
	{"policy.*", "[policy.NAME]", "One of `renewal`, `dunning`, `fraud`, `dispute`, `duplicate`, `hygiene`. Beside these two keys each has settings of its own, on its page in [policies](policies/): from the environment `TRIVET_POLICY_DUNNING_STEPS=1h,2d`, and for what is nested `TRIVET_POLICY_RENEWAL_PROVIDERS_PADDLE=true`, `TRIVET_POLICY_FRAUD_RULES_0_WHEN=…`."},
	{"caps", "[caps]", "What refunds of one day (UTC) stay below, whoever asks for them."},
	{"sweep", "[sweep]", "How often the ledger is compared with the providers."},
	{"retention", "[retention]", "How long what is no longer needed is kept."},
}

// meanings describes every key of schema.
var meanings = map[string]string{ //nolint:gosec // the password is the word
	"public_url": "Where customers and providers reach the service. Default: `http://` and `listen`.",
	"listen":     "The host and port to bind.",
	"metrics":    "A host and port where `/metrics` and the whole of `/readyz` ask for no key.",
	"database":   "`sqlite:PATH`, or `postgres://user:password@host/name`.",
	"mode":       "How far policies may go: `observe`, `assist` or `enforce`; see [rollout](rollout.md).",
	"api_keys":   "Keys that may do everything. Without any, and without `[[api_key]]`, nobody may ask anything.",
	"checkout":   "The account that sells to whoever buys nowhere yet, where several sell a plan and the request names none; see [selling](api.md#selling). Default: none, and such a request is refused.",

	"providers.*.kind":            "`stripe`, `paypal`, `paddle` or `lemonsqueezy`. Default: the section's name.",
	"providers.*.bind":            "What of a purchase names your customer, in this order: `token` (our own checkouts), `metadata.KEY`, `custom_id` and others that the provider's page lists. Default: `token` alone.",
	"providers.*.mode":            "The mode of this account instead of the global one.",
	"providers.*.ingest":          "`push` (webhooks), `pull` (events are listed) or `push+pull`. Default: `push+pull`.",
	"providers.*.rate":            "How much of what the provider allows may be used: a share of its limit (`50%`) or calls a second (`20/s`).",
	"providers.*.secret_key":      "Stripe: `sk_test_…`, `sk_live_…` or a restricted `rk_…`.",
	"providers.*.webhook_secrets": "Stripe, Paddle, Lemon Squeezy: what webhooks are signed with; several while one is being replaced.",
	"providers.*.base_url":        "Where the provider's API is, for a simulator or a recorder. Default: the provider's.",
	"providers.*.client_id":       "PayPal: of the REST app.",
	"providers.*.client_secret":   "PayPal: of the REST app.",
	"providers.*.webhook_ids":     "PayPal: the ids of the webhooks that are believed.",
	"providers.*.environment":     "PayPal, Paddle: `live` or `sandbox`. Default: `live`.",
	"providers.*.cert_base_url":   "PayPal: where its certificates are, for a simulator. Default: PayPal's.",
	"providers.*.ca_file":         "PayPal: a file with the certificate authority of a simulator.",
	"providers.*.order_life":      "PayPal: how long it keeps an order that nobody paid, if that was arranged with it, at most `\"72h\"`. Default: `\"3h\"`.",
	"providers.*.api_key":         "Paddle, Lemon Squeezy: the API key.",
	"providers.*.store":           "Lemon Squeezy: the number of the store.",

	"plan.*.id":       "What the plan is called in the API. It counts as a feature of the plan.",
	"plan.*.name":     "What customers read. Default: the id.",
	"plan.*.features": "What it gives: the words that `GET /v1/check` is asked about.",
	"plan.*.grants":   "`period` (as long as the subscription is paid), an ISO 8601 duration such as `P1M` or `PT12H` (a pass), `forever`, or `credits=N`. Default: `period`.",

	"access.grace":    "How long a subscription that is past due keeps access.",
	"access.paused":   "Whether access goes on during a pause. (Lemon Squeezy's pause of mode `free` always keeps it.)",
	"access.refunded": "Whether access goes on after a full refund.",
	"access.disputed": "Whether access goes on while a dispute is open. One that is lost ends it.",

	"api_key.*.name":       "Who the audit trail says it was.",
	"api_key.*.key_sha256": "The SHA-256 of the key, in hexadecimal; or one of the next.",
	"api_key.*.key":        "The key itself.",
	"api_key.*.scopes":     "What it may do: `check`, `read`, `write`, `money`, `admin`, `all`.",
	"api_key.*.expires":    "Its last day, or an instant, UTC. Default: it does not end.",

	"endpoint.*.name":            "What people call it. Default: the URL's host.",
	"endpoint.*.url":             "Where webhooks are sent.",
	"endpoint.*.events":          "The types to send. Default: all.",
	"endpoint.*.secret":          "`whsec_…`: what they are signed with (Standard Webhooks).",
	"endpoint.*.previous_secret": "Signs as well, while the other is being introduced.",
	"endpoint.*.allow_private":   "Permits addresses of this machine and of private networks, and `http://` there.",

	"alert.*.url":  "A Slack or Discord web hook, any other `https://` address, `mailto:`, or an address in the form of the shoutrrr library; see [messages](messages.md#alerts-to-the-team).",
	"alert.*.when": "The kinds to tell of: `dispute`, `duplicate`, `dunning`, `fraud`, `hook`, `hygiene`. Default: all.",

	"mail.smtp":      "`smtp://` or `smtps://` with host and port, and user and password if the server wants them.",
	"mail.from":      "The sender, with or without a name.",
	"mail.reply_to":  "Where answers go. Default: the sender.",
	"mail.templates": "A folder whose files replace the built-in ones by name.",
	"mail.locale":    "The language for customers whose own there is not. Default: English.",
	"mail.brand":     "The name that customers know.",
	"mail.url":       "The product's page.",
	"mail.support":   "The address that customers may write to.",
	"mail.address":   "Your postal address, in one line.",
	"mail.tax_id":    "The number under which you pay sales tax, on receipts. Default: they state none.",
	"mail.keep":      "How long data is kept after access has ended. Default: messages do not say.",
	"mail.handover":  "Your own mailer sends the mails: an endpoint is handed each as `message.due`.",

	"sms.kind":    "`twilio`, `http` (any gateway) or `handover` (an endpoint is handed each).",
	"sms.from":    "The sender's number or name.",
	"sms.account": "Twilio's account, or the user at a gateway.",
	"sms.token":   "What goes with it; without an account a bearer token.",
	"sms.url":     "Where a gateway takes requests.",
	"sms.body":    "The body of such a request, as a template.",

	"policy.*.mode":    "The mode of this policy; of it and that of the account the more careful one counts. Default: the global mode; for `fraud`, `dispute` and `duplicate` at most `assist`.",
	"policy.*.rollout": "The percentage of customers whom the policy's own mode does not hold back.",

	"caps.refunds":        "How many refunds; 0: any number.",
	"caps.refund_amounts": "How much, by currency: `[\"500.00 EUR\"]`. A currency that is not named has no cap.",

	"sweep.hot":  "How often what is due for a look is looked at: a renewal, the end of a trial.",
	"sweep.full": "How often everything.",

	"retention.events": "How long events are kept that were seen to; at least `45d`. Default: for ever.",
}

// References describes all keys, in the order in which people meet them.
func References() []Reference {
	all := make([]Reference, len(sections))
	for i, s := range sections {
		all[i] = Reference{Heading: s.heading, About: s.about}
		for _, f := range schema[s.path] {
			path := f.name
			if s.path != "" {
				path = s.path + "." + f.name
			}
			key := KeyReference{Name: f.name, Variable: variable(example(path)), File: f.secret, Meaning: meanings[path]}
			if value, set := defaults[path]; set {
				key.Default = fmt.Sprint(value)
			}
			all[i].Keys = append(all[i].Keys, key)
		}
		if s.path == "plan.*" {
			all[i].Keys = append(all[i].Keys, KeyReference{
				Name: "prices.ACCOUNT", Variable: variable("plan.0.prices.ACCOUNT"),
				Meaning: "The prices that mean the plan, by the name of the account; what a price is called there, the provider's page says.",
			})
		}
	}
	return all
}

// example puts a name, or a number, in the place of the star.
func example(path string) string {
	table, key := split(path)
	if name, isNamed := strings.CutSuffix(table, ".*"); isNamed {
		stands := "NAME"
		if tables[name].numbered {
			stands = "0"
		}
		return name + "." + stands + "." + key
	}
	return path
}
