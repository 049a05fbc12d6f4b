package paypal

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/provider"
)

// The headers of a webhook.
const (
	headerID   = "Paypal-Transmission-Id"
	headerTime = "Paypal-Transmission-Time"
	headerSig  = "Paypal-Transmission-Sig"
	headerCert = "Paypal-Cert-Url"
	headerAlgo = "Paypal-Auth-Algo"
)

// maxHeader bounds each header.
const maxHeader = 1 << 10

// algorithm is the only one that is taken; PayPal's libraries know SHA1withRSA
// too, which can be forged.
const algorithm = "SHA256withRSA"

// transmission is what the headers say.
type transmission struct {
	id, stamp, cert string
	at              time.Time
	signature       []byte
}

// authenticate checks that PayPal signed the body for one of our webhooks.
//
// The signed text is "transmission id|time|webhook id|CRC-32", the last of the
// raw bytes (IEEE) as an unsigned decimal number; the body must never be decoded
// and encoded again for that. A checksum of 32 bits is no hash: whoever has one
// good delivery can make another body for it. Hence a webhook is believed for
// names alone.
func (d *Driver) authenticate(ctx context.Context, header http.Header, body []byte, now time.Time) error {
	t, err := readTransmission(header)
	if err != nil {
		return err
	}
	key, err := d.certs.key(ctx, t.cert, now)
	switch {
	case errors.Is(err, errAddress):
		return provider.Reject(provider.Unsigned, "PAYPAL-CERT-URL is not an address of PayPal's certificates (see environment and cert_base_url)")
	case errors.Is(err, errUntrusted):
		return provider.Reject(provider.BadSignature, err.Error())
	case err != nil:
		return err
	}
	if !d.signed(key, t, body) {
		return provider.Reject(provider.BadSignature, "none of the "+strconv.Itoa(len(d.hooks))+
			" webhook_ids fits this signature: compare them with the webhook's id, developer.paypal.com, Apps & Credentials, Webhooks")
	}
	d.certs.prove(t.cert)
	switch age := now.Sub(t.at); {
	case age > oldestWebhook:
		return provider.Reject(provider.Stale, "signed "+age.Truncate(time.Second).String()+" ago")
	case -age > newestWebhook:
		return provider.Reject(provider.Future, "signed "+(-age).Truncate(time.Second).String()+" ahead of this machine's clock: check it")
	}
	return nil
}

// Recognize implements [provider.Recognizer]: by which certificate PayPal signed before
// a restart, so that strangers who name others cannot keep it from being fetched.
func (d *Driver) Recognize(header http.Header) {
	if address := header.Get(headerCert); d.certs.pinned(address) {
		d.certs.prove(address)
	}
}

// readTransmission reads the headers, each of which must be there once.
func readTransmission(header http.Header) (t transmission, err error) {
	values := map[string]string{}
	for _, name := range []string{headerID, headerTime, headerSig, headerCert, headerAlgo} {
		found := header.Values(name)
		if len(found) != 1 || found[0] == "" || len(found[0]) > maxHeader {
			return t, provider.Reject(provider.Unsigned, "there must be exactly one header "+name)
		}
		values[name] = found[0]
	}
	if values[headerAlgo] != algorithm {
		return t, provider.Reject(provider.Unsigned, "PAYPAL-AUTH-ALGO is not "+algorithm)
	}
	t = transmission{id: values[headerID], stamp: values[headerTime], cert: values[headerCert]}
	if strings.Contains(t.id, "|") {
		return t, provider.Reject(provider.Unsigned, "PAYPAL-TRANSMISSION-ID cannot be read")
	}
	if t.at, err = time.Parse(time.RFC3339, t.stamp); err != nil {
		return t, provider.Reject(provider.Unsigned, "PAYPAL-TRANSMISSION-TIME cannot be read")
	}
	if t.signature, err = base64.StdEncoding.DecodeString(values[headerSig]); err != nil {
		return t, provider.Reject(provider.Unsigned, "PAYPAL-TRANSMISSION-SIG cannot be read")
	}
	return t, nil
}

// signed tries every webhook id. The time is signed as it came, so it stays text.
func (d *Driver) signed(key *rsa.PublicKey, t transmission, body []byte) bool {
	sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)
	for _, hook := range d.hooks {
		digest := sha256.Sum256([]byte(t.id + "|" + t.stamp + "|" + hook + "|" + sum))
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature) == nil {
			return true
		}
	}
	return false
}
