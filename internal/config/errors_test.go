package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// named is an [[api_key]] that is as it should be.
const named = "[[api_key]]\nname='shop'\nkey='shop-key'\nscopes=['read']\n"

// hashOfOne is the SHA-256 of key-one.
const hashOfOne = "9b346041bc9a49574eb2665b2ad2a0a3f9f9cce4e42f5d1f26deb8a256b5966a"

const makeHash = `make it with: printf %s "$KEY" | sha256sum`

var long = strings.Repeat("a", 65)

const stripe = "[providers.stripe]\nsecret_key = 'sk_test_1'\nwebhook_secrets = 'whsec_1'\n"

// encodes is said of a password that is no part of an address as it stands.
const encodes = "the password has characters that are written as % and two digits in an address: %2F for /, %23 for #, %3F for ?, %25 for %, %5E for ^"

// mistakes has one case for every error; FILE stands for the path of the file.
var mistakes = map[string]struct {
	file string
	env  []string
	want string // the whole message
}{
	"unknown key with its line": {
		file: "\n[providers.stripe]\nsecret = 'sk'\n", env: []string{"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_1", "TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS=w"},
		want: "FILE:3: providers.stripe.secret: is not a key: did you mean secret_key?",
	},
	"unknown key at the top":       {file: "databse = 'x'\n", want: "FILE:1: databse: is not a key: did you mean database?"},
	"unknown section":              {file: "\n[provider.stripe]\n", want: "FILE:2: provider: is not a key: did you mean providers?"},
	"nothing like it":              {file: "[sweep]\nzzzzzzzz = 1\n", want: "FILE:2: sweep.zzzzzzzz: is not a key: known are hot, full"},
	"unknown key of the 2nd plan":  {file: "[[plan]]\nid='a'\n[[plan]]\nid='b'\nfeature=['x']\n", want: "FILE:5: plan.1.feature: is not a key: did you mean features?"},
	"unknown policy":               {file: "[policy.duning]\n", want: "FILE:1: policy.duning: is not a policy: did you mean dunning?"},
	"unknown variable":             {env: []string{"TRIVET_DATABSE=x"}, want: "TRIVET_DATABSE: is not a key: did you mean TRIVET_DATABASE?"},
	"unknown variable of provider": {env: []string{"TRIVET_PROVIDERS_STRIPE_SECRT_KEY=x"}, want: "TRIVET_PROVIDERS_STRIPE_SECRT_KEY: ends with no known key: did you mean secret_key?"},
	"unknown variable of section":  {env: []string{"TRIVET_SWEEP_HOTT=x"}, want: "TRIVET_SWEEP_HOTT: is not a key: did you mean hot?"},
	"misspelled section variable":  {env: []string{"TRIVET_PROVIDER_STRIPE_SECRET_KEY=x"}, want: "TRIVET_PROVIDER_STRIPE_SECRET_KEY: is not a key: did you mean TRIVET_PROVIDERS_…?"},
	"variable without an account":  {env: []string{"TRIVET_PROVIDERS_SECRET_KEY=x"}, want: "TRIVET_PROVIDERS_SECRET_KEY: names no account: write TRIVET_PROVIDERS_STRIPE_SECRET_KEY"},
	"plan variable, no number":     {env: []string{"TRIVET_PLAN_PRO_NAME=x"}, want: "TRIVET_PLAN_PRO_NAME: needs a number from 0, as in TRIVET_PLAN_0_ID"},
	"plan variable, unknown key":   {env: []string{"TRIVET_PLAN_0_NAM=x"}, want: "TRIVET_PLAN_0_NAM: ends with no known key: did you mean name?"},
	"policy variable, no policy":   {env: []string{"TRIVET_POLICY_X_MODE=observe"}, want: "TRIVET_POLICY_X_MODE: names no policy: known are renewal, dunning, fraud, dispute, duplicate, hygiene"},
	"policy variable, no key":      {env: []string{"TRIVET_POLICY_FRAUD=observe"}, want: "TRIVET_POLICY_FRAUD: names no key: write TRIVET_POLICY_FRAUD_MODE"},

	"not TOML":                  {file: "a = 1\nb = \n", want: "FILE:2: is not valid TOML: "},
	"section written as a list": {file: "[plan]\nid='a'\n", want: "FILE:1: plan: is written [[plan]], with two brackets, and may come several times"},
	"list of numbers as plans":  {file: "plan = [1]\n", want: "FILE:1: plan.0: is a section: write it as [[plan]]"},
	"value written as section":  {file: "sweep = 'x'\n", want: "FILE:1: sweep: is a section: write it as [sweep]"},
	"account written as value":  {file: "[providers]\nstripe = 'sk'\n", want: "FILE:2: providers.stripe: is a section: write it as [providers.stripe]"},
	"account with a bad name":   {file: "[providers.\"Stripe EU\"]\n", want: `FILE:1: providers.Stripe EU: "Stripe EU" cannot name a section: use small letters, digits, dashes and underscores`},
	"prices without accounts":   {file: "[[plan]]\nid='a'\nprices=['p']\n", want: `FILE:3: plan.0.prices: has one list for each account: write prices.stripe = ["…"]`},

	"wrong type of text":   {file: "listen = true\n", want: "FILE:1: listen: must be a text in quotes"},
	"wrong type of list":   {file: "[[plan]]\nid='a'\nfeatures=[1]\n", want: `FILE:3: plan.0.features: must be a list of texts, as in ["a", "b"]`},
	"number as list":       {file: "[[plan]]\nid='a'\nfeatures=1\n", want: `FILE:3: plan.0.features: must be a list of texts, as in ["a", "b"]`},
	"wrong type of secret": {file: "[providers.stripe]\nsecret_key=1\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key: must be a text in quotes"},

	"mode":               {env: []string{"TRIVET_MODE=of"}, want: `TRIVET_MODE: mode: "of" is not possible: use one of observe, assist, enforce`},
	"listen":             {file: "listen = '8990'\n", want: `FILE:1: listen: "8990" is no address to listen on: write host:port, as in 127.0.0.1:8990`},
	"listen, port":       {file: "listen = 'localhost:99999'\n", want: `FILE:1: listen: "localhost:99999" has no port from 0 to 65535: write host:port, as in 127.0.0.1:8990`},
	"metrics":            {file: "metrics = '9464'\n", want: `FILE:1: metrics: "9464" is no address to listen on: write host:port, as in 127.0.0.1:9464`},
	"metrics for all":    {file: "metrics = '127.0.0.1:8990'\n", want: "FILE:1: metrics: is the address of listen, where strangers come: name another, as in 127.0.0.1:9464, or leave it out"},
	"public_url missing": {file: "listen = ':80'\n", want: "public_url: is missing: listening on :80, set it to the address that customers and providers reach, as in https://billing.example.com"},
	"public_url plain":   {file: "public_url = 'http://billing.acme.com'\n", want: "FILE:1: public_url: must begin with https://, since it is not on this machine"},
	"public_url relative": {
		file: "public_url = 'billing.acme.com'\n", want: "FILE:1: public_url: is no web address: write it as https://billing.example.com",
	},
	"public_url query": {file: "public_url = 'https://a.com/?x'\n", want: "FILE:1: public_url: must end with the path: leave out what follows ? or #"},
	"public_url user":  {file: "public_url = 'https://u:p@a.com'\n", want: "FILE:1: public_url: must not hold a user or password"},
	"database":         {file: "database = 'mysql://x'\n", want: "FILE:1: database: must begin with sqlite: or postgres://, as in sqlite:trivet.db or postgres://user@host/name"},
	"database empty":   {env: []string{"TRIVET_DATABASE="}, want: "TRIVET_DATABASE: database: must begin with sqlite: or postgres://, as in sqlite:trivet.db or postgres://user@host/name"},
	"database, sqlite": {file: "database = 'sqlite:'\n", want: "FILE:1: database: needs the path of a file, as in sqlite:/var/lib/trivet/trivet.db"},
	"database, postgres": {
		file: "database = 'postgres://u:p%zz@h/n'\n",
		want: "FILE:1: database: is no valid address: write postgres://user:password@host/name, and %-encode what is special in the password",
	},
	"api key placeholder": {file: "api_keys = ['good', 'changeme']\n", want: "FILE:1: api_keys: number 2 is a placeholder, not a real value: put the real value there"},

	"api key as a section":       {file: "[api_key]\nname='a'\n", want: "FILE:1: api_key: is written [[api_key]], with two brackets, and may come several times"},
	"api key as a value":         {file: "api_key = 'k'\n", want: "FILE:1: api_key: is written [[api_key]], with its name and scopes: a key alone, which may do everything, goes into api_keys"},
	"api key, unknown key":       {file: named + "scope='read'\n", want: "FILE:5: api_key.0.scope: is not a key: did you mean scopes?"},
	"api key, unknown variable":  {file: named, env: []string{"TRIVET_API_KEY_0_KEY_SHA265=x"}, want: "TRIVET_API_KEY_0_KEY_SHA265: ends with no known key: did you mean key_sha256?"},
	"api key, no number":         {env: []string{"TRIVET_API_KEY_SHOP_NAME=x"}, want: "TRIVET_API_KEY_SHOP_NAME: needs a number from 0, as in TRIVET_API_KEY_0_NAME"},
	"api keys, misspelled":       {env: []string{"TRIVET_API_KEY_FILE=x"}, want: "TRIVET_API_KEY_FILE: is not a key: did you mean TRIVET_API_KEYS_FILE?"},
	"api key without name":       {file: "[[api_key]]\nkey='k'\nscopes=['read']\n", want: `FILE:1: api_key.0.name: is missing: the audit trail names by it who did something, so write one, as in name = "shop"`},
	"api key's name":             {file: "[[api_key]]\nname='my shop'\nkey='k'\nscopes=['read']\n", want: `FILE:2: api_key.0.name: "my shop" may hold only letters, digits, dots, dashes and underscores, at most 64`},
	"api key's name, long":       {file: "[[api_key]]\nname='" + long + "'\nkey='k'\nscopes=['read']\n", want: `FILE:2: api_key.0.name: "` + long + `" may hold only letters, digits, dots, dashes and underscores, at most 64`},
	"api key's name, like one":   {file: "[[api_key]]\nname='0123abcd'\nkey='k'\nscopes=['read']\n", want: `FILE:2: api_key.0.name: "0123abcd" looks like what the audit trail calls a key of api_keys: write another`},
	"api key's name, twice":      {file: named + "[[api_key]]\nname='shop'\nkey='k'\nscopes=['read']\n", want: `FILE:6: api_key.1.name: "shop" is used by another key: give each its own`},
	"api key without key":        {file: "[[api_key]]\nname='a'\nscopes=['read']\n", want: "FILE:1: api_key.0.key: is missing: set one of key, key_file and key_sha256, the last of which keeps the secret out of the configuration"},
	"api key, key and hash":      {file: named + "key_sha256='" + hashOfOne + "'\n", want: "FILE:5: api_key.0.key_sha256: is set together with the key itself: keep one of them"},
	"api key, file and hash":     {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey_file='/dev/null'\nkey_sha256='" + hashOfOne + "'\n", want: "FILE:5: api_key.0.key_sha256: is set together with the key itself: keep one of them"},
	"api key, key and file":      {file: named + "key_file='/dev/null'\n", want: "FILE:3: api_key.0.key: is set together with api_key.0.key_file: keep one of them"},
	"api key, two in env":        {file: named, env: []string{"TRIVET_API_KEY_0_KEY=k", "TRIVET_API_KEY_0_KEY_SHA256=" + hashOfOne}, want: "TRIVET_API_KEY_0_KEY_SHA256: api_key.0.key_sha256: is set together with the key itself: keep one of them"},
	"api key's file":             {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey_file='/does/not/exist'\n", want: "FILE:4: api_key.0.key_file: /does/not/exist cannot be read: no such file or directory"},
	"api key is a placeholder":   {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey='changeme'\n", want: "FILE:4: api_key.0.key: is a placeholder, not a real value: put the real value there"},
	"api key is empty":           {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey=''\n", want: "FILE:4: api_key.0.key: is empty: put the real value there"},
	"api key is a number":        {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey=1\n", want: "FILE:4: api_key.0.key: must be a text in quotes"},
	"api key's hash":             {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey_sha256='abc'\n", want: "FILE:4: api_key.0.key_sha256: is not the SHA-256 of a key, which has 64 hexadecimal digits: " + makeHash},
	"api key's hash, other base": {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey_sha256='" + strings.Repeat("g", 64) + "'\n", want: "FILE:4: api_key.0.key_sha256: is not the SHA-256 of a key, which has 64 hexadecimal digits: " + makeHash},
	"api key's hash of nothing":  {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey_sha256='e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n", want: "FILE:4: api_key.0.key_sha256: is the hash of an empty text, not of a key: " + makeHash},
	"api key's hash of a line":   {file: "[[api_key]]\nname='a'\nscopes=['read']\nkey_sha256='01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b'\n", want: "FILE:4: api_key.0.key_sha256: is the hash of an empty text, not of a key: " + makeHash},
	"api key twice":              {file: named + "[[api_key]]\nname='b'\nkey='shop-key'\nscopes=['read']\n", want: "FILE:7: api_key.1.key: is the key of api_key.0 too: make one for each name"},
	"api key and its hash":       {file: "api_keys='key-one'\n[[api_key]]\nname='b'\nkey_sha256='" + hashOfOne + "'\nscopes=['read']\n", want: "FILE:4: api_key.0.key_sha256: is one of api_keys too, which may do everything: make a key for this name alone"},
	"api key without scopes":     {file: "[[api_key]]\nname='a'\nkey='k'\n", want: `FILE:1: api_key.0.scopes: is missing: say what the key may do, as in scopes = ["read", "write"]; there are check, read, write, money, admin, all`},
	"api key with empty scopes":  {file: "[[api_key]]\nname='a'\nkey='k'\nscopes=[]\n", want: `FILE:4: api_key.0.scopes: is missing: say what the key may do, as in scopes = ["read", "write"]; there are check, read, write, money, admin, all`},
	"api key's scope":            {file: "[[api_key]]\nname='a'\nkey='k'\nscopes=['read','wirte']\n", want: `FILE:4: api_key.0.scopes: there is no scope "wirte": did you mean write?`},
	"api key's scope, no idea":   {file: "[[api_key]]\nname='a'\nkey='k'\nscopes='everything'\n", want: `FILE:4: api_key.0.scopes: there is no scope "everything": known are check, read, write, money, admin, all`},
	"api key's scopes, a number": {file: "[[api_key]]\nname='a'\nkey='k'\nscopes=[1]\n", want: `FILE:4: api_key.0.scopes: must be a list of texts, as in ["a", "b"]`},

	"api key's end, no such day": {file: named + "expires='2027-02-30'\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, other order": {file: named + "expires='31.03.2027'\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, no offset":   {file: named + "expires=2027-03-31T18:00:00\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, a time":      {file: named + "expires=18:00:00\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, a number":    {file: named + "expires=2027\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, yes":         {file: named + "expires=true\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, empty":       {file: named + "expires=''\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, a list":      {file: named + "expires=['2027-03-31']\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, never":       {file: named + "expires=0001-01-01T00:00:00Z\n", want: `FILE:5: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},
	"api key's end, in env":      {file: named, env: []string{"TRIVET_API_KEY_0_EXPIRES=soon"}, want: `TRIVET_API_KEY_0_EXPIRES: api_key.0.expires: must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`},

	"secret empty in env":     {file: stripe, env: []string{"TRIVET_PROVIDERS_STRIPE_SECRET_KEY="}, want: "TRIVET_PROVIDERS_STRIPE_SECRET_KEY: providers.stripe.secret_key: is empty: put the real value there"},
	"secrets empty in env":    {file: stripe, env: []string{"TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS="}, want: "TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS: providers.stripe.webhook_secrets: is empty: put the real value there, or remove the key"},
	"secret blank":            {file: "[providers.stripe]\nsecret_key='  '\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key: is empty: put the real value there"},
	"secret placeholder":      {file: "[providers.stripe]\nsecret_key='sk_test_xxx'\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key: is a placeholder, not a real value: put the real value there"},
	"secrets placeholder":     {file: "[providers.stripe]\nsecret_key='sk_1'\nwebhook_secrets=['whsec_...']\n", want: "FILE:3: providers.stripe.webhook_secrets: number 1 is a placeholder, not a real value: put the real value there"},
	"secret with white space": {file: "[providers.stripe]\nsecret_key='sk_1 sk_2'\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key: contains white space; it was probably pasted with something around it: put the real value there"},
	"secret file missing":     {file: "[providers.stripe]\nsecret_key_file='/does/not/exist'\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key_file: /does/not/exist cannot be read: no such file or directory"},
	"secret file a folder":    {file: "[providers.stripe]\nsecret_key_file='/'\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key_file: / cannot be read: is a directory"},
	"secret file empty":       {file: "[providers.stripe]\nsecret_key_file='/dev/null'\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key_file: /dev/null is empty: put the secret in it"},
	"secret file endless":     {file: "[providers.stripe]\nsecret_key_file='/dev/zero'\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key_file: /dev/zero holds more than 1048576 bytes, so it cannot be the right file"},
	"secrets file missing":    {file: "[providers.stripe]\nsecret_key='sk_1'\nwebhook_secrets_file='/does/not/exist'\n", want: "FILE:3: providers.stripe.webhook_secrets_file: /does/not/exist cannot be read: no such file or directory"},
	"secret file unnamed":     {file: "[providers.stripe]\nsecret_key_file=''\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key_file: names no file"},
	"secret twice in file":    {file: "[providers.stripe]\nsecret_key='sk_1'\nsecret_key_file='/dev/null'\nwebhook_secrets='w'\n", want: "FILE:2: providers.stripe.secret_key: is set together with providers.stripe.secret_key_file: keep one of them"},
	"secret twice in env": {
		file: stripe, env: []string{"TRIVET_API_KEYS=a", "TRIVET_API_KEYS_FILE=/dev/null"},
		want: "TRIVET_API_KEYS: api_keys: is set together with api_keys_file: keep one of them",
	},

	"no secret key": {file: "[providers.stripe]\nwebhook_secrets='w'\n", want: "FILE:1: providers.stripe.secret_key: is missing: set it in the file, or TRIVET_PROVIDERS_STRIPE_SECRET_KEY"},
	"no webhook secret": {
		file: "[providers.stripe]\nsecret_key='sk_1'\n",
		want: `FILE:1: providers.stripe.webhook_secrets: is missing: set TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS to what the provider shows for the webhook endpoint, or ingest = "pull" to do without webhooks`,
	},
	"no webhook id": {
		file: "[providers.eu]\nkind='paypal'\nclient_id='a'\nclient_secret='b'\n",
		want: `FILE:1: providers.eu.webhook_ids: is missing: set TRIVET_PROVIDERS_EU_WEBHOOK_IDS to what the provider shows for the webhook endpoint, or ingest = "pull" to do without webhooks`,
	},
	"id placeholder":            {file: "[providers.paypal]\nclient_id='your-client-id'\nclient_secret='b'\nwebhook_ids='c'\n", want: "FILE:2: providers.paypal.client_id: is a placeholder, not a real value: copy the value from the provider's dashboard"},
	"ids empty":                 {file: "[providers.paypal]\nclient_id='a'\nclient_secret='b'\nwebhook_ids=[]\n", want: "FILE:4: providers.paypal.webhook_ids: is empty: copy the value from the provider's dashboard, or remove the key"},
	"ids placeholder":           {file: "[providers.paypal]\nclient_id='a'\nclient_secret='b'\nwebhook_ids=['<id>']\n", want: `FILE:4: providers.paypal.webhook_ids: "<id>" is a placeholder, not a real value: copy the value from the provider's dashboard`},
	"key of another kind":       {file: stripe + "client_id = 'a'\n", want: "FILE:4: providers.stripe.client_id: is not a key of a stripe account, which has secret_key, webhook_secrets, base_url"},
	"no kind, like one":         {file: "[providers.stripe_eu]\nsecret_key='sk_1'\n", want: `FILE:1: providers.stripe_eu: is no kind of provider: add kind = "stripe"`},
	"no kind, misspelled":       {file: "[providers.strpe]\nsecret_key='sk_1'\n", want: `FILE:1: providers.strpe: is no kind of provider: did you mean [providers.stripe]? If not, add kind = "stripe"`},
	"no kind at all":            {file: "[providers.legacy]\nsecret_key='sk_1'\n", want: "FILE:1: providers.legacy: is no kind of provider: add kind, one of stripe, paypal, paddle, lemonsqueezy"},
	"unknown kind":              {file: "[providers.a]\nkind='braintree'\n", want: `FILE:2: providers.a.kind: "braintree" is no kind of provider: known are stripe, paypal, paddle, lemonsqueezy`},
	"ingest":                    {file: stripe + "ingest='both'\n", want: `FILE:4: providers.stripe.ingest: "both" is not possible: use one of push, pull, push+pull`},
	"environment":               {file: "[providers.paddle]\napi_key='a'\nwebhook_secrets='w'\nenvironment='test'\n", want: `FILE:4: providers.paddle.environment: "test" is not possible: use one of live, sandbox`},
	"base_url":                  {file: stripe + "base_url='http://api.example.com'\n", want: "FILE:4: providers.stripe.base_url: must begin with https://, since it is not on this machine"},
	"rate":                      {file: stripe + "rate='fast'\n", want: `FILE:4: providers.stripe.rate: "fast" is no rate: write a share of the provider's limit as "50%" or calls a second as "20/s"`},
	"rate over the limit":       {file: stripe + "rate='150%'\n", want: `FILE:4: providers.stripe.rate: "150%" is no rate: write a share of the provider's limit as "50%" or calls a second as "20/s"`},
	"ca_file":                   {file: "[providers.paypal]\nclient_id='a'\nclient_secret='b'\nwebhook_ids='c'\nca_file='/does/not/exist'\n", want: "FILE:5: providers.paypal.ca_file: /does/not/exist cannot be read: no such file or directory"},
	"plan without id":           {file: "[[plan]]\nname='a'\n", want: `FILE:1: plan.0.id: is missing: every [[plan]] needs one, as in id = "pro"`},
	"plan with a bad id":        {file: "[[plan]]\nid='a b'\n", want: `FILE:2: plan.0.id: "a b" may hold only letters, digits, dots, dashes and underscores`},
	"plan twice":                {file: "[[plan]]\nid='a'\n[[plan]]\nid='a'\n", want: `FILE:4: plan.1.id: "a" is used by another plan: give each its own`},
	"plan of unknown account":   {file: "[[plan]]\nid='a'\nprices.strip=['p']\n" + stripe, want: "FILE:3: plan.0.prices.strip: there is no account of that name: did you mean stripe?"},
	"plan without any account":  {file: "[[plan]]\nid='a'\nprices.stripe=['p']\n", want: "FILE:3: plan.0.prices.stripe: there is no account of that name: add [providers.stripe]"},
	"price of two plans":        {file: "[[plan]]\nid='a'\nprices.stripe=['p']\n[[plan]]\nid='b'\nprices.stripe=['p']\n" + stripe, want: `FILE:6: plan.1.prices.stripe: p already means plan "a": a price can mean only one plan`},
	"grants":                    {file: "[[plan]]\nid='a'\ngrants='yearly'\n", want: `FILE:3: plan.0.grants: "yearly" is no grant: write period, forever, credits=100, or an ISO 8601 duration such as P1Y or P30D`},
	"no credits":                {file: "[[plan]]\nid='a'\ngrants='credits=0'\n", want: `FILE:3: plan.0.grants: "credits=0" gives no credits: write a whole number above 0, as in credits=100`},
	"grace":                     {file: "[access]\ngrace='7 days'\n", want: `FILE:2: access.grace: "7 days" is not a duration: write it as 7d, 12h, 30m or 5s, or several together as "1d 12h"`},
	"access switch":             {file: "[access]\npaused='maybe'\n", want: "FILE:2: access.paused: must be true (access goes on) or false (it ends)"},
	"sweep too short":           {file: "[sweep]\nhot='0s'\n", want: "FILE:2: sweep.hot: 0s is too short: the least is 1s"},
	"events kept too short":     {file: "[retention]\nevents='7d'\n", want: "FILE:2: retention.events: 7d is too short: the least is 45d"},
	"full shorter than hot":     {file: "[sweep]\nfull='1m'\n", want: "FILE:2: sweep.full: must not be shorter than sweep.hot, which is how often only what is due is looked at"},
	"mail without server":       {file: "[mail]\nfrom='a@b.com'\n", want: "FILE:1: mail.smtp: is missing: write it as smtps://user:password@mail.example.com:465"},
	"mail server":               {file: "[mail]\nsmtp='mail.b.com'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: is no mail server: write it as smtps://user:password@mail.example.com:465"},
	"mail password's slash":     {file: "[mail]\nsmtp='smtps://AKIA:ab/c+d@mail.b.com:465'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: " + encodes},
	"mail password's number":    {file: "[mail]\nsmtp='smtps://AKIA:12/c@mail.b.com'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: " + encodes},
	"mail password's hash":      {file: "[mail]\nsmtp='smtps://AKIA:ab#c@mail.b.com'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: " + encodes},
	"mail password's question":  {file: "[mail]\nsmtp='smtps://AKIA:1?c@mail.b.com'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: " + encodes},
	"mail password's percent":   {file: "[mail]\nsmtp='smtps://AKIA:a%c@mail.b.com'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: " + encodes},
	"mail server's path":        {file: "[mail]\nsmtp='smtp://mail.b.com:25?encryption=tls'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: has more than user, password, host and port: leave out the rest"},
	"mail server's port":        {file: "[mail]\nsmtp='smtp://mail.b.com:99999'\nfrom='a@b.com'\n", want: "FILE:2: mail.smtp: has no port from 1 to 65535: write it as smtps://user:password@mail.example.com:465"},
	"mail without sender":       {file: "[mail]\nsmtp='smtp://b.com'\n", want: `FILE:1: mail.from: is missing: write it as "Acme <billing@example.com>"`},
	"mail sender":               {file: "[mail]\nsmtp='smtp://b.com'\nfrom='me'\n", want: `FILE:3: mail.from: "me" is no mail address: write it as "Acme <billing@example.com>"`},
	"mail language":             {file: "[mail]\nbrand='Acme'\nlocale='german'\n", want: `FILE:3: mail.locale: "german" is no language: write it like de or pt-BR`},
	"mail support":              {file: "[mail]\nsupport='us'\n", want: `FILE:2: mail.support: "us" is no mail address: write it as "Acme <billing@example.com>"`},
	"data kept":                 {file: "[mail]\nkeep='a month'\n", want: `FILE:2: mail.keep: "a month" is not a duration: write it as 7d, 12h, 30m or 5s, or several together as "1d 12h"`},
	"sms without kind":          {file: "[sms]\nfrom='+1'\n", want: "FILE:1: sms.kind: is missing: write twilio, http for another gateway, or handover to have your application send them"},
	"sms without token":         {file: "[sms]\nkind='twilio'\nfrom='+1'\naccount='AC1'\n", want: "FILE:1: sms.token: is missing: copy it from the console at twilio.com"},
	"sms without sender":        {file: "[sms]\nkind='http'\nurl='https://a.com'\n", want: "FILE:1: sms.from: is missing: write the number that SMS come from, as in +15551234567, or a name that the gateway knows"},
	"sms gateway":               {file: "[sms]\nkind='http'\nfrom='+1'\nurl='http://a.com'\n", want: "FILE:4: sms.url: must begin with https://, since it is not on this machine"},
	"twilio with address":       {file: "[sms]\nkind='twilio'\nfrom='+1'\naccount='AC1'\ntoken='t'\nurl='https://a.com'\n", want: `FILE:6: sms.url: is for kind = "http": Twilio's is known; remove the key`},
	"endpoint address":          {file: "[[endpoint]]\nurl='ftp://a.com'\n" + signed, want: "FILE:2: endpoint.0.url: is no web address: write it as https://billing.example.com"},
	"endpoint in the clear":     {file: "[[endpoint]]\nurl='http://a.com'\n" + signed, want: "FILE:2: endpoint.0.url: must begin with https://, since it is not on this machine; for one in your own network that has no certificate set allow_private = true"},
	"endpoint on this machine":  {file: "[[endpoint]]\nurl='http://127.0.0.1:3000/hooks'\n" + signed, want: "FILE:2: endpoint.0.url: leads to this machine: if that is meant, set allow_private = true"},
	"endpoint without secret":   {file: "[[endpoint]]\nurl='https://a.com'\n", want: "FILE:1: endpoint.0.secret: is missing: what we send is signed with it, so that the receiver can tell it is from us: " + makeSecret},
	"endpoint secret":           {file: "[[endpoint]]\nurl='https://a.com'\nsecret='hunter2'\n", want: "FILE:3: endpoint.0.secret: is not whsec_ with base64 behind it: " + makeSecret},
	"endpoint placeholder":      {file: "[[endpoint]]\nurl='https://a.com'\nsecret='whsec_...'\n", want: "FILE:3: endpoint.0.secret: is a placeholder, not a real value: put the real value there"},
	"endpoint short secret":     {file: "[[endpoint]]\nurl='https://a.com'\nsecret='whsec_c2hvcnQ='\n", want: "FILE:3: endpoint.0.secret: is not of 24 to 64 bytes: " + makeSecret},
	"endpoint guessable secret": {file: "[[endpoint]]\nurl='https://a.com'\nsecret='whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n", want: "FILE:3: endpoint.0.secret: can be guessed: " + makeSecret},
	"endpoint dull secret":      {file: "[[endpoint]]\nurl='https://a.com'\nsecret='whsec_YWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFi'\n", want: "FILE:3: endpoint.0.secret: can be guessed: " + makeSecret},
	"endpoint events":           {file: "[[endpoint]]\nurl='https://a.com'\nevents=['customer.state_change']\n" + signed, want: `FILE:3: endpoint.0.events: there are no events "customer.state_change": did you mean customer.state_changed?`},
	"endpoint switch":           {file: "[[endpoint]]\nurl='https://a.com'\nallow_private='maybe'\n" + signed, want: "FILE:3: endpoint.0.allow_private: must be true or false"},
	"endpoints of one name":     {file: "[[endpoint]]\nurl='https://a.com/1'\n" + signed + "[[endpoint]]\nurl='https://a.com/2'\n" + signed, want: "FILE:4: endpoint.1.name: a.com is also that of endpoint.0: give each endpoint a name of its own"},
	"handed over to nobody":     {file: "[mail]\nhandover=true\n[[endpoint]]\nurl='https://a.com'\nevents=['alert.raised']\n" + signed, want: `FILE:2: mail.handover: hands messages over, and no endpoint takes them: add an [[endpoint]] with events = ["message.due", …]`},
	"handed over to two":        {file: "[sms]\nkind='handover'\n[[endpoint]]\nurl='https://a.com'\n" + signed + "[[endpoint]]\nurl='https://b.com'\n" + signed, want: "FILE:2: sms.kind: hands messages over to one endpoint, and a.com and b.com take them: leave message.due out of the events of all but one"},
	"sms handed over and sent":  {file: "[sms]\nkind='handover'\nfrom='+1'\n[[endpoint]]\nurl='https://a.com'\n" + signed, want: "FILE:3: sms.from: is for a gateway, and kind hands SMS over to your application: remove the key"},
	"alert without address":     {file: "[[alert]]\nwhen=['dispute']\n", want: "FILE:1: alert.0.url: is missing: say where to send the alert, as in https://hooks.example.com/…"},
	"alert address":             {file: "[[alert]]\nurl='slack'\n", want: "FILE:2: alert.0.url: is no address: write it as https://hooks.example.com/… or mailto:ops@example.com"},
	"policy mode":               {file: "[policy.fraud]\nmode='off'\n", want: `FILE:2: policy.fraud.mode: "off" is not possible: use one of observe, assist, enforce`},
	"rollout without a mode":    {file: "mode='observe'\n[policy.dunning]\nrollout=10\n", want: "FILE:3: policy.dunning.rollout: means nothing unless the policy's own mode is more careful than enforce, which is for everybody: set mode to observe or assist, or remove rollout"},
	"rollout to everybody":      {file: "[policy.fraud]\nmode='enforce'\nrollout=10\n", want: "FILE:3: policy.fraud.rollout: means nothing unless the policy's own mode is more careful than enforce, which is for everybody: set mode to observe or assist, or remove rollout"},
	"value of an env var wrong": {env: []string{"TRIVET_SWEEP_HOT=soon"}, want: `TRIVET_SWEEP_HOT: sweep.hot: "soon" is not a duration: write it as 7d, 12h, 30m or 5s, or several together as "1d 12h"`},
}

const (
	// signed is the secret of an endpoint that is as it should be.
	signed     = "secret='whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE='\n"
	makeSecret = `make one with: echo "whsec_$(openssl rand -base64 32)"`
)

func TestEveryMistakeHasOneClearLine(t *testing.T) {
	for name, tt := range mistakes {
		t.Run(name, func(t *testing.T) {
			path := write(t, "trivet.toml", tt.file)
			_, err := Load(path, tt.env)
			if err == nil {
				t.Fatalf("no error, want %s", tt.want)
			}
			got := strings.ReplaceAll(err.Error(), path, "FILE")
			if name == "not TOML" { // the rest is the library's wording
				got = got[:min(len(got), len(tt.want))]
			}
			if got = strings.TrimPrefix(got, "FILE: "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestNamedFileMustExist(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "gone.toml")
	want := missing + ": cannot be read: no such file or directory; name another file by --config or TRIVET_CONFIG"
	for _, load := range []func() error{
		func() error { _, err := Load(missing, nil); return err },
		func() error { _, err := Load("", []string{"TRIVET_CONFIG=" + missing}); return err },
	} {
		if err := load(); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestMistakesDoNotShowSecrets(t *testing.T) {
	const canary = "C4N4RY"
	files := []string{
		"database = 'postgres://u:" + canary + "%zz@h/n'\n",
		"database = 'mysql://u:" + canary + "@h/n'\n",
		"[providers.stripe]\nsecret_key = 'sk " + canary + "'\n",
		"[providers.stripe]\nsecret_key = 'sk_1'\nwebhook_secrets = ['whsec_ " + canary + "']\n",
		"[mail]\nsmtp = 'http://u:" + canary + "@h'\n",
		"[[alert]]\nurl = '" + canary + "'\n",
		"public_url = 'http://u:" + canary + "@h'\n",
		"[[api_key]]\nname = 'a'\nscopes = ['read']\nkey = 'k " + canary + "'\n",
		"[[api_key]]\nname = 'a'\nscopes = ['read']\nkey_sha256 = '" + canary + "'\n",
		"[[api_key]]\nname = 'a'\nscopes = ['read']\nkey = '" + canary + "'\n[[api_key]]\nname = 'b'\nscopes = ['read']\nkey = '" + canary + "'\n",
	}
	for _, file := range files {
		_, err := Load(write(t, "trivet.toml", file), nil)
		if err == nil {
			t.Errorf("no error for %q", file)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

func TestSecretFileThatCannotBeOpened(t *testing.T) {
	// A loop of links fails for root too, unlike a mode of 0000.
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	_, err := Load(write(t, "trivet.toml", "api_keys_file = '"+loop+"'\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "api_keys_file: "+loop+" cannot be read: too many levels of symbolic links") {
		t.Errorf("got %v", err)
	}
}
