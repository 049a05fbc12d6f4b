package paypal

import (
	"strings"

	"github.com/trivetdev/trivet/sim"
)

// Method is how a payer pays, by what comes of it.
type Method string

// The methods.
const (
	// Good always pays. LaterFails pays the first time only.
	Good       Method = "good"
	LaterFails Method = "later_fails"
	// Declined never pays: the payer cannot even approve.
	Declined Method = "declined"
	// Debit is an eCheck: it clears three days later. DebitFails bounces then.
	Debit      Method = "debit"
	DebitFails Method = "debit_fails"
)

// payer is somebody with a PayPal account. Several customers of a shop may share
// one: a family, or a company's bookkeeper.
type payer struct {
	id, email string
	// method is how the payer's next charges end.
	method Method
	paid   int
	stream *sim.Stream
	// failNext declines that many further charges.
	failNext int
}

// payerStream is the number of the first payer's stream of decisions.
const payerStream = 1000

// payerFor finds the payer behind an address; now and then somebody uses the
// account of another.
func (s *Server) payerFor(email string, method Method, share bool) *payer {
	if share && len(s.payers) > 0 {
		return s.payers[len(s.payers)-1]
	}
	id := strings.NewReplacer("0", "8", "1", "7").Replace(s.newID("", 13)) // payers' ids have neither
	p := &payer{id: id, email: email, method: method, stream: sim.NewStream(s.cfg.Seed, payerStream+uint64(len(s.payers)))}
	s.payers = append(s.payers, p)
	return p
}

func (p *payer) render() obj {
	return obj{"email_address": p.email, "payer_id": p.id, "name": obj{"given_name": "Sam", "surname": "Buyer"}}
}

// pays decides how a charge ends: paid, pending or declined.
func (s *Server) pays(p *payer) string {
	if p.failNext > 0 {
		p.failNext--
		return "declined"
	}
	unlucky := p.paid > 0 && p.stream.Chance(s.cfg.Rates.PaymentFailure)
	switch {
	case s.restricted:
		return "declined"
	case p.method == Declined, p.method == LaterFails && p.paid > 0, unlucky:
		return "declined"
	case p.method == Debit, p.method == DebitFails:
		return "pending"
	}
	return "paid"
}
