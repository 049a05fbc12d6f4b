package paddle

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/signature"
)

// sign computes a signature the way Paddle documents it.
func sign(secret string, at time.Time, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d:%s", at.Unix(), body)
	return hex.EncodeToString(mac.Sum(nil))
}

func signed(secret string, at time.Time, body string) string {
	return fmt.Sprintf("ts=%d;h1=%s", at.Unix(), sign(secret, at, body))
}

const goodEvent = `{"event_id":"evt_01a","event_type":"subscription.updated","occurred_at":"2026-04-01T11:58:20.5Z","notification_id":"ntf_01a",
	"data":{"id":"sub_01a","status":"active","customer_id":"ctm_01a"}}`

func TestVerifyAccepts(t *testing.T) {
	bad := strings.Repeat("0", 64)
	good := sign(newSecret, noon, goodEvent)
	tests := map[string]string{
		"first secret":            signed(oldSecret, noon, goodEvent),
		"second secret":           signed(newSecret, noon, goodEvent),
		"one h1 for each secret":  fmt.Sprintf("ts=%d;h1=%s;h1=%s", noon.Unix(), sign("pdl_ntfset_gone", noon, goodEvent), good),
		"unknown keys":            fmt.Sprintf("ts=%d;h0=%s;h1=%s;h2=zz;v=1", noon.Unix(), bad, good),
		"undecodable h1 beside":   fmt.Sprintf("ts=%d;h1=zz;h1=%s", noon.Unix(), good),
		"time last":               fmt.Sprintf("h1=%s;ts=%d", good, noon.Unix()),
		"spaces":                  fmt.Sprintf(" ts=%d; h1=%s ", noon.Unix(), good),
		"capital hex":             fmt.Sprintf("ts=%d;h1=%s", noon.Unix(), strings.ToUpper(good)),
		"signed three days ago":   signed(oldSecret, noon.Add(-72*time.Hour), goodEvent),
		"as old as allowed":       signed(oldSecret, noon.Add(-DefaultBehind), goodEvent),
		"as far ahead as allowed": signed(oldSecret, noon.Add(DefaultAhead), goodEvent),
	}
	want := provider.Delivery{
		ID: "evt_01a", Type: "subscription.updated", CreatedAt: time.Date(2026, 4, 1, 11, 58, 20, 5e8, time.UTC),
		Refs: []provider.Ref{{Account: "paddle", Kind: billing.KindSubscription, ID: "sub_01a"}},
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
	stamp := fmt.Sprintf("ts=%d", noon.Unix())
	many := stamp + strings.Repeat(";h1="+strings.Repeat("ab", 32), signature.MaxSignatures) + ";h1=" + good
	tests := map[string]struct {
		header []string
		reason provider.Reason
	}{
		"missing":               {nil, provider.Unsigned},
		"empty":                 {[]string{""}, provider.Unsigned},
		"two headers":           {[]string{signed(oldSecret, noon, goodEvent), "x"}, provider.Unsigned},
		"part without a value":  {[]string{signed(oldSecret, noon, goodEvent) + ";h1"}, provider.Unsigned},
		"empty part":            {[]string{stamp + ";;h1=" + good}, provider.Unsigned},
		"no time":               {[]string{"h1=" + good}, provider.Unsigned},
		"two times":             {[]string{stamp + ";" + stamp + ";h1=" + good}, provider.Unsigned},
		"no signature":          {[]string{stamp}, provider.Unsigned},
		"only unknown keys":     {[]string{stamp + ";h2=" + good}, provider.Unsigned},
		"time is no number":     {[]string{"ts=noon;h1=" + good}, provider.Unsigned},
		"time is negative":      {[]string{"ts=-1;h1=" + good}, provider.Unsigned},
		"time is endless":       {[]string{"ts=" + strings.Repeat("9", 30) + ";h1=" + good}, provider.Unsigned},
		"time with a plus":      {[]string{"ts=+1;h1=" + good}, provider.Unsigned},
		"Stripe's separators":   {[]string{stamp + ",h1=" + good}, provider.Unsigned},
		"too long":              {[]string{signed(oldSecret, noon, goodEvent) + ";x=" + strings.Repeat("y", signature.MaxHeader)}, provider.Unsigned},
		"too many signatures":   {[]string{many}, provider.Unsigned},
		"h1 is no hex":          {[]string{stamp + ";h1=" + strings.Repeat("zz", 32)}, provider.Unsigned},
		"h1 is short":           {[]string{stamp + ";h1=" + good[:62]}, provider.Unsigned},
		"another secret":        {[]string{signed("pdl_ntfset_other", noon, goodEvent)}, provider.BadSignature},
		"another time":          {[]string{fmt.Sprintf("ts=%d;h1=%s", noon.Unix()-1, good)}, provider.BadSignature},
		"another body":          {[]string{signed(oldSecret, noon, goodEvent+" ")}, provider.BadSignature},
		"signed without a time": {[]string{stamp + ";h1=" + sign(oldSecret, time.Unix(0, 0), goodEvent)}, provider.BadSignature},
		"older than a replay":   {[]string{signed(oldSecret, noon.Add(-DefaultBehind-time.Second), goodEvent)}, provider.Stale},
		"from the future":       {[]string{signed(oldSecret, noon.Add(DefaultAhead+time.Second), goodEvent)}, provider.Future},
	}
	d := newDriver(t, nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantRejected(t, d, http.Header{scheme.Header: tt.header}, goodEvent, tt.reason)
		})
	}
}

