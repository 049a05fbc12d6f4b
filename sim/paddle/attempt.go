package paddle

import "time"

// outcome is what became of an attempt to collect.
type outcome int

const (
	underway       outcome = iota // a slow method: the money is on its way
	authenticating                // the bank wants to hear from the customer
	captured
	failed
)

// attempt is one try to collect a transaction.
type attempt struct {
	id       string
	amount   int64
	outcome  outcome
	code     string // error_code
	card     Card
	last4    int
	created  time.Time
	captured time.Time
}

// word is Paddle's status of an attempt.
func (a *attempt) word() string {
	switch a.outcome {
	case authenticating:
		return "action_required"
	case captured:
		return "captured"
	case failed:
		return "error"
	case underway:
	}
	return "pending_no_action_required"
}

func (a *attempt) render() doc {
	return doc{
		{"payment_attempt_id", a.id}, {"stored_payment_method_id", a.id}, {"payment_method_id", nil}, {"amount", digits(a.amount)},
		{"status", a.word()}, {"error_code", orNull(a.code)}, {"method_details", a.method()},
		{"created_at", stamp(a.created)}, {"captured_at", stamp(a.captured)},
	}
}

func (a *attempt) method() doc {
	if a.card.slow() {
		return doc{{"type", "ideal"}, {"underlying_details", nil}, {"card", nil}}
	}
	return doc{{"type", "card"}, {"underlying_details", nil}, {"card", doc{
		{"type", "visa"}, {"last4", digits(int64(a.last4))}, {"expiry_month", 12}, {"expiry_year", a.created.Year() + 3}, {"cardholder_name", "Sam Miller"},
	}}}
}

// try begins an attempt on a transaction.
func (s *Server) try(t *transaction, card Card) *attempt {
	a := &attempt{id: s.uuid(), amount: t.total(), card: card, last4: 4242, created: s.now}
	if c := s.payer(t); c != nil {
		a.last4 = 1000 + (c.cards*97+c.pos*31)%9000
	}
	return a
}

// payer is the customer of a transaction, nil for one that nobody has opened.
func (s *Server) payer(t *transaction) *customer {
	c, _ := s.all[t.customer].(*customer)
	return c
}

// collect tries to take the money of a transaction. A renewal runs without the
// customer. It reports whether the money is there.
func (s *Server) collect(t *transaction, card Card, renewal bool) bool {
	a := s.try(t, card)
	code := s.fate(s.payer(t), card, renewal)
	switch {
	case code != "":
		s.failAttempt(t, a, code)
		return false
	case card == CardAuthenticate && !renewal:
		a.outcome = authenticating
		s.edit(t, func() { t.attempts = append(t.attempts, a) }, "transaction.updated")
		return false
	case card.slow():
		s.edit(t, func() { t.attempts = append(t.attempts, a) }, "transaction.updated")
		s.in(s.luck(t).Between(24*time.Hour, 4*24*time.Hour), func() { s.arrive(t, a) })
		return false
	}
	s.capture(t, a)
	return true
}

// failAttempt records a refused attempt.
func (s *Server) failAttempt(t *transaction, a *attempt, code string) {
	s.edit(t, func() {
		a.outcome, a.code = failed, code
		if len(t.attempts) == 0 || t.attempts[len(t.attempts)-1] != a {
			t.attempts = append(t.attempts, a)
		}
	}, "transaction.updated")
	s.emit("transaction.payment_failed", t)
}

// arrive ends an attempt whose money took days.
func (s *Server) arrive(t *transaction, a *attempt) {
	switch {
	case t.over():
		return
	case a.card == CardDebitFails:
		s.failAttempt(t, a, "declined")
		if t.sub != nil {
			s.behind(t)
		}
	default:
		s.capture(t, a)
	}
}
