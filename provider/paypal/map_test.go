package paypal

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// agreement is a monthly subscription made on January 15th; the pieces go into it.
func agreement(status, more, info, cycles string) string {
	if cycles == "" {
		cycles = regularMonth
	}
	if info != "" {
		info = `,"billing_info":{"outstanding_balance":{"currency_code":"USD","value":"0.00"},` + info + `}`
	}
	return `{"id":"I-1","plan_id":"P-1","status":"` + status + `","create_time":"2026-01-15T10:00:00Z","start_time":"2026-01-15T10:00:00Z",` +
		`"status_update_time":"2026-03-01T00:00:00Z","quantity":"2","custom_id":"trivet:tok","subscriber":{"payer_id":"PAYER1"}` + more + info +
		`,"plan":{"payment_preferences":{"payment_failure_threshold":3},"billing_cycles":[` + cycles + `]}}`
}

// owing lets an agreement have an outstanding balance.
func owing(json string) string { return strings.Replace(json, `"0.00"`, `"14.99"`, 1) }

const (
	regularMonth = `{"tenure_type":"REGULAR","frequency":{"interval_unit":"MONTH","interval_count":1},"pricing_scheme":{"version":1,"fixed_price":{"currency_code":"USD","value":"14.99"}}}`
	twoWeeksFree = `{"tenure_type":"TRIAL","total_cycles":2,"frequency":{"interval_unit":"WEEK","interval_count":1}},` + regularMonth
	lastFebruary = `"last_payment":{"time":"2026-02-15T10:20:00Z"}`
)

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 10, 0, 0, 0, time.UTC) }

