package cli

import (
	"fmt"

	"github.com/trivetdev/trivet/client"
)

type checkoutCommand struct {
	remoteFlags    `embed:""`
	Customer       string `arg:"" help:"The customer: your own user id."`
	Plan           string `arg:"" help:"The plan to sell."`
	Provider       string `help:"The provider account (default: where the customer buys already, else the configured checkout, else the only one)."`
	Price          string `help:"The provider's price (default: the plan's first)."`
	Quantity       int64  `help:"How many."`
	Email          string `help:"Fills in the page."`
	SuccessURL     string `help:"Where customers go who have bought." name:"success-url" required:""`
	CancelURL      string `help:"Where customers go who have not (default: the same)." name:"cancel-url"`
	PromotionCodes bool   `help:"Let customers enter a code."`
	IdempotencyKey string `help:"Asking again with the same key makes no second page."`
}

// Run makes a payment page and prints its address.
func (c checkoutCommand) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	made, err := r.BeginCheckout(s.ctx, client.CheckoutRequest{
		Customer: c.Customer, Plan: c.Plan, Provider: c.Provider, Price: c.Price, Quantity: c.Quantity, Email: c.Email,
		SuccessURL: c.SuccessURL, CancelURL: or(c.CancelURL, c.SuccessURL), PromotionCodes: c.PromotionCodes, Key: c.IdempotencyKey,
	})
	return r.show(made, err, func() { fmt.Fprintln(s.Stdout, made.URL) })
}
