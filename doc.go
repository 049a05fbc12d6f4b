// Package trivet keeps an application's billing state in step with its payment
// providers, and answers "may this user do this?".
//
// It is the service as a library: the binary cmd/trivet is a thin shell around
// it. A program that embeds it makes the drivers, names the plans, mounts the
// handler and runs it:
//
//	driver, err := stripe.New(stripe.Config{Account: "stripe", SecretKey: key, WebhookSecrets: secrets})
//	…
//	service, err := trivet.New(ctx, trivet.Config{
//		PublicURL: "https://billing.example.com",
//		Database:  "sqlite:trivet.db",
//		Providers: []provider.Driver{driver},
//		Plans:     []billing.Plan{{ID: "pro", Prices: map[string][]string{"stripe": {"price_1"}}}},
//		APIKeys:   []string{os.Getenv("TRIVET_API_KEY")},
//	})
//	…
//	http.Handle("/", service.Handler())
//	err = service.Run(ctx)
//
// Three triggers lead to one path. The redirect after checkout, signed webhooks
// and scheduled reconciliation only name objects to look at; the path asks the
// provider for the present truth, records it, and lets policies react. See
// docs/architecture.md.
package trivet