func TestSubscriptionStates(t *testing.T) {
	march := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		json              string
		status            billing.SubscriptionStatus
		end, cancel, owed time.Time
	}{
		"waits for approval": {json: agreement("APPROVAL_PENDING", "", "", ""), status: billing.SubscriptionPending},
		"paid":               {json: agreement("ACTIVE", "", lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), status: billing.SubscriptionActive, end: day(3, 15)},
		"active, never paid": {json: agreement("ACTIVE", "", `"next_billing_time":"2026-03-15T10:00:00Z"`, ""), status: billing.SubscriptionPending, end: day(3, 15)},
		"never paid, failed": {json: agreement("ACTIVE", "", `"failed_payments_count":1,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), status: billing.SubscriptionPending, end: day(3, 15)},
		"behind": {json: agreement("ACTIVE", "", `"last_payment":{"time":"2026-01-15T10:20:00Z"},"failed_payments_count":2,"next_billing_time":"2026-03-15T10:00:00Z"`, ""),
			status: billing.SubscriptionPastDue, end: day(3, 15), owed: day(2, 15)},
		"behind for months": {json: strings.ReplaceAll(agreement("ACTIVE", "", `"last_payment":{"time":"2025-11-15T10:20:00Z"},"failed_payments_count":1,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), "2026-01-15", "2025-10-15"),
			status: billing.SubscriptionPastDue, end: day(3, 15), owed: time.Date(2025, 12, 15, 10, 0, 0, 0, time.UTC)},
		"owes from before, this month is paid": {json: owing(agreement("ACTIVE", "", lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, "")),
			status: billing.SubscriptionActive, end: day(3, 15)},
		"owes, this month is not paid": {json: owing(agreement("ACTIVE", "", `"last_payment":{"time":"2026-01-15T10:20:00Z"},"next_billing_time":"2026-03-15T10:00:00Z"`, "")),
			status: billing.SubscriptionPastDue, end: day(3, 15), owed: day(2, 15)},
		"suspended by hand":      {json: agreement("SUSPENDED", "", lastFebruary+`,"failed_payments_count":1,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), status: billing.SubscriptionPaused, end: day(3, 15)},
		"suspended for failures": {json: agreement("SUSPENDED", "", `"last_payment":{"time":"2026-01-15T10:20:00Z"},"failed_payments_count":3,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), status: billing.SubscriptionUnpaid, end: day(3, 15), owed: day(2, 15)},
		"suspended for failures, money came for a month before": {json: owing(agreement("SUSPENDED", "", `"last_payment":{"time":"2026-03-02T10:20:00Z"},"failed_payments_count":0,"next_billing_time":"2026-03-15T10:00:00Z"`, "")),
			status: billing.SubscriptionUnpaid, end: day(3, 15), owed: day(2, 15)},
		"suspended by hand, owes": {json: owing(agreement("SUSPENDED", `,"status_change_note":"Customer asked for a break"`, lastFebruary+`,"failed_payments_count":0,"next_billing_time":"2026-03-15T10:00:00Z"`, "")),
			status: billing.SubscriptionPaused, end: day(3, 15)},
		"suspended, the plan suspends nobody": {json: strings.Replace(owing(agreement("SUSPENDED", "", lastFebruary+`,"failed_payments_count":4,"next_billing_time":"2026-03-15T10:00:00Z"`, "")), `threshold":3`, `threshold":0`, 1),
			status: billing.SubscriptionPaused, end: day(3, 15)},
		"canceled, paid until the 15th": {json: agreement("CANCELLED", "", lastFebruary, ""),
			status: billing.SubscriptionActive, end: day(3, 15), cancel: day(3, 15)},
		"canceled, used up": {json: strings.ReplaceAll(agreement("CANCELLED", "", `"last_payment":{"time":"2026-01-15T10:20:00Z"}`, ""), "2026-03-01T", "2026-02-01T"),
			status: billing.SubscriptionEnded, end: day(2, 15), cancel: day(2, 15)},
		"canceled while behind": {json: agreement("CANCELLED", "", `"last_payment":{"time":"2026-01-15T10:20:00Z"},"failed_payments_count":2`, ""),
			status: billing.SubscriptionEnded, end: day(2, 15), cancel: march},
		"canceled at once by us": {json: agreement("CANCELLED", `,"status_change_note":"`+noteEnds+`"`, lastFebruary, ""),
			status: billing.SubscriptionEnded, end: day(3, 15), cancel: march},
		"canceled with a date noted": {json: agreement("CANCELLED", `,"status_change_note":"`+noteUntil+`2026-03-20T00:00:00Z"`, lastFebruary, ""),
			status: billing.SubscriptionActive, end: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC), cancel: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)},
		"canceled, never paid": {json: agreement("CANCELLED", "", `"failed_payments_count":0`, ""), status: billing.SubscriptionEnded, cancel: march},
		"expired":              {json: agreement("EXPIRED", "", `"last_payment":{"time":"2026-01-15T10:20:00Z"}`, ""), status: billing.SubscriptionEnded, end: day(2, 15), cancel: march},
		"a word from the future": {json: agreement("HIBERNATING", "", lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, ""),
			status: billing.SubscriptionPending, end: day(3, 15)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": tt.json})
			got := s.Object.(billing.Subscription)
			if got.Status != tt.status || !got.PeriodEnd.Equal(tt.end) || !got.CancelAt.Equal(tt.cancel) || !got.PastDueSince.Equal(tt.owed) {
				t.Errorf("%s until %v, canceled for %v, owed since %v", got.Status, got.PeriodEnd, got.CancelAt, got.PastDueSince)
			}
			if got.Amount != (billing.Money{Amount: 2998, Currency: "USD"}) || got.Quantity != 2 || got.Price != "P-1" {
				t.Errorf("%d × %s for %v", got.Quantity, got.Price, got.Amount)
			}
			if want := map[string]string{"token": "tok", "payer_id": "PAYER1"}; !cmp.Equal(s.Claims, want) || s.Owner != "" {
				t.Errorf("of %q, claims %v", s.Owner, s.Claims)
			}
			if tt.end.Equal(day(3, 15)) && !got.PeriodStart.Equal(day(2, 15)) {
				t.Errorf("the period began on %v", got.PeriodStart)
			}
		})
	}
}

