package stripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/signature"
	"github.com/trivetdev/trivet/provider/strict"
)

const (
	testKey   = "sk_test_51Trivet"
	oldSecret = "whsec_old0123456789"
	newSecret = "whsec_new0123456789"
)

var noon = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func newDriver(t *testing.T, change func(*Config)) *Driver {
	t.Helper()
	config := Config{
		Account: "stripe", SecretKey: testKey, WebhookSecrets: []string{oldSecret, newSecret},
		Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&config)
	}
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sign computes a signature the way Stripe documents it.
func sign(secret string, at time.Time, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return hex.EncodeToString(mac.Sum(nil))
}

func signed(secret string, at time.Time, body string) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), sign(secret, at, body))
}

const goodEvent = `{"id":"evt_1","object":"event","created":1775044700,"livemode":false,"type":"customer.subscription.updated",
	"api_version":"2026-03-25.dahlia","data":{"object":{"id":"sub_1","object":"subscription","status":"active"},"previous_attributes":{"status":"past_due"}}}`

func TestVerifyAccepts(t *testing.T) {
	bad := strings.Repeat("0", 64)
	good := sign(newSecret, noon, goodEvent)
	tests := map[string]string{
		"first secret":            signed(oldSecret, noon, goodEvent),
		"rotated secret":          signed(newSecret, noon, goodEvent),
		"one v1 for each secret":  fmt.Sprintf("t=%d,v1=%s,v1=%s", noon.Unix(), sign("whsec_gone", noon, goodEvent), good),
		"other schemes":           fmt.Sprintf("t=%d,v0=%s,v1=%s,v2=zz", noon.Unix(), bad, good),
		"undecodable v1 beside":   fmt.Sprintf("t=%d,v1=zz,v1=%s", noon.Unix(), good),
		"time last":               fmt.Sprintf("v1=%s,t=%d", good, noon.Unix()),
		"spaces after the commas": fmt.Sprintf("t=%d, v1=%s", noon.Unix(), good),
		"as old as allowed":       signed(oldSecret, noon.Add(-300*time.Second), goodEvent),
		"as far ahead as allowed": signed(oldSecret, noon.Add(300*time.Second), goodEvent),
	}
	want := provider.Delivery{
		ID: "evt_1", Type: "customer.subscription.updated", CreatedAt: time.Unix(1775044700, 0).UTC(),
		Refs: []provider.Ref{{Account: "stripe", Kind: billing.KindSubscription, ID: "sub_1"}},
	}
	d := newDriver(t, nil)
	for name, header := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := d.Verify(t.Context(), http.Header{scheme.Header: {header}}, []byte(goodEvent), noon)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerifyRejectsHeader(t *testing.T) {
	good := sign(oldSecret, noon, goodEvent)
	many := fmt.Sprintf("t=%d", noon.Unix()) + strings.Repeat(",v1="+strings.Repeat("ab", 32), signature.MaxSignatures) + ",v1=" + good
	tests := map[string]struct {
		header []string
		reason provider.Reason
	}{
		"missing":               {nil, provider.Unsigned},
		"empty":                 {[]string{""}, provider.Unsigned},
		"two headers":           {[]string{signed(oldSecret, noon, goodEvent), "x"}, provider.Unsigned},
		"part without a value":  {[]string{signed(oldSecret, noon, goodEvent) + ",v1"}, provider.Unsigned},
		"trailing comma":        {[]string{signed(oldSecret, noon, goodEvent) + ","}, provider.Unsigned},
		"no time":               {[]string{"v1=" + good}, provider.Unsigned},
		"two times":             {[]string{fmt.Sprintf("t=1,t=%d,v1=%s", noon.Unix(), good)}, provider.Unsigned},
		"negative time":         {[]string{fmt.Sprintf("t=-%d,v1=%s", noon.Unix(), good)}, provider.Unsigned},
		"endless time":          {[]string{"t=" + strings.Repeat("9", 30) + ",v1=" + good}, provider.Unsigned},
		"only v0":               {[]string{fmt.Sprintf("t=%d,v0=%s", noon.Unix(), good)}, provider.Unsigned},
		"oversized":             {[]string{fmt.Sprintf("t=%d,x=%s,v1=%s", noon.Unix(), strings.Repeat("a", signature.MaxHeader), good)}, provider.Unsigned},
		"too many signatures":   {[]string{many}, provider.Unsigned},
		"other secret":          {[]string{signed("whsec_other", noon, goodEvent)}, provider.BadSignature},
		"other body":            {[]string{signed(oldSecret, noon, goodEvent+" ")}, provider.BadSignature},
		"time of another":       {[]string{fmt.Sprintf("t=%d,v1=%s", noon.Unix()+1, good)}, provider.BadSignature},
		"shortened":             {[]string{fmt.Sprintf("t=%d,v1=%s", noon.Unix(), good[:62])}, provider.Unsigned},
		"empty secret":          {[]string{signed("", noon, goodEvent)}, provider.BadSignature},
		"stale":                 {[]string{signed(oldSecret, noon.Add(-301*time.Second), goodEvent)}, provider.Stale},
		"future":                {[]string{signed(oldSecret, noon.Add(301*time.Second), goodEvent)}, provider.Future},
		"stale, not authentic":  {[]string{signed("whsec_other", noon.Add(-time.Hour), goodEvent)}, provider.BadSignature},
		"future, not authentic": {[]string{signed("whsec_other", noon.Add(time.Hour), goodEvent)}, provider.BadSignature},
	}
	d := newDriver(t, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			delivery, err := d.Verify(t.Context(), http.Header{scheme.Header: test.header}, []byte(goodEvent), noon)
			wantRejection(t, delivery, err, test.reason)
		})
	}
}

