package paddle

import (
	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
)

// declineOf reads why an attempt failed. Paddle has one code for it, which is in
// Paddle's words what the bank said; the advice is ours, by these codes.
func declineOf(attempt sdk.TransactionPaymentAttempt) *billing.Decline {
	if attempt.Status != sdk.PaymentAttemptStatusError {
		return nil
	}
	if attempt.ErrorCode == nil {
		return &billing.Decline{Code: string(sdk.ErrorCodeUnknown), Advice: advice(sdk.ErrorCodeUnknown)}
	}
	return &billing.Decline{Code: string(*attempt.ErrorCode), DeclineCode: string(*attempt.ErrorCode), Advice: advice(*attempt.ErrorCode)}
}

// advice says what can be done about an error code. Of a code that nobody knows
// nothing is said.
func advice(code sdk.ErrorCode) string {
	switch code {
	case sdk.ErrorCodeBlockedCard, sdk.ErrorCodeDeclinedNotRetryable, sdk.ErrorCodeFraud, sdk.ErrorCodeRedactedPaymentMethod,
		sdk.ErrorCodeTransactionNotPermitted:
		return "do_not_try_again"
	case sdk.ErrorCodeExpiredCard, sdk.ErrorCodeInvalidPaymentDetails, sdk.ErrorCodeAuthenticationFailed:
		return "confirm_card_data"
	case sdk.ErrorCodeDeclined, sdk.ErrorCodeIssuerUnavailable, sdk.ErrorCodeNotEnoughBalance, sdk.ErrorCodePspError,
		sdk.ErrorCodeSystemError, sdk.ErrorCodeUnknown:
		return "try_again_later"
	}
	return ""
}
