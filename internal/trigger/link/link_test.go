package link_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/link"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/provider"
)

// leads is where each provider's link leads to.
var leads = map[string]string{
	"stripe":       "https://pay.test/p/session/",
	"paddle":       "http",
	"lemonsqueezy": "http",
}

// TestAMailScannerUsedUpTheLink: programs that read mail open every address in it,
// some of them several times. After them the customer's own click works as if they
// had never been there, and the provider has heard of nothing but the click.
func TestAMailScannerUsedUpTheLink(t *testing.T) {
	for account, prefix := range leads {
		each(t, account, func(h *house) {
			address := h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPayment, start.Add(time.Hour))
			h.calls()
			before, err := h.db.Changes(h.t.Context(), store.ChangeFilter{Limit: 100})
			h.check(err)
			for _, method := range []string{"HEAD", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET"} {
				w := h.send(method, address)
				if w.Code != http.StatusOK || w.Header().Get("Location") != "" || method == "GET" && !strings.Contains(w.Body.String(), `<form method="post"><button type="submit">Continue`) {
					h.t.Fatalf("%s: %d %s", method, w.Code, w.Body)
				}
			}
			if n := h.calls(); n != 0 {
				h.t.Errorf("opening the link made %d calls", n)
			}
			if after, err := h.db.Changes(h.t.Context(), store.ChangeFilter{Limit: 100}); err != nil || len(after) != len(before) {
				h.t.Errorf("opening the link changed something: %v", err)
			}
			w := h.send("POST", address)
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), prefix) || strings.HasPrefix(w.Header().Get("Location"), public) {
				h.t.Fatalf("the click: %d %s %s", w.Code, w.Header().Get("Location"), w.Body)
			}
			if h.calls() == 0 {
				h.t.Error("the link was not made at that moment")
			}
			if w := h.send("POST", address); w.Code != http.StatusSeeOther {
				h.t.Errorf("a second click: %d", w.Code)
			}
		})
	}
}

// TestEveryWayToAPage: whatever a message is about, its link leads to the page of
// the customer's own subscription.
func TestEveryWayToAPage(t *testing.T) {
	for account := range leads {
		each(t, account, func(h *house) {
			invoices, err := h.db.Objects(h.t.Context(), store.ObjectFilter{Account: account, Kind: string(billing.KindInvoice), Limit: 10})
			h.check(err)
			objects := []string{h.subscription(h.mine), "trivet/customer/user_1"}
			for _, i := range invoices {
				if i.Customer == "user_1" {
					objects = append(objects, i.Key)
				}
			}
			for _, object := range objects {
				for _, kind := range []string{notify.LinkPayment, notify.LinkPortal, notify.LinkCancel} {
					w := h.send("POST", h.links.Mint("user_1", account, object, kind, time.Time{}))
					if w.Code != http.StatusSeeOther {
						h.t.Errorf("%s %s: %d %s", object, kind, w.Code, w.Body)
					}
				}
			}
		})
	}
}

// TestPayPalLeadsToAutomaticPayments: PayPal has one page for everybody, for all that can
// be done, and nobody has to be asked for it. It shows to whoever signs in what is theirs.
func TestPayPalLeadsToAutomaticPayments(t *testing.T) {
	each(t, "paypal", func(h *house) {
		for _, kind := range []string{notify.LinkPayment, notify.LinkPortal, notify.LinkCancel} {
			address := h.links.Mint("user_1", "", h.subscription(h.mine), kind, time.Time{})
			h.calls()
			if w := h.send("GET", address); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<form") {
				h.t.Errorf("%s: %d %s", kind, w.Code, w.Body)
			}
			if w := h.send("POST", address); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://www.paypal.com/myaccount/autopay/" {
				h.t.Errorf("%s: %d %s", kind, w.Code, w.Header().Get("Location"))
			}
			if n := h.calls(); n != 0 {
				h.t.Errorf("%d calls", n)
			}
		}
	})
}