func wantRejected(t *testing.T, d *Driver, header http.Header, body string, want provider.Reason) {
	t.Helper()
	got, err := d.Verify(t.Context(), header, []byte(body), noon)
	rejection, ok := errors.AsType[*provider.Rejection](err)
	if !ok || rejection.Reason != want {
		t.Fatalf("error %v, want a rejection as %s", err, want)
	}
	if got.ID != "" || len(got.Refs) > 0 {
		t.Errorf("rejected, and yet names %+v", got)
	}
	for _, secret := range []string{oldSecret, newSecret, testKey} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestVerifyRejectsBody(t *testing.T) {
	tests := map[string]string{
		"empty": "", "null": "null", "a list": "[]", "a number": "7", "half": goodEvent[:40], "not UTF-8": "{\"event_id\":\"\xff\"}", "no names": "{}",
		"no id":               `{"event_type":"customer.created","data":{"id":"ctm_1"}}`,
		"id is a number":      `{"event_id":7,"event_type":"customer.created","data":{}}`,
		"id is a path":        `{"event_id":"../x","event_type":"customer.created","data":{}}`,
		"no type":             `{"event_id":"evt_1","data":{}}`,
		"odd type":            `{"event_id":"evt_1","event_type":"<b>","data":{}}`,
		"no data":             `{"event_id":"evt_1","event_type":"customer.created"}`,
		"data is a text":      `{"event_id":"evt_1","event_type":"customer.created","data":"x"}`,
		"id twice":            `{"event_id":"evt_1","event_id":"evt_2","event_type":"customer.created","data":{}}`,
		"id twice, in a case": `{"event_id":"evt_1","Event_ID":"evt_2","event_type":"customer.created","data":{}}`,
		"entity id twice":     `{"event_id":"evt_1","event_type":"customer.created","data":{"id":"ctm_1","ID":"ctm_2"}}`,
	}
	d := newDriver(t, nil)
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			wantRejected(t, d, http.Header{scheme.Header: {signed(oldSecret, noon, body)}}, body, provider.BadBody)
		})
	}
}

// An alert of Paddle Classic is told from a bad signature, so that whoever pointed
// it here learns what to do.
func TestVerifyRefusesClassic(t *testing.T) {
	form := "alert_id=1&alert_name=subscription_created&p_signature=abc&user_id=7"
	d := newDriver(t, nil)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	wantRejected(t, d, header, form, provider.WrongFormat)
	_, err := d.Verify(t.Context(), header, []byte(form), noon)
	if rejection, ok := errors.AsType[*provider.Rejection](err); !ok || !rejection.Authentic() || !strings.Contains(rejection.Detail, "Paddle Classic") {
		t.Errorf("%v", err)
	}
	for name, body := range map[string]string{
		"another form":    "alert=1&signature=abc",
		"no signature":    "alert_name=x",
		"JSON in a form":  `{"alert_name":"x&alert_name=y&p_signature=z"}`,
		"longer than any": form + strings.Repeat("&x=y", 20000),
	} {
		t.Run(name, func(t *testing.T) { wantRejected(t, d, header, body, provider.Unsigned) })
	}
	// With a signature the body is what it says.
	wantRejected(t, d, http.Header{scheme.Header: {signed("pdl_ntfset_other", noon, form)}}, form, provider.BadSignature)
}

