package paddle

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/trivetdev/trivet/sim"
)

var checkoutPage = sim.Page("#1a7f4b", `<h1>{{.Title}}</h1><p class="note">Simulated Paddle checkout. No money moves.</p>
{{if .Problem}}<p class="bad" role="alert">{{.Problem}}</p>{{end}}
<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul><p><strong>{{.Total}}</strong></p>
{{if .Authenticating}}<form method="post"><p>Your bank wants to know that it is you.</p>
<button class="good" name="action" value="authenticate">Yes, it is me</button>
<button name="action" value="refuse">Refuse</button></form>
{{else}}<form method="post"><label>E-mail<input type="email" name="email" value="{{.Email}}"></label>
<label>Discount code<input name="promotion_code"></label>
<button class="good" name="action" value="good">Pay with a good card</button>
<button name="action" value="declined">Pay with a card that is declined</button>
<button name="action" value="3ds">Pay with a card that asks for 3-D Secure</button>
<button name="action" value="later_fails">Pay with a card that fails at renewals</button>
<button name="action" value="debit">Pay by bank (takes days)</button>
<button name="action" value="abandon">Go back without paying</button></form>{{end}}`)

var portalPage = sim.Page("#1a7f4b", `<h1>Billing of {{.Email}}</h1><p class="note">Simulated Paddle customer portal.</p>
<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul><form method="post">
<button class="good" name="action" value="card">Use a new card</button>
<button name="action" value="cancel">Cancel at the end of the period</button>
<button name="action" value="keep">Do not cancel after all</button></form>`)

// pageView is what the pages show.
type pageView struct {
	Title, Total, Email, Problem string
	Lines                        []string
	Authenticating               bool
}

// page serves what buyers see, if the address is one of theirs. Its faults are
// those of people, not of networks.
func (s *Server) page(w http.ResponseWriter, r *http.Request) bool {
	portal, isPortal := strings.CutPrefix(r.URL.Path, "/portal/")
	s.mu.Lock()
	link, err := url.Parse(s.cfg.PaymentLink)
	s.mu.Unlock()
	isCheckout := err == nil && r.URL.Path == link.Path && r.URL.Query().Has("_ptxn")
	switch {
	case isPortal && r.Method == http.MethodPost:
		s.clickPortal(w, r, portal)
	case isPortal:
		s.showPortal(w, portal)
	case isCheckout && r.Method == http.MethodPost:
		sim.ClickPage(w, r, s.clickCheckout, func(status int, problem string) { s.showCheckout(w, r, status, problem) })
	case isCheckout:
		s.showCheckout(w, r, http.StatusOK, "")
	default:
		return false
	}
	return true
}

func (s *Server) showCheckout(w http.ResponseWriter, r *http.Request, status int, problem string) {
	leave := s.enter()
	t, err := find[*transaction](s, r.URL.Query().Get("_ptxn"))
	if err != nil || t.over() {
		leave()
		http.Error(w, "This checkout is not open any more. Go back to the shop and start again.", http.StatusGone)
		return
	}
	v := pageView{Title: "Pay Simulated Inc.", Total: shown(t.total(), t.currency), Problem: problem, Authenticating: t.waits()}
	if c := s.payer(t); c != nil {
		v.Email = c.email
	}
	for _, l := range t.lines {
		v.Lines = append(v.Lines, digits(l.quantity)+" × "+l.price.product.name)
	}
	leave()
	sim.ShowPage(w, status, checkoutPage, v)
}

// waits is whether the bank waits for the customer.
func (t *transaction) waits() bool {
	return len(t.attempts) > 0 && t.attempts[len(t.attempts)-1].outcome == authenticating
}

// clickCheckout does what a button of the page says, and returns where the
// browser goes next; "" stays on the page.
func (s *Server) clickCheckout(r *http.Request) (next, problem string) {
	defer s.enter()()
	t, err := find[*transaction](s, r.URL.Query().Get("_ptxn"))
	if err != nil || t.stage == dropped {
		return "", "This checkout does not exist."
	}
	done := s.success(t)
	if t.paid() {
		return done, ""
	}
	action := r.PostFormValue("action")
	if action == "abandon" {
		return s.cfg.PaymentLink, ""
	}
	if code := r.PostFormValue("promotion_code"); code != "" && action != "authenticate" && action != "refuse" {
		if err := s.promote(t, code); err != nil {
			return "", "This code is not valid."
		}
	}
	switch action {
	case "authenticate", "refuse":
		if s.authenticate(t, action == "authenticate") {
			return done, ""
		}
		return "", "We could not authenticate you. Choose another way to pay."
	case "good", "declined", "blocked", "3ds", "debit", "debit_fails", "later_fails", "expiring":
		if s.pay(t, Card(action), r.PostFormValue("email")) {
			return done, ""
		}
		if t.waits() {
			return "", ""
		}
		return "", "Your payment was declined. Choose another way to pay."
	}
	return "", "Choose a way to pay."
}

