package paypal

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"math/big"
	"net/http"
	"sync"
	"time"
)

// certName is the last part of the certificate's path; PayPal's look like this.
const certName = "CERT-360caa42-fca2a594-5153f2ab"

// authority is a certificate authority with one certificate, as PayPal has its
// own from a public one. RSA keys take long to make, so a process has one pair.
type authority struct {
	root, chain []byte // PEM
	key         *rsa.PrivateKey
}

var theAuthority = sync.OnceValue(func() authority {
	a, err := newAuthority()
	if err != nil {
		panic("sim/paypal: cannot make certificates: " + err.Error())
	}
	return a
})

func newAuthority() (authority, error) {
	rootKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return authority{}, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return authority{}, err
	}
	from, to := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Simulated Root CA"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return authority{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "messageverificationcerts.paypal.com"},
		DNSNames: []string{"messageverificationcerts.paypal.com"}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, rootKey)
	if err != nil {
		return authority{}, err
	}
	encode := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
	return authority{root: encode(rootDER), chain: append(encode(leafDER), encode(rootDER)...), key: key}, nil
}

// CA returns the root of the simulated certificate authority as PEM: what a
// receiver has to trust instead of the public roots.
func CA() []byte { return theAuthority().root }

// Sign signs a body as PayPal does and returns the headers of its delivery. It
// belongs to the webhook with the id; transmission ids are made from the time
// and a number.
func (s *Server) Sign(body []byte, at time.Time, webhookID string, number int64) (http.Header, error) {
	transmission := fmt.Sprintf("%08x-sim1-11f0-9a2b-%012x", at.Unix()&0xffffffff, number)
	stamp := at.UTC().Format("2006-01-02T15:04:05Z")
	text := fmt.Sprintf("%s|%s|%s|%d", transmission, stamp, webhookID, crc32.ChecksumIEEE(body))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, theAuthority().key, crypto.SHA256, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sim/paypal: sign: %w", err)
	}
	h := http.Header{}
	h.Set("Paypal-Transmission-Id", transmission)
	h.Set("Paypal-Transmission-Time", stamp)
	h.Set("Paypal-Transmission-Sig", base64.StdEncoding.EncodeToString(signature))
	h.Set("Paypal-Cert-Url", s.CertURL())
	h.Set("Paypal-Auth-Algo", "SHA256withRSA")
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "PayPal/AUHD-214.0-58133517")
	return h, nil
}

// CertURL is where the signing certificate is served.
func (s *Server) CertURL() string { return s.cfg.APIURL + "/v1/notifications/certs/" + certName }

func serveCertificate(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("name") != certName {
		http.Error(w, "no such certificate", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(theAuthority().chain)
}
