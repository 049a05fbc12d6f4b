package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func TestCheckoutProblem(t *testing.T) {
	good := provider.CheckoutRequest{
		Key: "chk_1", Token: strings.Repeat("t", 20), Customer: strings.Repeat("c", 200), Mode: "payment",
		Items: []billing.Item{{Price: "p", Quantity: 1}}, ReturnURL: "https://app.test/back",
	}
	tests := map[string]struct {
		change func(*provider.CheckoutRequest)
		want   string
	}{
		"good":                    {func(*provider.CheckoutRequest) {}, ""},
		"a trial":                 {func(r *provider.CheckoutRequest) { r.Mode, r.TrialEnd = "subscription", time.Unix(1, 0) }, ""},
		"a blank key":             {func(r *provider.CheckoutRequest) { r.Key = " " }, "a write needs a key"},
		"no mode":                 {func(r *provider.CheckoutRequest) { r.Mode = "" }, "the mode is neither payment nor subscription"},
		"no items":                {func(r *provider.CheckoutRequest) { r.Items = nil }, "there are no items"},
		"no token":                {func(r *provider.CheckoutRequest) { r.Token = "" }, "the token is empty or longer than 20 bytes"},
		"a long token":            {func(r *provider.CheckoutRequest) { r.Token += "t" }, "the token is empty or longer than 20 bytes"},
		"no customer":             {func(r *provider.CheckoutRequest) { r.Customer = "" }, "the customer reference is empty or longer than 200 bytes"},
		"a long customer":         {func(r *provider.CheckoutRequest) { r.Customer += "c" }, "the customer reference is empty or longer than 200 bytes"},
		"a trial of a payment":    {func(r *provider.CheckoutRequest) { r.TrialEnd = time.Unix(1, 0) }, "only a subscription has a trial"},
		"nowhere to return":       {func(r *provider.CheckoutRequest) { r.ReturnURL = "" }, "the return address is not a web address"},
		"a path to return to":     {func(r *provider.CheckoutRequest) { r.ReturnURL = "/back" }, "the return address is not a web address"},
		"no address to return to": {func(r *provider.CheckoutRequest) { r.ReturnURL = "https://a b" }, "the return address is not a web address"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			request := good
			tt.change(&request)
			if got := request.Problem(20); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