// success is where the merchant's page sends the browser after checkout.completed:
// to the address that custom_data carries, with the id of the transaction. That
// is what the page of this simulated merchant does; Paddle itself has one success
// address for all, or none.
func (s *Server) success(t *transaction) string {
	if address, _ := t.custom["trivet_return"].(string); address != "" {
		return withParameter(address, "_ptxn", t.id)
	}
	return withParameter(s.cfg.PaymentLink, "paid", t.id)
}

// pay is one click on the checkout's button. It reports whether the customer is
// through: with a slow method the money comes later.
func (s *Server) pay(t *transaction, card Card, email string) bool {
	if t.over() {
		return t.paid()
	}
	if n := len(t.attempts); n > 0 && t.attempts[n-1].outcome == underway {
		return true
	}
	if t.customer == "" {
		s.identify(t, email)
	}
	who := s.payer(t)
	who.cards++
	who.card = card
	if t.stage == draft {
		s.edit(t, func() { t.stage = ready }, "transaction.ready")
	}
	if t.total() == 0 {
		if card.fails(false) != "" {
			return false // the card is checked all the same
		}
		s.settle(t, card)
		return true
	}
	return s.collect(t, card, false) || card.slow()
}

// identify finds or makes the customer with the address that the buyer typed.
func (s *Server) identify(t *transaction, email string) {
	if email == "" {
		email = "buyer@example.com"
	}
	who := s.customerBy(email)
	if who == nil {
		who = s.newCustomer(email, "", nil)
	}
	s.edit(t, func() { t.customer = who.id }, "transaction.updated")
	s.index(t, "customer_id", who.id)
}

// authenticate ends 3-D Secure, well or not.
func (s *Server) authenticate(t *transaction, ok bool) bool {
	if t.over() || !t.waits() {
		return false
	}
	a := t.attempts[len(t.attempts)-1]
	if !ok {
		s.failAttempt(t, a, "authentication_failed")
		return false
	}
	s.capture(t, a)
	return true
}

// promote applies a discount's code.
func (s *Server) promote(t *transaction, code string) error {
	for _, d := range rowsOf[*discount](s, "discount") {
		if d.code == code && len(t.attempts) == 0 {
			s.edit(t, func() { t.discount = d }, "transaction.updated")
			return nil
		}
	}
	return refuse("transaction_discount_not_found", "No such discount code")
}

// shown is an amount for people: 12.50 USD, 1250 JPY.
func shown(n int64, currency string) string {
	text := digits(n)
	if currency == "JPY" || currency == "KRW" || currency == "VND" {
		return text + " " + currency
	}
	for len(text) < 3 {
		text = "0" + text
	}
	return text[:len(text)-2] + "." + text[len(text)-2:] + " " + currency
}

// portal is a session of the customer portal.
type portal struct{ head }

func (p *portal) render(s *Server) doc {
	link := "https://customer-portal.paddle.test/portal/" + p.id
	rows := []any{}
	for _, sub := range having[*subscription](s, "subscription", "customer_id", p.customer) {
		rows = append(rows, doc{
			{"id", sub.id}, {"cancel_subscription", link + "?action=cancel_subscription&subscription_id=" + sub.id},
			{"update_subscription_payment_method", link + "?action=update_subscription_payment_method&subscription_id=" + sub.id},
		})
	}
	return doc{
		{"id", p.id}, {"customer_id", p.customer}, {"urls", doc{{"general", doc{{"overview", link}}}, {"subscriptions", rows}}},
		{"created_at", stamp(p.created)},
	}
}

func createPortal(c *call) (answered, error) {
	who, err := find[*customer](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	p := &portal{c.s.newHead("portal", "cpls", who.id)}
	c.s.add(p)
	c.s.effect(sim.OpPortalLink, who.id, 0, "")
	return answered{data: p.render(c.s), status: 201}, nil
}

func (s *Server) showPortal(w http.ResponseWriter, id string) {
	leave := s.enter()
	p, err := find[*portal](s, id)
	if err != nil {
		leave()
		http.Error(w, "This link is not valid any more. Ask for a new one.", http.StatusGone)
		return
	}
	v := pageView{Title: "Billing portal", Email: s.all[p.customer].(*customer).email}
	for _, sub := range having[*subscription](s, "subscription", "customer_id", p.customer) {
		v.Lines = append(v.Lines, sub.items[0].price.product.name+": "+sub.word())
	}
	leave()
	sim.ShowPage(w, http.StatusOK, portalPage, v)
}

func (s *Server) clickPortal(w http.ResponseWriter, r *http.Request, id string) {
	leave := s.enter()
	p, err := find[*portal](s, id)
	if err != nil {
		leave()
		http.Error(w, "This link is not valid any more. Ask for a new one.", http.StatusGone)
		return
	}
	who, _ := s.all[p.customer].(*customer)
	for _, sub := range having[*subscription](s, "subscription", "customer_id", p.customer) {
		switch r.PostFormValue("action") {
		case "card":
			s.newCard(who, sub, CardGood)
		case "cancel":
			s.portalCancel(sub)
		case "keep":
			s.portalKeep(sub)
		}
	}
	leave()
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}