// TestWhereOneCanCancel: the link of a message for managing leads to where one can
// cancel, and not to the card; the one for canceling leads straight there.
func TestWhereOneCanCancel(t *testing.T) {
	each(t, "paddle", func(h *house) {
		for kind, want := range map[string]string{notify.LinkPortal: "/portal/cpls_", notify.LinkCancel: "?action=cancel_subscription&subscription_id=" + h.mine} {
			w := h.send("POST", h.links.Mint("user_1", "", h.subscription(h.mine), kind, time.Time{}))
			if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.Contains(got, want) || kind == notify.LinkPortal && strings.Contains(got, "action") {
				h.t.Errorf("%s: %d %q", kind, w.Code, got)
			}
		}
		address := h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkCancel, time.Time{})
		if w := h.send("GET", address); !strings.Contains(w.Body.String(), "Cancel your subscription") || !strings.Contains(w.Body.String(), "nothing changes") {
			h.t.Errorf("the page before: %s", w.Body)
		}
	})
}

// TestOneAddressSeveralPeople: the portal of an address shows what everybody has who
// typed it, and so is opened for nobody; the link for paying is the subscription's own.
func TestOneAddressSeveralPeople(t *testing.T) {
	each(t, "lemonsqueezy", func(h *house) {
		address := h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkCancel, time.Time{})
		w := h.send("POST", address)
		if w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "/billing/customer/") {
			h.t.Errorf("alone: %d %s", w.Code, w.Header().Get("Location"))
		}
		id, _, err := h.shop.buy("user_1@kern.test") // whoever that is
		h.check(err)
		_, err = h.apply.Refs(h.t.Context(), apply.Cause{Trigger: apply.Sweep}, provider.Ref{Account: h.account, Kind: billing.KindSubscription, ID: id})
		h.check(err)
		h.calls()
		if w := h.send("POST", address); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "not yours") || h.calls() != 0 {
			h.t.Errorf("together: %d %s", w.Code, w.Body)
		}
		if w := h.send("POST", h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPayment, time.Time{})); w.Code != http.StatusSeeOther {
			h.t.Errorf("to pay: %d", w.Code)
		}
		h.check(h.apply.Link(h.t.Context(), provider.Ref{Account: h.account, Kind: billing.KindSubscription, ID: id}, "user_1", apply.Cause{Trigger: apply.Request}))
		if w := h.send("POST", address); w.Code != http.StatusSeeOther {
			h.t.Errorf("one person after all: %d %s", w.Code, w.Body)
		}
	})
}

// TestAProviderWithoutPages: no link is made for it, and one that was made before says
// where to go instead.
func TestAProviderWithoutPages(t *testing.T) {
	h := open(t, "sqlite:"+t.TempDir()+"/trivet.db", "paypal")
	address := h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPortal, time.Time{})
	h.apply.Drivers[h.account] = struct{ provider.Driver }{h.apply.Drivers[h.account]}
	for _, kind := range []string{notify.LinkPayment, notify.LinkPortal, notify.LinkCancel} {
		if got := h.links.Mint("user_1", "", h.subscription(h.mine), kind, time.Time{}); got != "" {
			t.Errorf("%s: %s", kind, got)
		}
	}
	for _, method := range []string{"GET", "POST"} {
		if w := h.send(method, address); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "<form") || !strings.Contains(w.Body.String(), "Sign in at the payment provider") {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}

