package words

import "github.com/trivetdev/trivet/notify"

// The facts that a message can be asked to state.
const (
	factAmount   = "amount"
	factWas      = "was"
	factDate     = "date"
	factNext     = "next"
	factUntil    = "until"
	factCard     = "card"
	factEvery    = "interval"
	factProduct  = "product"
	factCovered  = "covered"
	factReason   = "reason"
	factButton   = "button"
	factCancel   = "cancel"
	factExpires  = "card_expires"
	factKept     = "kept"
	factUntilAt  = "until_time"
	factLink     = "link_until"
	factReceipt  = "reference"
	factEstimate = "estimate"
)

// need is what a message cannot do without, and what it has to state of a notice
// that has it.
type need struct {
	// given are the facts without which it is not rendered: it would say nothing.
	given []string
	// states are the facts that its text names.
	states []string
}

// needs lists the messages.
var needs = map[string]*need{
	"payment_failed.1":       {[]string{factAmount}, []string{factAmount, factProduct, factCard, factDate, factReason, factNext, factUntil, factButton}},
	"payment_failed.2":       {[]string{factAmount}, []string{factAmount, factProduct, factCard, factReason, factNext, factUntil, factButton}},
	"payment_failed.final":   {[]string{factAmount}, []string{factAmount, factProduct, factCard, factUntilAt, factCovered, factKept, factCancel, factButton}},
	"access_ended":           {nil, []string{factAmount, factProduct, factUntil, factKept, factNext, factCancel, factButton}},
	"recovered":              {[]string{factAmount}, []string{factAmount, factProduct, factDate, factNext, factButton}},
	"action_required":        {[]string{factAmount}, []string{factAmount, factProduct, factCard, factUntil, factLink, factButton}},
	"card_expiring":          {nil, []string{factProduct, factCard, factExpires, factDate, factAmount, factEstimate, factButton}},
	"trial_ending":           {[]string{factAmount, factDate}, []string{factAmount, factProduct, factDate, factEvery, factCard, factCovered, factCancel, factEstimate, factButton}},
	"renewal_ahead":          {[]string{factAmount, factDate}, []string{factAmount, factProduct, factDate, factEvery, factWas, factCard, factCovered, factCancel, factEstimate, factButton}},
	"price_change":           {[]string{factAmount, factDate, factWas}, []string{factAmount, factWas, factProduct, factDate, factEvery, factCancel, factEstimate, factButton}},
	"yearly_reminder":        {[]string{factAmount, factEvery}, []string{factAmount, factProduct, factEvery, factNext, factCovered, factCancel, factButton}},
	"promotion_ending":       {[]string{factAmount, factDate}, []string{factAmount, factWas, factProduct, factDate, factEvery, factCovered, factCancel, factEstimate, factButton}},
	"pass_expiring":          {[]string{factUntil}, []string{factProduct, factUntilAt, factCovered, factButton}},
	"pass_ended":             {[]string{factUntil}, []string{factProduct, factUntil, factKept, factButton}},
	"paused":                 {nil, []string{factProduct, factDate, factNext, factAmount, factEstimate, factButton}},
	"resumed":                {nil, []string{factProduct, factDate, factNext, factAmount, factEstimate, factButton}},
	"canceled":               {nil, []string{factProduct, factDate, factAmount, factUntil, factKept, factButton}},
	"refunded":               {[]string{factAmount}, []string{factAmount, factProduct, factDate, factCard, factUntil, factReceipt, factButton}},
	"payment_pending_failed": {[]string{factAmount}, []string{factAmount, factProduct, factDate, factUntil, factButton}},
	"duplicate_found":        {nil, []string{factProduct, factDate, factAmount, factCard, factButton}},
	"dispute_opened":         {[]string{factAmount}, []string{factAmount, factProduct, factDate, factCard, factButton}},
	"dispute_won":            {[]string{factAmount}, []string{factAmount, factProduct, factDate, factUntil, factButton}},
	"dispute_lost":           {[]string{factAmount}, []string{factAmount, factProduct, factDate, factUntil, factKept, factButton}},
	"banned":                 {nil, []string{factDate, factAmount, factCard}},
	"unbanned":               {nil, []string{factDate, factButton}},
	"auto_renew_on":          {[]string{factAmount, factDate}, []string{factAmount, factProduct, factDate, factEvery, factCard, factCancel, factEstimate, factButton}},
	"receipt":                {[]string{factAmount}, []string{factAmount, factProduct, factDate, factCard, factNext, factReceipt, factButton}},
	"refund_receipt":         {[]string{factAmount}, []string{factAmount, factProduct, factDate, factCard, factReceipt, factButton}},
}

// lacks returns the facts that a notice has to have and does not.
func lacks(n notify.Notice) []string {
	has := map[string]bool{
		factAmount: n.Amount != nil, factWas: n.Was != nil, factDate: !n.Date.IsZero(), factUntil: !n.Until.IsZero(),
		factEvery: n.Interval.Unit != "",
	}
	var missing []string
	for _, fact := range needs[n.Template].given {
		if !has[fact] {
			missing = append(missing, fact)
		}
	}
	return missing
}