func TestTrials(t *testing.T) {
	put := func(from, to, json string) string { return strings.ReplaceAll(json, from, to) }
	march := func(json string) string { return put("2026-01-15T10", "2026-03-05T10", json) }
	tests := map[string]struct {
		json   string
		status billing.SubscriptionStatus
		trial  time.Time
	}{
		"in the plan's trial":        {march(agreement("ACTIVE", "", `"next_billing_time":"2026-03-19T10:00:00Z"`, twoWeeksFree)), billing.SubscriptionTrialing, day(3, 19)},
		"canceled in it":             {march(agreement("CANCELLED", "", `"failed_payments_count":0`, twoWeeksFree)), billing.SubscriptionTrialing, day(3, 19)},
		"just over, not charged yet": {agreement("ACTIVE", "", `"next_billing_time":"2026-01-29T10:00:00Z"`, twoWeeksFree), billing.SubscriptionTrialing, day(1, 29)},
		"over, the charge failed":    {agreement("ACTIVE", "", `"failed_payments_count":1,"next_billing_time":"2026-03-29T10:00:00Z"`, twoWeeksFree), billing.SubscriptionPastDue, day(1, 29)},
		"over, the money is coming":  {agreement("ACTIVE", "", `"next_billing_time":"2026-03-29T10:00:00Z"`, twoWeeksFree), billing.SubscriptionPending, day(1, 29)},
		"over and paid":              {agreement("ACTIVE", "", `"last_payment":{"time":"2026-03-01T10:00:00Z"},"next_billing_time":"2026-03-29T10:00:00Z"`, twoWeeksFree), billing.SubscriptionActive, day(1, 29)},
		"put off": {put(`"start_time":"2026-01-15T10:00:00Z"`, `"start_time":"2026-04-01T10:00:00Z"`, agreement("ACTIVE", "", `"next_billing_time":"2026-04-01T10:00:00Z"`, "")),
			billing.SubscriptionTrialing, day(4, 1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": tt.json})
			got := s.Object.(billing.Subscription)
			if got.Status != tt.status || !got.TrialEnd.Equal(tt.trial) || !got.StartedAt.Before(got.TrialEnd) {
				t.Errorf("%s, trial from %v until %v", got.Status, got.StartedAt, got.TrialEnd)
			}
			c := fetched(t, billing.KindCheckout, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": tt.json}).Object.(billing.Checkout)
			if c.Status != billing.CheckoutComplete || c.PaymentStatus != billing.CheckoutNoPayment || c.Subscription != "I-1" {
				t.Errorf("its page is %+v", c)
			}
		})
	}
}

// A pause until a date is in the note; when the date has come it asks to be ended.
func TestPauses(t *testing.T) {
	for note, want := range map[string]billing.Pause{
		"":                                  {},
		"on holiday until 2026-04-01":       {},
		notePause:                           {},
		notePaused + "2026-04-01T08:00:00Z": {Until: time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)},
		notePaused + "2026-03-10T12:00:00Z": {Until: noon, Mode: billing.PauseOver},
		notePaused + "soon":                 {},
	} {
		json := agreement("SUSPENDED", `,"status_change_note":"`+note+`"`, lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, "")
		got := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": json}).Object.(billing.Subscription)
		want.From = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		if got.Status != billing.SubscriptionPaused || got.Pause == nil || *got.Pause != want {
			t.Errorf("%q: %s, %+v, want %+v", note, got.Status, got.Pause, want)
		}
	}
}

// A month that is shorter than the day of the first payment ends on its last day,
// and the months after it are as long as ever.
func TestCalendar(t *testing.T) {
	start := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	monthly := terms{created: start, start: start, base: start, interval: billing.Interval{Unit: "month", Count: 1}}
	for paid, want := range map[string]string{
		"2026-01-31T09:05:00Z": "2026-02-28T09:00:00Z", "2026-02-28T10:00:00Z": "2026-03-31T09:00:00Z",
		"2026-02-28T02:00:00Z": "2026-03-31T09:00:00Z", // some hours before its date
		"2026-03-10T10:00:00Z": "2026-03-31T09:00:00Z", // late, at the second try
		"2056-12-31T10:00:00Z": "2057-01-31T09:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, paid)
		if err != nil {
			t.Fatal(err)
		}
		if got := monthly.covered(at).Format(time.RFC3339); got != want {
			t.Errorf("paid %s covers until %s, want %s", paid, got, want)
		}
	}
	daily := monthly
	daily.interval = billing.Interval{Unit: "day", Count: 1}
	if got := daily.covered(start.Add(time.Minute)); !got.Equal(start.AddDate(0, 0, 1)) {
		t.Errorf("a day is paid until %v", got)
	}
	daily.interval = billing.Interval{}
	if got := daily.covered(noon); !got.IsZero() {
		t.Errorf("an unknown rhythm covers until %v", got)
	}
}

