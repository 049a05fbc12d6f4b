package paypal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

var (
	_ provider.Driver            = (*Driver)(nil)
	_ provider.EventLister       = (*Driver)(nil)
	_ provider.KeyChecker        = (*Driver)(nil)
	_ provider.Checkouter        = (*Driver)(nil)
	_ provider.Canceler          = (*Driver)(nil)
	_ provider.Pauser            = (*Driver)(nil)
	_ provider.Refunder          = (*Driver)(nil)
	_ provider.Capturer          = (*Driver)(nil)
	_ provider.DisputeAccepter   = (*Driver)(nil)
	_ provider.EndpointRegistrar = (*Driver)(nil)
)

// Account implements [provider.Driver].
func (d *Driver) Account() string { return d.account }

// Provider implements [provider.Named].
func (d *Driver) Provider() string { return "paypal" }

// Live reports whether money is real.
func (d *Driver) Live() bool { return !d.sandbox }

// Kinds implements [provider.Driver]. Checkouts are read one by one: PayPal lists
// neither orders nor what nobody has approved.
func (d *Driver) Kinds() []billing.Kind {
	return []billing.Kind{billing.KindSubscription, billing.KindInvoice, billing.KindPayment, billing.KindRefund, billing.KindDispute}
}

// Abilities implements [provider.Driver].
func (d *Driver) Abilities() map[provider.Ability]provider.Support {
	all := provider.Natively(
		provider.CheckoutSubscription, provider.CheckoutPayment, provider.CheckoutTrial, provider.Pause, provider.Resume, provider.Capture,
		provider.Refund, provider.PartialRefund, provider.AcceptDispute, provider.RegisterEndpoint, provider.ListEvents,
	)
	emulated := func(a provider.Ability, note string) {
		all[a] = provider.Support{Level: provider.Emulated, Note: note}
	}
	absent := func(a provider.Ability, note string) { all[a] = provider.Support{Level: provider.Absent, Note: note} }
	emulated(provider.CancelAtPeriodEnd, "PayPal cancels at once. We keep access until what was paid for is used up; it cannot be taken back.")
	emulated(provider.CancelNow, "The same call; a note that PayPal keeps says that access ends at once. What was canceled before keeps its end.")
	emulated(provider.PauseUntil, "PayPal suspends without an end. The date is in the note, and the service resumes.")
	absent(provider.Uncancel, "A canceled PayPal subscription cannot come back: the customer has to subscribe again.")
	absent(provider.PaymentUpdate, "PayPal has no such link: customers change their funding at paypal.com, Settings, Payments.")
	absent(provider.ExtendTrial, "PayPal does not move the date of a subscription's first charge.")
	absent(provider.Collect, "PayPal tries again by itself, every five days, twice a cycle.")
	absent(provider.PushEmail, "The address belongs to the payer's PayPal account.")
	return all
}

// CheckKey implements [provider.KeyChecker] by asking for an access token. PayPal
// does not say whose account the app belongs to.
func (d *Driver) CheckKey(ctx context.Context) (account string, err error) {
	_, _, err = d.askToken(ctx, "check the key")
	return "", err
}

func (d *Driver) ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: d.account, Kind: kind, ID: id}
}

// checkRef makes sure that a reference is one of ours before it becomes part of
// a path.
func (d *Driver) checkRef(op string, ref provider.Ref, kind billing.Kind) error {
	switch {
	case ref.Account != d.account:
		return d.refused(op, "the reference is of another account")
	case ref.Kind != kind:
		return d.refused(op, "the reference is not of a "+string(kind))
	case !isName(ref.ID):
		return &provider.Error{Account: d.account, Op: op, Kind: provider.NotFound, Err: errors.New("no PayPal object can have this id")}
	}
	return nil
}

// mayWrite checks what every write needs.
func (d *Driver) mayWrite(op string, ref provider.Ref, kind billing.Kind, key string) error {
	if strings.TrimSpace(key) == "" {
		return d.refused(op, "a write needs a key")
	}
	return d.checkRef(op, ref, kind)
}

// isName reports whether a text can be an id or a code of PayPal's.
func isName(text string) bool {
	if text == "" || len(text) > 64 || strings.Trim(text, ".") == "" {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// requestID is a key as PayPal takes it: at most 108 visible ASCII characters
// (Orders v2); any other is hashed.
func requestID(key string) string {
	plain := !strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) })
	if plain && len(key) <= 108 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256-" + hex.EncodeToString(sum[:])
}

func clip(text string, limit int) string {
	if len(text) > limit {
		return text[:limit]
	}
	return text
}
