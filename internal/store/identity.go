package store

import (
	"fmt"
	"strings"
)

const identityPrefix = "identity/"

// IdentityOf names the cursor that holds whose objects of an account the ledger has: the
// provider's own id of the account, with its mode or environment.
func IdentityOf(account string) string { return identityPrefix + account }

// Mistaken says why a key that opens one account must not work on a ledger that holds
// the objects of another, and what to do; empty if they are the same.
func Mistaken(account, opens, holds string) string {
	if opens == holds || opens == "" || holds == "" {
		return ""
	}
	why := fmt.Sprintf("the key opens %s, and the ledger holds the objects of %s: ", opens, holds)
	if otherMode(opens, holds) {
		return why + "the two are never mixed: use another database (database, TRIVET_DATABASE) for this one, or put the old key back"
	}
	return why + fmt.Sprintf("configure that account's key, or give the other account a section of its own, such as [providers.%s_2] with kind", account)
}

// MistakenMode is [Mistaken] for a key of which only the mode is known, "live" or
// "test", whoever's it is.
func MistakenMode(account, mode, holds string) string {
	whose, held := modeIn(holds)
	if whose == "" || held == "" {
		return ""
	}
	return Mistaken(account, whose+" in "+mode+" mode", holds)
}

// otherMode reports whether two identities are of one account in two modes, or of two
// environments.
func otherMode(a, b string) bool {
	whose, mode := modeIn(a)
	other, second := modeIn(b)
	return mode != "" && second != "" && mode != second && whose == other
}

// modeIn cuts an identity, "acct_1 in live mode" or "the sandbox environment", into
// whose it is and its mode.
func modeIn(identity string) (whose, mode string) {
	if whose, mode, found := strings.Cut(identity, " in "); found && strings.HasSuffix(mode, " mode") {
		return whose, mode
	}
	if strings.HasSuffix(identity, " environment") {
		return "", identity
	}
	return identity, ""
}
