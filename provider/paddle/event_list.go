package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
)

// EventRetention is how long Paddle lists past events.
const EventRetention = 90 * 24 * time.Hour

// How many events are asked for at once: few for a start, since every one comes
// with its whole entity, and then the most that Paddle returns.
const (
	fewEvents  = 20
	mostEvents = 200
)

// Events implements [provider.EventLister]. Paddle lists events by id, which
// begins with the time, and cannot be asked for those since a time. So the first
// page is found from the newest backwards; usually it is the newest, and all there
// is. From there the list is read forwards.
func (d *Driver) Events(ctx context.Context, since time.Time, after string) (provider.EventPage, error) {
	if after != "" {
		if !isName(after) {
			return provider.EventPage{}, d.refused("list events", "the cursor is not one of ours")
		}
		deliveries, more, err := d.eventsAfter(ctx, after, "id[ASC]", mostEvents)
		return pageOf(deliveries, more), err
	}
	cursor, newest, many := "", true, fewEvents
	for {
		deliveries, more, err := d.eventsAfter(ctx, cursor, "id[DESC]", many)
		if err != nil {
			return provider.EventPage{}, err
		}
		i := slices.IndexFunc(deliveries, func(e provider.Delivery) bool { return e.CreatedAt.Before(since) })
		if more && i < 0 {
			cursor, newest, many = deliveries[len(deliveries)-1].ID, false, mostEvents
			continue
		}
		if i >= 0 {
			deliveries = deliveries[:i]
		}
		slices.Reverse(deliveries)
		if len(deliveries) == 0 && !newest {
			// The page before ended exactly where the time begins.
			deliveries, more, err = d.eventsFrom(ctx, cursor)
			return pageOf(deliveries, more), err
		}
		return pageOf(deliveries, !newest), nil
	}
}

func pageOf(deliveries []provider.Delivery, more bool) provider.EventPage {
	page := provider.EventPage{Deliveries: deliveries}
	if more && len(deliveries) > 0 {
		page.Next = deliveries[len(deliveries)-1].ID
	}
	return page
}

// eventsFrom lists the event with an id and what follows it: what comes after it
// alone would leave it out.
func (d *Driver) eventsFrom(ctx context.Context, id string) ([]provider.Delivery, bool, error) {
	before, _, err := d.eventsAfter(ctx, id, "id[DESC]", 1)
	if err != nil {
		return nil, false, err
	}
	if len(before) == 0 {
		return d.eventsAfter(ctx, "", "id[ASC]", mostEvents)
	}
	return d.eventsAfter(ctx, before[0].ID, "id[ASC]", mostEvents)
}

// eventsAfter asks for one page. An event that cannot be read is passed on without
// names: the rest must not wait for it.
func (d *Driver) eventsAfter(ctx context.Context, cursor, order string, many int) ([]provider.Delivery, bool, error) {
	request := &sdk.ListEventsRequest{PerPage: &many, OrderBy: &order}
	if cursor != "" {
		request.After = &cursor
	}
	const op = "list events"
	rows, more, err := list(ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.ListEvents(ctx, request)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	all := make([]provider.Delivery, 0, len(rows))
	for _, row := range rows {
		delivery, err := d.readEvent(row)
		if err != nil {
			if delivery, err = nameless(row); err != nil {
				return nil, false, d.malformed(op, err)
			}
		}
		delivery.Body = row
		all = append(all, delivery)
	}
	return all, more, nil
}

// nameless keeps of an event what can be read.
func nameless(row json.RawMessage) (provider.Delivery, error) {
	event, err := strict.Members(row)
	if err != nil || idIn(event, "event_id") == "" {
		return provider.Delivery{}, errors.New("an event of the list has no id")
	}
	return provider.Delivery{
		ID: idIn(event, "event_id"), Type: clip(event.Text("event_type"), 128), CreatedAt: moment(event.Text("occurred_at")),
	}, nil
}
