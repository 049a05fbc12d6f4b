package main

import (
	"fmt"
	"strings"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/lemonsqueezy"
	"github.com/trivetdev/trivet/provider/paddle"
	"github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/provider/stripe"
)

// shown is a driver with the name of its provider.
type shown struct {
	name, page string
	provider.Driver
}

// drivers makes one of each kind, with keys that open nothing.
func drivers() ([]shown, error) {
	s, err := stripe.New(stripe.Config{Account: "stripe", SecretKey: "sk_test_docgen"}) //nolint:gosec // it opens nothing
	if err != nil {
		return nil, err
	}
	pp, err := paypal.New(paypal.Config{Account: "paypal", ClientID: "docgen", ClientSecret: "docgen"})
	if err != nil {
		return nil, err
	}
	pd, err := paddle.New(paddle.Config{Account: "paddle", APIKey: "pdl_live_apikey_docgen"}) //nolint:gosec // it opens nothing
	if err != nil {
		return nil, err
	}
	l, err := lemonsqueezy.New(lemonsqueezy.Config{Account: "lemonsqueezy", APIKey: "docgen"})
	if err != nil {
		return nil, err
	}
	return []shown{
		{"Stripe", "stripe.md", s}, {"PayPal", "paypal.md", pp}, {"Paddle", "paddle.md", pd}, {"Lemon Squeezy", "lemonsqueezy.md", l},
	}, nil
}

// meanings say what an ability is.
var meanings = map[provider.Ability]string{
	provider.CheckoutSubscription: "hosted checkout of a subscription",
	provider.CheckoutPayment:      "hosted checkout of a one-time payment",
	provider.CheckoutTrial:        "begin a checkout with a trial until a date",
	provider.PaymentUpdate:        "link for changing the payment method",
	provider.Portal:               "link for managing a subscription",
	provider.PortalCancel:         "link for canceling a subscription",
	provider.PromotionEnd:         "tell when a promotion will end",
	provider.PriceChange:          "tell of a change of price that is scheduled",
	provider.PreviewCharge:        "preview of the next charge, with discounts and tax",
	provider.CancelAtPeriodEnd:    "cancel at the end of the period",
	provider.CancelNow:            "cancel at once",
	provider.Uncancel:             "take a cancellation back",
	provider.Pause:                "pause until told",
	provider.PauseUntil:           "pause until a date",
	provider.Resume:               "resume",
	provider.ExtendTrial:          "move the end of a trial",
	provider.Capture:              "capture what the customer agreed to",
	provider.Collect:              "try again what is owed",
	provider.Refund:               "refund in full",
	provider.PartialRefund:        "refund in part",
	provider.AcceptDispute:        "concede a dispute",
	provider.PushEmail:            "tell a customer's new address",
	provider.RegisterEndpoint:     "register the webhook endpoint",
	provider.ListEvents:           "list past events",
}

const abilitiesPreface = `<!-- Written by go run ./internal/docgen from the drivers. Do not edit. -->

# Providers

What each provider can be asked to do. *Emulated* means that the service does what the provider does not, as far as that
is honest; *no* means that asking is refused with the reason. The numbers lead to notes.

`

// abilitiesRest is what no provider is asked for, although some could be.
const abilitiesRest = `
## What none is asked for

- **Another plan or quantity** is not asked for, although each could be: Stripe by the items of a subscription, PayPal by
  ` + "`revise`" + ` (the payer has to agree on a page of PayPal's), Paddle and Lemon Squeezy by changing the subscription. What is
  charged for the change, and when, each reckons in its own way, and only you know which of them was promised. A change that
  was made, by your own call, in the dashboard or on the provider's page, is noticed, and access follows it.
- **Evidence in a dispute** is not sent. Stripe and PayPal take one answer and no second, and a file says more than a
  text (at the others the merchant of record answers). A person looks at what our records say
  (` + "`GET /v1/disputes/{id}/evidence`" + `), adds what we cannot know, and sends it in the provider's own form.
`

// abilities renders the table of what each provider can do, with its notes.
func abilities(all []shown) string {
	var doc, notes strings.Builder
	doc.WriteString(abilitiesPreface + "| |")
	for _, d := range all {
		fmt.Fprintf(&doc, " [%s](%s) |", d.name, d.page)
	}
	doc.WriteString("\n|---" + strings.Repeat("|---", len(all)) + "|\n")
	count := 0
	for _, a := range provider.AllAbilities() {
		fmt.Fprintf(&doc, "| %s |", meanings[a])
		for _, d := range all {
			able, note := provider.Can(d.Driver, a)
			word := "no"
			switch {
			case able && d.Abilities()[a].Level == provider.Emulated:
				word = "emulated"
			case able:
				word = "yes"
			}
			if note != "" {
				count++
				word += fmt.Sprintf(" (%d)", count)
				fmt.Fprintf(&notes, "%d. %s, %s: %s\n", count, d.name, meanings[a], cell(note))
			}
			fmt.Fprintf(&doc, " %s |", word)
		}
		doc.WriteString("\n")
	}
	if count > 0 {
		doc.WriteString("\n" + notes.String())
	}
	doc.WriteString(abilitiesRest)
	return doc.String()
}
