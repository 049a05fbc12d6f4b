// Package link makes the links in messages, and follows them.
//
// It owns GET and POST /go/{token}. Providers' own links are short-lived and must
// not be mailed; what is mailed is an address of ours that says, under our seal,
// whose link it is, to what it leads and until when. Programs that read mail open
// every address they find, so opening it changes nothing, asks nobody and uses
// nothing up: it shows a page with a button. The button has the provider's link made
// at that moment and sends the browser there. A link of ours opens as often as it is
// followed until it expires.
//
// It writes nothing. That the customer has paid or has a new card is learnt from the
// provider, as ever.
package link

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/seal"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/provider"
)

// Config is what Links work with.
type Config struct {
	DB    *store.DB
	Apply *apply.Applier
	// PublicURL is where browsers reach us, without a slash at the end.
	PublicURL string
	Log       *slog.Logger
}

// Links makes links and follows them. Make it with [New].
type Links struct {
	Config
	key   seal.Key
	bound *bound
}

// New reads the key that links are sealed with; the first time, it makes it.
func New(ctx context.Context, config Config) (*Links, error) {
	key, err := seal.Open(ctx, config.DB, "link")
	if err != nil {
		return nil, err
	}
	return &Links{Config: config, key: key, bound: newBound()}, nil
}

// Lasting is how long a link works if nothing else is said.
const Lasting = 30 * 24 * time.Hour

// claim is what a link says.
type claim struct {
	customer string
	account  string
	// object is the reference of what the message was about.
	object string
	// kind is one of the Link constants of package notify.
	kind  string
	until time.Time
}

// Mint makes the address of a link for a customer's message: about an object, as
// effects name it ("stripe/subscription/sub_1"), to a page of kind
// [notify.LinkPayment], [notify.LinkPortal] or [notify.LinkCancel]. An empty account is
// the object's. It works until a time; zero: for [Lasting] from now. Equal arguments
// make equal links. Nothing is kept and no provider is asked. It is empty for an account
// whose provider has no such page.
func (l *Links) Mint(customer, account, object, kind string, until time.Time) string {
	if ref, err := provider.ParseRef(object); err == nil && account == "" {
		account = ref.Account
	}
	if driver := l.Apply.Drivers[account]; driver != nil && !leads(driver, kind) {
		return ""
	}
	if until.IsZero() {
		until = l.DB.Now().Add(Lasting)
	}
	text, err := json.Marshal([]any{customer, account, object, kind, until.Unix()})
	if err != nil {
		panic(err) // texts and a number always encode
	}
	return l.PublicURL + "/go/" + url.PathEscape(l.key.Seal(base64.RawURLEncoding.EncodeToString(text)))
}

// read reads a link's token; ok is false unless we made it.
func (l *Links) read(token string) (c claim, ok bool) {
	text, ok := l.key.Genuine(token)
	if !ok {
		return c, false
	}
	doc, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, false
	}
	var until int64
	into := []any{&c.customer, &c.account, &c.object, &c.kind, &until}
	if err := json.Unmarshal(doc, &into); err != nil {
		return c, false
	}
	c.until = time.Unix(until, 0).UTC()
	return c, slices.Contains([]string{notify.LinkPayment, notify.LinkPortal, notify.LinkCancel}, c.kind)
}

// leads reports whether a provider has a page for a kind of link.
func leads(driver provider.Driver, kind string) bool {
	pays, _ := provider.Can(driver, provider.PaymentUpdate)
	manages, _ := provider.Can(driver, provider.Portal)
	return manages || kind == notify.LinkPayment && pays
}

// target has the provider's link made. Where the provider has no page for paying of its
// own, that is done where the subscription is managed.
func (l *Links) target(ctx context.Context, c claim) (string, error) {
	driver := l.Apply.Drivers[c.account]
	object, err := provider.ParseRef(c.object)
	if err != nil {
		return "", err
	}
	back := l.PublicURL + "/go/done"
	pays, _ := provider.Can(driver, provider.PaymentUpdate)
	if updater, able := driver.(provider.PaymentUpdater); able && pays && c.kind == notify.LinkPayment {
		payer, err := l.Apply.Payer(ctx, c.account, c.customer, object)
		if err != nil {
			return "", err
		}
		return updater.PaymentUpdateURL(ctx, payer, back)
	}
	portal, able := driver.(provider.Portaler)
	if !able {
		return "", store.ErrNotFound
	}
	request, err := l.Apply.Portal(ctx, c.account, c.customer, object)
	if err != nil {
		return "", err
	}
	request.Cancel, request.ReturnURL = c.kind == notify.LinkCancel, back
	return portal.PortalURL(ctx, request)
}
