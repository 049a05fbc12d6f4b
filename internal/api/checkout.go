package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/provider"
)

// CheckoutRequest asks for a payment page.
type CheckoutRequest struct {
	Customer       string     `json:"customer" maxLength:"200" doc:"Your own user id."`
	Plan           string     `json:"plan" maxLength:"100"`
	Provider       string     `json:"provider,omitempty" doc:"The account; left out: where the customer buys already, else the one that checkout names in the configuration, else the only one that sells the plan."`
	Price          string     `json:"price,omitempty" doc:"The provider's price; left out: the plan's first there."`
	Quantity       int64      `json:"quantity,omitempty" minimum:"1" maximum:"10000" doc:"1 if left out."`
	Email          string     `json:"email,omitempty" maxLength:"320" doc:"Fills in the page."`
	Locale         string     `json:"locale,omitempty" maxLength:"35" doc:"A BCP 47 tag; left out: the browser's."`
	SuccessURL     string     `json:"success_url" maxLength:"2000" doc:"Your page for customers who have bought. It gets ?checkout= and ?status=."`
	CancelURL      string     `json:"cancel_url,omitempty" maxLength:"2000" doc:"Your page for customers who have not; left out: success_url, whose status tells them apart."`
	PromotionCodes bool       `json:"promotion_codes,omitempty" doc:"Lets customers enter a code."`
	TrialEnd       *time.Time `json:"trial_end,omitempty" doc:"When a subscription's first charge comes; left out: at once, or when a prepaid pass ends, or what was paid for at the account that the customer is being moved away from."`
}

// NewCheckout is a payment page that was made.
type NewCheckout struct {
	ID         string     `json:"id"`
	URL        string     `json:"url" doc:"Send the customer's browser here."`
	ExpiresAt  *time.Time `json:"expires_at"`
	Provider   string     `json:"provider"`
	ProviderID string     `json:"provider_id"`
	TrialEnd   *time.Time `json:"trial_end"`
}

// Checkout is a payment page and what became of it.
type Checkout struct {
	ID         string     `json:"id"`
	Customer   string     `json:"customer"`
	Plan       string     `json:"plan"`
	Provider   string     `json:"provider"`
	ProviderID *string    `json:"provider_id"`
	State      string     `json:"state" enum:"creating,open,returned,failed" doc:"returned: the customer came back and the purchase was seen."`
	CreatedAt  time.Time  `json:"created_at"`
	ReturnedAt *time.Time `json:"returned_at"`

	Status        *string `json:"status" doc:"The provider's page: open, complete, expired; null until it was looked at."`
	PaymentStatus *string `json:"payment_status" doc:"paid, unpaid, no_payment_required."`
	Subscription  *string `json:"subscription" doc:"The id of what came of it."`
	Payment       *string `json:"payment" doc:"The id of what came of it."`
}

func (s *server) checkoutOperations() {
	type beginInput struct {
		Idempotent
		Body CheckoutRequest
	}
	type beginOutput struct{ Body NewCheckout }
	type checkoutInput struct {
		ID string `path:"id" maxLength:"100"`
	}
	type checkoutOutput struct{ Body Checkout }
	add(s, with(post(scope.Write, "/v1/checkouts", "begin-checkout", "checkouts", "Make a payment page for a customer"), http.StatusCreated,
		"Whatever is bought there belongs to the customer, whether or not their browser comes back. "+
			"A customer with a live or past-due subscription gets no second one: 409, with a portal_url to send them to."),
		func(ctx context.Context, in *beginInput) (*beginOutput, error) {
			made, err := s.Redirect.Begin(ctx, in.Body.request())
			if err != nil {
				return nil, err
			}
			return &beginOutput{NewCheckout{
				ID: made.ID, URL: made.URL, ExpiresAt: moment(made.ExpiresAt), Provider: made.Account, ProviderID: made.Object, TrialEnd: moment(made.TrialEnd),
			}}, nil
		})
	add(s, get("/v1/checkouts/{id}", "get-checkout", "checkouts", "Show what became of a payment page"),
		func(ctx context.Context, in *checkoutInput) (*checkoutOutput, error) {
			row, err := s.checkout(ctx, in.ID)
			return &checkoutOutput{row}, err
		})
}

func (q CheckoutRequest) request() redirect.Request {
	r := redirect.Request{
		Customer: q.Customer, Plan: q.Plan, Account: q.Provider, Price: q.Price, Quantity: q.Quantity, Email: q.Email, Locale: q.Locale,
		SuccessURL: q.SuccessURL, CancelURL: q.CancelURL, PromotionCodes: q.PromotionCodes,
	}
	if r.CancelURL == "" {
		r.CancelURL = r.SuccessURL
	}
	if q.TrialEnd != nil {
		r.TrialEnd = q.TrialEnd.UTC()
	}
	return r
}

// checkout joins what we know of a checkout with what the provider says.
func (s *server) checkout(ctx context.Context, id string) (Checkout, error) {
	row, err := s.DB.CheckoutNamed(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Checkout{}, notFoundf("There is no checkout %q that was made here.", id)
	}
	if err != nil {
		return Checkout{}, err
	}
	c := Checkout{
		ID: row.ID, Customer: row.Customer, Plan: row.Plan, Provider: row.Account, ProviderID: orNull(row.Object),
		State: row.State, CreatedAt: row.CreatedAt.UTC(), ReturnedAt: moment(row.ReturnedAt),
	}
	if row.Object == "" {
		return c, nil
	}
	o, err := s.DB.Object(ctx, provider.Ref{Account: row.Account, Kind: billing.KindCheckout, ID: row.Object}.String())
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	b, err := parsed[billing.Checkout](o)
	c.Status, c.PaymentStatus = orNull(string(b.Status)), orNull(b.PaymentStatus)
	if b.Subscription != "" {
		c.Subscription = orNull(publicID(row.Account, b.Subscription))
	}
	if b.Payment != "" {
		c.Payment = orNull(publicID(row.Account, b.Payment))
	}
	return c, err
}