func TestOrders(t *testing.T) {
	order := func(status, created, unit string) string {
		return `{"id":"O1","status":"` + status + `","create_time":"` + created + `","payer":{"payer_id":"PAYER1"},"purchase_units":[{"custom_id":"trivet:tok","amount":{"currency_code":"EUR","value":"10.00"},` +
			`"items":[{"sku":"pass:5.00EUR","quantity":"2","unit_amount":{"currency_code":"EUR","value":"5.00"}}]` + unit + `}]}`
	}
	took := func(status string) string {
		return `,"payments":{"captures":[{"id":"C1","status":"` + status + `"}]}`
	}
	tests := map[string]struct {
		json            string
		status          billing.CheckoutStatus
		payment, pstate string
	}{
		"open":                    {order("CREATED", "2026-03-10T11:00:00Z", ""), billing.CheckoutOpen, "", "unpaid"},
		"wants the payer":         {order("PAYER_ACTION_REQUIRED", "2026-03-10T11:00:00Z", ""), billing.CheckoutOpen, "", "unpaid"},
		"approved":                {order("APPROVED", "2026-03-10T11:00:00Z", ""), billing.CheckoutApproved, "", "unpaid"},
		"approved three days ago": {order("APPROVED", "2026-03-07T12:00:00Z", ""), billing.CheckoutExpired, "", "unpaid"},
		"voided":                  {order("VOIDED", "2026-03-10T11:00:00Z", ""), billing.CheckoutExpired, "", "unpaid"},
		"captured":                {order("COMPLETED", "2026-01-10T11:00:00Z", took("COMPLETED")), billing.CheckoutComplete, "C1", "paid"},
		"an eCheck":               {order("COMPLETED", "2026-03-10T11:00:00Z", took("PENDING")), billing.CheckoutComplete, "C1", "unpaid"},
		"declined":                {order("COMPLETED", "2026-03-10T11:00:00Z", took("DECLINED")), billing.CheckoutComplete, "C1", "unpaid"},
		"a word from the future":  {order("HAUNTED", "2026-03-10T11:00:00Z", ""), billing.CheckoutOpen, "", "unpaid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := fetched(t, billing.KindCheckout, "O1", map[string]string{"/v2/checkout/orders/O1": tt.json})
			c := s.Object.(billing.Checkout)
			if c.Status != tt.status || c.Payment != tt.payment || c.PaymentStatus != tt.pstate || c.Total != (billing.Money{Amount: 1000, Currency: "EUR"}) {
				t.Errorf("%+v", c)
			}
			if want := []billing.Item{{Price: "pass:5.00EUR", Quantity: 2}}; !cmp.Equal(c.Items, want) || s.Claims["token"] != "tok" {
				t.Errorf("it sold %v for %v", c.Items, s.Claims)
			}
		})
	}
}

// Anybody who knows the client id can make an order: what was bought counts only
// if it cost what its price says.
func TestForgedOrders(t *testing.T) {
	for name, unit := range map[string]string{
		"a cent":             `"amount":{"currency_code":"EUR","value":"0.01"},"items":[{"sku":"forever:199.99EUR","quantity":"1","unit_amount":{"currency_code":"EUR","value":"0.01"}}]`,
		"the right price":    `"amount":{"currency_code":"EUR","value":"0.01"},"items":[{"sku":"forever:199.99EUR","quantity":"1","unit_amount":{"currency_code":"EUR","value":"199.99"}}]`,
		"another currency":   `"amount":{"currency_code":"HUF","value":"200"},"items":[{"sku":"forever:199.99EUR","quantity":"1","unit_amount":{"currency_code":"HUF","value":"200"}}]`,
		"ten for one":        `"amount":{"currency_code":"EUR","value":"199.99"},"items":[{"sku":"forever:199.99EUR","quantity":"10","unit_amount":{"currency_code":"EUR","value":"199.99"}}]`,
		"none":               `"amount":{"currency_code":"EUR","value":"0.01"},"items":[{"sku":"forever:199.99EUR","quantity":"0","unit_amount":{"currency_code":"EUR","value":"199.99"}}]`,
		"fewer than none":    `"amount":{"currency_code":"EUR","value":"0.01"},"items":[{"sku":"forever:199.99EUR","quantity":"-1","unit_amount":{"currency_code":"EUR","value":"199.99"}}]`,
		"no amount":          `"amount":{"currency_code":"EUR","value":"0.01"},"items":[{"sku":"forever:199.99EUR","quantity":"1"}]`,
		"something else":     `"amount":{"currency_code":"EUR","value":"5.00"},"items":[{"sku":"T-shirt","quantity":"1","unit_amount":{"currency_code":"EUR","value":"5.00"}}]`,
		"a plan in passing":  `"amount":{"currency_code":"EUR","value":"5.00"},"items":[{"sku":"P-PRO","quantity":"1","unit_amount":{"currency_code":"EUR","value":"5.00"}}]`,
		"a price of nothing": `"amount":{"currency_code":"EUR","value":"0.01"},"items":[{"sku":"forever:0.00EUR","quantity":"1","unit_amount":{"currency_code":"EUR","value":"0.00"}}]`,
	} {
		json := `{"id":"O1","status":"COMPLETED","create_time":"2026-03-10T11:00:00Z","purchase_units":[{` + unit + `,"payments":{"captures":[{"id":"C1","status":"COMPLETED"}]}}]}`
		c := fetched(t, billing.KindCheckout, "O1", map[string]string{"/v2/checkout/orders/O1": json}).Object.(billing.Checkout)
		if c.Items != nil {
			t.Errorf("%s buys %v", name, c.Items)
		}
	}
	overridden := strings.Replace(agreement("ACTIVE", `,"plan_overridden":true`, lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), "14.99", "0.01", 1)
	s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": overridden}).Object.(billing.Subscription)
	if s.Price == "P-1" {
		t.Error("a subscription whose payer set the price passes for the plan's")
	}
}

