package provider

import (
	"fmt"
	"strings"

	"github.com/trivetdev/trivet/billing"
)

// Ref names one provider object. It carries no facts.
type Ref struct {
	// Account is the configured name of the provider account.
	Account string
	Kind    billing.Kind
	// ID is the provider's own id, such as "sub_1Q…".
	ID string
}

// String writes the reference as "stripe/subscription/sub_1Q…", the form in
// which it is stored and shown.
func (r Ref) String() string {
	return r.Account + "/" + string(r.Kind) + "/" + r.ID
}

// IsZero reports whether the reference names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// ParseRef reads what [Ref.String] wrote.
func ParseRef(text string) (Ref, error) {
	parts := strings.SplitN(text, "/", 3)
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Ref{}, fmt.Errorf("%q is not an object reference: write it like stripe/subscription/sub_123", text)
	}
	return Ref{Account: parts[0], Kind: billing.Kind(parts[1]), ID: parts[2]}, nil
}
