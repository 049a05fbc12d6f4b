package postbox

import (
	"net"
	"net/http"
	"net/netip"
)

// Loopback reports whether a host is this machine's own: "localhost" or a loopback
// address. Other names may mean this machine too, but only whoever asks their server
// knows, and the answer may be another the next time.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// Guard lets only requests through that were made to this machine by a name of its
// own. A page of a stranger whose name was made to mean this machine (DNS rebinding)
// is a request to that name, and is refused with 421.
func Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host // without a port
		}
		if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
			host = host[1 : n-1]
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		if !Loopback(host) {
			http.Error(w, "This is served to this machine alone: open it as http://127.0.0.1 or http://localhost, with the port that the demo prints.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
