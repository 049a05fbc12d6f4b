package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/provider"
)

// RegisterEndpoint implements [provider.EndpointRegistrar] by a notification
// destination. Paddle shows the secret key of one whenever it is asked, so it is
// returned also for one that existed. Of several destinations with the URL the
// oldest active one is kept and the others are switched off.
func (d *Driver) RegisterEndpoint(ctx context.Context, endpointURL string) (provider.Endpoint, error) {
	same, err := d.destinationsAt(ctx, endpointURL)
	if err != nil {
		return provider.Endpoint{}, err
	}
	if len(same) == 0 {
		return d.createDestination(ctx, endpointURL)
	}
	for _, spare := range same[1:] {
		if !spare.Active {
			continue
		}
		off := &sdk.UpdateNotificationSettingRequest{NotificationSettingID: spare.ID, Active: sdk.NewPatchField(false)}
		if _, err := d.updateDestination(ctx, off); err != nil {
			return provider.Endpoint{}, err
		}
	}
	kept := same[0]
	if !kept.Active || !asked(kept) {
		kept, err = d.updateDestination(ctx, &sdk.UpdateNotificationSettingRequest{
			NotificationSettingID: kept.ID, Active: sdk.NewPatchField(true), SubscribedEvents: sdk.NewPatchField(askedEvents()),
		})
		if err != nil {
			return provider.Endpoint{}, err
		}
	}
	return provider.Endpoint{ID: kept.ID, Secret: kept.EndpointSecretKey}, nil
}

// destinationsAt lists the destinations with a URL, the one to keep first.
func (d *Driver) destinationsAt(ctx context.Context, endpointURL string) ([]sdk.NotificationSetting, error) {
	const op = "list notification destinations"
	rows, _, err := list(ctx, d, op, func(ctx context.Context) error {
		// Paddle allows ten of them, and shows 200 at once.
		_, err := d.api.ListNotificationSettings(ctx, &sdk.ListNotificationSettingsRequest{PerPage: sdk.PtrTo(200), OrderBy: byAge()})
		return err
	})
	if err != nil {
		return nil, err
	}
	var same []sdk.NotificationSetting
	for _, row := range rows {
		var destination sdk.NotificationSetting
		if err := json.Unmarshal(row, &destination); err != nil || !isName(destination.ID) {
			return nil, d.malformed(op, errors.New("a destination cannot be read"))
		}
		if destination.Type == sdk.NotificationSettingTypeURL && destination.Destination == endpointURL {
			same = append(same, destination)
		}
	}
	slices.SortStableFunc(same, func(a, b sdk.NotificationSetting) int {
		switch {
		case a.Active == b.Active:
			return 0
		case a.Active:
			return -1
		}
		return 1
	})
	return same, nil
}

func (d *Driver) createDestination(ctx context.Context, endpointURL string) (provider.Endpoint, error) {
	const op = "create the notification destination"
	created, err := call[sdk.NotificationSetting](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.CreateNotificationSetting(ctx, &sdk.CreateNotificationSettingRequest{
			Description: "Trivet, account " + d.account, Destination: endpointURL, Type: sdk.NotificationSettingTypeURL,
			SubscribedEvents: askedEvents(), APIVersion: sdk.PtrTo(1), TrafficSource: sdk.PtrTo(sdk.TrafficSourcePlatform),
		})
		return err
	})
	if err != nil {
		return provider.Endpoint{}, err
	}
	if created.EndpointSecretKey == "" || !isName(created.ID) {
		return provider.Endpoint{}, d.malformed(op, errors.New("the answer has no secret key"))
	}
	return provider.Endpoint{ID: created.ID, Secret: created.EndpointSecretKey, Created: true}, nil
}

func (d *Driver) updateDestination(ctx context.Context, change *sdk.UpdateNotificationSettingRequest) (sdk.NotificationSetting, error) {
	op := "update notification destination " + clip(change.NotificationSettingID, 64)
	return call[sdk.NotificationSetting](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.UpdateNotificationSetting(ctx, change)
		return err
	})
}

// askedEvents are the events that a destination is to send.
func askedEvents() []sdk.EventTypeName {
	var names []sdk.EventTypeName
	for _, event := range eventTable {
		if !event.unasked {
			names = append(names, sdk.EventTypeName(event.name))
		}
	}
	return names
}

// asked reports whether a destination sends all of them.
func asked(destination sdk.NotificationSetting) bool {
	for _, name := range askedEvents() {
		if !slices.ContainsFunc(destination.SubscribedEvents, func(e sdk.EventType) bool { return e.Name == name }) {
			return false
		}
	}
	return true
}
