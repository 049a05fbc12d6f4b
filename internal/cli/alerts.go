package cli

import (
	"fmt"
	"strconv"

	"github.com/trivetdev/trivet/client"
)

type alertsCommand struct {
	List  alertsList  `cmd:"" default:"withargs" help:"List what needs a person, newest first."`
	Close alertsClose `cmd:"" help:"Say that it is dealt with."`
}

type alertsList struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	All         bool   `help:"Also those that are closed."`
	Kind        string `help:"Of this kind, such as dispute."`
}

// Run lists alerts.
func (c alertsList) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	filter := client.AlertFilter{Kind: c.Kind}
	if !c.All {
		open := true
		filter.Open = &open
	}
	page, err := r.Alerts(s.ctx, filter, c.list())
	return r.show(page, err, func() {
		t := table{none: "nothing needs you", head: []string{"id", "raised", "kind", "times", "due by", "state", "customer", "what"}}
		for _, a := range page.Data {
			t.add(a.ID, stamp(a.RaisedAt), a.Kind, strconv.FormatInt(a.Times, 10), stampOf(a.DueBy), a.State, deref(a.Customer), brief(a.Title, 80))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}

type alertsClose struct {
	remoteFlags `embed:""`
	Alert       string `arg:"" help:"The alert's id."`
}

// Run closes an alert.
func (c alertsClose) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	a, err := r.CloseAlert(s.ctx, c.Alert)
	return r.show(a, err, func() {
		fmt.Fprintf(s.Stdout, "%s: closed at %s by %s: %s\n", a.ID, stampOf(a.ClosedAt), deref(a.ClosedBy), a.Title)
	})
}
