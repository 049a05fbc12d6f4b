package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trivetdev/trivet/client"
)

type hooksCommand struct {
	List       hooksList       `cmd:"" default:"withargs" help:"List your endpoints and how they stand."`
	Deliveries hooksDeliveries `cmd:"" help:"List how the latest deliveries went."`
	Replay     hooksReplay     `cmd:"" help:"Send an endpoint again what it did not take."`
	Enable     hooksEnable     `cmd:"" help:"Tell an endpoint again that answered 410 Gone."`
	Test       hooksTest       `cmd:"" help:"Send an endpoint a webhook now and say how it took it."`
}

type hooksList struct {
	remoteFlags `embed:""`
}

// Run lists endpoints.
func (c hooksList) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Endpoints(s.ctx)
	return r.show(page, err, func() {
		t := table{none: "no [[endpoint]] is configured", head: []string{"endpoint", "state", "waiting", "dead", "url", "events"}}
		for _, e := range page.Data {
			t.add(e.Name, e.State, strconv.FormatInt(e.Waiting, 10), strconv.FormatInt(e.Dead, 10), e.URL, strings.Join(e.Events, " "))
		}
		t.print(s.Stdout)
	})
}

type hooksDeliveries struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	Endpoint    string `help:"To this endpoint."`
	Customer    string `help:"About this customer."`
	State       string `help:"In this state: delivered, failing or dead." enum:",delivered,failing,dead" default:""`
}

// Run lists deliveries.
func (c hooksDeliveries) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Deliveries(s.ctx, client.DeliveryFilter{Endpoint: c.Endpoint, Customer: c.Customer, State: c.State}, c.list())
	return r.show(page, err, func() {
		t := table{none: "no deliveries", head: []string{"id", "tried", "endpoint", "type", "customer", "sequence", "state", "failures", "error"}}
		for _, d := range page.Data {
			t.add(d.ID, stamp(d.At), d.Endpoint, d.Type, deref(d.Customer), strconv.FormatInt(d.Sequence, 10), d.State,
				strconv.FormatInt(d.Attempts, 10), brief(d.Error, 60))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}

type hooksReplay struct {
	remoteFlags `embed:""`
	Endpoint    string `arg:"" help:"The endpoint's name."`
	Customer    string `help:"Send this customer's state, even if the endpoint has it." xor:"what"`
	All         bool   `help:"Send every customer's state." xor:"what"`
}

// Run sends again.
func (c hooksReplay) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	n, err := r.ReplayEndpoint(s.ctx, c.Endpoint, client.HookReplay{Customer: c.Customer, All: c.All})
	return r.show(map[string]int64{"queued": n}, err, func() { fmt.Fprintf(s.Stdout, "%s: %d webhooks are on their way\n", c.Endpoint, n) })
}

type hooksEnable struct {
	remoteFlags `embed:""`
	Endpoint    string `arg:"" help:"The endpoint's name."`
}

// Run enables an endpoint.
func (c hooksEnable) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	n, err := r.EnableEndpoint(s.ctx, c.Endpoint)
	return r.show(map[string]int64{"queued": n}, err, func() {
		fmt.Fprintf(s.Stdout, "%s: enabled; %d webhooks that it missed are on their way\n", c.Endpoint, n)
	})
}

type hooksTest struct {
	remoteFlags `embed:""`
	Endpoint    string `arg:"" help:"The endpoint's name."`
}

// Run sends a test, and exits 1 if the endpoint does not take it.
func (c hooksTest) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	test, err := r.TestEndpoint(s.ctx, c.Endpoint)
	err = r.show(test, err, func() {
		if test.Delivered {
			fmt.Fprintf(s.Stdout, "%s took %s and answered %d\n", c.Endpoint, test.WebhookID, *test.Status)
		}
	})
	if err == nil && !test.Delivered {
		return &failure{exitWrong, errors.New(test.Error)}
	}
	return err
}
