package paypal

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/transport"
)

// What a certificate may cost us before we know who sent its address.
const (
	maxCertificate = 64 << 10
	certPatience   = 5 * time.Second
	// keptCertificates bounds the cache; PayPal uses a handful.
	keptCertificates = 16
	minRSABits       = 2048
)

// certPath is where PayPal keeps its signing certificates.
const certPath = "/v1/notifications/certs/"

var certName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,127}$`)

// certificates fetches and keeps the certificates that webhooks are signed with.
type certificates struct {
	account string
	// bases are the addresses that a certificate may come from, without the path
	// of certificates.
	bases  []string
	roots  *x509.CertPool
	now    func() time.Time
	client *http.Client
	// turn holds one value while nobody fetches what a stranger names; ours is the
	// same for addresses by which webhooks were rightly signed.
	turn, ours chan struct{}

	mu      *sync.Mutex
	known   map[string]*x509.Certificate
	proven  proven
	askings askings
}

func newCertificates(config Config, roots *x509.CertPool, now func() time.Time) certificates {
	bases := []string{strings.TrimSuffix(config.CertBaseURL, "/")}
	if config.CertBaseURL == "" {
		bases = []string{"https://api.paypal.com", "https://api-m.paypal.com"}
		if config.Sandbox {
			bases = []string{"https://api.sandbox.paypal.com", "https://api-m.sandbox.paypal.com"}
		}
	}
	turn, ours := make(chan struct{}, 1), make(chan struct{}, 1)
	turn <- struct{}{}
	ours <- struct{}{}
	through := transport.New(transport.Config{
		Account: config.Account, Base: config.Transport, MaxBody: maxCertificate, TryTimeout: certPatience, Now: now,
	})
	return certificates{
		account: config.Account, bases: bases, roots: roots, now: now, client: through.Client(), turn: turn, ours: ours,
		mu: &sync.Mutex{}, known: map[string]*x509.Certificate{}, askings: newAskings(),
	}
}

// errAddress says that a certificate's address is not one of PayPal's.
var errAddress = errors.New("the certificate's address is not one of PayPal's")

// pinned reports whether an address is one of PayPal's certificates: scheme, host,
// port and path must be exactly right, and nothing else may be in it. It is
// compared as text, so that no two parsers can disagree about it.
func (c *certificates) pinned(address string) bool {
	for _, base := range c.bases {
		if name, ours := strings.CutPrefix(address, base+certPath); ours && certName.MatchString(name) {
			u, err := url.Parse(address)
			return err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == ""
		}
	}
	return false
}

// key returns the public key of the certificate at an address. The error is
// errAddress or errUntrusted for one that is not PayPal's; any other says that the
// certificate could not be had just now.
func (c *certificates) key(ctx context.Context, address string, now time.Time) (*rsa.PublicKey, error) {
	if !c.pinned(address) {
		return nil, errAddress
	}
	cert, err := c.get(ctx, address, now)
	if err != nil {
		return nil, err
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minRSABits {
		return nil, fmt.Errorf("%w: its key is not RSA of at least %d bits", errUntrusted, minRSABits)
	}
	return key, nil
}

func (c *certificates) held(address string, now time.Time) *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	cert := c.known[address]
	if cert == nil || now.After(cert.NotAfter) || now.Before(cert.NotBefore) {
		return nil
	}
	return cert
}

func (c *certificates) get(ctx context.Context, address string, now time.Time) (*x509.Certificate, error) {
	if cert, err := c.already(address, now); cert != nil || err != nil {
		return cert, err
	}
	turn := c.turn
	if c.expected(address) {
		turn = c.ours
	}
	select {
	case <-turn:
		defer func() { turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, c.unavailable(ctx.Err())
	}
	if cert, err := c.already(address, now); cert != nil || err != nil {
		return cert, err
	}
	if !c.mayFetch(address) {
		return nil, c.unavailable(fmt.Errorf("more than %d unknown certificates were asked for in a minute", fetchesPerMinute))
	}
	// who hangs up must not make a certificate seem not to be had
	text, err := c.fetch(context.WithoutCancel(ctx), address)
	if err != nil {
		return nil, c.fail(address, err)
	}
	cert, err := c.trust(text, now)
	if err != nil {
		return nil, c.fail(address, err)
	}
	c.keep(address, cert)
	return cert, nil
}

// already is a certificate that we have, or why it could not be had a moment ago.
func (c *certificates) already(address string, now time.Time) (*x509.Certificate, error) {
	if cert := c.held(address, now); cert != nil {
		return cert, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return nil, c.askings.failed(address, c.now())
}

// expected reports whether a webhook was rightly signed by this address before.
func (c *certificates) expected(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proven.has(address)
}

// prove notes that a webhook was rightly signed by an address.
func (c *certificates) prove(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.proven.add(address)
}

func (c *certificates) mayFetch(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proven.has(address) || c.askings.may(address, c.now())
}

func (c *certificates) fail(address string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	span := unavailableFor
	switch {
	case c.proven.has(address):
		span = provenFor
	case errors.Is(err, errUntrusted):
		span = untrustedFor
	}
	c.askings.fail(address, err, c.now(), span)
	return err
}

func (c *certificates) keep(address string, cert *x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= keptCertificates {
		clear(c.known)
	}
	c.known[address] = cert
}

// fetch reads what is at an address. Nothing is followed, little is read.
func (c *certificates) fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, certPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errAddress
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, c.unavailable(errors.New("it cannot be fetched"))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, c.unavailable(errors.New("it cannot be read"))
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: there is none of this name", errUntrusted)
	case resp.StatusCode != http.StatusOK:
		return nil, c.unavailable(fmt.Errorf("status %d", resp.StatusCode))
	}
	return text, nil
}

func (c *certificates) unavailable(err error) error {
	return &provider.Error{Account: c.account, Op: "get a signing certificate", Kind: provider.Unavailable, Err: err}
}

// errUntrusted says that what is at the address is no certificate of PayPal's.
var errUntrusted = errors.New("the certificate is not trusted")

// trust checks the first certificate of a PEM file: that it is valid now, is
// PayPal's by name, and chains to a root by what else is in the file.
func (c *certificates) trust(text []byte, now time.Time) (*x509.Certificate, error) {
	var leaf *x509.Certificate
	between := x509.NewCertPool()
	for n := 0; n < 10; n++ {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%w: it cannot be read", errUntrusted)
		}
		if leaf == nil {
			leaf = cert
		} else {
			between.AddCert(cert)
		}
	}
	if leaf == nil {
		return nil, fmt.Errorf("%w: it is not PEM", errUntrusted)
	}
	if !ofPayPal(leaf) {
		return nil, fmt.Errorf("%w: it is for another name than paypal.com's", errUntrusted)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: it is expired, or does not chain to a root (see ca_file)", errUntrusted)
	}
	return leaf, nil
}

// ofPayPal reports whether a certificate is for a name below paypal.com. Of one
// that has alternative names, only they count.
func ofPayPal(cert *x509.Certificate) bool {
	names := cert.DNSNames
	if len(names) == 0 {
		names = []string{cert.Subject.CommonName}
	}
	for _, name := range names {
		if strings.HasSuffix(strings.ToLower(name), ".paypal.com") {
			return true
		}
	}
	return false
}
