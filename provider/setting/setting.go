package setting

import (
	"errors"
	"net"
	"net/url"
)

// Address reads the address of an API, which may have a path and nothing after it;
// like is the provider's own. Nil without an error: there is none.
func Address(text, like string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http":
		return nil, errors.New("is not a web address: write it like " + like + ", or leave it out")
	case address.User != nil || address.RawQuery != "" || address.Fragment != "":
		return nil, errors.New("has more than scheme, host and path: leave the rest out")
	}
	return address, nil
}

// Exposed reports whether what is sent to an address can be read on the way: it is
// not https, and not on this machine.
func Exposed(address *url.URL) bool {
	if address == nil || address.Scheme != "http" {
		return false
	}
	host := address.Hostname()
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}
