package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/trivetdev/trivet/client"
)

type eventsCommand struct {
	List   eventsList   `cmd:"" default:"withargs" help:"List events, newest first."`
	Show   eventsShow   `cmd:"" help:"Show an event as it came."`
	Replay eventsReplay `cmd:"" help:"Look again at what events name: at one, or all of a filter."`
}

// eventFilter selects events.
type eventFilter struct {
	Provider string `help:"Of this provider account."`
	Type     string `help:"Of this type, in the provider's words."`
	State    string `help:"In this state: received, done, dead or ignored." enum:",received,done,dead,ignored" default:""`
	Ref      string `help:"About this object: account/kind/id."`
	Cause    string `help:"Whose error has this text in it."`
}

func (f eventFilter) filter() client.EventFilter {
	return client.EventFilter{Provider: f.Provider, Type: f.Type, State: f.State, Ref: f.Ref, Cause: f.Cause}
}

type eventsList struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	eventFilter `embed:""`
}

// Run lists events.
func (c eventsList) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Events(s.ctx, c.filter(), c.list())
	return r.show(page, err, func() {
		t := table{none: "no events", head: []string{"id", "received", "provider", "type", "state", "attempts", "error"}}
		for _, e := range page.Data {
			t.add(e.ID, stamp(e.ReceivedAt), e.Provider, e.Type, e.State, strconv.FormatInt(e.Attempts, 10), brief(e.Error, 60))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}

type eventsShow struct {
	remoteFlags `embed:""`
	Event       string `arg:"" help:"Our id of the event, or the provider's."`
}

// Run shows an event.
func (c eventsShow) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	e, err := r.Event(s.ctx, c.Event)
	return r.show(e, err, func() {
		fmt.Fprintf(s.Stdout, "%s  %s  %s  %s\n", e.ID, e.Provider, e.EventID, e.Type)
		fmt.Fprintf(s.Stdout, "%s by %s, received %s, created %s, done %s\n", e.State, e.Arrival, stamp(e.ReceivedAt), stampOf(e.CreatedAt), stampOf(e.DoneAt))
		if e.Error != "" {
			fmt.Fprintf(s.Stdout, "failed %d times: %s\n", e.Attempts, e.Error)
		}
		for _, ref := range e.Refs {
			fmt.Fprintf(s.Stdout, "names %s\n", ref)
		}
		for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
			fmt.Fprintf(s.Stdout, "%s: %s\n", name, e.Headers[name])
		}
		body, err := json.MarshalIndent(e.Body, "", "  ")
		if err != nil || e.Base64 != nil {
			body = []byte("(not JSON; --json has it as base64)")
		}
		fmt.Fprintf(s.Stdout, "\n%s\n", body)
	})
}

type eventsReplay struct {
	remoteFlags `embed:""`
	eventFilter `embed:""`
	Event       string `arg:"" optional:"" help:"The event; without, all of the filter."`
	All         bool   `help:"All events there are; needed without a filter."`
	DryRun      bool   `help:"Only say what would be looked at." short:"n"`
}

// Run replays events.
func (c eventsReplay) Run(s *session) error {
	if c.Event != "" && (c.filter() != client.EventFilter{} || c.All || c.DryRun) {
		return usagef("name an event or a filter, not both")
	}
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	replay := func() (client.Replay, error) {
		if c.Event != "" {
			return r.ReplayEvent(s.ctx, c.Event)
		}
		return r.ReplayEvents(s.ctx, c.filter(), c.All, c.DryRun)
	}
	done, err := replay()
	return r.show(done, err, func() {
		word := "are looked at again"
		if done.DryRun {
			word = "would be looked at again"
		}
		fmt.Fprintf(s.Stdout, "%d events, of which %d name nothing; %d objects %s\n", done.Events, done.Ignored, done.Objects, word)
		for _, ref := range done.Refs {
			fmt.Fprintf(s.Stdout, "  %s\n", ref)
		}
		if more := done.Objects - len(done.Refs); more > 0 {
			fmt.Fprintf(s.Stdout, "  and %d more\n", more)
		}
	})
}
