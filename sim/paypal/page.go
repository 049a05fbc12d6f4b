package paypal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/trivetdev/trivet/sim"
)

var approvePage = sim.Page("#0070ba", `<h1>{{.Title}}</h1>
<p class="note">Simulated PayPal. No money moves.</p>{{if .Problem}}<p class="bad" role="alert">{{.Problem}}</p>{{end}}
<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul><p><strong>{{.Total}}</strong></p>
{{if .Asking}}<form method="post"><p>Please confirm that it is you.</p>
<button class="good" name="action" value="authenticate">Yes, it is me</button><button name="action" value="refuse">Refuse</button></form>
{{else}}<form method="post"><label>E-mail<input type="email" name="email"></label>
<button class="good" name="action" value="good">Agree and pay</button>
<button name="action" value="declined">Pay with a source that is declined</button>
<button name="action" value="3ds">Pay with a source that wants to know that it is you</button>
<button name="action" value="debit">Pay by eCheck (takes three days)</button>
<button name="action" value="debit_fails">Pay by eCheck that bounces</button>
<button name="action" value="later_fails">Pay with a source that fails later</button>
<button name="action" value="abandon">Go back without agreeing</button></form>{{end}}`)

type pageView struct {
	Title, Total, Problem string
	Lines                 []string
	Asking                bool
}

// pages serves what payers see. Its faults are those of people, not of networks.
func (s *Server) pages(mux *http.ServeMux) {
	for _, path := range []string{"/checkoutnow", "/webapps/billing/subscriptions"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { s.showPage(w, r, http.StatusOK, "") })
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			sim.ClickPage(w, r, s.click, func(status int, problem string) { s.showPage(w, r, status, problem) })
		})
	}
}

// pageOf finds what a page is about: an order, or a subscription by the name of
// its agreement.
func (s *Server) pageOf(r *http.Request) (*order, *subscription) {
	if ba := r.URL.Query().Get("ba_token"); ba != "" {
		sub := s.subs.byID["I-"+strings.TrimPrefix(ba, "BA-")]
		if sub != nil && s.now.Sub(sub.created) >= approvalLife {
			return nil, nil
		}
		return nil, sub
	}
	if o := s.orders.byID[r.URL.Query().Get("token")]; o != nil && o.status != forgotten {
		return o, nil
	}
	return nil, nil
}

func (s *Server) showPage(w http.ResponseWriter, r *http.Request, status int, problem string) {
	leave := s.enter()
	o, sub := s.pageOf(r)
	v := pageView{Title: "Pay Simulated Inc.", Problem: problem}
	switch {
	case o != nil:
		v.Total, v.Asking = o.total.text()+" "+o.total.currency, o.asking
		for _, i := range o.items {
			v.Lines = append(v.Lines, fmt.Sprintf("%d × %s", i.quantity, i.name))
		}
	case sub != nil:
		v.Total, v.Asking = sub.price().text()+" "+sub.price().currency+" every "+strings.ToLower(sub.plan.regular.unit), sub.asking
		v.Lines = []string{fmt.Sprintf("%d × %s", sub.quantity, sub.plan.name)}
	default:
		leave()
		http.Error(w, "This page is not open any more. Go back to the shop and start again.", http.StatusGone)
		return
	}
	leave()
	sim.ShowPage(w, status, approvePage, v)
}

// click does what a button of the page says, and returns where the browser goes
// next; "" stays on the page.
func (s *Server) click(r *http.Request) (next, problem string) {
	action, email := r.PostFormValue("action"), r.PostFormValue("email")
	defer s.enter()()
	switch o, sub := s.pageOf(r); {
	case o != nil:
		return s.clickOrder(o, action, email)
	case sub != nil:
		return s.clickSubscription(sub, action, email)
	}
	return "", "This page is not open any more."
}

// methodOf is what a button stands for; asks is the one that wants to know who
// is there.
func methodOf(action string) (m Method, asks, known bool) {
	switch action {
	case "good", "authenticate":
		return Good, false, true
	case "3ds":
		return Good, true, true
	case "debit", "debit_fails", "later_fails":
		return Method(action), false, true
	}
	return Declined, false, false
}

func (s *Server) clickOrder(o *order, action, email string) (next, problem string) {
	open := o.status == "CREATED" || o.status == "PAYER_ACTION_REQUIRED"
	done := with(o.returnURL, "token", o.id, "PayerID", payerID(o.payer))
	switch method, asks, known := methodOf(action); {
	case o.status == "APPROVED" || o.status == "COMPLETED":
		return done, ""
	case action == "abandon":
		return with(o.cancelURL, "token", o.id), ""
	case action == "refuse":
		o.asking = false
		return "", "We could not confirm that it is you. Choose another way to pay."
	case !known || !open:
		return "", "This way to pay was declined. Choose another."
	case asks:
		o.asking = true
		return "", ""
	default:
		by := s.payerFor(email, method, o.chance.Chance(s.cfg.Rates.SharedPayer))
		o.method = method
		s.approveOrder(o, by)
		return with(o.returnURL, "token", o.id, "PayerID", by.id), ""
	}
}

func (s *Server) clickSubscription(sub *subscription, action, email string) (next, problem string) {
	done := with(sub.returnURL, "subscription_id", sub.id, "ba_token", "BA-"+sub.id[2:], "token", "EC-"+sub.id[2:])
	switch method, asks, known := methodOf(action); {
	case sub.status != "APPROVAL_PENDING":
		return done, ""
	case action == "abandon":
		return with(sub.cancelURL, "ba_token", "BA-"+sub.id[2:], "token", "EC-"+sub.id[2:]), ""
	case action == "refuse":
		sub.asking = false
		return "", "We could not confirm that it is you. Choose another way to pay."
	case !known:
		return "", "This way to pay was declined. Choose another."
	case asks:
		sub.asking = true
		return "", ""
	default:
		s.approve(sub, s.payerFor(email, method, sub.stream.Chance(s.cfg.Rates.SharedPayer)))
		return done, ""
	}
}

func payerID(p *payer) string {
	if p == nil {
		return ""
	}
	return p.id
}

// with appends to an address what PayPal appends: at its end, whatever is there.
func with(address string, pairs ...string) string {
	if address == "" {
		address = "https://app.test/"
	}
	sep := "?"
	if strings.Contains(address, "?") {
		sep = "&"
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		address += sep + pairs[i] + "=" + url.QueryEscape(pairs[i+1])
		sep = "&"
	}
	return address
}
