package paypal

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
)

// gate is a driver under a clock, the certificates that it can fetch, and who knocks.
type gate struct {
	*Driver
	t    *testing.T
	now  time.Time
	shop *shop
	made int
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{t: t, now: noon, shop: &shop{answers: map[string]*http.Response{certURL: serving(200, theForge().leaf(t, goodName, noon.Add(100*time.Hour), true))}}}
	g.Driver = receiver(t, g.shop, func() time.Time { return g.now })
	return g
}

// genuine delivers a webhook that PayPal signed.
func (g *gate) genuine(ctx context.Context) error {
	_, err := g.Verify(ctx, theForge().sign(g.t, []byte(saleEvent), g.now, "1AB"), []byte(saleEvent), g.now)
	return err
}

// named delivers one that names a certificate.
func (g *gate) named(name string) error {
	header := theForge().sign(g.t, []byte(saleEvent), g.now, "1AB")
	header.Set(headerCert, certHost+name)
	_, err := g.Verify(g.t.Context(), header, []byte(saleEvent), g.now)
	return err
}

// flood delivers many that name certificates that were made up, each another, and each
// so often.
func (g *gate) flood(n, times int) {
	g.t.Helper()
	for range n {
		g.made++
		g.shop.mu.Lock()
		g.shop.answers[fmt.Sprint(certHost, "CERT-", g.made)] = serving(404, "")
		g.shop.mu.Unlock()
		for range times {
			if err := g.named(fmt.Sprint("CERT-", g.made)); err == nil {
				g.t.Error("a certificate that was made up verifies")
			}
		}
	}
}

// What does not exist is asked for once, however often it is named, and again only
// after a while.
func TestMadeUpCertificatesCostOneFetch(t *testing.T) {
	g := newGate(t)
	g.flood(1, 100)
	if n := len(g.shop.asked); n != 1 {
		t.Errorf("%d fetches", n)
	}
	if err := g.genuine(t.Context()); err != nil {
		t.Errorf("the genuine one: %v", err)
	}
	g.now = g.now.Add(untrustedFor)
	if err := g.named("CERT-1"); err == nil || len(g.shop.asked) != 3 {
		t.Errorf("later: %v, %d fetches", err, len(g.shop.asked))
	}
	g.flood(100*fetchesPerMinute, 1)
	if n := len(g.certs.askings.failures); n > 2*fetchesPerMinute+2 {
		t.Errorf("%d failures are remembered", n)
	}
	for range mostRefused + 100 {
		g.flood(1, 1)
	}
	if n := len(g.certs.askings.refused); n > mostRefused {
		t.Errorf("%d refusals are remembered", n)
	}
}

// By what PayPal signed before a restart it can sign after it, whatever strangers do.
func TestStrangersAfterARestart(t *testing.T) {
	g := newGate(t)
	if err := g.genuine(t.Context()); err != nil {
		t.Fatal(err)
	}
	var _ provider.Recognizer = g.Driver
	before := theForge().sign(t, []byte(saleEvent), g.now, "1AB")
	elsewhere := before.Clone()
	elsewhere.Set(headerCert, "https://evil.test/v1/notifications/certs/CERT-1")

	again := newGate(t)
	again.Recognize(elsewhere)
	again.Recognize(http.Header{})
	again.Recognize(before)
	again.flood(3*fetchesPerMinute, 2)
	if err := again.genuine(t.Context()); err != nil {
		t.Errorf("in a flood: %v", err)
	}
	if n := len(again.certs.proven); n != 1 {
		t.Errorf("%v are taken for proven", again.certs.proven)
	}
	for n := range 2 * mostProven {
		again.Recognize(http.Header{headerCert: {fmt.Sprint(certHost, "CERT-OTHER-", n)}})
	}
	if again.Recognize(before); len(again.certs.proven) != mostProven || !again.certs.proven.has(certURL) {
		t.Errorf("proven are %v", again.certs.proven)
	}
}

// A certificate that was never seen is had at the second try, in a flood of names each
// of which comes once.
func TestStrangersBeforeTheFirstWebhook(t *testing.T) {
	g := newGate(t)
	g.flood(2*fetchesPerMinute, 1)
	if err := g.genuine(t.Context()); provider.KindOf(err) != provider.Unavailable {
		t.Errorf("in a flood: %v", err)
	}
	g.now = g.now.Add(comesBack)
	g.flood(2*fetchesPerMinute, 1)
	if err := g.genuine(t.Context()); err != nil {
		t.Errorf("when it came back: %v", err)
	}
}

// Who hangs up while we ask, or asks while PayPal is out of order, keeps nobody out for
// long.
func TestFailedFetchesPass(t *testing.T) {
	g := newGate(t)
	hung, hangUp := context.WithCancel(t.Context())
	hangUp()
	for range 2 {
		_ = g.genuine(hung) // either way is right
		if err := g.genuine(t.Context()); err != nil {
			t.Errorf("after somebody hung up: %v", err)
		}
	}

	good := g.shop.answers[certURL]
	g = newGate(t)
	g.shop.answers[certURL] = serving(503, "down")
	for range 20 {
		if err := g.genuine(t.Context()); provider.KindOf(err) != provider.Unavailable {
			t.Fatal(err)
		}
	}
	g.shop.answers[certURL] = good
	if len(g.shop.asked) != 1 {
		t.Errorf("%d fetches while it was down", len(g.shop.asked))
	}
	g.now = g.now.Add(unavailableFor)
	if err := g.genuine(t.Context()); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}
