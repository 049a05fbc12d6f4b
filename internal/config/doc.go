// Package config reads the configuration: one TOML file, overlaid by the
// environment, checked as a whole before anything starts.
//
// It owns the names of the keys, their defaults, and the errors an operator
// sees when one is wrong: each names the key, the place it came from (file and
// line, or the variable), and the next step; all of them are reported at once.
// It does not own what the values mean: drivers judge their keys, and the
// facade turns the values into the types of the packages that use them.
//
// # Environment
//
// A key's variable is TRIVET_ and its path in capitals, joined by underscores:
// providers.stripe.secret_key is TRIVET_PROVIDERS_STRIPE_SECRET_KEY, and the
// first [[plan]]'s id is TRIVET_PLAN_0_ID. A section's name may hold
// underscores itself: the longest known key that ends the variable's name is
// the key, the rest is the section. Lists are separated by commas. The settings of
// policies are not ours to know: package policy finds what is nested in them. The
// environment wins over the file. A variable that is set but empty counts as
// not set, except for a secret, where it is refused.
//
// A TRIVET_ variable that resembles no key is not an error, since orchestrators
// inject such names by themselves (Kubernetes sets TRIVET_SERVICE_HOST when a
// service is called trivet); it is listed in [Config.Ignored].
//
// # Secrets
//
// Every secret key has a twin with the suffix _file that names a file holding
// the value. Secrets are of type [Secret], which does not print itself.
package config