func TestVerifyRejectsBody(t *testing.T) {
	event := func(fields string) string {
		return `{"id":"evt_1","object":"event","livemode":false,"type":"invoice.paid",` + fields + `"data":{"object":{"id":"in_1"}}}`
	}
	tests := map[string]struct {
		body   string
		reason provider.Reason
	}{
		"thin event":             {`{"id":"evt_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","livemode":false}`, provider.WrongFormat},
		"connected account":      {event(`"account":"acct_1",`), provider.WrongFormat},
		"live event":             {strings.Replace(event(""), "false", "true", 1), provider.WrongMode},
		"no mode":                {`{"id":"evt_1","object":"event","type":"invoice.paid","data":{"object":{"id":"in_1"}}}`, provider.BadBody},
		"mode as text":           {strings.Replace(event(""), "false", `"false"`, 1), provider.BadBody},
		"not JSON":               {`hello`, provider.BadBody},
		"empty":                  {``, provider.BadBody},
		"array":                  {`[` + event("") + `]`, provider.BadBody},
		"null":                   {`null`, provider.BadBody},
		"cut off":                {event("")[:80], provider.BadBody},
		"two values":             {event("") + event(""), provider.BadBody},
		"wrong object":           {strings.Replace(event(""), `"event"`, `"invoice"`, 1), provider.BadBody},
		"no object":              {`{"id":"evt_1","livemode":false,"type":"invoice.paid","data":{"object":{"id":"in_1"}}}`, provider.BadBody},
		"no id":                  {strings.Replace(event(""), `"id":"evt_1",`, "", 1), provider.BadBody},
		"id in another case":     {strings.Replace(event(""), `"id":"evt_1"`, `"ID":"evt_1"`, 1), provider.BadBody},
		"second id":              {event(`"id":"evt_2",`), provider.BadBody},
		"second id, other case":  {event(`"Id":"evt_2",`), provider.BadBody},
		"second type by escape":  {event(`"\u0074ype":"customer.deleted",`), provider.BadBody},
		"second data.object":     {strings.Replace(event(""), `"data":{`, `"data":{"Object":{"id":"in_2"},`, 1), provider.BadBody},
		"second object id":       {strings.Replace(event(""), `{"id":"in_1"}`, `{"id":"in_1","iD":"in_2"}`, 1), provider.BadBody},
		"NUL in the id":          {strings.Replace(event(""), "evt_1", `evt_\u0000`, 1), provider.BadBody},
		"raw NUL":                {strings.Replace(event(""), "evt_1", "evt_\x00", 1), provider.BadBody},
		"invalid UTF-8":          {event("\"x\":\"\xff\","), provider.BadBody},
		"half a surrogate":       {strings.Replace(event(""), "evt_1", `evt_\ud800`, 1), provider.BadBody},
		"endless id":             {strings.Replace(event(""), "evt_1", "evt_"+strings.Repeat("a", 255), 1), provider.BadBody},
		"path in the id":         {strings.Replace(event(""), "evt_1", "../evt_1", 1), provider.BadBody},
		"number as id":           {strings.Replace(event(""), `"evt_1"`, `17`, 1), provider.BadBody},
		"no type":                {strings.Replace(event(""), `"type":"invoice.paid",`, "", 1), provider.BadBody},
		"type with a line break": {strings.Replace(event(""), "invoice.paid", `invoice.paid\n`, 1), provider.BadBody},
		"no data":                {`{"id":"evt_1","object":"event","livemode":false,"type":"invoice.paid"}`, provider.BadBody},
		"nested too deep":        {event(`"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `,`), provider.BadBody},
	}
	d := newDriver(t, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{scheme.Header: {signed(oldSecret, noon, test.body)}}
			delivery, err := d.Verify(t.Context(), header, []byte(test.body), noon)
			wantRejection(t, delivery, err, test.reason)
			if rejection, ok := errors.AsType[*provider.Rejection](err); ok && !rejection.Authentic() {
				t.Error("the sender knew the secret, but is not told what is wrong")
			}
		})
	}
}

func TestVerifyLiveMode(t *testing.T) {
	d := newDriver(t, func(c *Config) { c.SecretKey = "rk_live_51Trivet" })
	header := http.Header{scheme.Header: {signed(oldSecret, noon, goodEvent)}}
	delivery, err := d.Verify(t.Context(), header, []byte(goodEvent), noon)
	wantRejection(t, delivery, err, provider.WrongMode)
}

func wantRejection(t *testing.T, delivery provider.Delivery, err error, reason provider.Reason) {
	t.Helper()
	rejection, ok := errors.AsType[*provider.Rejection](err)
	if !ok {
		t.Fatalf("got %+v and error %v, want a rejection", delivery, err)
	}
	if rejection.Reason != reason {
		t.Errorf("rejected as %s (%s), want %s", rejection.Reason, rejection.Detail, reason)
	}
	if diff := cmp.Diff(provider.Delivery{}, delivery); diff != "" {
		t.Error("a rejected webhook still delivers", diff)
	}
	for _, secret := range []string{oldSecret, newSecret, testKey} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the rejection shows a secret: %v", err)
		}
	}
}

func TestRefs(t *testing.T) {
	tests := []struct{ name, object, want string }{
		{"customer.subscription.deleted", `{"id":"sub_1"}`, "subscription/sub_1"},
		{"invoice.payment_failed", `{"id":"in_1","parent":{"subscription_details":{"subscription":"sub_1"}}}`, "invoice/in_1"},
		{"invoice.upcoming", `{"parent":{"subscription_details":{"subscription":"sub_1"}}}`, "subscription/sub_1"},
		{"invoice.upcoming", `{"parent":{"subscription_details":{"subscription":{"id":"sub_1"}}}}`, "subscription/sub_1"},
		{"invoice.upcoming", `{"subscription":"sub_1"}`, "subscription/sub_1"},
		{"invoice.upcoming", `{"parent":null}`, ""},
		{"invoice_payment.paid", `{"id":"inpay_1","invoice":"in_1"}`, "invoice/in_1"},
		{"payment_intent.succeeded", `{"id":"pi_1"}`, "payment/pi_1"},
		{"charge.refunded", `{"id":"ch_1","payment_intent":"pi_1"}`, "payment/pi_1"},
		{"charge.refunded", `{"id":"ch_1","payment_intent":null}`, "payment/ch_1"},
		{"charge.failed", `{"id":"ch_1","payment_intent":{"id":"pi_1","object":"payment_intent"}}`, "payment/pi_1"},
		{"refund.failed", `{"id":"re_1","payment_intent":"pi_1"}`, "refund/re_1"},
		{"charge.refund.updated", `{"id":"re_1"}`, "refund/re_1"},
		{"charge.dispute.closed", `{"id":"du_1"}`, "dispute/du_1"},
		{"radar.early_fraud_warning.created", `{"id":"issfr_1"}`, "warning/issfr_1"},
		{"checkout.session.async_payment_failed", `{"id":"cs_test_1"}`, "checkout/cs_test_1"},
		{"customer.deleted", `{"id":"cus_1"}`, "customer/cus_1"},
		{"customer.deleted", `{"id":"cus_1/../charges"}`, ""},
		{"customer.deleted", `{"id":"cus_\u0000"}`, ""},
		{"customer.deleted", `{"ID":"cus_1"}`, ""},
		{"customer.deleted", `{}`, ""},
		{"payment_method.attached", `{"id":"pm_1","customer":"cus_1"}`, ""},
		{"Customer.deleted", `{"id":"cus_1"}`, ""},
		{"future.thing.happened", `{"id":"x_1"}`, ""},
	}
	d := newDriver(t, nil)
	for _, test := range tests {
		t.Run(test.name+test.object, func(t *testing.T) {
			body := fmt.Sprintf(`{"id":"evt_1","object":"event","livemode":false,"type":%q,"data":{"object":%s}}`, test.name, test.object)
			header := http.Header{scheme.Header: {signed(oldSecret, noon, body)}}
			delivery, err := d.Verify(t.Context(), header, []byte(body), noon)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(delivery.Refs) > 0 {
				got = strings.TrimPrefix(delivery.Refs[0].String(), "stripe/")
			}
			if got != test.want || len(delivery.Refs) > 1 {
				t.Errorf("refs are %v, want %q", delivery.Refs, test.want)
			}
		})
	}
}

// Every event of the table names exactly one object, and the table holds no
// event twice.
func TestEventTable(t *testing.T) {
	d := newDriver(t, nil)
	object, err := strict.Parse([]byte(`{"id":"x_1","invoice":"in_1","subscription":"sub_1"}`))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, event := range eventTable {
		if seen[event.name] {
			t.Errorf("%s is in the table twice", event.name)
		}
		seen[event.name] = true
		if ref, found := d.refOf(event.name, object); !found || ref.Account != "stripe" || ref.Kind == "" {
			t.Errorf("%s names %v", event.name, ref)
		}
	}
	if len(seen) < 50 {
		t.Errorf("the table has %d events only", len(seen))
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(goodEvent), signed(oldSecret, noon, goodEvent), true)
	f.Add([]byte(goodEvent), signed("whsec_other", noon, goodEvent), false)
	f.Add([]byte(`{"id":"evt_1","object":"v2.core.event"}`), "t=1,v1=", true)
	f.Add([]byte("\x00\xff{"), "t=,v1", false)
	d, err := New(Config{Account: "stripe", SecretKey: testKey, WebhookSecrets: []string{oldSecret}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, header string, resign bool) {
		if resign {
			header = signed(oldSecret, noon, string(body))
		}
		delivery, err := d.Verify(t.Context(), http.Header{scheme.Header: {header}}, body, noon)
		if err != nil {
			if _, ok := errors.AsType[*provider.Rejection](err); !ok || len(delivery.Refs) > 0 {
				t.Fatalf("%v with %v", err, delivery)
			}
			return
		}
		if !strings.Contains(header, sign(oldSecret, noon, string(body))) && !resign {
			// Only another time within the window can have been signed.
			stamp := regexp.MustCompile(`t=(\d+)`).FindStringSubmatch(header)
			mac := hmac.New(sha256.New, []byte(oldSecret))
			mac.Write(slices.Concat([]byte(stamp[1]+"."), body))
			if !strings.Contains(strings.ToLower(header), hex.EncodeToString(mac.Sum(nil))) {
				t.Fatal("accepted without a signature")
			}
		}
		for _, ref := range delivery.Refs {
			if !isName(ref.ID) {
				t.Fatalf("ref %q", ref.ID)
			}
		}
	})
}
