package billing

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Customer is the application's own customer. Its Ref is the application's own
// user id; providers' customers are linked to it.
type Customer struct {
	// Ref is the application's user id, as [CheckRef] allows it.
	Ref string `json:"ref"`

	Email string `json:"email,omitempty"`
	// ReceiptEmail is where receipts go, with a copy to Email; empty: to Email alone.
	ReceiptEmail string `json:"receipt_email,omitempty"`
	Name         string `json:"name,omitempty"`
	// Locale is a BCP 47 tag such as "de-AT"; TimeZone an IANA name.
	Locale   string `json:"locale,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`

	// Attributes are free facts that the application sets, for rules to use:
	// "verified_domains": 2, "kyc": true.
	Attributes map[string]any `json:"attributes,omitempty"`
	// Covered are the things shown in notices as covered by the plan: domains,
	// seats, projects.
	Covered []string `json:"covered,omitempty"`

	// Ban is nil for a customer in good standing.
	Ban *Ban `json:"ban,omitempty"`
	// Cleared is the latest ban that was lifted; nil: none ever was. What had led
	// to it is settled: rules count what happened since.
	Cleared *Cleared `json:"cleared,omitempty"`
}

// Ban bars a customer from everything, whatever they have paid.
type Ban struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	// By is who decided: a policy's name or a person.
	By string `json:"by"`
}

// Cleared is a ban that was lifted.
type Cleared struct {
	At time.Time `json:"at"`
	// By is who lifted it.
	By  string `json:"by"`
	Ban Ban    `json:"ban"`
	// Before is when the ban before this one was lifted; zero: there was none.
	Before time.Time `json:"before,omitzero"`
}

// CheckRef reports what is wrong with a customer reference: it must be 1 to 200
// bytes of visible UTF-8 text without spaces around it.
func CheckRef(ref string) error {
	switch {
	case ref == "":
		return fmt.Errorf("the customer reference is empty: use your own user id")
	case len(ref) > 200:
		return fmt.Errorf("the customer reference has %d bytes: use your own user id, at most 200", len(ref))
	case strings.TrimSpace(ref) != ref:
		return fmt.Errorf("the customer reference %q has spaces around it: leave them out", ref)
	case strings.ContainsFunc(ref, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return fmt.Errorf("the customer reference %q has characters that cannot be shown: use visible text", ref)
	}
	return nil
}

// Grant is access given by hand: to one feature, or to all features of a plan.
type Grant struct {
	ID string `json:"id"`
	// Feature or Plan, or both, say what is given; Plan is a plan's id.
	Feature string `json:"feature,omitempty"`
	Plan    string `json:"plan,omitempty"`
	// From is the provider account that the customer is being moved away from; empty
	// for a grant of another kind. Such a grant of a plan bridges the time until they
	// have bought elsewhere: see [Facts.Moved].
	From string `json:"from,omitempty"`
	// Until is when it lapses; zero: never.
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason"`
	// By is who gave it.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// RevokedAt is when it was taken back; zero: it stands.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// end is when a grant lapses or was taken back; zero: never.
func (g Grant) end() time.Time { return earliest(g.Until, g.RevokedAt) }