func TestEventsNameObjects(t *testing.T) {
	tests := map[string]struct {
		name, data string
		want       []provider.Ref
	}{
		"customer":           {"customer.updated", `{"id":"ctm_1"}`, []provider.Ref{refTo(billing.KindCustomer, "ctm_1")}},
		"subscription":       {"subscription.past_due", `{"id":"sub_1"}`, []provider.Ref{refTo(billing.KindSubscription, "sub_1")}},
		"transaction":        {"transaction.paid", `{"id":"txn_1","subscription_id":null}`, []provider.Ref{refTo(billing.KindPayment, "txn_1")}},
		"refund":             {"adjustment.updated", `{"id":"adj_1","action":"refund","transaction_id":"txn_1"}`, []provider.Ref{refTo(billing.KindRefund, "adj_1")}},
		"chargeback":         {"adjustment.created", `{"id":"adj_1","action":"chargeback","transaction_id":"txn_1"}`, []provider.Ref{refTo(billing.KindDispute, "adj_1")}},
		"warning":            {"adjustment.created", `{"id":"adj_1","action":"chargeback_warning","transaction_id":"txn_1"}`, []provider.Ref{refTo(billing.KindDispute, "adj_1")}},
		"reversal":           {"adjustment.created", `{"id":"adj_2","action":"chargeback_reverse","transaction_id":"txn_1"}`, []provider.Ref{refTo(billing.KindPayment, "txn_1")}},
		"credit":             {"adjustment.created", `{"id":"adj_2","action":"credit","transaction_id":"txn_1"}`, []provider.Ref{refTo(billing.KindPayment, "txn_1")}},
		"unknown adjustment": {"adjustment.created", `{"id":"adj_2","action":"levitate","transaction_id":"txn_1"}`, []provider.Ref{refTo(billing.KindPayment, "txn_1")}},
		"price":              {"price.updated", `{"id":"pri_1"}`, nil},
		"from the future":    {"subscription.hibernated", `{"id":"sub_1"}`, nil},
		"id is a path":       {"customer.updated", `{"id":"../x"}`, nil},
		"id is an object":    {"customer.updated", `{"id":{"id":"ctm_1"}}`, nil},
		"no id":              {"customer.updated", `{}`, nil},
	}
	d := newDriver(t, nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := fmt.Sprintf(`{"event_id":"evt_1","event_type":%q,"occurred_at":"2026-04-01T12:00:00Z","data":%s}`, tt.name, tt.data)
			got, err := d.Verify(t.Context(), http.Header{scheme.Header: {signed(oldSecret, noon, body)}}, []byte(body), noon)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Refs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzVerify: whatever is sent, signed or not, nothing breaks, and only what is
// signed names anything.
func FuzzVerify(f *testing.F) {
	f.Add(signed(oldSecret, noon, goodEvent), goodEvent, true)
	f.Add("ts=1;h1=00", "alert_name=x&p_signature=y", false)
	f.Add("", `{"event_id":"evt_1","event_type":"adjustment.created","data":{"id":"adj_1","action":"refund"}}`, true)
	f.Add("ts=;h1=;;=", "{\"event_id\":\"\\u0000\"}", true)
	d := newDriver(f, nil)
	f.Fuzz(func(t *testing.T, header, body string, signIt bool) {
		if signIt {
			header = signed(newSecret, noon, body)
		}
		got, err := d.Verify(t.Context(), http.Header{scheme.Header: {header}}, []byte(body), noon)
		if err != nil {
			if rejection, ok := errors.AsType[*provider.Rejection](err); !ok || got.ID != "" || len(got.Refs) > 0 {
				t.Fatalf("%v with %+v", err, got)
			} else if signIt && !rejection.Authentic() {
				t.Fatalf("what was signed is %v", err)
			}
			return
		}
		if !isName(got.ID) || !isType(got.Type) {
			t.Fatalf("let in as %+v", got)
		}
		for _, ref := range got.Refs {
			if ref.Account != "paddle" || !isName(ref.ID) {
				t.Fatalf("names %v", ref)
			}
		}
	})
}
