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
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// forge makes certificates and signs with them.
type forge struct {
	rootKey, key *rsa.PrivateKey
	root         *x509.Certificate
	rootPEM      []byte
}

var theForge = sync.OnceValue(func() forge {
	key := func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	}
	f := forge{rootKey: key(), key: key()}
	f.root = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, f.root, f.root, &f.rootKey.PublicKey, f.rootKey)
	if err != nil {
		panic(err)
	}
	f.rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return f
})

// leaf makes a certificate; self-signed if not by the root.
func (f forge) leaf(t *testing.T, name string, until time.Time, byRoot bool) string {
	t.Helper()
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	parent, key := f.root, f.rootKey
	if !byRoot {
		parent, key = cert, f.key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &f.key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const (
	goodName = "messageverificationcerts.paypal.com"
	certHost = "https://api.paypal.com/v1/notifications/certs/"
	certURL  = certHost + "CERT-360caa42-fca2a594-5153f2ab"
)

// sign makes the headers of a delivery.
func (f forge) sign(t *testing.T, body []byte, at time.Time, hook string) http.Header {
	t.Helper()
	stamp := at.UTC().Format(time.RFC3339)
	sum := sha256.Sum256(fmt.Appendf(nil, "tr-1|%s|%s|%d", stamp, hook, crc32.ChecksumIEEE(body)))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set(headerID, "tr-1")
	h.Set(headerTime, stamp)
	h.Set(headerSig, base64.StdEncoding.EncodeToString(signature))
	h.Set(headerCert, certURL)
	h.Set(headerAlgo, "SHA256withRSA")
	return h
}

// shop serves certificates by address and counts.
type shop struct {
	mu      sync.Mutex
	answers map[string]*http.Response
	asked   []string
}

func (s *shop) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req.URL.String())
	answer, known := s.answers[req.URL.String()]
	if !known {
		return nil, errors.New("connection refused")
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(strings.NewReader(string(body)))
	again := *answer
	again.Body, again.Request = io.NopCloser(strings.NewReader(string(body))), req
	return &again, nil
}

func serving(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), ProtoMajor: 1, ProtoMinor: 1}
}

const saleEvent = `{"id":"WH-1","create_time":"2026-03-10T11:59:58.000Z","event_type":"PAYMENT.SALE.COMPLETED",` +
	`"resource":{"id":"SALE1","billing_agreement_id":"I-1","amount":{"total":"9.99","currency":"USD"}}}`

