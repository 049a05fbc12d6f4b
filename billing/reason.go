package billing

// Reason says why a decision is what it is.
type Reason string

// The reasons; [Reasons] says what each means.
const (
	ReasonActive       Reason = "active"
	ReasonTrialing     Reason = "trialing"
	ReasonCanceling    Reason = "canceling"
	ReasonGrace        Reason = "grace"
	ReasonPausedFree   Reason = "paused_free"
	ReasonPass         Reason = "pass"
	ReasonForever      Reason = "forever"
	ReasonCredits      Reason = "credits"
	ReasonGranted      Reason = "granted"
	ReasonMigration    Reason = "migration"
	ReasonNone         Reason = "no_purchase"
	ReasonPending      Reason = "pending"
	ReasonEnded        Reason = "ended"
	ReasonGrantExpired Reason = "grant_expired"
	ReasonPassOver     Reason = "pass_over"
	ReasonNoCredits    Reason = "no_credits"
	ReasonPaused       Reason = "paused"
	ReasonPastDue      Reason = "past_due"
	ReasonUnpaid       Reason = "unpaid"
	ReasonRefunded     Reason = "refunded"
	ReasonDisputed     Reason = "disputed"
	ReasonDisputeLost  Reason = "dispute_lost"
	ReasonBanned       Reason = "banned"
)

// ReasonMeaning describes a reason.
type ReasonMeaning struct {
	Reason Reason
	// Allows: the answer is yes.
	Allows  bool
	Meaning string
}

// Reasons lists all reasons, from the strongest yes to the strongest no: the order in
// which [Access] prefers them where all else is equal.
func Reasons() []ReasonMeaning {
	return []ReasonMeaning{
		{ReasonActive, true, "A subscription is paid for."},
		{ReasonTrialing, true, "A subscription is in use before its first charge."},
		{ReasonCanceling, true, "A subscription is paid for until the date on which it ends."},
		{ReasonGrace, true, "A charge failed, and the days of grace are not over."},
		{ReasonPausedFree, true, "Charging is suspended, and access goes on: the provider's pause is of that kind, or the rules say so."},
		{ReasonPass, true, "A pass runs."},
		{ReasonForever, true, "It was bought for ever."},
		{ReasonCredits, true, "There are credits left."},
		{ReasonGranted, true, "It was given by hand."},
		{ReasonMigration, true, "It was given by hand until the customer, who is being moved to another provider, has bought there; at the latest until a date."},
		{ReasonNone, false, "There is no purchase that gives it."},
		{ReasonPending, false, "The first payment has not arrived."},
		{ReasonEnded, false, "The subscription is over."},
		{ReasonGrantExpired, false, "What was given by hand has lapsed or was taken back."},
		{ReasonPassOver, false, "The pass has run out."},
		{ReasonNoCredits, false, "The credits are used up."},
		{ReasonPaused, false, "The subscription is paused."},
		{ReasonPastDue, false, "A charge failed, and the days of grace are over."},
		{ReasonUnpaid, false, "The provider has given up collecting."},
		{ReasonRefunded, false, "All the money for it went back."},
		{ReasonDisputed, false, "A dispute about it is open, and the rules deny access meanwhile."},
		{ReasonDisputeLost, false, "A dispute about it was lost."},
		{ReasonBanned, false, "The customer is banned."},
	}
}

// rank is the place of a reason in [Reasons].
var rank = func() map[Reason]int {
	ranks := map[Reason]int{}
	for i, r := range Reasons() {
		ranks[r.Reason] = i
	}
	return ranks
}()
