package dunning

import (
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
)

// The reasons that a payer is told: why a charge failed, as far as that helps. The
// payer is never told that a card was reported lost or stolen, or that somebody
// suspects fraud: whoever reads the mail may be the thief.
const (
	// InsufficientFunds: there was not enough money. Limit: a limit was reached.
	InsufficientFunds = notify.ReasonFunds
	Limit             = notify.ReasonLimit
	// ExpiredCard: the card is past its date. CardData: what was typed is wrong.
	ExpiredCard = notify.ReasonExpired
	CardData    = notify.ReasonCardData
	// CardProblem: this card will not do any more. NotAllowed: it never will for this.
	CardProblem = notify.ReasonMethod
	NotAllowed  = notify.ReasonNotAllowed
	// BankDeclined: the bank said no, and not why.
	BankDeclined = notify.ReasonOther
	// ConfirmNeeded: the bank wants the payer to confirm.
	ConfirmNeeded = notify.ReasonAuthentication
	// TryAgain: it was nobody's fault and may work later.
	TryAgain = notify.ReasonTemporary
	// Unknown: nothing was told.
	Unknown = ""
)

// Reasons lists all.
func Reasons() []string {
	return []string{InsufficientFunds, Limit, ExpiredCard, CardData, CardProblem, NotAllowed, BankDeclined, ConfirmNeeded, TryAgain, Unknown}
}

// Class is what a decline means for what to do.
type Class struct {
	// Reason is one of [Reasons].
	Reason string
	// Final: trying again without something new from the payer is futile, costs fees,
	// or is forbidden by the card network.
	Final bool
	// Revoked: the payer has told the bank to pay no more. It is taken for a wish to
	// cancel: nobody is chased for it.
	Revoked bool
	// Seller: the trouble is with the merchant's own account. Nobody is chased for what
	// they cannot mend.
	Seller bool
}

// unchased reports whether the payer is not asked to do anything about it; that access
// ended they are told all the same.
func (c Class) unchased() bool { return c.Revoked || c.Seller }

// Classify tells the class of a decline; nil is one of which nothing is known. In
// what it says to the payer the most telling code counts: that of the bank in the
// provider's words, then the provider's own, then the network's advice. In whether
// to try again the strictest counts.
func Classify(d *billing.Decline) Class {
	if d == nil {
		return Class{Reason: Unknown}
	}
	class := Class{Reason: Unknown}
	for _, code := range []string{d.DeclineCode, d.Code} {
		known, found := codes[strings.ToLower(code)]
		if !found {
			continue
		}
		if class.Reason == Unknown {
			class.Reason = known.Reason
		}
		class.Final, class.Revoked, class.Seller = class.Final || known.Final, class.Revoked || known.Revoked, class.Seller || known.Seller
	}
	network := networkCodes[strings.ToUpper(d.NetworkCode)]
	class.Final, class.Revoked = class.Final || network.Final, class.Revoked || network.Revoked
	if network.Reason != "" && (class.Reason == Unknown || class.Reason == BankDeclined) {
		class.Reason = network.Reason // more telling
	}
	switch d.Advice {
	case "do_not_try_again":
		class.Final = true
		class.Reason = unless(class.Reason, CardProblem)
	case "confirm_card_data":
		class.Final = true
		class.Reason = unless(class.Reason, CardData)
	case "try_again_later":
		class.Reason = unless(class.Reason, TryAgain)
	}
	return class
}

// unless keeps a reason that says something.
func unless(reason, otherwise string) string {
	if reason == Unknown {
		return otherwise
	}
	return reason
}

