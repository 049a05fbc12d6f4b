package stripe

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
	signatureHeader = "Stripe-Signature"
	maxHeader       = 4 << 10
	maxSignatures   = 16
)

// authenticate checks that one of the secrets signed the body just now.
//
// The header is "t=<unix>,v1=<hex>,v1=<hex>,v0=…"; the signed text is the time,
// a dot and the raw body. Stripe sends one v1 for each live secret of the
// endpoint. Other schemes and v1 that are not hexadecimal are passed over, a
// part that is not k=v spoils the header (Stripe's libraries do the same).
func (d *Driver) authenticate(header http.Header, body []byte, now time.Time) error {
	values := header.Values(signatureHeader)
	if len(values) != 1 {
		return reject(provider.Unsigned, "there must be exactly one Stripe-Signature header")
	}
	stamp, signatures, ok := parseSignature(values[0])
	if !ok {
		return reject(provider.Unsigned, "the Stripe-Signature header cannot be read")
	}
	if !d.signed(stamp, signatures, body) {
		return reject(provider.BadSignature, "none of the "+strconv.Itoa(len(d.secrets))+
			" webhook_secrets made this signature: compare them with the endpoint's signing secret in the Stripe dashboard")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return reject(provider.Unsigned, "the time in the Stripe-Signature header cannot be read")
	}
	// The signature comes first, so that only Stripe learns how our clock stands.
	switch age := now.Unix() - seconds; {
	case age > int64(d.tolerance/time.Second):
		return reject(provider.Stale, "signed "+strconv.FormatInt(age, 10)+" s ago: check this machine's clock")
	case -age > int64(d.tolerance/time.Second):
		return reject(provider.Future, "signed "+strconv.FormatInt(-age, 10)+" s ahead of this machine's clock: check it")
	}
	return nil
}

// parseSignature reads the header. The time stays text: it is signed as it
// came.
func parseSignature(header string) (stamp string, signatures [][]byte, ok bool) {
	if len(header) > maxHeader {
		return "", nil, false
	}
	for part := range strings.SplitSeq(header, ",") {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case !found:
			return "", nil, false
		case key == "t":
			if stamp != "" || len(value) == 0 || len(value) > 12 || strings.Trim(value, "0123456789") != "" {
				return "", nil, false
			}
			stamp = value
		case key == "v1":
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

// signed compares every secret with every signature, whatever the outcome of
// the comparisons before.
func (d *Driver) signed(stamp string, signatures [][]byte, body []byte) bool {
	good := false
	for _, secret := range d.secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(stamp + "."))
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
