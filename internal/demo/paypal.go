package demo

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	driver "github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/paypal"
)

// Keys of the simulated account.
const (
	paypalClient = "demo_client_000000000000"
	paypalSecret = "demo_secret_000000000000"
	paypalHook   = "WH-DEMO-0000000000"
	paypalURL    = "https://api-m.paypal.test"
)

// openPayPal simulates a PayPal account with a catalog.
func openPayPal(s setup) (*account, error) {
	world := paypal.New(paypal.Config{
		Seed: s.seed, Clock: s.clock, Chaos: s.chaos, Rates: paypal.DefaultLife(), ClientID: paypalClient, ClientSecret: paypalSecret,
		WebhookID: paypalHook, WebhookURL: s.webhook, APIURL: paypalURL,
	})
	world.AddCatalog()
	d, err := driver.New(driver.Config{
		Account: s.name, ClientID: paypalClient, ClientSecret: paypalSecret, WebhookIDs: []string{paypalHook},
		BaseURL: paypalURL, CertBaseURL: paypalURL, CA: paypal.CA(), Transport: s.reach(world.Handler()), Now: s.clock.Now,
	})
	if err != nil {
		return nil, err
	}
	api := paypalAPI{api: newAPI(paypalURL, world.Handler(), ""), truth: world.Truth, now: s.clock.Now}
	handler := newNaive(receivePayPal)
	handler.untold = paypalUntold
	return &account{
		motion: world, truth: world, site: world.Handler(), driver: d, naive: handler,
		offers: paypalOffers(), bought: api.books, origin: world.Origin, final: paypalFinal,
		coarse: func(currency string) bool { return currency == "HUF" || currency == "TWD" },
	}, nil
}

func paypalOffers() []offer {
	return []offer{
		{plan: "pro", price: "P-PROMONTH", weight: 22},
		{plan: "basic", price: "P-BASICMONTH", weight: 14},
		{plan: "pro", price: "P-PROYEAR", weight: 8},
		{plan: "pro", price: "P-PROWEEK", weight: 9},
		{plan: "basic", price: "P-BASICWEEK", weight: 9},
		{plan: "pro", price: "P-PROTRIAL", weight: 8},
		{plan: "pro", price: "P-PROMONTH", weight: 4, trial: 5},
		{plan: "pro", price: "P-PROEUR", weight: 3},
		{plan: "pro", price: "P-PROJPY", weight: 3},
		{plan: "pro", price: "P-PROHUF", weight: 2},
		{plan: "pro", price: "P-PROTWD", weight: 2},
		{plan: "basic", price: "P-COURSE", weight: 3},
		{plan: "pass", price: "pass:5.00USD", weight: 8},
		{plan: "pass", price: "pass:1900HUF", weight: 2},
		{plan: "lifetime", price: "forever:199.99USD", weight: 4},
	}
}

// paypalFinal says what PayPal refuses for good: nothing can be done to what was
// canceled, and what is suspended cannot be suspended again.
func paypalFinal(op string, fields map[string]string) string {
	switch op {
	case sim.OpCancel, sim.OpPause, sim.OpResume, sim.OpUncancel:
		if fields["cancel_at"] != "" {
			return "it was canceled, which PayPal does not take back"
		}
	}
	if op == sim.OpPause && fields["status"] == "unpaid" {
		return "PayPal has suspended it"
	}
	return ""
}

// paypalAPI reads the simulated PayPal as raw JSON. PayPal lists hardly anything,
// so what there is to read comes from the truth.
type paypalAPI struct {
	api
	truth func() []sim.Object
	now   func() time.Time
}