// receiver is a driver that trusts the forge.
func receiver(t *testing.T, s *shop, now func() time.Time) *Driver {
	t.Helper()
	d, err := New(Config{
		Account: "paypal", ClientID: "client1", ClientSecret: "hush1", WebhookIDs: []string{"1AB", "2CD"}, Transport: s, CA: theForge().rootPEM, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVerify(t *testing.T) {
	f := theForge()
	body := []byte(saleEvent)
	good := f.leaf(t, goodName, noon.AddDate(1, 0, 0), true)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	tests := map[string]struct {
		change func(http.Header)
		body   string
		cert   *http.Response
		at     time.Time
		hook   string
		want   provider.Reason // empty: good; "retry": not a rejection
	}{
		"good":                         {},
		"the other webhook id":         {hook: "2CD"},
		"a month old":                  {at: noon.AddDate(0, 0, -30)},
		"too old":                      {at: noon.AddDate(0, 0, -32), want: provider.Stale},
		"a little ahead":               {at: noon.Add(30 * time.Minute)},
		"far ahead":                    {at: noon.Add(2 * time.Hour), want: provider.Future},
		"an unknown webhook id":        {hook: "3EF", want: provider.BadSignature},
		"the simulator's webhook id":   {hook: "WEBHOOK_ID", want: provider.BadSignature},
		"another body":                 {body: strings.Replace(saleEvent, "9.99", "0.01", 1), want: provider.BadSignature},
		"no headers":                   {change: func(h http.Header) { clear(h) }, want: provider.Unsigned},
		"no transmission id":           {change: func(h http.Header) { h.Del(headerID) }, want: provider.Unsigned},
		"two signatures":               {change: func(h http.Header) { h.Add(headerSig, "AAAA") }, want: provider.Unsigned},
		"another transmission id":      {change: set(headerID, "tr-2"), want: provider.BadSignature},
		"a bar in the id":              {change: set(headerID, "tr-1|2026"), want: provider.Unsigned},
		"another time":                 {change: set(headerTime, "2026-03-10T12:00:01Z"), want: provider.BadSignature},
		"the same time, written apart": {change: set(headerTime, "2026-03-10T12:00:00+00:00"), want: provider.BadSignature},
		"no time":                      {change: set(headerTime, "yesterday"), want: provider.Unsigned},
		"a time of Unix seconds":       {change: set(headerTime, "1773144000"), want: provider.Unsigned},
		"no base64":                    {change: set(headerSig, "%%%"), want: provider.Unsigned},
		"an empty signature":           {change: set(headerSig, base64.StdEncoding.EncodeToString([]byte{0})), want: provider.BadSignature},
		"SHA1withRSA":                  {change: set(headerAlgo, "SHA1withRSA"), want: provider.Unsigned},
		"no algorithm":                 {change: set(headerAlgo, ""), want: provider.Unsigned},
		"a long header":                {change: set(headerCert, certHost+strings.Repeat("C", 5000)), want: provider.Unsigned},

		"plain HTTP":          {change: set(headerCert, strings.Replace(certURL, "https", "http", 1)), want: provider.Unsigned},
		"another host":        {change: set(headerCert, strings.Replace(certURL, "api.paypal.com", "evil.test", 1)), want: provider.Unsigned},
		"a host that ends so": {change: set(headerCert, strings.Replace(certURL, "api.paypal.com", "evilapi.paypal.com", 1)), want: provider.Unsigned},
		"a host below evil":   {change: set(headerCert, strings.Replace(certURL, "api.paypal.com", "api.paypal.com.evil.test", 1)), want: provider.Unsigned},
		"a port":              {change: set(headerCert, strings.Replace(certURL, "api.paypal.com", "api.paypal.com:8443", 1)), want: provider.Unsigned},
		"a user":              {change: set(headerCert, strings.Replace(certURL, "https://", "https://api.paypal.com@", 1)), want: provider.Unsigned},
		"the sandbox's host":  {change: set(headerCert, strings.Replace(certURL, "api.paypal.com", "api.sandbox.paypal.com", 1)), want: provider.Unsigned},
		"capitals":            {change: set(headerCert, strings.Replace(certURL, "api.paypal.com", "API.paypal.com", 1)), want: provider.Unsigned},
		"another path":        {change: set(headerCert, "https://api.paypal.com/v1/identity/CERT-1"), want: provider.Unsigned},
		"up a folder":         {change: set(headerCert, certHost+"../../x"), want: provider.Unsigned},
		"an escaped slash":    {change: set(headerCert, certHost+"..%2f..%2fx"), want: provider.Unsigned},
		"a query":             {change: set(headerCert, certURL+"?to=evil"), want: provider.Unsigned},
		"a fragment":          {change: set(headerCert, certURL+"#x"), want: provider.Unsigned},
		"no name":             {change: set(headerCert, certHost), want: provider.Unsigned},
		"our own metadata":    {change: set(headerCert, "http://169.254.169.254/v1/notifications/certs/CERT-1"), want: provider.Unsigned},

		"a redirect":               {cert: serving(302, "", "Location", "https://evil.test/cert"), want: "retry"},
		"no certificate just now":  {cert: serving(503, ""), want: "retry"},
		"no such certificate":      {cert: serving(404, ""), want: provider.BadSignature},
		"not PEM":                  {cert: serving(200, "<html>"), want: provider.BadSignature},
		"a huge certificate":       {cert: serving(200, good+strings.Repeat(" ", maxCertificate)), want: "retry"},
		"an expired certificate":   {cert: serving(200, f.leaf(t, goodName, noon.Add(-time.Hour), true)), want: provider.BadSignature},
		"another's certificate":    {cert: serving(200, f.leaf(t, "paypal.com.evil.test", noon.AddDate(1, 0, 0), true)), want: provider.BadSignature},
		"a self-made certificate":  {cert: serving(200, f.leaf(t, goodName, noon.AddDate(1, 0, 0), false)), want: provider.BadSignature},
		"a certificate with chain": {cert: serving(200, good+string(f.rootPEM))},
		"a key of another":         {cert: serving(200, forge{f.rootKey, other, f.root, f.rootPEM}.leaf(t, goodName, noon.AddDate(1, 0, 0), true)), want: provider.BadSignature},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.at.IsZero() {
				tt.at = noon
			}
			if tt.hook == "" {
				tt.hook = "1AB"
			}
			if tt.cert == nil {
				tt.cert = serving(200, good)
			}
			header := f.sign(t, body, tt.at, tt.hook)
			if tt.change != nil {
				tt.change(header)
			}
			sent := body
			if tt.body != "" {
				sent = []byte(tt.body)
			}
			s := &shop{answers: map[string]*http.Response{certURL: tt.cert}}
			delivery, err := receiver(t, s, nil).Verify(t.Context(), header, sent, noon)
			judge(t, tt.want, delivery, err)
			for _, asked := range s.asked {
				if asked != certURL {
					t.Errorf("%s was asked for", asked)
				}
			}
		})
	}
}

func judge(t *testing.T, want provider.Reason, delivery provider.Delivery, err error) {
	t.Helper()
	rejection, rejected := errors.AsType[*provider.Rejection](err)
	switch {
	case want == "" && (err != nil || delivery.ID != "WH-1" || len(delivery.Refs) != 2):
		t.Errorf("%+v, %v", delivery, err)
	case want == "retry" && (rejected || provider.KindOf(err) != provider.Unavailable || err == nil):
		t.Errorf("%v, want to be asked again", err)
	case want != "" && want != "retry" && (!rejected || rejection.Reason != want):
		t.Errorf("%v, want %s", err, want)
	case want != "" && (delivery.ID != "" || len(delivery.Refs) > 0):
		t.Errorf("rejected, and yet names %+v", delivery)
	}
}

// A body that was decoded and encoded again is another one: a system like this one
// verified that.
func TestFlawReserializedBody(t *testing.T) {
	f := theForge()
	spaced := strings.ReplaceAll(saleEvent, `":"`, `": "`)
	s := &shop{answers: map[string]*http.Response{certURL: serving(200, f.leaf(t, goodName, noon.AddDate(1, 0, 0), true))}}
	d := receiver(t, s, nil)
	header := f.sign(t, []byte(spaced), noon, "1AB")
	if _, err := d.Verify(t.Context(), header, []byte(spaced), noon); err != nil {
		t.Errorf("as it came: %v", err)
	}
	if _, err := d.Verify(t.Context(), header, []byte(saleEvent), noon); err == nil {
		t.Error("encoded anew, it is let in: not the raw bytes were summed up")
	}
}

// A certificate is fetched once and kept until it ends; strangers cannot make us
// fetch at will.
func TestCertificatesAreKept(t *testing.T) {
	f := theForge()
	now := noon
	s := &shop{answers: map[string]*http.Response{certURL: serving(200, f.leaf(t, goodName, noon.Add(2*time.Hour), true))}}
	d := receiver(t, s, func() time.Time { return now })
	verify := func(at time.Time) error {
		_, err := d.Verify(t.Context(), f.sign(t, []byte(saleEvent), at, "1AB"), []byte(saleEvent), at)
		return err
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := verify(noon); err != nil {
				t.Error(err)
			}
		})
	}
	if group.Wait(); len(s.asked) != 1 {
		t.Errorf("it was fetched %d times", len(s.asked))
	}
	if err := verify(noon.Add(3 * time.Hour)); err == nil || len(s.asked) != 2 {
		t.Errorf("after its end: %v, %d fetches", err, len(s.asked))
	}
	for i := range 50 {
		header := f.sign(t, []byte(saleEvent), noon, "1AB")
		header.Set(headerCert, fmt.Sprint(certHost, "CERT-", i))
		if _, err := d.Verify(t.Context(), header, []byte(saleEvent), noon); err == nil {
			t.Error("a certificate that is not there verifies")
		}
	}
	if n := len(s.asked); n > 2+fetchesPerMinute {
		t.Errorf("strangers made us fetch %d times", n)
	}
	now = noon.Add(2 * time.Minute)
	if err := verify(noon); err != nil {
		t.Errorf("the good one is lost over them: %v", err)
	}
}

