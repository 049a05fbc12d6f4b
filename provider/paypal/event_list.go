package paypal

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/provider"
)

// EventRetention is how long PayPal lists past events. It publishes no figure;
// its dashboard shows 30 days.
const EventRetention = 30 * 24 * time.Hour

const (
	eventPage = 100
	// mostEventPages bounds a window: one with more is halved.
	mostEventPages = 10
	eventWindow    = 24 * time.Hour
	shortestWindow = time.Second
)

// Events implements [provider.EventLister]. PayPal lists the events that some
// webhook of the app is subscribed to, newest first. To return them oldest first
// without holding a month of them in memory, the time since is cut into windows.
func (d *Driver) Events(ctx context.Context, since time.Time, after string) (provider.EventPage, error) {
	from, width, err := d.window(since, after)
	if err != nil {
		return provider.EventPage{}, err
	}
	for {
		to := from.Add(width)
		open := !to.Before(d.now())
		deliveries, whole, err := d.eventsIn(ctx, from, to)
		if err != nil {
			return provider.EventPage{}, err
		}
		if !whole && width > shortestWindow {
			width = max(shortestWindow, width/4)
			continue
		}
		slices.SortStableFunc(deliveries, func(a, b provider.Delivery) int { return a.CreatedAt.Compare(b.CreatedAt) })
		page := provider.EventPage{Deliveries: deliveries}
		if !open {
			wider := min(eventWindow, width*2)
			page.Next = strconv.FormatInt(to.Unix(), 10) + ":" + strconv.FormatInt(int64(wider/time.Second), 10)
		}
		return page, nil
	}
}

// window reads a cursor, which is "from:width" in seconds.
func (d *Driver) window(since time.Time, after string) (from time.Time, width time.Duration, err error) {
	if after == "" {
		oldest := d.now().Add(-EventRetention - 24*time.Hour)
		if since.Before(oldest) {
			since = oldest
		}
		return since.Truncate(time.Second), eventWindow, nil
	}
	begin, wide, _ := strings.Cut(after, ":")
	b, err1 := strconv.ParseInt(begin, 10, 64)
	w, err2 := strconv.ParseInt(wide, 10, 64)
	if err1 != nil || err2 != nil || b < 0 || w < 1 || w > int64(eventWindow/time.Second) {
		return from, 0, d.refused("list events", "the cursor is not one of ours")
	}
	return time.Unix(b, 0).UTC(), time.Duration(w) * time.Second, nil
}

// eventsIn reads all events of a window; whole is false if there are too many.
func (d *Driver) eventsIn(ctx context.Context, from, to time.Time) (all []provider.Delivery, whole bool, err error) {
	return d.listEvents(ctx, url.Values{"start_time": {stampOf(from)}, "end_time": {stampOf(to)}}, mostEventPages)
}

// listEvents follows the links of a list of events. Of a link only its query
// counts: it must not lead us to another host.
func (d *Driver) listEvents(ctx context.Context, query url.Values, most int) (all []provider.Delivery, whole bool, err error) {
	const op = "list events"
	query.Set("page_size", strconv.Itoa(eventPage))
	for range most {
		var answer struct {
			Events *[]json.RawMessage
			Links  []link
		}
		if err := d.get(ctx, op, "/v1/notifications/webhooks-events", query, &answer); err != nil {
			return nil, false, err
		}
		if answer.Events == nil {
			return nil, false, d.malformed(op, errNotAList)
		}
		for _, body := range *answer.Events {
			all = append(all, d.listed(body))
		}
		next := nextQuery(answer.Links)
		if next == nil || len(*answer.Events) == 0 {
			return all, true, nil
		}
		query = next
	}
	return all, false, nil
}

// listed reads the names in one event. One that cannot be read is passed on
// without any: the rest must not wait for it.
func (d *Driver) listed(body json.RawMessage) provider.Delivery {
	delivery, err := d.readEvent(body)
	if err != nil {
		var e struct {
			ID        string
			EventType string `json:"event_type"`
		}
		_ = json.Unmarshal(body, &e) // as far as it goes
		delivery = provider.Delivery{ID: clip(e.ID, 128), Type: clip(e.EventType, 128)}
	}
	delivery.Body = body
	return delivery
}

// nextQuery is the query of the link to the next page; nil if there is none.
func nextQuery(links []link) url.Values {
	for _, l := range links {
		if l.Rel != "next" {
			continue
		}
		if u, err := url.Parse(l.Href); err == nil && u.RawQuery != "" {
			return u.Query()
		}
	}
	return nil
}

// stampOf is a time as PayPal takes it.
func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
