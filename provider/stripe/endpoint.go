package stripe

import (
	"context"
	"errors"
	"slices"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/provider"
)

// RegisterEndpoint implements [provider.EndpointRegistrar]. An endpoint that
// exists keeps its secret and its API version, which Stripe does not change
// afterwards; that is no harm, for nothing but names is read from events. Of
// several endpoints with the URL the oldest enabled one is kept, as its secret
// is the one that is most likely configured, and the others are disabled.
func (d *Driver) RegisterEndpoint(ctx context.Context, endpointURL string) (provider.Endpoint, error) {
	same, err := d.endpointsAt(ctx, endpointURL)
	if err != nil {
		return provider.Endpoint{}, err
	}
	if len(same) == 0 {
		return d.createEndpoint(ctx, endpointURL)
	}
	for _, spare := range same[1:] {
		if spare.Status == "disabled" {
			continue
		}
		if err := d.updateEndpoint(ctx, spare.ID, &sdk.WebhookEndpointUpdateParams{Disabled: sdk.Bool(true)}); err != nil {
			return provider.Endpoint{}, err
		}
	}
	kept := same[0]
	if kept.Status != "enabled" || !sameSet(kept.EnabledEvents, askedEvents()) {
		err := d.updateEndpoint(ctx, kept.ID, &sdk.WebhookEndpointUpdateParams{
			Disabled: sdk.Bool(false), EnabledEvents: sdk.StringSlice(askedEvents()),
		})
		if err != nil {
			return provider.Endpoint{}, err
		}
	}
	return provider.Endpoint{ID: kept.ID}, nil
}

// endpointsAt lists the endpoints with a URL, the one to keep first.
func (d *Driver) endpointsAt(ctx context.Context, endpointURL string) ([]*sdk.WebhookEndpoint, error) {
	all, err := rest(ctx, d, "list webhook endpoints", func(ctx context.Context) *sdk.V1List[*sdk.WebhookEndpoint] {
		return d.api.V1WebhookEndpoints.List(ctx, &sdk.WebhookEndpointListParams{ListParams: sdk.ListParams{Limit: sdk.Int64(pageSize)}})
	})
	if err != nil {
		return nil, err
	}
	same := slices.DeleteFunc(all, func(e *sdk.WebhookEndpoint) bool { return e.URL != endpointURL })
	slices.SortStableFunc(same, func(a, b *sdk.WebhookEndpoint) int {
		if enabled := a.Status == "enabled"; enabled != (b.Status == "enabled") {
			if enabled {
				return -1
			}
			return 1
		}
		return int(a.Created - b.Created)
	})
	return same, nil
}

func (d *Driver) createEndpoint(ctx context.Context, endpointURL string) (provider.Endpoint, error) {
	const op = "create the webhook endpoint"
	created, err := call(ctx, d, op, func(ctx context.Context) (*sdk.WebhookEndpoint, error) {
		return d.api.V1WebhookEndpoints.Create(ctx, &sdk.WebhookEndpointCreateParams{
			URL: sdk.String(endpointURL), APIVersion: sdk.String(sdk.APIVersion), EnabledEvents: sdk.StringSlice(askedEvents()),
			Description: sdk.String("Trivet, account " + d.account),
		})
	})
	if err != nil {
		return provider.Endpoint{}, err
	}
	if created.Secret == "" {
		return provider.Endpoint{}, d.malformed(op, errors.New("the answer has no signing secret"))
	}
	return provider.Endpoint{ID: created.ID, Secret: created.Secret, Created: true}, nil
}

func (d *Driver) updateEndpoint(ctx context.Context, id string, params *sdk.WebhookEndpointUpdateParams) error {
	_, err := call(ctx, d, "update webhook endpoint "+clip(id, 64), func(ctx context.Context) (*sdk.WebhookEndpoint, error) {
		return d.api.V1WebhookEndpoints.Update(ctx, id, params)
	})
	return err
}

// askedEvents are the events that an endpoint is to send.
func askedEvents() []string {
	var names []string
	for _, event := range eventTable {
		if !event.unasked {
			names = append(names, event.name)
		}
	}
	return names
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
