package hygiene

import (
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

const (
	day = 24 * time.Hour
	// longestTrial is as far ahead as providers let a trial end.
	longestTrial = 730 * day
	// recent is how old a payment may be to be told of.
	recent = 30 * day
)

// Review implements [policy.Reviewer].
func (p Policy) Review(known policy.Known, now time.Time) (actions []policy.Action, next time.Time) {
	if known.Customer.Ref == "" {
		return nil, time.Time{}
	}
	actions = append(actions, owed(known)...)
	for _, s := range known.Facts.Subscriptions {
		if p.settings.ExtendTrial {
			actions = append(actions, p.trial(known, s, now)...)
		}
	}
	told := map[string]bool{}
	tell := func(w policy.Warning, account string, kind billing.Kind, id, occasion string) {
		if !told[w.Cause] {
			told[w.Cause] = true
			actions = append(actions, policy.On(account, kind, id, policy.Alert, occasion, w))
		}
	}
	for _, s := range known.Facts.Subscriptions {
		for _, price := range pricesOf(s.Object) {
			if p.settings.Prices && s.Object.Live() {
				if w := unmapped(known.Catalog, s.Account, price); w != nil {
					tell(*w, s.Account, billing.KindSubscription, s.ID, "price."+price)
				}
			}
		}
	}
	for _, x := range known.Facts.Payments {
		if x.Object.Status != billing.PaymentSucceeded || now.Sub(x.Object.PaidAt) > recent {
			continue
		}
		for _, item := range x.Object.Items {
			if w := unmapped(known.Catalog, x.Account, item.Price); p.settings.Prices && w != nil {
				tell(*w, x.Account, billing.KindPayment, x.ID, "price."+item.Price)
			}
		}
		if method := x.Object.Method; p.settings.Methods && method != "" && !knownMethod(method) && !slices.Contains(p.settings.Known, method) {
			tell(policy.Warning{
				Cause: methodCause + x.Account + "/" + method, Kind: "hygiene",
				Title:   fmt.Sprintf("somebody paid at %s by %q, which nobody here knows", x.Account, method),
				Details: fmt.Sprintf("The payment counts like any other. Look at payment %s; then add %q to known in [policy.hygiene].", x.ID, method),
			}, x.Account, billing.KindPayment, x.ID, "method")
		}
	}
	return actions, time.Time{}
}

// owed asks for what a customer has agreed to: that a checkout's money is taken, and
// that charging goes on when a pause is over. A customer whose bank declined may agree
// once more, and the money is then asked for once more. Nothing is taken from whoever
// is banned.
func owed(known policy.Known) (actions []policy.Action) {
	if known.Banned() {
		return nil
	}
	for _, c := range known.Facts.Checkouts {
		if c.Object.Status == billing.CheckoutApproved {
			capture := policy.On(c.Account, billing.KindCheckout, c.ID, policy.Capture, "", nil)
			// Somebody else's checkout may have somebody else to capture it.
			capture.Asked = c.Ours
			actions = append(actions, capture)
		}
	}
	for _, s := range known.Facts.Subscriptions {
		if pause := s.Object.Pause; s.Object.Status == billing.SubscriptionPaused && pause != nil && pause.Mode == billing.PauseOver {
			// The end is part of the key: the next pause has another.
			resume := policy.On(s.Account, billing.KindSubscription, s.ID, policy.Resume, pause.Until.UTC().Format(time.RFC3339), nil)
			resume.Asked = true // with the pause, which only we know to have an end
			actions = append(actions, resume)
		}
	}
	return actions
}

func pricesOf(s billing.Subscription) (prices []string) {
	for _, item := range s.Items {
		prices = append(prices, item.Price)
	}
	if len(prices) == 0 {
		prices = []string{s.Price}
	}
	return prices
}

// unmapped tells of a price that means no plan. The cause is the price: however many
// customers pay it, one alert is open.
func unmapped(catalog billing.Catalog, account, price string) *policy.Warning {
	if _, found := catalog.ByPrice(account, price); found || price == "" {
		return nil
	}
	return &policy.Warning{
		Cause: priceCause + account + "/" + price, Kind: "hygiene",
		Title:   fmt.Sprintf("price %s of %s means no plan: whoever pays it gets nothing", price, account),
		Details: fmt.Sprintf("Add it to prices.%s of the [[plan]] that it buys, and start again.", account),
	}
}

// trial moves the end of a trial to the end of the pass that runs, so that nobody
// pays for what they have already; and says so when it is done.
func (p Policy) trial(known policy.Known, s billing.Held[billing.Subscription], now time.Time) []policy.Action {
	o := s.Object
	if o.Status != billing.SubscriptionTrialing || !o.CancelAt.IsZero() || !o.TrialEnd.After(now) || o.StartedAt.IsZero() {
		return nil
	}
	end := passEnd(known, s, o.StartedAt)
	if !end.IsZero() && end.After(o.StartedAt.Add(longestTrial)) {
		end = o.StartedAt.Add(longestTrial)
	}
	end = end.Truncate(time.Second)
	account := known.Accounts[s.Account]
	occasion := end.UTC().Format(time.RFC3339)
	switch {
	case end.IsZero() || end.Before(o.TrialEnd.Truncate(time.Second)):
		return nil // the trial is longer than the pass
	case end.After(o.TrialEnd):
		if account.Can != nil && !account.Can[policy.ExtendTrial] {
			return nil
		}
		return []policy.Action{policy.On(s.Account, billing.KindSubscription, s.ID, policy.ExtendTrial, occasion, policy.Details{Until: end})}
	case !p.settings.Tell || known.Customer.Ban != nil || known.Facts.Ban != nil || account.MerchantOfRecord || o.StartedAt.Before(account.Since):
		return nil
	}
	n := notify.Notice{Template: "auto_renew_on", Channel: notify.Email, Date: o.TrialEnd, Next: o.TrialEnd, Interval: o.Interval, Estimated: true, Link: notify.LinkPortal}
	if plan, found := known.Catalog.ByPrice(s.Account, pricesOf(o)[0]); found {
		n.Plan = plan.ID
	}
	if o.Amount.Currency != "" {
		amount := o.Amount
		n.Amount = &amount
	}
	return []policy.Action{policy.On(s.Account, billing.KindSubscription, s.ID, policy.Say, "auto_renew_on."+occasion, n)}
}

// passEnd is when the passes end that were running when a subscription was made and
// give what it gives: the last of them, if there are several. Zero: none ran, or
// what was bought never ends.
func passEnd(known policy.Known, s billing.Held[billing.Subscription], at time.Time) (end time.Time) {
	bought := known.Facts
	bought.Subscriptions, bought.Grants, bought.Ban = nil, nil, nil
	for _, price := range pricesOf(s.Object) {
		plan, found := known.Catalog.ByPrice(s.Account, price)
		if !found {
			continue
		}
		for _, feature := range append([]string{plan.ID}, plan.Features...) {
			d := billing.Access(known.Catalog, known.Rules, bought, feature, at)
			if d.Allowed && d.Reason == billing.ReasonPass && d.Until.After(end) {
				end = d.Until
			}
		}
	}
	return end
}

// knownMethod reports whether a way to pay is one that providers had when this was
// written. An unknown one is stored and counts all the same.
func knownMethod(method string) bool { return slices.Contains(methods, method) }

var methods = []string{
	"card", "card_present", "interac_present", "link", "apple_pay", "google_pay", "paypal", "amazon_pay", "cashapp", "revolut_pay", "alipay",
	"wechat_pay", "grabpay", "mobilepay", "twint", "swish", "blik", "bancontact", "eps", "giropay", "ideal", "p24", "sofort", "fpx", "paynow",
	"promptpay", "pix", "boleto", "oxxo", "konbini", "multibanco", "upi", "klarna", "affirm", "afterpay_clearpay", "zip", "pay_by_bank",
	"acss_debit", "au_becs_debit", "bacs_debit", "sepa_debit", "us_bank_account", "ach_debit", "ach_credit_transfer", "customer_balance",
	"kakao_pay", "kr_card", "naver_pay", "payco", "samsung_pay", "south_korea_local_card", "satispay", "crypto", "mb_way", "wire_transfer", "offline",
	"venmo", "echeck",
}