// The names in an event, whatever else is in it.
func TestEventRefs(t *testing.T) {
	ref := func(kind billing.Kind, id string) provider.Ref { return refTo(kind, id) }
	for body, want := range map[string][]provider.Ref{
		`{"id":"W","event_type":"BILLING.SUBSCRIPTION.RE-ACTIVATED","resource":{"id":"I-1"}}`: {ref(billing.KindSubscription, "I-1"), ref(billing.KindCheckout, "I-1")},
		`{"id":"W","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"S1"}}`:             {ref(billing.KindPayment, "S1")},
		`{"id":"W","event_type":"PAYMENT.SALE.REFUNDED","resource":{"id":"R1","sale_id":"S1"}}`: {
			ref(billing.KindRefund, "R1"), ref(billing.KindPayment, "S1")},
		`{"id":"W","event_type":"PAYMENT.CAPTURE.REFUNDED","resource":{"id":"R1","links":[{"rel":"self","href":"x"},{"rel":"up","href":"https://api.sandbox.paypal.com/v2/payments/captures/C1"}]}}`: {
			ref(billing.KindRefund, "R1"), ref(billing.KindPayment, "C1")},
		`{"id":"W","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"C1","supplementary_data":{"related_ids":{"order_id":"O1"}}}}`: {
			ref(billing.KindPayment, "C1"), ref(billing.KindCheckout, "O1")},
		`{"id":"W","event_type":"CHECKOUT.ORDER.APPROVED","resource":{"id":"O1"}}`:                   {ref(billing.KindCheckout, "O1")},
		`{"id":"W","event_type":"CHECKOUT.PAYMENT-APPROVAL.REVERSED","resource":{"order_id":"O1"}}`:  {ref(billing.KindCheckout, "O1")},
		`{"id":"W","event_type":"BILLING.PLAN.UPDATED","resource":{"id":"P-1"}}`:                     nil,
		`{"id":"W","event_type":"PAYMENT.CAPTURE_REVERSED","resource":{"id":"C1"}}`:                  nil,
		`{"id":"W","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"../x","custom":"chk_1"}}`: nil,
	} {
		delivery, err := (&fake{}).driver(t).readEvent([]byte(body))
		if err != nil || !slices.Equal(delivery.Refs, want) {
			t.Errorf("%s names %v, %v; want %v", body, delivery.Refs, err, want)
		}
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(saleEvent))
	f.Add([]byte(`{"id":"W","event_type":"CUSTOMER.DISPUTE.CREATED","resource":{"dispute_id":"PP-D-1","disputed_transactions":[{"seller_transaction_id":"B"},{"seller_transaction_id":"A"}]}}`))
	f.Add([]byte(`{"id":"W","event_type":"PAYMENT.CAPTURE.REFUNDED","resource":{"links":[{"rel":"up","href":"%%%"}]}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := &Driver{account: "paypal"}
		delivery, err := d.readEvent(body)
		if err != nil {
			if _, ok := errors.AsType[*provider.Rejection](err); !ok || delivery.ID != "" || len(delivery.Refs) > 0 {
				t.Fatalf("%+v, %v", delivery, err)
			}
			return
		}
		if !isName(delivery.ID) || len(delivery.Refs) > mostTransactions {
			t.Fatalf("%+v", delivery)
		}
		for _, ref := range delivery.Refs {
			if !isName(strings.ReplaceAll(ref.ID, ".", "")) && len(ref.ID) < 60 || strings.ContainsAny(ref.ID, "/?#% \n") {
				t.Fatalf("it names %q", ref.ID)
			}
		}
	})
}
