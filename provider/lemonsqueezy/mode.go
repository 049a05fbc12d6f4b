package lemonsqueezy

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/trivetdev/trivet/provider"
)

var (
	_ provider.KeyChecker = (*Driver)(nil)
	_ provider.KeyExpirer = (*Driver)(nil)
)

// The modes that a key can belong to; unknown until the provider has said.
const (
	modeUnknown int32 = iota
	modeTest
	modeLive
)

func modeOf(test bool) int32 {
	if test {
		return modeTest
	}
	return modeLive
}

// common is what every record tells of where it belongs.
type common struct {
	StoreID  number `json:"store_id"`
	TestMode *bool  `json:"test_mode"`
}

// belongs reports what is wrong with a record that came with an answer: another
// store's counts as not being there, another mode's must not be believed. The first
// answer tells which mode the key is of.
func (d *Driver) belongs(op string, c common) error {
	if d.store != "" && c.StoreID != "" && string(c.StoreID) != d.store {
		return d.missing(op, "the object belongs to another store than the configured one")
	}
	if c.TestMode == nil {
		return nil
	}
	mode := modeOf(*c.TestMode)
	if !d.mode.CompareAndSwap(modeUnknown, mode) && d.mode.Load() != mode {
		return d.refused(op, "the object is of the other mode than the key: test and live are kept apart")
	}
	return nil
}

// CheckKey implements [provider.KeyChecker]: GET /v1/users/me changes nothing, is
// one small answer, and tells the mode of the key. The two modes of an account
// share its id and no object, so the mode is part of the answer.
func (d *Driver) CheckKey(ctx context.Context) (account string, err error) {
	const op = "check the key"
	doc, err := d.call(ctx, op, "GET", typeUser+"/me", nil, nil)
	if err != nil {
		return "", err
	}
	user, err := d.one(op, typeUser, doc)
	if err != nil || !isNumber(user.ID) || doc.Meta.TestMode == nil {
		return "", err
	}
	d.mode.CompareAndSwap(modeUnknown, modeOf(*doc.Meta.TestMode))
	if *doc.Meta.TestMode {
		return "user " + user.ID + " in test mode", nil
	}
	return "user " + user.ID + " in live mode", nil
}

// KeyExpires implements [provider.KeyExpirer]. Keys are JSON web tokens that are
// good for a year and say so; nothing else in them is read.
func (d *Driver) KeyExpires() time.Time {
	if !isJWT(d.key) {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.Split(d.key, ".")[1], "="))
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 || claims.Exp > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0).UTC()
}

// isJWT reports whether a text has the form of a JSON web token.
func isJWT(text string) bool {
	return strings.HasPrefix(text, "ey") && strings.Count(text, ".") == 2
}