// books reads all checkouts, payments and what failed. Faults must be off.
func (a paypalAPI) books(ctx context.Context) (books, error) {
	b := newBooks()
	token, err := a.token(ctx)
	if err != nil {
		return b, err
	}
	a.header.Set("Authorization", "Bearer "+token)
	for _, o := range a.truth() {
		if o.Kind != sim.KindCheckout {
			continue
		}
		if strings.HasPrefix(o.ID, "I-") {
			err = a.addSubscription(ctx, b, o.ID)
		} else if o.Fields["status"] != "expired" { // which PayPal knows nothing of
			err = a.addOrder(ctx, b, o.ID)
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

func (a paypalAPI) addOrder(ctx context.Context, b books, id string) error {
	var o struct {
		CreateTime time.Time `json:"create_time"`
		Units      []struct {
			Payments struct {
				Captures []struct {
					ID         string
					CreateTime time.Time `json:"create_time"`
				}
			}
		} `json:"purchase_units"`
	}
	if err := a.get(ctx, "/v2/checkout/orders/"+id, &o); err != nil {
		return err
	}
	s := sale{created: o.CreateTime}
	for _, unit := range o.Units {
		for _, c := range unit.Payments.Captures {
			s.payment, b.paid[c.ID] = c.ID, c.CreateTime
		}
	}
	b.sessions[id] = s
	return nil
}

func (a paypalAPI) addSubscription(ctx context.Context, b books, id string) error {
	var s struct {
		Status     string
		CreateTime time.Time `json:"create_time"`
		StartTime  time.Time `json:"start_time"`
		Billing    *struct{} `json:"billing_info"`
		Plan       struct {
			Cycles []paypalCycle `json:"billing_cycles"`
		}
	}
	if err := a.get(ctx, "/v1/billing/subscriptions/"+id+"?fields=plan", &s); err != nil {
		return err
	}
	b.sessions[id] = sale{subscription: id, created: s.CreateTime}
	if s.Billing == nil {
		return nil
	}
	good, err := a.addSales(ctx, b, id, s.CreateTime)
	if err != nil {
		return err
	}
	// A charge that failed leaves no record but a count: it was due when what was
	// paid before was used up.
	due := s.StartTime
	for _, c := range s.Plan.Cycles {
		if c.Tenure == "TRIAL" {
			due = c.after(due)
			continue
		}
		for start, n := due, 1; good.Add(12 * time.Hour).After(due); n++ {
			due = c.times(n).after(start)
		}
	}
	if due.Before(a.now()) {
		b.invoices[id] = append(b.invoices[id], bill{id: id + " due", created: due, status: "open", tried: true})
	}
	return nil
}

// addSales reads what was charged for a subscription, and returns when money last
// came in.
func (a paypalAPI) addSales(ctx context.Context, b books, id string, since time.Time) (good time.Time, err error) {
	var list struct {
		Transactions []struct {
			ID, Status string
			Time       time.Time
		}
	}
	span := url.Values{"start_time": {since.Add(-time.Hour).Format(time.RFC3339)}, "end_time": {a.now().Add(time.Hour).Format(time.RFC3339)}}
	if err := a.get(ctx, "/v1/billing/subscriptions/"+id+"/transactions?"+span.Encode(), &list); err != nil {
		return good, err
	}
	for _, t := range list.Transactions {
		entry := bill{id: t.ID, created: t.Time, status: "paid", paid: 1, payments: []string{t.ID}}
		switch t.Status {
		case "PENDING", "DECLINED":
			entry.status, entry.paid = "void", 0
		default:
			good = t.Time
		}
		b.paid[t.ID] = t.Time
		b.invoices[id] = append(b.invoices[id], entry)
	}
	return good, nil
}

type paypalCycle struct {
	Tenure    string `json:"tenure_type"`
	Frequency struct {
		Unit  string `json:"interval_unit"`
		Count int    `json:"interval_count"`
	}
}

func (c paypalCycle) times(n int) paypalCycle {
	c.Frequency.Count *= n
	return c
}

// after is the end of a cycle that begins at a time; worlds begin early in a month.
func (c paypalCycle) after(t time.Time) time.Time {
	switch c.Frequency.Unit {
	case "WEEK":
		return t.AddDate(0, 0, 7*c.Frequency.Count)
	case "MONTH":
		return t.AddDate(0, c.Frequency.Count, 0)
	case "YEAR":
		return t.AddDate(c.Frequency.Count, 0, 0)
	}
	return t.AddDate(0, 0, c.Frequency.Count)
}

func (a paypalAPI) token(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, paypalURL+"/v1/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(paypalClient, paypalSecret)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = a.do(req, &answer)
	return answer.AccessToken, err
}