var (
	noMoney  = Class{Reason: InsufficientFunds}
	expired  = Class{Reason: ExpiredCard, Final: true}
	limit    = Class{Reason: Limit}
	newCard  = Class{Reason: CardProblem, Final: true}
	mistyped = Class{Reason: CardData, Final: true}
	unfit    = Class{Reason: NotAllowed, Final: true}
	bank     = Class{Reason: BankDeclined}
	bankOver = Class{Reason: BankDeclined, Final: true}
	confirm  = Class{Reason: ConfirmNeeded, Final: true}
	tryLater = Class{Reason: TryAgain}
	revoked  = Class{Reason: BankDeclined, Final: true, Revoked: true}
	seller   = Class{Reason: TryAgain, Final: true, Seller: true}
)

// codes are the decline and error codes of the providers, in small letters.
var codes = map[string]Class{
	// Stripe: docs.stripe.com/declines/codes
	"insufficient_funds": noMoney, "withdrawal_count_limit_exceeded": limit, "card_velocity_exceeded": limit,
	"expired_card": expired, "invalid_expiry_month": mistyped, "invalid_expiry_year": mistyped,
	"lost_card": newCard, "stolen_card": newCard, "pickup_card": newCard, "restricted_card": newCard, "invalid_account": newCard,
	"incorrect_number": mistyped, "invalid_number": mistyped, "incorrect_cvc": mistyped, "invalid_cvc": mistyped, "incorrect_zip": mistyped,
	"card_not_supported": unfit, "currency_not_supported": unfit, "new_account_information_available": newCard,
	"incorrect_address": mistyped, "incorrect_pin": mistyped, "invalid_pin": mistyped, "pin_try_exceeded": newCard, "invalid_amount": bank,
	"do_not_try_again": bankOver, "security_violation": bankOver, "fraudulent": bankOver, "merchant_blacklist": bankOver,
	"highest_risk_level": bankOver, "transaction_not_allowed": bankOver, "service_not_allowed": bankOver,
	"no_action_taken": bankOver, "not_permitted": bankOver, "call_issuer": bankOver,
	"authentication_required": confirm, "approve_with_id": confirm, "online_or_offline_pin_required": confirm, "offline_pin_required": confirm,
	"payment_intent_authentication_failure": confirm,
	"revocation_of_authorization":           revoked, "revocation_of_all_authorizations": revoked, "stop_payment_order": revoked,
	"generic_decline": bank, "do_not_honor": bank, "card_declined": bank,
	"try_again_later": tryLater, "issuer_not_available": tryLater, "processing_error": tryLater, "reenter_transaction": tryLater,

	// Paddle: payments.error_code of a transaction
	"blocked_card": newCard, "invalid_payment_details": mistyped, "redacted_payment_method": newCard,
	"declined_not_retryable": bankOver, "fraud": bankOver, "transaction_not_permitted": bankOver,
	"authentication_failed": confirm, "declined": bank, "issuer_unavailable": tryLater, "not_enough_balance": noMoney,
	"psp_error": tryLater, "system_error": tryLater,

	// PayPal: reason codes of failed payments, and the states of a capture or a sale
	"payer_account_restricted": newCard, "payer_account_locked_or_closed": newCard, "payer_cannot_pay": bank, "payment_denied": bank,
	"sending_limit_exceeded": limit, "currency_mismatch": seller, "transaction_refused": bank, "internal_server_error": tryLater,
	"payee_account_restricted": seller, "payee_account_locked_or_closed": seller, "receiving_limit_exceeded": seller, "transaction_receiving_limit_exceeded": seller,
	"denied": bank,
}

// networkCodes are the answers of banks as card networks number them. Visa's
// category 1 must never be tried again; the same numbers mean the same at
// Mastercard. What gives no reason of its own leaves that to the provider's words.
var networkCodes = map[string]Class{
	"04": newCard, "07": newCard, "12": {Final: true}, "14": mistyped, "15": newCard, "41": newCard, "43": newCard, "46": newCard, "57": {Final: true},
	"R0": revoked, "R1": revoked, "R3": revoked,
	"51": noMoney, "61": limit, "65": limit, "54": {Reason: ExpiredCard},
	"1A": {Reason: ConfirmNeeded}, "19": tryLater, "91": tryLater, "96": tryLater,
}
