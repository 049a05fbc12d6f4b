// Package seal signs short texts that leave the house and come back in the hands of
// strangers: what bears our seal was made here.
//
// It owns keys, one for each purpose, kept in the database so that all processes
// share them and a restart changes none. What a text means, and whether it is still
// good, is for whoever sealed it.
package seal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/trivetdev/trivet/internal/store"
)

// Key makes seals and knows its own. The zero value is not usable; see [Open].
type Key struct{ secret []byte }

// Open reads the key of a purpose; the first time, it makes it. A seal of one
// purpose is worth nothing for another.
func Open(ctx context.Context, db *store.DB, purpose string) (Key, error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails, by its documentation
	var text string
	err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		text, err = tx.KeepCursor(ctx, "secret/"+purpose, base64.RawStdEncoding.EncodeToString(fresh))
		return err
	})
	if err != nil {
		return Key{}, fmt.Errorf("read the secret of %s: %w", purpose, err)
	}
	secret, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return Key{}, fmt.Errorf("read the secret of %s: %w", purpose, err)
	}
	return Key{secret: secret}, nil
}

// Seal adds a seal to a text. If the text is fit for an address and has no dot, so
// is the token.
func (k Key) Seal(text string) (token string) {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// longest is more than any token of ours has; what is longer is not worth signing.
const longest = 4096

// Genuine returns the text of a token, if we sealed it.
func (k Key) Genuine(token string) (text string, ok bool) {
	text, _, cut := strings.Cut(token, ".")
	if !cut || len(token) > longest || !hmac.Equal([]byte(token), []byte(k.Seal(text))) {
		return "", false
	}
	return text, true
}
