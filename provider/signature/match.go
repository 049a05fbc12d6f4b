package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/trivetdev/trivet/provider"
)

// Sole is the value of a header that must be there exactly once.
func Sole(header http.Header, name string) (string, error) {
	values := header.Values(name)
	if len(values) != 1 {
		return "", provider.Reject(provider.Unsigned, "there must be exactly one "+name+" header")
	}
	return values[0], nil
}

// Decode reads a signature in hexadecimal, of either case.
func Decode(text string) (signature []byte, ok bool) {
	if len(text) != hex.EncodedLen(sha256.Size) {
		return nil, false
	}
	signature, err := hex.DecodeString(text)
	return signature, err == nil
}

// Match makes sure that one of the secrets made one of the signatures of the signed
// parts, which stand one behind the other. If none did, the operator is told what to
// compare the secrets with: "the signing secret of the webhook in …".
func Match(secrets []string, signatures [][]byte, compare string, signed ...[]byte) error {
	good := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		for _, part := range signed {
			mac.Write(part)
		}
		want := mac.Sum(nil)
		for _, signature := range signatures {
			good = hmac.Equal(want, signature) || good
		}
	}
	if !good {
		return provider.Reject(provider.BadSignature, "none of the "+strconv.Itoa(len(secrets))+
			" webhook_secrets made this signature: compare them with "+compare)
	}
	return nil
}