func TestDisputes(t *testing.T) {
	for json, want := range map[string]billing.DisputeStatus{
		`"status":"OPEN","dispute_life_cycle_stage":"INQUIRY"`:                                                  billing.DisputeInquiry,
		`"status":"UNDER_REVIEW","dispute_life_cycle_stage":"CHARGEBACK"`:                                       billing.DisputeOpen,
		`"status":"WAITING_FOR_SELLER_RESPONSE","dispute_life_cycle_stage":"CHARGEBACK"`:                        billing.DisputeOpen,
		`"status":"OPEN","dispute_life_cycle_stage":"CHARGEBACK","dispute_channel":"ALERT"`:                     billing.DisputeInquiry,
		`"status":"RESOLVED","dispute_outcome":{"outcome_code":"RESOLVED_BUYER_FAVOUR"}`:                        billing.DisputeLost,
		`"status":"RESOLVED","dispute_outcome":{"outcome_code":"ACCEPTED"}`:                                     billing.DisputeLost,
		`"status":"RESOLVED","dispute_outcome":{"outcome_code":"RESOLVED_SELLER_FAVOUR"}`:                       billing.DisputeWon,
		`"status":"RESOLVED","dispute_outcome":{"outcome_code":"RESOLVED_WITH_PAYOUT"}`:                         billing.DisputeWon,
		`"status":"RESOLVED","dispute_outcome":{"outcome_code":"CANCELED_BY_BUYER"}`:                            billing.DisputeWon,
		`"status":"RESOLVED","dispute_life_cycle_stage":"INQUIRY","dispute_outcome":{"outcome_code":"HAUNTED"}`: billing.DisputeOpen,
	} {
		s := fetched(t, billing.KindDispute, "PP-D-1", map[string]string{
			"/v1/customer/disputes/PP-D-1": `{"dispute_id":"PP-D-1","dispute_amount":{"currency_code":"USD","value":"3.50"},"disputed_transactions":[{"seller_transaction_id":"S1"}],` + json + `}`,
		})
		got := s.Object.(billing.Dispute)
		if got.Status != want || got.Payment != "S1" || got.Amount.Amount != 350 || len(s.Related) != 1 {
			t.Errorf("%s is %+v", json, got)
		}
	}
}

func TestMoney(t *testing.T) {
	for text, m := range map[string]billing.Money{
		"19.99": {Amount: 1999, Currency: "USD"}, "4200": {Amount: 4200, Currency: "JPY"},
		"9990": {Amount: 999000, Currency: "HUF"}, "890": {Amount: 89000, Currency: "TWD"}, "0.01": {Amount: 1, Currency: "EUR"},
	} {
		read, err := (&amount{m.Currency, text}).money()
		if err != nil || read != m {
			t.Errorf("%s %s is %v, %v", text, m.Currency, read, err)
		}
		written, err := amountOf(m)
		if err != nil || written != (amount{m.Currency, text}) {
			t.Errorf("%v is written %v, %v", m, written, err)
		}
	}
	if a, err := amountOf(billing.Money{Amount: 150, Currency: "HUF"}); err == nil {
		t.Errorf("one and a half forint are written %v", a)
	}
	for _, bad := range []string{"", "1,50", "1e3", "19.999", "NaN"} {
		if m, err := (&amount{"USD", bad}).money(); err == nil {
			t.Errorf("%q is %v", bad, m)
		}
	}
}

func TestReturnedRef(t *testing.T) {
	d := (&fake{}).driver(t)
	for query, want := range map[string]string{
		"checkout_token=x&subscription_id=I-ABC&ba_token=BA-1&token=EC-1": "I-ABC",
		"checkout_token=x&token=5O190127TN364715T&PayerID=P":              "5O190127TN364715T",
		"checkout_token=x":               "",
		"token=../x":                     "",
		"subscription_id=5O190127TN3647": "",
		"token=I-ABC":                    "",
		"subscription_id=&token=1":       "",
	} {
		ref, err := d.ReturnedRef(parsed(t, query))
		if (err == nil) != (want != "") || err == nil && ref != refTo(billing.KindCheckout, want) {
			t.Errorf("%s names %v, %v", query, ref, err)
		}
		if err != nil && provider.KindOf(err) != provider.Refused {
			t.Errorf("%s: %v", query, err)
		}
	}
}
