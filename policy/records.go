package policy

import "time"

// Records are what the ledger keeps of a customer beside billing objects: what was
// said to them and what they did, for whoever has to prove it.
type Records struct {
	// Messages are the newest that were sent to the customer, newest first, at most
	// [RecordsKept].
	Messages []Sent `json:"messages,omitempty"`
	// Visits are the newest returns of the customer from a checkout that we made for
	// them, newest first, at most [RecordsKept].
	Visits []Visit `json:"visits,omitempty"`
	// Used is when credits were used, by plan. Of other use nobody tells us: a check is
	// only a question.
	Used []Use `json:"used,omitempty"`
}

// RecordsKept bounds each list of [Records].
const RecordsKept = 100

// Sent is a message that went out.
type Sent struct {
	At       time.Time `json:"at"`
	Template string    `json:"template"`
	Channel  string    `json:"channel"`
}

// Visit is that a customer came back from a checkout.
type Visit struct {
	At      time.Time `json:"at"`
	Account string    `json:"account"`
	Plan    string    `json:"plan,omitempty"`
}

// Use is that credits of a plan were used, as far as the audit trail reaches.
type Use struct {
	Plan  string    `json:"plan"`
	Times int64     `json:"times"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}
