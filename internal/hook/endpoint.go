package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/trivetdev/trivet/internal/config"
)

// endpoint is an address that is ready to be sent to.
type endpoint struct {
	Endpoint
	// address tells this URL from another without telling it.
	address string
	signers []*standardwebhooks.Webhook
	client  *http.Client
}

var endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// open makes an endpoint ready. No error tells the URL, whose query may hold a token,
// or a secret.
func (h *Hooks) open(configured Endpoint) (*endpoint, error) {
	e := &endpoint{Endpoint: configured}
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, errors.New("url is no web address: write it as https://app.example.com/hooks")
	}
	if e.Name == "" {
		e.Name = config.EndpointName(u)
	}
	if !endpointName.MatchString(e.Name) {
		return nil, fmt.Errorf("%q cannot be a name: use letters, digits, dots and dashes", e.Name)
	}
	for _, event := range e.Events {
		if !slices.Contains(Events(), event) {
			return nil, fmt.Errorf("there are no events %q: there are %s", event, strings.Join(Events(), ", "))
		}
	}
	if len(e.Secrets) == 0 {
		return nil, errors.New("secret is missing: what we send is signed with it")
	}
	for _, secret := range e.Secrets {
		if why := config.WeakSecret(secret); why != "" {
			return nil, fmt.Errorf("secret %s", why)
		}
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, errors.New("secret is not base64 behind whsec_")
		}
		e.signers = append(e.signers, signer)
	}
	sum := sha256.Sum256([]byte(e.URL))
	e.address = hex.EncodeToString(sum[:8])
	transport := e.Transport
	if transport == nil {
		transport = network(e.AllowPrivate)
	}
	e.client = &http.Client{
		Transport: transport, Timeout: patience,
		// The answer itself is what counts: a redirect could lead to where we would not go.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return e, nil
}

// shown is the URL as people may see it.
func (e *endpoint) shown() string {
	shown, _, _ := strings.Cut(e.URL, "?")
	return shown
}

// patience is how long an endpoint may take to answer. Standard Webhooks asks
// senders for 15 to 30 seconds.
const patience = 20 * time.Second

// network is a transport that looks where it goes: no proxy, whose address would be
// the one that is checked, and no address that only we can reach, whatever name led
// there.
func network(private bool) *http.Transport {
	const headers = 16 << 10
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !private {
		dialer.Control = guard
	}
	return &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: patience,
		MaxResponseHeaderBytes: headers, MaxIdleConnsPerHost: workers, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}
}

// errPrivate says that an endpoint's name led to an address that is not for it.
var errPrivate = errors.New("the endpoint's name leads to an address of this machine or of a private network: " +
	"if that is meant, set allow_private = true in its [[endpoint]]")

// guard is asked before each connection, with the address that the name led to, so
// that a name which leads elsewhere the second time gains nothing.
func guard(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !Public(at.Addr()) {
		return errPrivate
	}
	return nil
}

// reserved are networks, beside those that package netip knows, that no endpoint of
// the open internet is in; from the special-purpose registries of IANA (RFC 6890).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // behind a carrier's NAT
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("64:ff9b::/96"),    // IPv4 behind a translator
	netip.MustParsePrefix("64:ff9b:1::/48"),  // the same, locally
	netip.MustParsePrefix("100::/64"),        // discard
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4, which holds an IPv4 address
	netip.MustParsePrefix("fec0::/10"),       // site-local, once
}

// Public reports whether an address is of the open internet.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() { // loopback, link-local, multicast and 0.0.0.0 are none
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}