// TestForgedAndOldLinks: what we did not make says no more than that, an old link
// what to do; neither reaches the provider.
func TestForgedAndOldLinks(t *testing.T) {
	each(t, "stripe", func(h *house) {
		until := start.Add(time.Hour)
		address := h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPayment, until)
		foreign := h.links.Mint("user_2", "", h.subscription(h.mine), notify.LinkPayment, until)
		token := strings.TrimPrefix(address, public+"/go/")
		text, sign, _ := strings.Cut(token, ".")
		otherText, _, _ := strings.Cut(strings.TrimPrefix(foreign, public+"/go/"), ".")
		h.calls()
		for name, token := range map[string]string{
			"no seal": text, "an empty seal": text + ".", "another's seal": otherText + "." + sign, "cut off": token[:len(token)-3],
			"more": token + "x", "long": token + strings.Repeat("x", 8000), "twice": token + "." + sign, "nothing of it": "x",
		} {
			for _, method := range []string{"GET", "POST"} {
				if w := h.send(method, public+"/go/"+token); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "not valid") || strings.Contains(w.Body.String(), "<form") {
					h.t.Errorf("%s: %d %s", name, w.Code, w.Body)
				}
			}
		}
		// A kind that there is not, though under our own seal.
		if w := h.send("POST", h.links.Mint("user_1", "", h.subscription(h.mine), "admin", until)); w.Code != http.StatusNotFound {
			h.t.Errorf("another kind: %d", w.Code)
		}
		h.clock.Set(until.Add(-time.Second))
		if w := h.send("POST", address); w.Code != http.StatusSeeOther {
			h.t.Errorf("a second before its end: %d", w.Code)
		}
		h.calls()
		h.clock.Set(until)
		for _, method := range []string{"GET", "POST"} {
			if w := h.send(method, address); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "latest message") {
				h.t.Errorf("at its end: %d %s", w.Code, w.Body)
			}
		}
		if n := h.calls(); n != 0 {
			h.t.Errorf("%d calls", n)
		}
		// Without an end of its own it works for thirty days.
		address = h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPayment, time.Time{})
		h.clock.Set(until.Add(link.Lasting - time.Second))
		if w := h.send("GET", address); w.Code != http.StatusOK {
			h.t.Errorf("after a month: %d", w.Code)
		}
		h.clock.Set(until.Add(link.Lasting))
		if w := h.send("GET", address); w.Code != http.StatusGone {
			h.t.Errorf("after more than a month: %d", w.Code)
		}
	})
}

// TestALinkIsOneCustomers: a link whose object is somebody else's by now opens
// nobody's page.
func TestALinkIsOneCustomers(t *testing.T) {
	for account := range leads {
		each(t, account, func(h *house) {
			h.calls()
			for name, address := range map[string]string{
				"another's": h.links.Mint("user_1", "", h.subscription(h.other), notify.LinkPayment, time.Time{}),
				"nobody's":  h.links.Mint("user_1", "", h.subscription("sub_none"), notify.LinkPayment, time.Time{}),
				"to manage": h.links.Mint("user_1", "", h.subscription(h.other), notify.LinkPortal, time.Time{}),
				"no buyer":  h.links.Mint("user_3", account, "trivet/customer/user_3", notify.LinkPayment, time.Time{}),
			} {
				if w := h.send("POST", address); w.Code != http.StatusGone || w.Header().Get("Location") != "" {
					h.t.Errorf("%s: %d %s", name, w.Code, w.Body)
				}
			}
			if n := h.calls(); n != 0 {
				h.t.Errorf("%d calls", n)
			}
			if w := h.send("GET", h.links.Mint("user_1", "elsewhere", h.subscription(h.mine), notify.LinkPayment, time.Time{})); w.Code != http.StatusGone {
				h.t.Errorf("an account that is not configured: %d", w.Code)
			}
		})
	}
}

