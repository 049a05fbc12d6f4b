package trivet_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/renewal"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// mailbox keeps the mails that a service sends, with the time at which each was sent.
type mailbox struct {
	mu   sync.Mutex
	now  func() time.Time
	got  []notify.Message
	when []time.Time
}

func (*mailbox) Name() string { return notify.Email }

func (m *mailbox) Send(_ context.Context, message notify.Message) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got, m.when = append(m.got, message), append(m.when, m.now())
	return "", nil
}

// announcing opens a house that announces charges by mail; nothing else is said.
func announcing(t *testing.T, database string) (*house, *mailbox) {
	t.Helper()
	if database == "sqlite" {
		database = "sqlite:" + filepath.Join(t.TempDir(), "trivet.db")
	} else {
		database = pgtest.URL(t)
	}
	h := openHouse(t, database)
	mails := &mailbox{now: h.Clock.Now}
	h.Check(h.Close())
	rules, err := renewal.New(renewal.Defaults())
	h.Check(err)
	h.serve(func(c *trivet.Config) {
		c.Policies, c.Modes = []policy.Policy{rules}, policy.Modes{Policies: map[string]policy.Mode{"renewal": policy.Enforce}}
		c.Channels, c.Brand = []notify.Channel{mails}, words.Brand{Name: "Acme", URL: "https://acme.test", Support: "help@acme.test"}
	})
	h.world.SetTax(19)
	return h, mails
}

// follow presses the button of the page that a link of ours opens.
func (h *house) follow(link string) (leads string) {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, link, nil))
	if w.Code != http.StatusSeeOther {
		h.t.Errorf("%s: %d %s", link, w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

// TestAPromotionEnds: half off for two months. Seven days before the first full charge
// a mail says what that will be to the cent, tax included, and leads to where one can
// cancel.
func TestAPromotionEnds(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			h, mails := announcing(t, name)
			h.world.AddCoupon(world.Coupon{Percent: 50, Duration: "repeating", Months: 2, Code: "HALF"})
			h.buyWithCode("pro", "HALF")
			ends := opening.AddDate(0, 2, 0)
			h.until(ends.Sub(opening) - 7*day - time.Minute)
			if len(mails.got) != 0 {
				t.Fatalf("before its time a mail says %q", mails.got[0].Subject)
			}
			h.until(ends.Sub(opening) - 6*day)
			if len(mails.got) != 1 {
				t.Fatalf("%d mails came", len(mails.got))
			}
			mail, early := mails.got[0], ends.Sub(mails.when[0])
			if mail.Template != "promotion_ending" || early < 7*day-time.Hour || early > 7*day {
				t.Errorf("%s came %s before", mail.Template, early)
			}
			if !strings.Contains(mail.Text, "€34.51") || !strings.Contains(mail.Text, "May 2, 2026") || strings.Contains(mail.Text, "before discounts") {
				t.Errorf("it says\n%s", mail.Text)
			}
			links := regexp.MustCompile(`https://billing\.test/go/[^\s)>\]]+`).FindAllString(mail.Text, -1)
			if len(links) < 2 {
				t.Fatalf("it leads to %v", links)
			}
			for _, link := range links {
				if leads := h.follow(link); !strings.HasPrefix(leads, "https://pay.test/p/session/") {
					t.Errorf("%s leads to %s", link, leads)
				}
			}
			h.until(ends.Sub(opening) + day)
			paid := h.world.Truth()
			charged := ""
			for _, o := range paid {
				if o.Kind == "invoice" {
					charged = o.Fields["amount_paid"]
				}
			}
			if charged != "3451" || len(mails.got) != 1 {
				t.Errorf("%s was charged, %d mails came", charged, len(mails.got))
			}
		})
	}
}

// TestAPriceChanges: what is scheduled is announced, and since it is the next charge,
// the new amount and the old are told as they are charged, with tax.
func TestAPriceChanges(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			h, mails := announcing(t, name)
			h.buy("pro", world.CardGood, time.Time{})
			h.until(day)
			dearer := h.world.AddPrice(world.Price{Currency: "eur", Amount: 3900, Interval: "month"})
			if _, err := h.world.SchedulePrice(h.only("subscription"), dearer); err != nil {
				t.Fatal(err)
			}
			h.until(3 * day)
			if len(mails.got) != 1 || mails.got[0].Template != "price_change" {
				t.Fatalf("%d mails came", len(mails.got))
			}
			for _, want := range []string{"€46.41", "€34.51", "April 2, 2026"} {
				if !strings.Contains(mails.got[0].Text, want) {
					t.Errorf("without %s it says\n%s", want, mails.got[0].Text)
				}
			}
			h.until(33 * day)
			if len(mails.got) != 1 {
				t.Errorf("then a mail says %s", mails.got[1].Subject)
			}
		})
	}
}

// buyWithCode sends the customer through a checkout on which they type a code.
func (h *house) buyWithCode(plan, code string) {
	h.t.Helper()
	var made struct {
		ProviderID string `json:"provider_id"`
	}
	h.Call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":"user_1","plan":%q,"email":"user_1@example.com","promotion_codes":true,
		"success_url":"https://app.test/yes","cancel_url":"https://app.test/no"}`, plan), &made)
	h.Check(h.world.UsePromotionCode(made.ProviderID, code))
	if paid, err := h.world.PayCheckout(made.ProviderID, world.CardGood); err != nil || !paid {
		h.t.Fatalf("pay %q: %t %v", made.ProviderID, paid, err)
	}
}
