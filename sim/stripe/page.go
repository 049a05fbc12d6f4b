package stripe

import (
	"net/http"
	"strings"

	"github.com/trivetdev/trivet/sim"
)

var checkoutPage = sim.Page("#1a7f4b", `<h1>{{.Title}}</h1><p class="note">Simulated Stripe. No money moves.</p>
{{if .Problem}}<p class="bad" role="alert">{{.Problem}}</p>{{end}}
<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul><p><strong>{{.Total}}</strong></p>
{{if .Authenticating}}<form method="post"><p>Your bank wants to know that it is you.</p>
<button class="good" name="action" value="authenticate">Yes, it is me</button>
<button name="action" value="refuse">Refuse</button></form>
{{else}}<form method="post"><label>E-mail<input type="email" name="email" value="{{.Email}}"></label>
{{if .Promo}}<label>Promotion code<input name="promotion_code"></label>{{end}}
<button class="good" name="action" value="good">Pay with a good card</button>
<button name="action" value="declined">Pay with a card that is declined</button>
<button name="action" value="3ds">Pay with a card that asks for 3-D Secure</button>
<button name="action" value="debit">Pay by bank debit (takes days)</button>
<button name="action" value="abandon">Go back without paying</button></form>{{end}}`)

var portalPage = sim.Page("#1a7f4b", `<h1>Billing of {{.Email}}</h1><p class="note">Simulated Stripe.</p>
<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul><form method="post">
<button class="good" name="action" value="card">Use a new card</button>
<button name="action" value="cancel">Cancel at the end of the period</button>
<button name="action" value="keep">Do not cancel after all</button>
<button name="action" value="return">Return</button></form>`)

// view is what the hosted pages show.
type pageView struct {
	Title, Total, Email, Problem string
	Lines                        []string
	Promo, Authenticating        bool
}

// pages serves what buyers see. Its faults are those of people, not of networks.
func (s *Server) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /c/pay/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.showCheckout(w, r, http.StatusOK, "")
	})
	mux.HandleFunc("POST /c/pay/{id}", func(w http.ResponseWriter, r *http.Request) {
		sim.ClickPage(w, r, s.clickCheckout, func(status int, problem string) { s.showCheckout(w, r, status, problem) })
	})
	mux.HandleFunc("GET /p/session/{id}", s.showPortal)
	mux.HandleFunc("POST /p/session/{id}", s.clickPortal)
}

func (s *Server) showCheckout(w http.ResponseWriter, r *http.Request, status int, problem string) {
	leave := s.enter()
	se, err := find[*session](s, "checkout.session", r.PathValue("id"))
	if err != nil || se.status != "open" {
		leave()
		http.Error(w, "This checkout is not open any more. Go back to the shop and start again.", http.StatusGone)
		return
	}
	v := pageView{
		Title: "Pay Simulated Inc.", Total: shown(se.total(), se.currency()), Email: se.email, Promo: se.promoCodes,
		Problem: problem, Authenticating: se.pi != nil && se.pi.status == "requires_action",
	}
	if se.who != nil && v.Email == "" {
		v.Email = se.who.email
	}
	for _, l := range se.lines {
		v.Lines = append(v.Lines, itoa(int(l.quantity))+" × "+l.price.product.name)
	}
	leave()
	sim.ShowPage(w, status, checkoutPage, v)
}

// clickCheckout does what a button of the page says, and returns where the
// browser goes next; "" stays on the page.
func (s *Server) clickCheckout(r *http.Request) (next, problem string) {
	defer s.enter()()
	se, err := find[*session](s, "checkout.session", r.PathValue("id"))
	if err != nil {
		return "", "This checkout does not exist."
	}
	done := strings.ReplaceAll(se.success, "{CHECKOUT_SESSION_ID}", se.id)
	if se.status == "complete" {
		return done, ""
	}
	if code := r.PostFormValue("promotion_code"); code != "" {
		if err := s.promote(se, code); err != nil {
			return "", "This code is not valid."
		}
	}
	switch action := r.PostFormValue("action"); action {
	case "abandon":
		if se.cancel == "" {
			return done, ""
		}
		return se.cancel, ""
	case "authenticate", "refuse":
		if s.authenticate(se, action == "authenticate") {
			return done, ""
		}
		return "", "We could not authenticate you. Choose another way to pay."
	case "good", "declined", "3ds", "debit", "lost", "later_fails", "debit_fails":
		if s.pay(se, Card(action), r.PostFormValue("email")) {
			return done, ""
		}
		if se.pi != nil && se.pi.refused != nil {
			return "", se.pi.refused.message
		}
		return "", ""
	}
	return "", "Choose a way to pay."
}

// shown is an amount for people: 12.50 USD, 1250 JPY, 1.250 KWD.
func shown(n int64, currency string) string {
	digits := 2
	switch currency {
	case "jpy", "krw", "vnd", "clp":
		digits = 0
	case "kwd", "bhd", "jod", "omr", "tnd":
		digits = 3
	}
	text := itoa(int(n))
	for len(text) <= digits {
		text = "0" + text
	}
	if digits > 0 {
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return text + " " + strings.ToUpper(currency)
}

func (s *Server) showPortal(w http.ResponseWriter, r *http.Request) {
	leave := s.enter()
	p, err := find[*portal](s, "portal session", r.PathValue("id"))
	if err != nil {
		leave()
		http.Error(w, "This link is not valid any more. Ask for a new one.", http.StatusGone)
		return
	}
	v := pageView{Title: "Billing portal"}
	if c, ok := s.all[p.customer].(*customer); ok {
		v.Email = c.email
	}
	for _, sub := range ofCustomer[*subscription](s, "subscription", p.customer) {
		v.Lines = append(v.Lines, sub.items[0].price.product.name+": "+sub.status)
	}
	leave()
	sim.ShowPage(w, http.StatusOK, portalPage, v)
}

func (s *Server) clickPortal(w http.ResponseWriter, r *http.Request) {
	leave := s.enter()
	p, err := find[*portal](s, "portal session", r.PathValue("id"))
	if err != nil {
		leave()
		http.Error(w, "This link is not valid any more. Ask for a new one.", http.StatusGone)
		return
	}
	if c, ok := s.all[p.customer].(*customer); ok && !c.deleted {
		s.portalAction(c, r.PostFormValue("action"))
	}
	next := p.returnURL
	leave()
	if next == "" || r.PostFormValue("action") != "return" && next == r.URL.Path {
		next = r.URL.Path
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// portalAction does what the portal's buttons say, for all subscriptions at once.
func (s *Server) portalAction(c *customer, action string) {
	switch action {
	case "card":
		s.newCard(c, CardGood)
		for _, sub := range ofCustomer[*subscription](s, "subscription", c.id) {
			if inv := s.newestOpen(sub); inv != nil && !sub.over() {
				s.charge(inv, false)
			}
		}
	case "cancel", "keep":
		for _, sub := range ofCustomer[*subscription](s, "subscription", c.id) {
			if !sub.over() && sub.cancelEnd != (action == "cancel") {
				s.setCancel(sub, action == "cancel")
			}
		}
	}
}
