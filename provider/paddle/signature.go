package paddle

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/provider"
)

// What a signature header may cost us before we know who sent it.
const (
	signatureHeader = "Paddle-Signature"
	maxHeader       = 4 << 10
	maxSignatures   = 16
)

// authenticate checks that one of the secrets signed the body, and when.
//
// The header is "ts=<unix>;h1=<hex>;h1=<hex>;…"; the signed text is the time, a
// colon and the raw body. Paddle sends one h1 for each secret that counts, which
// are two while one is being replaced. Other keys and h1 that are not hexadecimal
// are passed over; a part that is not k=v spoils the header.
func (d *Driver) authenticate(header http.Header, body []byte, now time.Time) error {
	values := header.Values(signatureHeader)
	if len(values) != 1 {
		return reject(provider.Unsigned, "there must be exactly one Paddle-Signature header")
	}
	stamp, signatures, ok := parseSignature(values[0])
	if !ok {
		return reject(provider.Unsigned, "the Paddle-Signature header cannot be read")
	}
	if !d.signed(stamp, signatures, body) {
		return reject(provider.BadSignature, "none of the "+strconv.Itoa(len(d.secrets))+
			" webhook_secrets made this signature: compare them with the destination's secret key in the Paddle dashboard")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return reject(provider.Unsigned, "the time in the Paddle-Signature header cannot be read")
	}
	// The signature comes first, so that only Paddle learns how our clock stands.
	switch age := now.Unix() - seconds; {
	case age > int64(d.behind/time.Second):
		return reject(provider.Stale, "signed "+strconv.FormatInt(age, 10)+" s ago, longer than Paddle repeats a notification: check this machine's clock")
	case -age > int64(d.ahead/time.Second):
		return reject(provider.Future, "signed "+strconv.FormatInt(-age, 10)+" s ahead of this machine's clock: check it")
	}
	return nil
}

// parseSignature reads the header. The time stays text: it is signed as it came.
func parseSignature(header string) (stamp string, signatures [][]byte, ok bool) {
	if len(header) > maxHeader {
		return "", nil, false
	}
	for part := range strings.SplitSeq(header, ";") {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case !found:
			return "", nil, false
		case key == "ts":
			if stamp != "" || len(value) == 0 || len(value) > 12 || strings.Trim(value, "0123456789") != "" {
				return "", nil, false
			}
			stamp = value
		case key == "h1":
			if raw, err := hex.DecodeString(value); err == nil && len(raw) == sha256.Size {
				signatures = append(signatures, raw)
			}
			if len(signatures) > maxSignatures {
				return "", nil, false
			}
		}
	}
	return stamp, signatures, stamp != "" && len(signatures) > 0
}

// signed compares every secret with every signature, whatever the outcome of the
// comparisons before.
func (d *Driver) signed(stamp string, signatures [][]byte, body []byte) bool {
	good := false
	for _, secret := range d.secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(stamp + ":"))
		mac.Write(body)
		want := mac.Sum(nil)
		for _, signature := range signatures {
			good = hmac.Equal(want, signature) || good
		}
	}
	return good
}

func reject(reason provider.Reason, detail string) *provider.Rejection {
	return &provider.Rejection{Reason: reason, Detail: detail}
}

// classic recognizes an alert of Paddle Classic: a form that carries its own
// signature in the body. It is told apart before anything is verified, since
// nothing of it is used: whoever has pointed a Classic account at us is to hear so.
func classic(header http.Header, body []byte) bool {
	const enough = 64 << 10
	if header.Get(signatureHeader) != "" || len(body) > enough || len(body) == 0 || body[0] == '{' {
		return false
	}
	form := "&" + string(body)
	return strings.Contains(form, "&alert_name=") && strings.Contains(form, "&p_signature=")
}
