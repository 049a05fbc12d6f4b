package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/provider"
)

var (
	noon   = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	commas = Scheme{Header: "X-Commas", Separator: ",", Time: "t", Signature: "v1", Joint: ".", Compare: "the one on the page"}
	colons = Scheme{Header: "X-Colons", Separator: ";", Time: "ts", Signature: "h1", Joint: ":", Compare: "the one on the page", TooOld: ", which is long"}
)

func mac(secret, text string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// reason is why something was rejected; empty: it was not.
func reason(t testing.TB, err error) provider.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	rejection, ok := errors.AsType[*provider.Rejection](err)
	if !ok {
		t.Fatalf("%v is no rejection", err)
	}
	return rejection.Reason
}

func TestVerify(t *testing.T) {
	const body = `{"id":"evt_1"}`
	now := strconv.FormatInt(noon.Unix(), 10)
	good := mac("second", now+"."+body)
	of := func(stamp string) string { return "t=" + stamp + ",v1=" + mac("first", stamp+"."+body) }
	at := func(d time.Duration) string { return strconv.FormatInt(noon.Add(d).Unix(), 10) }
	filled := func(length int) string {
		text := "t=" + now + ",v1=" + good + ",x="
		return text + strings.Repeat("y", length-len(text))
	}
	tests := map[string]struct {
		header []string
		want   string // the rejection; empty: none
	}{
		"signed":                    {[]string{of(now)}, ""},
		"by the other secret":       {[]string{"t=" + now + ",v1=" + good}, ""},
		"in capitals":               {[]string{"t=" + now + ",v1=" + strings.ToUpper(good)}, ""},
		"among others":              {[]string{"v0=x,v1=zz,v1=" + strings.Repeat("0", 64) + ", v1=" + good + ", t=" + now}, ""},
		"with the most signatures":  {[]string{"t=" + now + strings.Repeat(",v1="+strings.Repeat("ab", 32), MaxSignatures-1) + ",v1=" + good}, ""},
		"as long as may be":         {[]string{filled(MaxHeader)}, ""},
		"as old as may be":          {[]string{of(at(-72 * time.Hour))}, ""},
		"as far ahead as may be":    {[]string{of(at(300 * time.Second))}, ""},
		"no header":                 {nil, "unsigned: there must be exactly one X-Commas header"},
		"two headers":               {[]string{of(now), of(now)}, "unsigned: there must be exactly one X-Commas header"},
		"empty":                     {[]string{""}, "unsigned: the X-Commas header cannot be read"},
		"longer":                    {[]string{filled(MaxHeader + 1)}, "unsigned: the X-Commas header cannot be read"},
		"with too many signatures":  {[]string{"t=" + now + strings.Repeat(",v1="+strings.Repeat("ab", 32), MaxSignatures) + ",v1=" + good}, "unsigned: the X-Commas header cannot be read"},
		"with a part that is no k=": {[]string{of(now) + ",v1"}, "unsigned: the X-Commas header cannot be read"},
		"without a time":            {[]string{"v1=" + good}, "unsigned: the X-Commas header cannot be read"},
		"with an empty time":        {[]string{"t=,v1=" + good}, "unsigned: the X-Commas header cannot be read"},
		"with two times":            {[]string{of(now) + ",t=" + now}, "unsigned: the X-Commas header cannot be read"},
		"with a time with a sign":   {[]string{of("+" + now)}, "unsigned: the X-Commas header cannot be read"},
		"with a negative time":      {[]string{of("-1")}, "unsigned: the X-Commas header cannot be read"},
		"with a time of 13 digits":  {[]string{of("1000" + now[1:])}, "unsigned: the X-Commas header cannot be read"},
		"without signatures":        {[]string{"t=" + now + ",v1=zz,v2=" + good}, "unsigned: the X-Commas header cannot be read"},
		"with other separators":     {[]string{"t=" + now + ";v1=" + good}, "unsigned: the X-Commas header cannot be read"},
		"by another secret":         {[]string{"t=" + now + ",v1=" + mac("third", now+"."+body)}, "bad_signature: none of the 2 webhook_secrets made this signature: compare them with the one on the page"},
		"another body":              {[]string{"t=" + now + ",v1=" + mac("first", now+"."+body+" ")}, "bad_signature: none of the 2 webhook_secrets made this signature: compare them with the one on the page"},
		"another joint":             {[]string{"t=" + now + ",v1=" + mac("first", now+":"+body)}, "bad_signature: none of the 2 webhook_secrets made this signature: compare them with the one on the page"},
		"the time of another":       {[]string{"t=" + at(time.Second) + ",v1=" + good}, "bad_signature: none of the 2 webhook_secrets made this signature: compare them with the one on the page"},
		"the time in other digits":  {[]string{"t=0" + now + ",v1=" + good}, "bad_signature: none of the 2 webhook_secrets made this signature: compare them with the one on the page"},
		"too old":                   {[]string{of(at(-72*time.Hour - time.Second))}, "stale: signed 259201 s ago: check this machine's clock"},
		"too far ahead":             {[]string{of(at(301 * time.Second))}, "future: signed 301 s ahead of this machine's clock: check it"},
		"too old, and not signed":   {[]string{"t=1,v1=" + good}, "bad_signature: none of the 2 webhook_secrets made this signature: compare them with the one on the page"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"X-Commas": tt.header}
			err := commas.Verify(header, []byte(body), []string{"first", "second"}, noon, Window{Behind: 72 * time.Hour, Ahead: 300 * time.Second})
			got := ""
			if rejection, ok := errors.AsType[*provider.Rejection](err); ok {
				got = string(rejection.Reason) + ": " + rejection.Detail
			}
			if got != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestTooOldSaysMore(t *testing.T) {
	header := http.Header{"X-Colons": {"ts=1;h1=" + mac("s", "1:")}}
	err := colons.Verify(header, nil, []string{"s"}, time.Unix(100, 0), Window{Behind: time.Minute})
	if want := "signed 99 s ago, which is long: check this machine's clock"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestAnySignature: whichever secret signed, whatever stands around it and whichever
// the order, what is signed within the window is let in, and any one thing changed
// keeps it out.
func TestAnySignature(t *testing.T) {
	secret := rapid.StringN(0, 20, -1)
	key := func(secret string) string { return strings.TrimRight(secret, "\x00") } // RFC 2104 fills a key with zeros
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]Scheme{commas, colons}).Draw(t, "scheme")
		secrets := rapid.SliceOfNDistinct(secret, 1, 4, key).Draw(t, "secrets")
		body := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "body")
		window := Window{
			Behind: time.Duration(rapid.IntRange(0, 1e6).Draw(t, "behind")) * time.Second, Ahead: time.Duration(rapid.IntRange(0, 1e6).Draw(t, "ahead")) * time.Second,
		}
		offset := rapid.Int64Range(-int64(window.Behind/time.Second), int64(window.Ahead/time.Second)).Draw(t, "offset")
		header := func(by string, offset int64) http.Header {
			stamp := strconv.FormatInt(noon.Unix()+offset, 10)
			parts := []string{s.Time + "=" + stamp, s.Signature + "=" + mac(by, stamp+s.Joint+string(body))}
			for range rapid.IntRange(0, 5).Draw(t, "noise") {
				noise := []string{"v0=x", s.Signature + "=zz", s.Signature + "=" + mac("nobody knows this", "x"), "=", " a = b "}
				parts = append(parts, rapid.SampledFrom(noise).Draw(t, "part"))
			}
			return http.Header{s.Header: {strings.Join(rapid.Permutation(parts).Draw(t, "order"), s.Separator)}}
		}
		by := rapid.SampledFrom(secrets).Draw(t, "by")
		good := header(by, offset)
		if err := s.Verify(good, body, secrets, noon, window); err != nil {
			t.Fatalf("%q: %v", good, err)
		}
		expect := func(what string, err error, want provider.Reason) {
			if rejection, ok := errors.AsType[*provider.Rejection](err); !ok || rejection.Reason != want {
				t.Fatalf("%s: %v, want %s", what, err, want)
			}
		}
		changed := append([]byte(nil), body...)
		if i := rapid.IntRange(0, len(body)).Draw(t, "at"); i == len(body) {
			changed = append(changed, 0)
		} else {
			changed[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		expect("a changed body", s.Verify(good, changed, secrets, noon, window), provider.BadSignature)
		var others []string
		for _, other := range secrets {
			if other != by {
				others = append(others, other)
			}
		}
		expect("other secrets", s.Verify(good, body, others, noon, window), provider.BadSignature)
		beyond := rapid.Int64Range(1, 1e6).Draw(t, "beyond")
		expect("too old", s.Verify(header(by, -int64(window.Behind/time.Second)-beyond), body, secrets, noon, window), provider.Stale)
		expect("too far ahead", s.Verify(header(by, int64(window.Ahead/time.Second)+beyond), body, secrets, noon, window), provider.Future)
	})
}

