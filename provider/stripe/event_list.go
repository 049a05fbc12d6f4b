package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/provider"
)

// EventRetention is how long Stripe lists past events.
const EventRetention = 30 * 24 * time.Hour

// Events implements [provider.EventLister]. Stripe lists events newest first
// and keeps them for [EventRetention]; what is older is not listed.
//
// To return them oldest first without holding a month of them in memory, the
// time since is cut into windows that fit into one answer each: a window with
// more is halved, one that fitted is followed by one as wide as is likely to
// fit. Usually the first, open-ended, window is all there is.
//
// No filter by type is used: Stripe takes 20 types at most, and several
// filtered lists would have to be merged by a time that knows only seconds.
func (d *Driver) Events(ctx context.Context, since time.Time, after string) (provider.EventPage, error) {
	w, err := d.window(since, after)
	if err != nil {
		return provider.EventPage{}, err
	}
	for {
		events, more, err := d.eventsIn(ctx, w, "")
		if err != nil {
			return provider.EventPage{}, err
		}
		if more && w.width != 1 {
			w = w.narrower(d.now())
			continue
		}
		if more {
			if events, err = d.wholeSecond(ctx, w, events); err != nil {
				return provider.EventPage{}, err
			}
		}
		slices.Reverse(events)
		deliveries, err := d.deliveries(events)
		if err != nil {
			return provider.EventPage{}, err
		}
		return provider.EventPage{Deliveries: deliveries, Next: w.next(d.now(), len(events))}, nil
	}
}

// window is a span of seconds; a width of zero has no end.
type window struct{ from, width int64 }

// window reads a cursor, which is "from:width".
func (d *Driver) window(since time.Time, after string) (window, error) {
	if after == "" {
		return window{from: max(0, since.Unix())}, nil
	}
	from, width, _ := strings.Cut(after, ":")
	w := window{}
	var err1, err2 error
	w.from, err1 = strconv.ParseInt(from, 10, 64)
	w.width, err2 = strconv.ParseInt(width, 10, 64)
	if errors.Join(err1, err2) != nil || w.from < 0 || w.width < 1 {
		return window{}, d.refused("list events", "the cursor is not one of ours")
	}
	if w.from+w.width > d.now().Unix() {
		w.width = 0 // the last window waits for what is happening now
	}
	return w, nil
}

func (w window) narrower(now time.Time) window {
	width := w.width
	if width == 0 {
		oldest := now.Add(-EventRetention - 24*time.Hour).Unix()
		w.from = max(w.from, oldest)
		width = max(2, now.Unix()-w.from)
	}
	return window{w.from, max(1, width/2)}
}

// next is the cursor behind the window, which had so many events; empty if it
// had no end. The next window is as wide as would hold most of a page at the
// same density.
func (w window) next(now time.Time, events int) string {
	if w.width == 0 {
		return ""
	}
	from, width := w.from+w.width, 4*w.width
	if events > 0 {
		width = min(width, w.width*3*pageSize/4/int64(events))
	}
	return strconv.FormatInt(from, 10) + ":" + strconv.FormatInt(min(max(1, width), max(1, now.Unix()-from+1)), 10)
}

// eventsIn asks for the newest events of a window.
func (d *Driver) eventsIn(ctx context.Context, w window, after string) (events []json.RawMessage, more bool, err error) {
	span := &sdk.RangeQueryParams{GreaterThanOrEqual: w.from}
	if w.width > 0 {
		span.LesserThan = w.from + w.width
	}
	page, err := listed[json.RawMessage](ctx, d, "list events", func(ctx context.Context) error {
		return d.api.V1Events.List(ctx, &sdk.EventListParams{ListParams: listParams(provider.Query{After: after}), CreatedRange: span}).Err()
	})
	return page.rows, page.more, err
}

// wholeSecond reads on in a window that cannot be made narrower.
func (d *Driver) wholeSecond(ctx context.Context, w window, events []json.RawMessage) ([]json.RawMessage, error) {
	for more := true; more; {
		last := rowID(events[len(events)-1])
		if last == "" {
			return nil, d.malformed("list events", errNoID)
		}
		var page []json.RawMessage
		var err error
		if page, more, err = d.eventsIn(ctx, w, last); err != nil {
			return nil, err
		}
		events = append(events, page...)
	}
	return events, nil
}

// deliveries reads the names in events. One that cannot be read is passed on
// without any: the rest must not wait for it.
func (d *Driver) deliveries(events []json.RawMessage) ([]provider.Delivery, error) {
	all := make([]provider.Delivery, 0, len(events))
	for _, event := range events {
		delivery, err := d.readEvent(event)
		if err != nil {
			if delivery, err = nameless(event); err != nil {
				return nil, d.malformed("list events", err)
			}
		}
		delivery.Body = event
		all = append(all, delivery)
	}
	return all, nil
}

// nameless keeps of an event what can be read.
func nameless(event json.RawMessage) (provider.Delivery, error) {
	var e struct {
		Type    string `json:"type"`
		Created int64  `json:"created"`
	}
	id := rowID(event)
	if id == "" {
		return provider.Delivery{}, errNoID
	}
	_ = json.Unmarshal(event, &e) // as far as it goes
	return provider.Delivery{ID: id, Type: clip(e.Type, 128), CreatedAt: moment(e.Created)}, nil
}
