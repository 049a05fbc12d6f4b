package year_test

import (
	"time"
)

// story is what a customer lives through in a year.
type story struct {
	name string
	play func(*house)
	// at are the accounts of each telling; the first names its file's folder.
	at [][]string
	// not says in a word why a provider has no such story.
	not map[string]string
}

const (
	month = 31 * day // of March, in which every story begins
	aYear = 365 * day
)

var (
	all  = [][]string{{"stripe"}, {"paypal"}, {"paddle"}, {"lemonsqueezy"}}
	some = [][]string{{"stripe"}, {"paypal"}, {"paddle"}}
)

var stories = []story{
	{name: "trial_to_paid", play: trialToPaid, at: all},
	{name: "failed_recovered", play: failedRecovered, at: all},
	{name: "failed_ended", play: failedEnded, at: all},
	{name: "pause_resume", play: pauseResume, at: all},
	{name: "dispute_lost", play: disputeLost, at: some, not: map[string]string{"lemonsqueezy": "silent"}},
	{name: "dispute_won", play: disputeWon, at: some, not: map[string]string{"lemonsqueezy": "silent"}},
	{name: "fraud_ban", play: fraudBan, at: [][]string{{"stripe"}, {"paddle"}}, not: map[string]string{"paypal": "silent", "lemonsqueezy": "silent"}},
	{name: "banned_by_hand", play: bannedByHand, at: all},
	{name: "duplicate", play: twiceOver, at: [][]string{{"stripe", "paypal"}, {"paypal", "stripe"}, {"paddle", "lemonsqueezy"}, {"lemonsqueezy", "paddle"}}},
	{name: "yearly_renewal", play: yearly, at: all},
	{name: "pass_then_renew", play: passThenRenew, at: all},
	{name: "pass", play: pass, at: all},
	{name: "cancel", play: cancel, at: all},
	{name: "cancel_undone", play: cancelUndone, at: [][]string{{"stripe"}, {"paddle"}, {"lemonsqueezy"}}, not: map[string]string{"paypal": "final"}},
}

// trialToPaid: two weeks free, then a year of charges.
func trialToPaid(h *house) {
	h.buys("trial")
	h.after(aYear)
}

// failedRecovered: the third charge fails; the customer pays after the second mail.
func failedRecovered(h *house) {
	h.buys("month")
	h.after(2*month - 5*day)
	h.runsDry()
	h.after(2*month - day + 3*day + 6*time.Hour) // two months are 61 days
	h.paysAnew()
	h.after(aYear)
}

// failedEnded: the third charge fails, and nothing is done about it.
func failedEnded(h *house) {
	h.buys("month")
	h.after(2*month - 5*day)
	h.runsDry()
	h.after(aYear)
}

// pauseResume: a pause by the application that ends on a day, and one at the
// dashboard that ends by hand.
func pauseResume(h *house) {
	h.buys("month")
	h.after(40 * day)
	h.asks("pause", `{"until":"`+h.Clock.Now().Add(45*day).Format(time.RFC3339)+`"}`)
	h.after(150 * day)
	h.pausesByHand()
	h.after(200 * day)
	h.resumesByHand()
	h.after(aYear)
}

// disputeLost: the second payment is contested, and lost.
func disputeLost(h *house) {
	h.buys("month")
	h.after(40 * day)
	d := h.contests()
	h.after(44 * day)
	h.answers(d)
	h.after(46 * day) // before the simulator's own bank does
	h.rules(d, false)
	h.after(aYear)
}

// disputeWon: the second payment is contested, and won.
func disputeWon(h *house) {
	h.buys("month")
	h.after(40 * day)
	d := h.contests()
	h.after(44 * day)
	h.answers(d)
	h.after(46 * day)
	h.rules(d, true)
	h.after(aYear)
}

// fraudBan: a customer who pays tries five more cards, which are refused.
func fraudBan(h *house) {
	h.buys("month")
	h.after(10 * day)
	h.note(acts, "— somebody tries five cards")
	id := h.checkout("pass")
	for i := range 5 {
		h.pays(id, "declined")
		h.after(10*day + time.Duration(i+1)*10*time.Minute)
	}
	h.after(aYear)
}

// bannedByHand: the team has seen enough.
func bannedByHand(h *house) {
	h.buys("month")
	h.after(40 * day)
	h.bans()
	h.after(aYear)
}

// twiceOver: the application sells the same at another provider, by itself.
func twiceOver(h *house) {
	h.buys("month")
	h.after(10 * day)
	h.sellsByItself(h.other())
	h.after(aYear)
}

// other is the second account.
func (h *house) other() string {
	for name := range h.Accounts {
		if name != h.account {
			return name
		}
	}
	return h.account
}

// yearly: a subscription by the year, and its first renewal.
func yearly(h *house) {
	h.buys("year")
	h.after(aYear + 10*day)
}

// passThenRenew: a prepaid month, ten days before whose end the customer subscribes.
func passThenRenew(h *house) {
	h.buys("pass")
	h.after(20 * day)
	h.buys("month")
	h.after(aYear)
}

// pass: a prepaid month that runs out.
func pass(h *house) {
	h.buys("pass")
	h.after(aYear)
}

// cancelUndone: the customer thinks better of it.
func cancelUndone(h *house) {
	h.buys("month")
	h.after(40 * day)
	h.cancels()
	h.after(45 * day)
	h.staysAfterAll()
	h.after(90 * day)
}

// cancel: the customer leaves in the second month.
func cancel(h *house) {
	h.buys("month")
	h.after(40 * day)
	h.cancels()
	h.after(aYear)
}
