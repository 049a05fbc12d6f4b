package api

import (
	"context"
	"net/http"

	"github.com/trivetdev/trivet/internal/scope"
)

// BanRequest says why a customer is to be barred.
type BanRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for whoever asks later; left out: by request. The customer is not told."`
}

// byRequest is the reason of a ban that was asked for without one.
const byRequest = "by request"

func (q *BanRequest) why() string {
	if q == nil || q.Reason == "" {
		return byRequest
	}
	return q.Reason
}

func (s *server) banOperations() {
	type banInput struct {
		Idempotent
		CustomerInput
		Body *BanRequest
	}
	add(s, with(post(scope.Money, "/v1/customers/{ref}/ban", "ban-customer", "access", "Bar a customer from everything"), http.StatusOK,
		"Whatever they have paid, every check denies from now on. Nothing is refunded or canceled by this alone. "+
			"A ban that stands stays as it is; a customer whom nobody has heard of is made."),
		func(ctx context.Context, in *banInput) (*customerOutput, error) {
			if err := s.Apply.Ban(ctx, in.Ref, in.Body.why(), requested(ctx, "")); err != nil {
				return nil, err
			}
			return s.getCustomer(ctx, &in.CustomerInput)
		})
	add(s, with(operation(scope.Money, http.MethodDelete, "/v1/customers/{ref}/ban", "unban-customer", "access", "Let a banned customer back in"), http.StatusOK,
		"What they have paid for counts again at once. Nothing happens if they are not banned."),
		func(ctx context.Context, in *CustomerInput) (*customerOutput, error) {
			if err := s.Apply.Unban(ctx, in.Ref, requested(ctx, "")); err != nil {
				return nil, err
			}
			return s.getCustomer(ctx, in)
		})
}
