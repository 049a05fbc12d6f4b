package messenger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/messenger"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func of(t *testing.T) *messenger.Messenger {
	t.Helper()
	set, err := words.Load(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := billing.NewCatalog([]billing.Plan{{ID: "pro", Name: "Pro", Prices: map[string][]string{"stripe": {"p"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return &messenger.Messenger{Config: messenger.Config{
		Words: set, Brand: words.Brand{Name: "Acme", URL: "https://acme.test"}, Catalog: catalog, Now: func() time.Time { return noon },
	}}
}

func compose(t *testing.T, m *messenger.Messenger, template, object string, known policy.Known) (notify.Message, error) {
	t.Helper()
	n := notify.Notice{Template: template, Channel: notify.Email, Plan: "pro", Amount: &billing.Money{Amount: 900, Currency: "EUR"}, Date: noon, Link: notify.LinkPortal}
	return m.Compose(t.Context(), store.Effect{Key: "key", Object: object}, n, known)
}

// TestWhereMailsGo: to the address that the application told, for receipts the one for
// these, else to the one that the provider knows whose purchase it is about.
func TestWhereMailsGo(t *testing.T) {
	at := func(account, email string) billing.Held[billing.ProviderCustomer] {
		return billing.Held[billing.ProviderCustomer]{Account: account, ID: "c", Object: billing.ProviderCustomer{Email: email}}
	}
	linked := []billing.Held[billing.ProviderCustomer]{at("paypal", "paypal@kern.test"), at("stripe", ""), at("stripe", "stripe@kern.test")}
	for name, test := range map[string]struct {
		template, object string
		customer         billing.Customer
		linked           []billing.Held[billing.ProviderCustomer]
		want             string // empty: nowhere
	}{
		"told":                        {"paused", "stripe/subscription/s", billing.Customer{Email: "dana@kern.test"}, linked, "dana@kern.test"},
		"the provider's":              {"paused", "stripe/subscription/s", billing.Customer{}, linked, "stripe@kern.test"},
		"the other provider's":        {"paused", "paypal/subscription/s", billing.Customer{}, linked, "paypal@kern.test"},
		"of a provider that has none": {"paused", "paddle/subscription/s", billing.Customer{}, linked, "paypal@kern.test"},
		"a receipt":                   {"receipt", "stripe/payment/p", billing.Customer{Email: "dana@kern.test", ReceiptEmail: "books@kern.test"}, linked, "books@kern.test"},
		"a receipt, and nothing else": {"receipt", "stripe/payment/p", billing.Customer{ReceiptEmail: "books@kern.test"}, nil, "books@kern.test"},
		"no receipt and nothing else": {"paused", "stripe/subscription/s", billing.Customer{ReceiptEmail: "books@kern.test"}, nil, ""},
		"nobody knows":                {"paused", "stripe/subscription/s", billing.Customer{}, nil, ""},
	} {
		m, err := compose(t, of(t), test.template, test.object, policy.Known{Customer: test.customer, Linked: test.linked})
		if test.want == "" {
			if why, ok := errors.AsType[*outbox.Unsayable](err); !ok || !strings.Contains(why.Why, "no e-mail address") {
				t.Errorf("%s: %v %v", name, m.To, err)
			}
			continue
		}
		if err != nil || m.To.Email != test.want {
			t.Errorf("%s: %v %v, want %s", name, m.To, err, test.want)
		}
	}
}

// TestLinks: a message about what is at a provider has links of ours, which end; one
// about the customer as such leads to the product.
func TestLinks(t *testing.T) {
	m := of(t)
	var minted []string
	m.UseLinks(func(customer, account, object, kind string, until time.Time) string {
		minted = append(minted, strings.Join([]string{customer, account, object, kind, until.Format(time.DateOnly)}, " "))
		return "https://billing.test/go/" + kind
	})
	known := policy.Known{Customer: billing.Customer{Ref: "user_1", Email: "dana@kern.test"}}
	said, err := compose(t, m, "trial_ending", "stripe/subscription/s", known)
	if err != nil || said.URL != "https://billing.test/go/portal" || !strings.Contains(said.Text, said.URL) {
		t.Errorf("%s %v", said.Text, err)
	}
	if want := "user_1 stripe stripe/subscription/s portal 2026-04-01, user_1 stripe stripe/subscription/s cancel 2026-04-01"; strings.Join(minted, ", ") != want {
		t.Errorf("%q", minted)
	}
	if said, err = compose(t, m, "unbanned", "trivet/customer/user_1", known); err != nil || said.URL != "https://acme.test" || len(minted) != 2 {
		t.Errorf("%s %q %v", said.URL, minted, err)
	}
}

// TestWhatIsWrongForGood is not tried again.
func TestWhatIsWrongForGood(t *testing.T) {
	known := policy.Known{Customer: billing.Customer{Ref: "user_1", Email: "dana@kern.test"}}
	if _, err := compose(t, of(t), "no_such", "stripe/subscription/s", known); err == nil {
		t.Error("there is no such message")
	} else if _, ok := errors.AsType[*outbox.Unsayable](err); !ok {
		t.Error(err)
	}
	if _, err := compose(t, of(t), "paused", "nonsense", known); err == nil {
		t.Error("an object that cannot be")
	}
}
