package lemonsqueezy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

const accent = "#5423e7"

const pageHead = `<h1>{{.Title}}</h1><p class="note">Simulated Lemon Squeezy. No money moves.</p>
{{if .Problem}}<p class="bad" role="alert">{{.Problem}}</p>{{end}}<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul>`

var checkoutPage = sim.Page(accent, pageHead+`{{if .Asking}}<form method="post"><p>Your bank wants to know that it is you.</p>
<button class="good" name="action" value="authenticate">Yes, it is me</button>
<button name="action" value="refuse">Refuse</button></form>
{{else}}<form method="post"><label>E-mail<input type="email" name="email" value="{{.Email}}"></label>
<label>Discount code<input name="promotion_code" value="{{.Code}}"></label>
<button class="good" name="action" value="good">Pay with a good card</button>
<button name="action" value="later_fails">Pay with a card that fails at renewal</button>
<button name="action" value="declined">Pay with a card that is declined</button>
<button name="action" value="3ds">Pay with a card that asks for 3-D Secure</button>
<button name="action" value="debit">Pay in a way that takes a day</button>
<button name="action" value="abandon">Leave without paying</button></form>{{end}}`)

var billingPage = sim.Page(accent, pageHead+`<form method="post"><button class="good" name="action" value="card">Use a new card</button>
<button name="action" value="cancel">Cancel at the end of the period</button>
<button name="action" value="resume">Do not cancel after all</button></form>`)

type pageView struct {
	Title, Email, Code, Problem string
	Lines                       []string
	Asking                      bool
}

// mac signs the addresses of hosted pages.
func (s *Server) mac(text string) string {
	m := hmac.New(sha256.New, []byte("pages "+digits(int64(s.cfg.Seed))))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// pages serves what buyers see. Its faults are those of people, not of networks.
func (s *Server) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /checkout/custom/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.showCheckout(w, r, http.StatusOK, "")
	})
	mux.HandleFunc("POST /checkout/custom/{id}", func(w http.ResponseWriter, r *http.Request) {
		sim.ClickPage(w, r, s.clickCheckout, func(status int, problem string) { s.showCheckout(w, r, status, problem) })
	})
	mux.HandleFunc("GET /billing/subscription/{id}/payment-details", s.showBilling)
	mux.HandleFunc("POST /billing/subscription/{id}/payment-details", s.clickBilling)
}

// opened finds the checkout of an address that is signed and still open.
func (s *Server) opened(r *http.Request) (*checkout, bool) {
	c, err := find[*checkout](s, typeCheckout, r.PathValue("id"))
	return c, err == nil && c.open(s.now) && r.URL.Query().Get("signature") == s.mac("/checkout/custom/"+c.id)
}

func (s *Server) showCheckout(w http.ResponseWriter, r *http.Request, status int, problem string) {
	leave := s.enter()
	c, ok := s.opened(r)
	if !ok {
		leave()
		http.Error(w, "This checkout is not open. Go back to the shop and start again.", http.StatusGone)
		return
	}
	v := pageView{Title: "Checkout", Email: c.email, Code: c.code, Problem: problem, Asking: c.asking}
	v.Lines = []string{digits(c.quantity) + " × " + c.variant.product + ", " + s.formatted(c.variant.price.amount*c.quantity)}
	leave()
	sim.ShowPage(w, status, checkoutPage, v)
}

// clickCheckout does what a button of the page says, and returns where the browser
// goes next; "" stays on the page.
func (s *Server) clickCheckout(r *http.Request) (next, problem string) {
	defer s.enter()()
	c, ok := s.opened(r)
	if !ok {
		return "", "This checkout is not open."
	}
	email, code := strings.TrimSpace(r.PostFormValue("email")), r.PostFormValue("promotion_code")
	if code != "" && s.percentOff(code) == 0 {
		return "", "This code is not valid."
	}
	if email == "" {
		email = c.email
	}
	if email == "" {
		email = "buyer@example.com"
	}
	switch action := r.PostFormValue("action"); action {
	case "abandon":
		return s.cfg.PublicURL + "/", ""
	case "declined":
		return "", "Your card was declined."
	case "3ds":
		c.asking, c.email = true, email
		return "", ""
	case "refuse":
		c.asking = false
		return "", "We could not authenticate you. Choose another way to pay."
	case "authenticate":
		if !c.asking {
			return "", "There is nothing to confirm."
		}
		c.asking = false
		return s.returnURL(c, s.sell(c, email, code, CardGood, "")), ""
	case "good", "later_fails":
		return s.returnURL(c, s.sell(c, email, code, Card(action), "")), ""
	case "debit", "debit_fails":
		o := s.sell(c, email, code, CardGood, "pending")
		if o.state == "pending" {
			s.settleLater(o, action == "debit")
		}
		return s.returnURL(c, o), ""
	}
	return "", "Choose a way to pay."
}

// sell makes the order of a checkout.
func (s *Server) sell(c *checkout, email, code string, card Card, state string) *order {
	if code == "" {
		code = c.code
	}
	who := s.buyer(email, c.store)
	who.card = card
	if s.charge(c.variant.price, c.quantity, s.percentOff(code), who).total == 0 {
		state = "" // nothing to wait for
	}
	return s.buy(purchase{who: who, variant: c.variant, quantity: c.quantity, code: code, custom: c.custom, from: c, state: state})
}

// payer finds the subscription of an address that is signed and not too old.
func (s *Server) payer(r *http.Request) (*subscription, bool) {
	expires := r.URL.Query().Get("expires")
	at, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || s.now.After(time.Unix(at, 0)) || r.URL.Query().Get("signature") != s.mac(r.URL.Path+expires) {
		return nil, false
	}
	sub, err := find[*subscription](s, typeSubscription, r.PathValue("id"))
	return sub, err == nil
}

func (s *Server) showBilling(w http.ResponseWriter, r *http.Request) {
	leave := s.enter()
	sub, ok := s.payer(r)
	if !ok {
		leave()
		http.Error(w, "This link is not valid any more. Ask for a new one.", http.StatusForbidden)
		return
	}
	v := pageView{Title: "Payment details", Lines: []string{sub.variant.product + ": " + sub.status}}
	leave()
	sim.ShowPage(w, http.StatusOK, billingPage, v)
}

func (s *Server) clickBilling(w http.ResponseWriter, r *http.Request) {
	leave := s.enter()
	sub, ok := s.payer(r)
	if !ok {
		leave()
		http.Error(w, "This link is not valid any more. Ask for a new one.", http.StatusForbidden)
		return
	}
	switch r.PostFormValue("action") {
	case "card":
		s.newCard(s.customerOf(sub), CardGood)
	case "cancel":
		if sub.status != canceled && !sub.over() {
			s.cancel(sub)
		}
	case "resume":
		if sub.status == canceled {
			s.resume(sub)
		}
	}
	leave()
	http.Redirect(w, r, r.URL.RequestURI(), http.StatusSeeOther)
}
