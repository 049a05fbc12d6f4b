package policy

import (
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// The kinds of actions.
const (
	CancelNow         = "cancel"
	CancelAtPeriodEnd = "cancel_at_period_end"
	Uncancel          = "uncancel"
	Pause             = "pause"
	Resume            = "resume"
	Refund            = "refund"
	AcceptDispute     = "accept_dispute"
	PushEmail         = "push_email"
	Collect           = "collect"
	ExtendTrial       = "extend_trial"
	Capture           = "capture"

	// Say tells the customer something; its details are a notice of package notify.
	Say = "message"
	// Alert tells the team something that needs a person; its details are a
	// [Warning].
	Alert = "alert"
	// Ban and Unban bar a customer from everything, and no longer do. They act on
	// "trivet/customer/REF".
	Ban   = "ban"
	Unban = "unban"
)

// MovesMoney reports whether actions of a kind move money or give up a claim to
// it. They are what the brake stops.
func MovesMoney(kind string) bool {
	switch kind {
	case Refund, Capture, Collect, AcceptDispute:
		return true
	}
	return false
}

// Details are the particulars of an action at a provider or of a ban; which of
// them count depends on its kind.
type Details struct {
	// Amount is what to refund, in minor units of the payment's currency; zero:
	// all that is left.
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	// Refunded is how much of the payment had gone back when the refund was
	// decided, in minor units.
	Refunded int64 `json:"refunded,omitempty"`
	// Reason is the reason for a refund or a ban, in words; of those for a refund
	// providers are told "duplicate", "fraudulent" and "requested_by_customer".
	Reason string `json:"reason,omitempty"`
	// Until is the end of a pause or of a trial.
	Until time.Time `json:"until,omitzero"`
	Email string    `json:"email,omitempty"`
}

// Warning is what needs a person.
type Warning struct {
	// Cause is equal for what one person settles in one go, such as
	// "dispute:stripe/dispute/dp_1": while an alert of a cause is open, no second
	// one is raised.
	Cause string `json:"cause"`
	// Kind is a word to filter by, such as "dispute"; [[alert]] sections name it.
	Kind string `json:"kind"`
	// Title is one line in plain words, Details what a person needs to decide; both
	// without secrets and without more of a customer than the reference.
	Title   string `json:"title"`
	Details string `json:"details,omitempty"`
	// DueBy is when it is too late; zero: no such time.
	DueBy time.Time `json:"due_by,omitzero"`
	// Over closes the open alert of the cause instead of raising one.
	Over bool `json:"over,omitempty"`
}

// On is an action on a provider's object. The key is made of the kind, the object
// and the occasion: what tells one occasion from the next, such as a date. An
// empty occasion means that the object sees the action once in its life.
func On(account string, kind billing.Kind, id, act, occasion string, details any) Action {
	object := account + "/" + string(kind) + "/" + id
	key := act + ":" + object
	if occasion != "" {
		key += ":" + occasion
	}
	action := Action{Key: key, Kind: act, Account: account, Object: object}
	if details != nil {
		action.Details = encode(details)
	}
	return action
}

// encode writes details as JSON. They are structs of plain fields, which always
// encode.
func encode(details any) json.RawMessage {
	text, err := json.Marshal(details)
	if err != nil {
		panic(err)
	}
	return text
}
