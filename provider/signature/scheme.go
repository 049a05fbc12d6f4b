package signature

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/provider"
)

// What a signature header may cost us before we know who sent it.
const (
	// MaxHeader is the longest header that is read, in bytes.
	MaxHeader = 4 << 10
	// MaxSignatures is how many signatures of one header are compared at the most.
	MaxSignatures = 16
)

// Scheme is a header of parts k=v, one of which is the time of the signature in
// Unix seconds and one or more of which are signatures: "t=1775044700,v1=5257a8…".
// What is signed is the time as it stands there, the joint and the raw body.
//
// Parts with other keys and signatures that are not hexadecimal are passed over; a
// part that is not k=v, or a second time, spoils the header.
type Scheme struct {
	// Header is its name.
	Header string
	// Separator stands between its parts.
	Separator string
	// Time and Signature are the keys of its parts.
	Time, Signature string
	// Joint stands between the time and the body.
	Joint string
	// Compare is what an operator is told to compare the secrets with when none fits.
	Compare string
	// TooOld follows "signed … s ago" when the time is too old; it may say what the
	// limit is.
	TooOld string
}

// Window is how far the signed time may be behind ours and ahead of it. Whole
// seconds count.
type Window struct{ Behind, Ahead time.Duration }

// Verify makes sure that one of the secrets signed the body, and when.
func (s Scheme) Verify(header http.Header, body []byte, secrets []string, now time.Time, window Window) error {
	text, err := Sole(header, s.Header)
	if err != nil {
		return err
	}
	stamp, signatures, ok := s.parse(text)
	if !ok {
		return provider.Reject(provider.Unsigned, "the "+s.Header+" header cannot be read")
	}
	if err := Match(secrets, signatures, s.Compare, []byte(stamp+s.Joint), body); err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return provider.Reject(provider.Unsigned, "the time in the "+s.Header+" header cannot be read")
	}
	switch age := now.Unix() - seconds; {
	case age > int64(window.Behind/time.Second):
		return provider.Reject(provider.Stale, "signed "+strconv.FormatInt(age, 10)+" s ago"+s.TooOld+": check this machine's clock")
	case -age > int64(window.Ahead/time.Second):
		return provider.Reject(provider.Future, "signed "+strconv.FormatInt(-age, 10)+" s ahead of this machine's clock: check it")
	}
	return nil
}

// parse reads the header. The time stays text: it is signed as it came.
func (s Scheme) parse(header string) (stamp string, signatures [][]byte, ok bool) {
	if len(header) > MaxHeader {
		return "", nil, false
	}
	for part := range strings.SplitSeq(header, s.Separator) {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case !found:
			return "", nil, false
		case key == s.Time:
			if stamp != "" || len(value) == 0 || len(value) > 12 || strings.Trim(value, "0123456789") != "" {
				return "", nil, false
			}
			stamp = value
		case key == s.Signature:
			if signature, is := Decode(value); is {
				signatures = append(signatures, signature)
			}
			if len(signatures) > MaxSignatures {
				return "", nil, false
			}
		}
	}
	return stamp, signatures, stamp != "" && len(signatures) > 0
}
