package stripe_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	simstripe "github.com/trivetdev/trivet/sim/stripe"
)

// canned answers every call of an address with what the simulator said first, so
// that the benchmarks measure the driver alone.
type canned struct {
	next    http.RoundTripper
	answers map[string][]byte
}

func (c *canned) RoundTrip(req *http.Request) (*http.Response, error) {
	body, known := c.answers[req.URL.String()]
	if !known {
		resp, err := c.next.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			return resp, err
		}
		if body, err = io.ReadAll(resp.Body); err != nil {
			return nil, err
		}
		c.answers[req.URL.String()] = body
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Request: req, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func benchDriver(b *testing.B) (*stripe.Driver, *simstripe.Server) {
	b.Helper()
	world := simstripe.New(simstripe.Config{Seed: 3})
	world.Populate(120)
	c := &canned{next: sim.Transport(world.Handler()), answers: map[string][]byte{}}
	driver, err := stripe.New(stripe.Config{Account: "stripe", SecretKey: world.SecretKey(), WebhookSecrets: []string{newSecret}, Transport: c})
	if err != nil {
		b.Fatal(err)
	}
	return driver, world
}

func BenchmarkFetch(b *testing.B) {
	driver, world := benchDriver(b)
	for _, kind := range []string{sim.KindSubscription, sim.KindPayment, sim.KindInvoice} {
		id := ""
		for _, o := range world.Truth() {
			if o.Kind == kind {
				id = o.ID
			}
		}
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := driver.Fetch(b.Context(), provider.Ref{Account: "stripe", Kind: billing.Kind(kind), ID: id}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkList(b *testing.B) {
	driver, _ := benchDriver(b)
	for _, kind := range []billing.Kind{billing.KindCustomer, billing.KindSubscription, billing.KindPayment} {
		b.Run(string(kind), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page, err := driver.List(b.Context(), provider.Query{Kind: kind})
				if err != nil || len(page.Snapshots) != 100 {
					b.Fatal(len(page.Snapshots), err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	driver, _ := benchDriver(b)
	body := []byte(`{"id":"evt_1","object":"event","livemode":false,"created":1767603600,"type":"invoice.paid","data":{"object":{"id":"in_1","metadata":{"filler":"` +
		strings.Repeat("x", 2900) + `"}}}}`)
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	header := sign(body, at, newSecret)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := driver.Verify(b.Context(), header, body, at); err != nil {
			b.Fatal(err)
		}
	}
}