// TestAnOwnerWhoIsSomebodyElse: at the provider one customer may own what belongs to
// several of ours, for a person can link it so. The owner's page shows the owner's
// cards and is opened for the owner alone.
func TestAnOwnerWhoIsSomebodyElse(t *testing.T) {
	each(t, "stripe", func(h *house) {
		second := h.alsoOwned(h.mine, "user_3")
		address := h.links.Mint("user_3", "", h.subscription(second), notify.LinkPayment, time.Time{})
		h.calls()
		if w := h.send("POST", address); w.Code != http.StatusGone || h.calls() != 0 {
			h.t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
		}
		address = h.links.Mint("user_3", "", h.subscription(second), notify.LinkPortal, time.Time{})
		if w := h.send("POST", address); w.Code != http.StatusGone || h.calls() != 0 {
			h.t.Errorf("managing: %d %s", w.Code, w.Header().Get("Location"))
		}
		if w := h.send("POST", h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPayment, time.Time{})); w.Code != http.StatusSeeOther {
			h.t.Errorf("the owner: %d", w.Code)
		}
	})
}

// TestTheProviderIsAway: the customer is told that nothing happened and keeps the
// button.
func TestTheProviderIsAway(t *testing.T) {
	h := open(t, "sqlite:"+t.TempDir()+"/trivet.db", "stripe")
	address := h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPayment, time.Time{})
	h.net.fail = func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
	}
	w := h.send("POST", address)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "<form") || strings.Contains(w.Body.String(), "route") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.net.fail = nil
	if w := h.send("POST", address); w.Code != http.StatusSeeOther {
		t.Errorf("afterwards: %d", w.Code)
	}
}

// TestFollowedTooOften: whoever holds a link cannot make us call the provider
// without end, and holds up nobody but themselves.
func TestFollowedTooOften(t *testing.T) {
	h := open(t, "sqlite:"+t.TempDir()+"/trivet.db", "stripe")
	address := h.links.Mint("user_1", "", h.subscription(h.mine), notify.LinkPayment, time.Time{})
	h.calls()
	codes := map[int]int{}
	for range 20 {
		w := h.send("POST", address)
		codes[w.Code]++
		if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "60" {
			t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
		}
	}
	if codes[http.StatusSeeOther] != 6 || codes[http.StatusTooManyRequests] != 14 || h.calls() != 6 {
		t.Errorf("%v", codes)
	}
	if w := h.send("POST", h.links.Mint("user_2", "", h.subscription(h.other), notify.LinkPayment, time.Time{})); w.Code != http.StatusSeeOther {
		t.Errorf("somebody else: %d", w.Code)
	}
	h.clock.Set(h.clock.Now().Add(time.Minute))
	if w := h.send("POST", address); w.Code != http.StatusSeeOther {
		t.Errorf("a minute later: %d", w.Code)
	}
}

// TestARestartKeepsLinks: the key is in the database.
func TestARestartKeepsLinks(t *testing.T) {
	each(t, "stripe", func(h *house) {
		again, err := link.New(h.t.Context(), h.links.Config)
		h.check(err)
		until := start.Add(time.Hour)
		object := h.subscription(h.mine)
		if first, second := h.links.Mint("user_1", "", object, notify.LinkPayment, until), again.Mint("user_1", "", object, notify.LinkPayment, until); first != second {
			h.t.Errorf("%s, after a restart %s", first, second)
		}
	})
}

// TestAnyName: a customer may be called anything.
func TestAnyName(t *testing.T) {
	h := open(t, "sqlite:"+t.TempDir()+"/trivet.db", "stripe")
	for i, name := range []string{"a/b", `"],["`, "ü", "a.b", "%2F?#", strings.Repeat("x", 255)} {
		address := h.links.Mint(name, "", fmt.Sprint("stripe/subscription/sub_", i), notify.LinkPayment, time.Time{})
		if w := h.send("GET", address); w.Code != http.StatusOK {
			t.Errorf("%s: %d", name, w.Code)
		}
		// Read as it was written: nobody of this name has that, which is another
		// answer than that for a link that cannot be read.
		if w := h.send("POST", address); w.Code != http.StatusGone {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestDone(t *testing.T) {
	h := open(t, "sqlite:"+t.TempDir()+"/trivet.db", "stripe")
	if w := h.send("GET", public+"/go/done"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "close this page") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