func TestMatch(t *testing.T) {
	signature, ok := Decode(mac("a", "onetwo"))
	if !ok {
		t.Fatal("a signature cannot be read")
	}
	other, _ := Decode(mac("z", "onetwo"))
	tests := map[string]struct {
		secrets    []string
		signatures [][]byte
		parts      []string
		good       bool
	}{
		"one of one":       {[]string{"a"}, [][]byte{signature}, []string{"onetwo"}, true},
		"in two parts":     {[]string{"a"}, [][]byte{signature}, []string{"one", "two"}, true},
		"first of many":    {[]string{"a", "b"}, [][]byte{signature, other}, []string{"onetwo"}, true},
		"last of many":     {[]string{"b", "a"}, [][]byte{other, signature}, []string{"onetwo"}, true},
		"not of these":     {[]string{"b", "c"}, [][]byte{other, signature}, []string{"onetwo"}, false},
		"shortened":        {[]string{"a"}, [][]byte{signature[:31]}, []string{"onetwo"}, false},
		"empty signature":  {[]string{"a"}, [][]byte{{}}, []string{"onetwo"}, false},
		"no signature":     {[]string{"a"}, nil, []string{"onetwo"}, false},
		"no secret":        {nil, [][]byte{signature}, []string{"onetwo"}, false},
		"an empty secret":  {[]string{""}, [][]byte{signature}, []string{"onetwo"}, false},
		"parts reordered":  {[]string{"a"}, [][]byte{signature}, []string{"two", "one"}, false},
		"one part missing": {[]string{"a"}, [][]byte{signature}, []string{"one"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var parts [][]byte
			for _, p := range tt.parts {
				parts = append(parts, []byte(p))
			}
			err := Match(tt.secrets, tt.signatures, "the page", parts...)
			if (err == nil) != tt.good || err != nil && reason(t, err) != provider.BadSignature {
				t.Errorf("%v, want it to be good: %v", err, tt.good)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	good := strings.Repeat("aB", 32)
	for text, want := range map[string]bool{
		good: true, good[:62]: false, good + "00": false, good[:63] + "g": false, good[:63]: false, "": false, good[:63] + "\x00": false, " " + good[1:]: false,
	} {
		if signature, ok := Decode(text); ok != want || ok && hex.EncodeToString(signature) != strings.ToLower(text) {
			t.Errorf("%q: %x, %v", text, signature, ok)
		}
	}
}

// FuzzVerify: whatever the header says, nothing breaks, and nothing is let in of
// which the header does not hold the time and a signature made with the secret.
func FuzzVerify(f *testing.F) {
	stamp := strconv.FormatInt(noon.Unix(), 10)
	f.Add("t="+stamp+",v1="+mac("secret", stamp+".body"), "body", false)
	f.Add("ts="+stamp+";h1="+mac("secret", stamp+":body"), "body", true)
	f.Add("t=,v1=,,=", "", false)
	f.Add("t=1;ts=2,v1=\xff", "\x00", true)
	f.Fuzz(func(t *testing.T, header, body string, second bool) {
		s := commas
		if second {
			s = colons
		}
		err := s.Verify(http.Header{s.Header: {header}}, []byte(body), []string{"secret"}, noon, Window{time.Hour, time.Hour})
		if why := reason(t, err); why != "" {
			return
		}
		for _, found := range regexp.MustCompile(s.Time+`=([0-9]+)`).FindAllStringSubmatch(header, -1) {
			at, err := strconv.ParseInt(found[1], 10, 64)
			inTime := err == nil && at >= noon.Unix()-3600 && at <= noon.Unix()+3600
			if inTime && strings.Contains(strings.ToLower(header), mac("secret", found[1]+s.Joint+body)) {
				return
			}
		}
		t.Fatalf("%q lets %q in", header, body)
	})
}
